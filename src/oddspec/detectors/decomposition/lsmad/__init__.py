"""LSMAD: Mahalanobis distance from a background of low rank that large entries do not bend."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from oddspec.arrays import Cube, Mask, Pixels, PixelScores
from oddspec.detector import Insight, SceneDetector, SceneResult
from oddspec.detectors._separated import LinearCube, separated
from oddspec.detectors.decomposition.lsmad import godec
from oddspec.errors import DataWarning, SettingError
from oddspec.progress import Progress, silent
from oddspec.settings import above_zero, at_least
from oddspec.solvers.blocks import BLOCK_BYTES
from oddspec.solvers.iterate import iterate_recorded
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.pixels import background_pixels, on_map, score_map
from oddspec.statistics.scaling import BY_NAME
from oddspec.statistics.summary import Moments

SHOWN = 10
"""Background directions that are drawn."""


@dataclass(frozen=True)
class LSMAD(SceneDetector):
    r"""How far a pixel is from the mean of a low-rank background, in that background's spread.

    Pixels X (n x b) are taken apart by GoDec into a background B of rank r, a sparse part S of k
    entries, and noise. With mean m and covariance C of the rows of B::

        score_i = (x_i - m) C^+ (x_i - m)^T

    of the pixels as they are, so that what is anomalous neither shifts the mean nor widens the
    spread.

    Parameters
    ----------
    rank
        Rank of the background (r); lowered to the number of bands.
    cardinality
        Entries of the sparse part, as a fraction of all n b entries (k); 0 leaves it out.
    inverse
        rank: C^+ from exactly the r leading eigenvalues; ridge: (C + ridge l_1 I)^{-1} with the
        largest eigenvalue l_1.
    ridge
        For the inverse of that name.
    scaling
        Of the bands, see `oddspec.statistics.scaling`; it decides which directions lead and which
        entries are large.
    low_rank
        exact: the nearest matrix of rank r in every step; random: GoDec's randomised one.
    power
        Products beyond the first with which random directions come nearer to the leading ones.
    tolerance
        Stop when a step lowers the root of the mean squared residual by less than this fraction.
    iterations
        Most steps.
    seed
        Of the random directions.

    Notes
    -----
    * The rank-r inverse measures distance inside the background's r directions only: what lies
      across them is ignored, while a ridge inverse does the opposite. The paper's abstract speaks
      of using the low rank in the statistics, and public code takes ``pinv``, so the former is the
      default (inferred). ``pinv`` itself must not be used: on one scene rounding errors pass its
      tolerance as eigenvalues and change the result.
    * k counts entries, not pixels; as a fraction of n b it is an inference. Public code calls GoDec
      with ``floor(0.0022 b) 9`` entries, which is none at all below 455 bands.
    * The defaults, rank 28 and 0.0022, are those of that public code, with the fraction meant.
      "Sparse Coding-inspired GAN for weakly supervised hyperspectral anomaly detection" (2021)
      compares with rank 3 and 0.003; a scene has more than three materials.
    * At rank b nothing is left over to be sparse, and scores are those of RX: so it is, with a
      warning, on scenes of no more than ``rank`` bands.
    * The paper stops at an absolute residual of 1e-3; here a fraction serves all units.

    References
    ----------
    Y. Zhang, B. Du, L. Zhang and S. Wang, "A low-rank and sparse matrix decomposition-based
    Mahalanobis distance method for hyperspectral anomaly detection", IEEE Trans. Geosci. Remote
    Sens. 54(3), 1376-1389, 2016. doi:10.1109/TGRS.2015.2479299
    """

    rank: int = 28
    cardinality: float = 0.0022
    inverse: Literal["rank", "ridge"] = "rank"
    ridge: float = 1e-4
    scaling: Literal["global01", "band01", "bandz", "globalz", "max1"] = "global01"
    low_rank: Literal["exact", "random"] = "exact"
    power: int = 2
    tolerance: float = 1e-4
    iterations: int = 100
    seed: int = 0

    separates: ClassVar[bool] = True
    reference: ClassVar[str] = "Zhang et al. 2016, doi:10.1109/TGRS.2015.2479299"
    cost: ClassVar[str] = "n b^2 + steps (n b r + b^3)"
    unit: ClassVar[str] = "squared Mahalanobis distance"

    def __post_init__(self) -> None:
        at_least(self, 1, "rank", "iterations")
        at_least(self, 0, "power", "seed")
        if not 0 <= self.cardinality < 1:
            raise SettingError(
                f"cardinality={self.cardinality}: expected a fraction of all entries, from 0 to "
                f"below 1"
            )
        above_zero(self, "ridge", "tolerance")

    def memory(self, height: int, width: int, bands: int) -> int:
        """Scaled pixels, once more while they are made, the sparse part and r numbers per pixel."""
        n, rank = height * width, min(self.rank, bands)
        sparse = min(1.0, 4 * self.cardinality) * bands
        return int(8 * n * (3 * bands + 4 * rank + 12 * sparse)) + 80 * bands**2 + 8 * BLOCK_BYTES

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Scores; the background's directions and maps, what was sparse, and the residual's fall.

        Warns
        -----
        DataWarning
            If the rank takes in all bands, so that nothing is sparse.
        """
        pixels = background_pixels(cube, valid)
        scaling = BY_NAME[self.scaling](pixels)
        X = scaling(pixels)
        if self.cardinality and self.rank >= X.shape[1]:
            warnings.warn(
                f"rank={self.rank} takes in all of the scene's {X.shape[1]} bands: nothing is left "
                f"to be sparse, and scores are those of rx; lower the rank",
                DataWarning,
                stacklevel=2,
            )
        split, curve = self._split(X, progress)
        scores = score_map(self._distances(X, split), valid)
        mean = split.A.mean(axis=0)
        spread = (split.A - mean).std(axis=0)
        shown = np.argsort(-spread, kind="stable")[:SHOWN]
        strength = np.sqrt((split.S * split.S).sum(axis=1))
        directions = (mean @ split.V.T) + spread[shown, None] * split.V.T[shown]
        return SceneResult(
            scores,
            (
                Insight(
                    "directions",
                    "spectra",
                    scaling.inverse(directions),
                    "background's mean plus one deviation along each of its widest directions, in "
                    "the scene's units",
                ),
                Insight("coefficients", "maps", on_map(split.A[:, shown], valid), "along them"),
                *separated(
                    LinearCube(split.A, split.V.T, valid, scaling.scale, scaling.offset),
                    LinearCube(split.S, None, valid, scaling.scale),
                ),
                Insight("sparse", "maps", on_map(strength[:, None], valid), "norm of S, scaled"),
                Insight("residual", "curve", curve, "root mean squared residual of each step"),
            ),
        )

    def _split(self, X: Pixels, progress: Progress) -> tuple[godec.Split, np.ndarray]:
        """The last state, and the root mean squared residual after each step."""
        gram = X.T @ X
        rank = min(self.rank, *X.shape)
        entries = round(self.cardinality * X.size)
        rng = np.random.default_rng(self.seed) if self.low_rank == "random" else None
        return iterate_recorded(
            lambda state: godec.step(state, X, gram, rank, entries, rng, self.power),
            godec.start(X),
            gap=godec.gap,
            tol=self.tolerance,
            max_iter=self.iterations,
            figure=lambda state: (state.objective / X.size) ** 0.5,
            progress=progress,
            stage="taking apart",
        )

    def _distances(self, X: Pixels, split: godec.Split) -> PixelScores:
        """Squared Mahalanobis distances, in the coordinates along the background's directions."""
        inside = Moments.of(split.A)
        along = X @ split.V
        if self.inverse == "rank":
            return Gaussian.of(inside).score(along)
        variances, axes = np.linalg.eigh(inside.covariance)
        level = self.ridge * variances[-1]
        offset = X - inside.mean @ split.V.T
        along = (along - inside.mean) @ axes
        # Across the r directions the background does not vary, and the ridge is all the variance.
        across = np.vecdot(offset, offset) - np.vecdot(along, along)
        return (along * along) @ (1.0 / (variances + level)) + np.maximum(across, 0.0) / level
