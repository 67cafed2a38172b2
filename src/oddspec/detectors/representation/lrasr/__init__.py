"""LRASR: what few typical pixels, used in few patterns and few at a time, cannot represent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from oddspec.arrays import Cube, Mask, Pixels
from oddspec.detector import Insight, SceneDetector, SceneResult
from oddspec.detectors._separated import LinearCube, separated
from oddspec.detectors.representation.lrasr import sparse_lrr
from oddspec.errors import SettingError
from oddspec.execution.executors import thread_pool
from oddspec.progress import Progress, silent
from oddspec.settings import above_zero, at_least
from oddspec.solvers.blocks import BLOCK_BYTES
from oddspec.solvers.clusters import assign
from oddspec.solvers.iterate import iterate_recorded
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.pixels import background_pixels, on_map, score_map
from oddspec.statistics.scaling import BY_NAME, PER_BAND
from oddspec.statistics.summary import Moments

SHOWN = 10
"""Atoms that are drawn."""


@dataclass(frozen=True)
class LRASR(SceneDetector):
    r"""Length of what typical pixels of the scene's clusters cannot represent of a pixel.

    With pixels X (n x b) and atoms D (m x b)::

        min_{S,E}  ||S||_* + sparsity ||S||_1 + penalty sum_i ||e_i||   subject to  X = S D + E

    and ``score_i = ||e_i||``. The atoms are the pixels of every k-means cluster that lie nearest to
    its mean by Mahalanobis distance, so anomalies are not among them.

    Parameters
    ----------
    clusters
        K-means clusters (K).
    nearest
        Atoms per cluster (P); a cluster with fewer members gives none.
    sparsity
        Weight of the coefficients' absolute values (beta).
    penalty
        Weight of the errors' lengths (lambda).
    scaling
        Of the bands, see `oddspec.statistics.scaling`. The weights mean something for values in
        0..1 only.
    ridge
        Added to the variances of a cluster, as a fraction of their mean, so that clusters with
        fewer members than bands have distances too.
    mu
        Penalty of the solver's first step.
    mu_growth
        By which it is multiplied where a step changes little; 1 keeps it.
    tolerance
        Stop when what is neither represented nor error is below this fraction of the data's norm.
    max_iter
        Most steps.
    seed
        Of the clusters.

    Notes
    -----
    * ``clusters=15, nearest=20, sparsity=0.1, penalty=0.1`` are [1]'s values by public codes. [1]'s
      text was not at hand; a later comparison gives "0.1 and 0.5" for the weights.
    * No text names the scaling. ``max1`` reproduces a published score map to 9e-8, but hangs all
      bands on the one largest value of the scene; ``band01`` lets every band count, whatever the
      sensor's gain. It was made the default with thirteen scenes seen: mean areas 0.912 and 0.765.
    * The nuclear norm grows with the root of the number of pixels, the errors with the number
      itself: the same weights ask for less from larger scenes.
    * The growing penalty makes the result feasible before it is optimal. It is what is published,
      and part of the method; with ``mu_growth=1`` the solver approaches the optimum, slowly.
    * The penalty grows only while a step changes little. On some scenes it stalls short of the
      tolerance; ``max_iter=115`` is where the first author's solver stops.
    * Public codes: one re-creates the vector of distances inside its loop, so that the "nearest"
      members are the first ones in scan order; one does not centre pixels in the distance; one
      thresholds singular values by eta/mu instead of 1/(eta mu). None has a seed.

    References
    ----------
    [1] Y. Xu, Z. Wu, J. Li, A. Plaza and Z. Wei, "Anomaly detection in hyperspectral images based
    on low-rank and sparse representation", IEEE Trans. Geosci. Remote Sens. 54(4), 1990-2000,
    2016. doi:10.1109/TGRS.2015.2493201
    """

    clusters: int = 15
    nearest: int = 20
    sparsity: float = 0.1
    penalty: float = 0.1
    scaling: Literal["max1", "global01", "band01"] = "band01"
    ridge: float = 1e-6
    mu: float = 0.01
    mu_growth: float = 1.1
    tolerance: float = 1e-6
    max_iter: int = 115
    seed: int = 0

    separates: ClassVar[bool] = True
    reference: ClassVar[str] = "Xu et al. 2016, doi:10.1109/TGRS.2015.2493201"
    cost: ClassVar[str] = "steps (n m b + n m^2) with m atoms"
    unit: ClassVar[str] = "length of the error, scaled"

    def __post_init__(self) -> None:
        at_least(self, 1, "clusters", "nearest", "max_iter")
        at_least(self, 0, "seed")
        above_zero(self, "penalty", "ridge", "mu", "tolerance")
        at_least(self, 0, "sparsity")
        if not 1 <= self.mu_growth <= 2:
            raise SettingError(f"mu_growth={self.mu_growth}: expected a number from 1 to 2")

    @property
    def affine_invariant(self) -> bool:
        """They are where each band is scaled by itself."""
        return self.scaling in PER_BAND

    def memory(self, height: int, width: int, bands: int) -> int:
        """Coefficients, their copy and multiplier; scaled pixels, their multiplier and rest."""
        atoms = self.clusters * self.nearest
        per_pixel = 3 * atoms + 4 * bands + 2 * min(atoms, bands) + 10
        return 8 * (height * width * per_pixel + 6 * atoms**2) + 8 * BLOCK_BYTES

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Scores; atoms, how much each pixel uses them, and how the solver converged.

        Raises
        ------
        SettingError
            If no cluster has as many members as it shall give atoms.
        """
        pixels = background_pixels(cube, valid)
        progress(0, self.max_iter, "choosing atoms")
        scaling = BY_NAME[self.scaling](pixels)
        X = scaling(pixels)
        chosen = typical_members(X, assign(X, self.clusters, self.seed), self.nearest, self.ridge)
        if not len(chosen):
            raise SettingError(
                f"nearest={self.nearest}: none of {self.clusters} clusters of {len(X)} pixels has "
                f"that many members; choose fewer"
            )
        state, curve = self._solve(X, X[chosen], progress)
        scores = score_map(state.lengths, valid)
        use = np.sqrt(np.mean(state.J**2, axis=0))
        shown = np.argsort(-use, kind="stable")[:SHOWN]
        return SceneResult(
            scores,
            (
                Insight(
                    "dictionary",
                    "spectra",
                    pixels[chosen[shown]],
                    "the atoms that are used most, in the scene's units",
                ),
                Insight("coefficients", "maps", on_map(state.J[:, shown], valid), "of those atoms"),
                *separated(LinearCube(state.J, X[chosen], valid, scaling.scale, scaling.offset)),
                Insight(
                    "convergence",
                    "curve",
                    curve,
                    "neither represented nor error, and change in a step, as parts of the data's "
                    "norm",
                    names=("unexplained", "change"),
                ),
            ),
        )

    def _solve(
        self, X: Pixels, D: np.ndarray, progress: Progress
    ) -> tuple[sparse_lrr.SparseRepresentation, np.ndarray]:
        """The last state, and what is unexplained and has changed after each step."""
        problem = sparse_lrr.SparseLRRProblem.of(X, D, self.sparsity, self.penalty)
        with thread_pool() as threads:
            return iterate_recorded(
                lambda s: sparse_lrr.step(s, problem, mu_growth=self.mu_growth, threads=threads),
                sparse_lrr.start(problem, self.mu),
                gap=lambda _, state: state.unexplained,
                tol=self.tolerance,
                max_iter=self.max_iter,
                figure=lambda state: (state.unexplained, state.change),
                progress=progress,
                stage="solving",
            )


def typical_members(X: Pixels, labels: np.ndarray, nearest: int, ridge: float) -> np.ndarray:
    """Positions of the pixels of each cluster that are nearest to its mean by Mahalanobis distance.

    Parameters
    ----------
    X
        Pixels.
    labels
        ``(n,)``, the cluster of each, counted from 0.
    nearest
        How many of each cluster; of a smaller cluster none.
    ridge
        Added to each cluster's variances, as a fraction of their mean.
    """
    chosen = []
    for label in range(int(labels.max()) + 1):
        members = np.flatnonzero(labels == label)
        if len(members) < nearest:
            continue
        distances = _distances(X[members], ridge)
        chosen.append(members[np.argsort(distances, kind="stable")[:nearest]])
    return np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.intp)


def _distances(members: Pixels, ridge: float) -> np.ndarray:
    """From the members' mean, squared; all zero of equal members."""
    moments = Moments.of(members)
    if not np.trace(moments.scatter) > 0:
        return np.zeros(len(members))
    return Gaussian.of(moments, ridge=ridge).score(members)
