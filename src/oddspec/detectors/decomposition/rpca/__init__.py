"""RPCA: a background of low rank, and whole pixels that stand out from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from oddspec.arrays import Cube, Mask, Pixels
from oddspec.detector import Insight, SceneDetector, SceneResult
from oddspec.detectors._separated import LinearCube, separated
from oddspec.detectors.decomposition.rpca.solver import Pursuit, gap, start, step
from oddspec.errors import SettingError
from oddspec.progress import Progress, silent
from oddspec.settings import above_zero, at_least
from oddspec.solvers.blocks import BLOCK_BYTES
from oddspec.solvers.iterate import iterate_recorded
from oddspec.statistics.pixels import background_pixels, on_map, score_map
from oddspec.statistics.scaling import BY_NAME

SHOWN = 10
"""Background directions, and anomalous pixels, that are drawn."""

FIRST_PENALTY = 0.05
"""Of ADMM, as a multiple of lam over the typical residual beside the largest rank lam allows."""


@dataclass(frozen=True)
class RPCA(SceneDetector):
    r"""Length of what has to be set apart from a pixel so that the scene has low rank.

    With pixels X (rows)::

        min ||L||_* + lam sum_i ||s_i||   subject to  X = L + S;      score_i = ||s_i||

    Principal components that a few anomalous pixels do not move: the plain reference for detectors
    that take a scene apart.

    Parameters
    ----------
    outliers
        Part of the pixels that may be anomalous (gamma in [1]), which sets
        ``lam = 3 / (7 sqrt(gamma n))``; the background's rank is then at most 0.18 / gamma.
    penalty
        lam itself; None takes the above.
    scaling
        Of the bands, see `oddspec.statistics.scaling`; globalz centres them, as principal
        components want.
    tolerance
        Stop when both residuals of the iteration are below this fraction of the data's norm.
    iterations
        Most steps.

    Notes
    -----
    * The problem is convex: there is one optimum, and nothing random.
    * The constraint is exact, so noise must go somewhere. Directions whose spread is below what lam
      asks for go to S, of every pixel; on real scenes no row of S is zero, and scores are residuals
      from robust principal components. lam asks for 0.18 / outliers directions: on scenes of fewer
      bands all may belong to the background, and most scores, or all, are zero. The proof in [1] of
      exact recovery speaks of data without noise.
    * [1] derives lam for its gamma; gamma = 0.01 is our choice, a scene's usual order.
    * ADMM with a penalty that adapts for 50 steps and is constant thereafter. Public codes let it
      grow geometrically, which ends feasible but not optimal.

    References
    ----------
    [1] H. Xu, C. Caramanis and S. Sanghavi, "Robust PCA via outlier pursuit", IEEE Trans. Inf.
    Theory 58(5), 3047-3064, 2012. doi:10.1109/TIT.2011.2173156
    """

    outliers: float = 0.01
    penalty: float | None = None
    scaling: Literal["globalz", "global01", "band01", "bandz", "max1"] = "globalz"
    tolerance: float = 1e-5
    iterations: int = 500

    separates: ClassVar[bool] = True
    reference: ClassVar[str] = "Xu et al. 2012, doi:10.1109/TIT.2011.2173156"
    cost: ClassVar[str] = "steps (n b^2 + b^3)"
    unit: ClassVar[str] = "length of the sparse part, scaled"

    def __post_init__(self) -> None:
        if not 0 < self.outliers <= 1:
            raise SettingError(
                f"outliers={self.outliers}: expected a part of the pixels, above 0 and at most 1"
            )
        above_zero(self, "penalty")
        if not 0 < self.tolerance < 1:
            raise SettingError(f"tolerance={self.tolerance}: expected a number between 0 and 1")
        at_least(self, 1, "iterations")

    def memory(self, height: int, width: int, bands: int) -> int:
        """Scaled pixels; S, U and one more array of their size, each twice in a step."""
        return 8 * height * width * 9 * bands + 80 * bands**2 + 8 * BLOCK_BYTES

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Scores; directions and maps of the background, the strongest anomalies, convergence."""
        pixels = background_pixels(cube, valid)
        scaling = BY_NAME[self.scaling](pixels)
        state, curve = self._solve(scaling(pixels), progress)
        strength = np.sqrt(np.vecdot(state.S, state.S))
        scores = score_map(strength, valid)
        typical = state.values[:SHOWN] / np.sqrt(len(pixels))
        directions = scaling.inverse(typical[:, None] * state.V.T[:SHOWN])
        strongest = np.argsort(-strength, kind="stable")[:SHOWN]
        return SceneResult(
            scores,
            (
                Insight(
                    "directions",
                    "spectra",
                    directions,
                    "offset of the scaling plus the strongest background directions at their "
                    "typical strength, in the scene's units",
                ),
                Insight("coefficients", "maps", on_map(state.A[:, :SHOWN], valid), "along them"),
                *separated(
                    LinearCube(state.A, state.V.T, valid, scaling.scale, scaling.offset),
                    LinearCube(state.S, None, valid, scaling.scale),
                ),
                Insight(
                    "anomalies",
                    "spectra",
                    state.S[strongest] * scaling.scale,
                    "what is set apart of the oddest pixels, in the scene's units",
                ),
                Insight("singular_values", "values", state.values, "of the background, scaled"),
                Insight(
                    "residuals",
                    "curve",
                    curve,
                    "residuals of each step, as a part of the data's norm",
                    names=("constraint", "change"),
                ),
            ),
        )

    def _solve(self, X: Pixels, progress: Progress) -> tuple[Pursuit, np.ndarray]:
        """The last state, and both residuals after each step."""
        n = len(X)
        lam = self.penalty or 3.0 / (7.0 * (self.outliers * n) ** 0.5)
        squares = np.maximum(np.linalg.eigvalsh(X.T @ X)[::-1], 0.0)
        size = float(squares.sum()) ** 0.5
        # At the optimum rank(L) <= n lam^2: what lies beside that many directions is surely in S.
        beside = float(squares[min(int(n * lam * lam), len(squares) - 1) :].sum() / n) ** 0.5
        beside = max(beside, 1e-3 * size / n**0.5)
        return iterate_recorded(
            lambda state: step(state, X, lam),
            start(X, FIRST_PENALTY * lam / beside),
            gap=lambda _, state: gap(size, state),
            tol=self.tolerance,
            max_iter=self.iterations,
            figure=lambda state: (state.primal / size, state.dual / size),
            progress=progress,
            stage="taking apart",
        )
