"""LRR: low-rank representation by a dictionary, solved classically."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from oddspec.arrays import Cube, Mask, Pixels
from oddspec.detector import Insight, SceneDetector, SceneResult
from oddspec.detectors._separated import LinearCube, separated
from oddspec.errors import SettingError
from oddspec.progress import Progress, silent
from oddspec.settings import above_zero, at_least
from oddspec.solvers import dictionary as solver
from oddspec.solvers.clusters import cluster
from oddspec.solvers.iterate import iterate_recorded
from oddspec.solvers.prox import row_norms
from oddspec.solvers.scene_weights import Weights, balance, scene_weights
from oddspec.statistics.pixels import background_pixels, on_map, score_map
from oddspec.statistics.scaling import BY_NAME, Scaling

SHOWN = 10
"""Atoms that are drawn."""


@dataclass(frozen=True)
class LRR(SceneDetector):
    r"""What few independent mixtures of some atoms cannot represent.

    With pixels X (n x b), atoms D (K x b), coefficients L (n x K) and anomalies S (n x b)::

        min_{D,L,S}  1/2 ||X - L D - S||_F^2 + l1/2 ||D||_F^2 + l2 ||L||_* + l3 ||S||_{2,1}

    by ADMM until it has converged, the atoms starting from k-means centres and then learnt along or
    left as they are. The score is the length of a pixel's residual ``x_i - l_i D``. `lrr_net_plus`
    and `lrr_net` are this solver unfolded and trained.

    Parameters
    ----------
    dictionary
        learnt: D is optimised too; fixed: the span of the centres stays, as in LRR-Net.
    atoms
        Atoms in the dictionary (K), at most as many as there are bands.
    rank
        How many patterns the low-rank part shall keep at most where lambda2 is not set: the
        nuclear norm's weight is put at the scene's singular value of that number.
    lambda1
        Weight of ``1/2 ||D||_F^2``; None is 1 (only lambda1 lambda2^2 matters).
    lambda2
        Weight of the nuclear norm, in scaled units; None puts it at the scene's own scale.
    lambda3
        Weight of the l2,1 norm, in scaled units: residuals up to this length are no anomaly. None
        takes the median residual of a plain fit.
    mu
        Penalty that ties L to its copy J in the first step; None takes lambda2's value at the
        scene's scale.
    mu_growth
        By which mu is multiplied in every step. A growing penalty forces convergence, too large a
        growth stops short of the optimum.
    scaling
        Of the bands, see `oddspec.statistics.scaling`.
    score
        residual: ``||x_i - l_i D||``; sparse: ``||s_i||``, the same shortened by lambda3.
    tolerance
        Stop when a step changes the background, and L differs from J, by less than this fraction.
    max_iter
        Most steps.
    seed
        Of the clusters.

    Notes
    -----
    * The atoms are kept in balance with their coefficients (`oddspec.solvers.scene_weights`):
      learnt ones in every step, fixed ones once.
    * With a learnt dictionary the problem is not convex, and what is reached depends on the start;
      in practice hardly.
    * The weights follow from the scene's singular values alone
      (`oddspec.solvers.scene_weights`), so multiplying the cube changes nothing.

    References
    ----------
    G. Liu et al., "Robust recovery of subspace structures by low-rank representation", IEEE Trans.
    Pattern Anal. Mach. Intell. 35(1), 171-184, 2013. doi:10.1109/TPAMI.2012.88; the model with a
    learnt dictionary: C. Li et al., 2024, doi:10.48550/arXiv.2402.15335
    """

    dictionary: Literal["learnt", "fixed"] = "learnt"
    atoms: int = 30
    rank: int = 15
    lambda1: float | None = None
    lambda2: float | None = None
    lambda3: float | None = None
    mu: float | None = None
    mu_growth: float = 1.05
    scaling: Literal["globalz", "global01", "band01", "bandz", "max1"] = "globalz"
    score: Literal["residual", "sparse"] = "residual"
    tolerance: float = 1e-3
    max_iter: int = 200
    seed: int = 0

    separates: ClassVar[bool] = True
    reference: ClassVar[str] = "Liu et al. 2013, doi:10.1109/TPAMI.2012.88"
    cost: ClassVar[str] = "steps n K b"
    unit: ClassVar[str] = "length of the residual, scaled"

    def __post_init__(self) -> None:
        at_least(self, 1, "atoms", "rank", "max_iter")
        at_least(self, 0, "seed")
        above_zero(self, "lambda1", "lambda2", "lambda3", "mu", "tolerance")
        if not 1 <= self.mu_growth <= 2:
            raise SettingError(f"mu_growth={self.mu_growth}: expected a number from 1 to 2")

    def memory(self, height: int, width: int, bands: int) -> int:
        """Scaled pixels, twice while they are made; and some twenty arrays of K per pixel."""
        return height * width * 8 * (2 * bands + 20 * min(self.atoms, bands) + 10)

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Scores, the atoms, where they are, and how the solver converged."""
        pixels = background_pixels(cube, valid)
        scaling = BY_NAME[self.scaling](pixels)
        X = scaling(pixels)
        weights, mu = self._weights(X)
        D, L = self._start(X, weights)
        state, curve = self._solve(X, D, L, weights, mu, self.dictionary == "learnt", progress)
        fitted = LRRAtoms(self, scaling, state.D, weights, mu, len(X))
        return fitted.examined(X, state, curve, weights, valid)

    def _weights(self, X: np.ndarray) -> tuple[Weights, float]:
        """The weights that are set, those of the scene in place of the others; and mu."""
        found = scene_weights(X, self.rank)
        chosen = zip(found, (self.lambda1, self.lambda2, self.lambda3), strict=True)
        weights = Weights(*(scene if own is None else own for scene, own in chosen))
        return weights, found.l2 if self.mu is None else self.mu

    def _start(self, X: np.ndarray, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
        """Cluster centres, and which one each pixel belongs to; balanced if they are to stay."""
        D, L = cluster(X, min(self.atoms, X.shape[1]), self.seed)
        if self.dictionary == "fixed":
            D, change_of_basis = balance(D, _least_squares(X, D), weights.l2 / weights.l1)
            L = L @ change_of_basis
        return D, L

    def _solve(
        self,
        X: np.ndarray,
        D: np.ndarray,
        L: np.ndarray,
        weights: Weights,
        mu: float,
        learn: bool,
        progress: Progress,
    ) -> tuple[solver.LearntRepresentation, np.ndarray]:
        """The last state, and the objective per pixel after each step."""
        squares = np.vecdot(X, X)
        penalty = mu

        def step(state: solver.LearntRepresentation) -> solver.LearntRepresentation:
            nonlocal penalty
            constants = solver.Constants(weights.l1, weights.l3, penalty, weights.l2 / penalty)
            penalty *= self.mu_growth
            new = solver.step(state, X, squares, constants, learn=learn, balanced=learn)
            return solver.relaxed(new, self.mu_growth)

        def objective(state: solver.LearntRepresentation) -> float:
            solver.must_explain(state, squares, weights)
            return float(solver.objective(state, X, squares, weights)) / len(X)

        return iterate_recorded(
            step,
            solver.start(D, L),
            gap=solver.gap,
            tol=self.tolerance,
            max_iter=self.max_iter,
            figure=objective,
            progress=progress,
            stage="solving",
        )


@dataclass(frozen=True)
class LRRAtoms:
    """Atoms and weights that another scene is represented by, in the scaling they belong to.

    The nuclear norm grows with the root of the number of pixels, the other terms with that number,
    so its weight follows the root: a scene beside a copy of itself keeps its scores.
    """

    settings: LRR
    scaling: Scaling
    atoms: np.ndarray
    weights: Weights
    mu: float
    count: int

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Scores of another scene; the atoms stay as they are."""
        X = self.scaling(background_pixels(cube, valid))
        weights = self.weights._replace(l2=self.weights.l2 * (len(X) / self.count) ** 0.5)
        L = _least_squares(X, self.atoms)
        state, curve = self.settings._solve(X, self.atoms, L, weights, self.mu, False, progress)
        return self.examined(X, state, curve, weights, valid)

    def examined(
        self,
        X: Pixels,
        state: solver.LearntRepresentation,
        curve: np.ndarray,
        weights: Weights,
        valid: Mask,
    ) -> SceneResult:
        """Scores and insights of a scene that these atoms represent so."""
        lengths = row_norms(X - state.codes.L @ state.D)
        if self.settings.score == "sparse":
            lengths = np.maximum(lengths - weights.l3, 0)
        strength = np.sqrt(np.mean(state.codes.L**2, axis=0))
        typical = strength[:, None] * state.D
        order = np.argsort(-row_norms(typical))[:SHOWN]
        coefficients = state.codes.L[:, order] / np.maximum(strength[order], 1e-300)
        insights = (
            Insight(
                "dictionary",
                "spectra",
                self.scaling.inverse(typical[order]),
                "mean spectrum plus each of the strongest atoms at its typical strength, in the "
                "scene's units",
            ),
            Insight(
                "coefficients",
                "maps",
                on_map(coefficients, valid),
                "of those atoms, in units of their typical strength",
            ),
            *separated(
                LinearCube(state.codes.L, state.D, valid, self.scaling.scale, self.scaling.offset)
            ),
            Insight("objective", "curve", curve, "objective per pixel after each step"),
        )
        return SceneResult(score_map(lengths, valid), insights, self)


LRR.fitted = LRRAtoms


def _least_squares(X: np.ndarray, D: np.ndarray) -> np.ndarray:
    """Coefficients of the pixels by these atoms; a tiny ridge allows for dependent atoms."""
    gram = D @ D.T + 1e-9 * np.vdot(D, D) * np.eye(len(D))
    return np.asarray(np.linalg.solve(gram, D @ X.T).T)
