"""ADLR: abundances that typical and extreme abundances represent only with errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from oddspec.arrays import Cube, Mask, Pixels
from oddspec.detector import Insight, SceneDetector, SceneResult
from oddspec.detectors._separated import LinearCube, separated
from oddspec.detectors.representation.adlr import lrr_l1, min_volume
from oddspec.detectors.representation.adlr.mean_shift import mean_shift
from oddspec.errors import SettingError
from oddspec.progress import Progress, silent
from oddspec.settings import above_zero, at_least
from oddspec.solvers.iterate import iterate_recorded
from oddspec.solvers.unmixing import abundances, leading_directions, pure_pixels
from oddspec.statistics.pixels import background_pixels, on_map, score_map
from oddspec.statistics.scaling import max1

NEAR = 0.05
"""How far the part of pixels without error may be from what is asked for."""

CLOSE = 1.05
"""Ratio of two weights between which no other is looked for."""


@dataclass(frozen=True)
class ADLR(SceneDetector):
    r"""Error of a pixel's abundances in a low-rank representation by typical and extreme ones.

    The scene is unmixed into p endmembers, ``X = S A``. Mean shift clusters the abundances S
    (n x p); the centre of every cluster and its member farthest from that are the atoms D. Then::

        min_{Z,E}  ||Z||_* + lam sum |E|   subject to  S = Z D + E;      score_i = sum_k E_ik

    Parameters
    ----------
    endmembers
        Number of endmembers (p); lowered to the directions that the scene has.
    bandwidth
        Of mean shift (h), in units of abundance.
    exact
        Part of the pixels that are represented without error: lam is searched for by halving.
    penalty
        The weight lam itself; overrides exact. The authors' demonstration has 0.15.
    score
        signed: the sum of the errors (authors' code); absolute: that of their sizes.
    volume_weight
        Weight of the endmembers' squared volume (T), for values up to 1.
    sum_weight
        Weight of the abundances' sum being one.
    sweeps
        Of the unmixing; 0 leaves the endmembers at the pixels that were found first.
    mu
        Penalty of the representation's first step.
    mu_growth
        By which it is multiplied in every step.
    tolerance
        Stop when no entry of a constraint is farther off than this.
    max_iter
        Most steps of the representation.
    seed
        Of the endmembers' search and the clusters' order.

    Notes
    -----
    * The steps are those of the authors' code: pixels along the p leading singular vectors, vertex
      component analysis, abundances with sum one, minimum-volume factorization (10 sweeps,
      ``T = 0.015``, weight 20), mean shift with ``h = 0.1``, the inexact augmented Lagrangian
      method from 1e-6, times 1.1. The unmixing's inner constants are our reading (inferred).
    * Their demonstration has six endmembers and weight 0.15 for a synthetic scene, with abundances
      that are stored with it. The nuclear norm grows with the root of the number of pixels, the
      errors with the number, and the atoms span all abundances. So on four public scenes 0.15 is
      101 to 308 times the weight up to which nothing is represented, and their solver nearly always
      stops with errors of exactly zero. Comparisons choose it by scene.
    * ``exact`` has no units: half of a scene is surely background (inferred). Fifteen endmembers
      (inferred) are as many patterns as `lrr` keeps; a real scene has more than six materials.
    * The errors' norm is l1, though a function of theirs is named after l2,1. With abundances and
      atoms that sum to one, the signed sum is one minus the sum of the coefficients; it can cancel.
    * Of an empty cluster their loop takes the previous farthest member again, and two peaks that
      merge are averaged with the wrong one. Here an empty cluster gives no atoms, and a merged peak
      lies midway.
    * The representation is solved in the p dimensions that the atoms span, at the same iterates.

    References
    ----------
    Y. Qu et al., "Hyperspectral anomaly detection through spectral unmixing and dictionary-based
    low-rank decomposition", IEEE Trans. Geosci. Remote Sens. 56(8), 4391-4405, 2018.
    doi:10.1109/TGRS.2018.2818159
    """

    endmembers: int = 15
    bandwidth: float = 0.1
    exact: float = 0.5
    penalty: float | None = None
    score: Literal["signed", "absolute"] = "signed"
    volume_weight: float = 0.015
    sum_weight: float = 20.0
    sweeps: int = 10
    mu: float = 1e-6
    mu_growth: float = 1.1
    tolerance: float = 1e-6
    max_iter: int = 500
    seed: int = 0

    separates: ClassVar[bool] = True
    reference: ClassVar[str] = "Qu et al. 2018, doi:10.1109/TGRS.2018.2818159"
    cost: ClassVar[str] = "n b^2 + n p (sweeps b + clusters + steps p)"
    unit: ClassVar[str] = "sum of the errors of the shares"

    def __post_init__(self) -> None:
        at_least(self, 2, "endmembers")
        at_least(self, 1, "max_iter")
        at_least(self, 0, "sweeps", "seed")
        above_zero(self, "bandwidth", "penalty", "mu", "tolerance")
        if not 0 < self.exact < 1:
            raise SettingError(f"exact={self.exact}: expected a part of the pixels, from 0 to 1")
        at_least(self, 0, "volume_weight", "sum_weight")
        if not 1 <= self.mu_growth <= 2:
            raise SettingError(f"mu_growth={self.mu_growth}: expected a number from 1 to 2")

    def memory(self, height: int, width: int, bands: int) -> int:
        """Scaled pixels and their projection, and a few numbers per pixel and endmember."""
        return height * width * (32 * bands + 400 * self.endmembers) + 80 * bands**2

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Scores; endmembers, abundances, and how the unmixing went.

        Raises
        ------
        SettingError
            If everything is represented without error.
        """
        pixels = background_pixels(cube, valid)
        scaling = max1(pixels)
        unmixed, curve = self._unmix(scaling(pixels), progress)
        S = unmixed.S
        atoms = centres_and_farthest(S, *mean_shift(S, self.bandwidth, self.seed, progress))
        errors = self._errors(S, lrr_l1.condense(atoms), progress)
        scores = score_map(
            (errors if self.score == "signed" else np.abs(errors)).sum(axis=1), valid
        )
        spectra, label = scaling.inverse(unmixed.A), "of the unmixing after each sweep"
        insights = (
            Insight("endmembers", "spectra", spectra, "endmembers, in the scene's units"),
            Insight("abundances", "maps", on_map(S, valid), "share of each endmember"),
            Insight("errors", "maps", on_map(errors, valid), "of each endmember's share"),
            *separated(LinearCube(S, unmixed.A, valid, scaling.scale, scaling.offset)),
            Insight("objective", "curve", curve, label, axis="sweep"),
        )
        return SceneResult(scores, insights if self.sweeps else insights[:-1])

    def _unmix(self, X: Pixels, progress: Progress) -> tuple[min_volume.Unmixed, np.ndarray]:
        """Endmembers and abundances, and the objective after each sweep."""
        directions = leading_directions(X, self.endmembers)
        coordinates = X @ directions
        projected = np.maximum(coordinates @ directions.T, 0.0)
        A = projected[pure_pixels(coordinates, directions, self.seed)]
        state = min_volume.Unmixed(A, abundances(projected, A))
        problem = min_volume.MinVolumeProblem.of(
            projected, len(A), self.volume_weight, self.sum_weight
        )
        curve = []
        for k in range(self.sweeps):
            progress(k, self.sweeps, "unmixing")
            state = min_volume.step(state, problem)
            curve.append(min_volume.objective(state, problem))
        return state, np.array(curve)

    def _errors(self, S: Pixels, D: np.ndarray, progress: Progress) -> np.ndarray:
        """E, with the weight that is given or chosen."""
        if self.penalty is None:
            E, given = self._chosen(S, D, progress), f"exact={self.exact}"
        else:
            E = self._solved(S, D, self.penalty, progress)
            times = self.penalty / lrr_l1.critical_l1_penalty(S, D)
            given = f"penalty={self.penalty:.3g}, {times:.3g} times the critical one"
        if not E.any():
            raise SettingError(
                f"adlr: with {given}, all pixels are represented without error, so all scores are "
                f"0: lower it"
            )
        return E

    def _chosen(self, S: Pixels, D: np.ndarray, progress: Progress) -> np.ndarray:
        """Errors with the weight that leaves a part of the pixels without any.

        That part hardly ever falls as the weight rises; where it jumps over what is asked for, the
        smaller weight is taken, which leaves more errors.
        """
        critical = lrr_l1.critical_l1_penalty(S, D)
        low, high = 1.0, float(len(S))  # multiples of the critical weight
        E = None
        while high > low * CLOSE:
            middle = np.sqrt(low * high)
            tried = self._solved(S, D, middle * critical, progress)
            exact = float(np.mean(~tried.any(axis=1)))
            if exact > self.exact + NEAR:
                high = middle
                continue
            low, E = middle, tried
            if exact >= self.exact - NEAR:
                break
        return E if E is not None else self._solved(S, D, critical, progress)

    def _solved(self, S: Pixels, D: np.ndarray, lam: float, progress: Progress) -> np.ndarray:
        """E with that weight."""
        state, _ = iterate_recorded(
            lambda state: lrr_l1.step(state, S, D, lam, mu_growth=self.mu_growth),
            lrr_l1.start(S, D, self.mu),
            gap=lambda _, state: state.residual,
            tol=self.tolerance,
            max_iter=self.max_iter,
            figure=lambda state: state.residual,
            progress=progress,
            stage="solving",
        )
        return state.E


def centres_and_farthest(S: Pixels, centres: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The centre of every cluster that has members, each followed by its farthest member."""
    atoms = []
    for k, centre in enumerate(centres):
        members = S[labels == k]
        if len(members):
            away = members - centre
            atoms += [centre, members[np.argmax(np.vecdot(away, away))]]
    return np.array(atoms)
