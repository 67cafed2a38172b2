"""What the non-negative factorizations share: data from 0 up, a start, sweeps, scores, insights."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

import numpy as np

from oddspec.arrays import Cube, Mask, Pixels, Scores
from oddspec.detector import Insight, SceneDetector, SceneResult
from oddspec.detectors._separated import LinearCube, separated
from oddspec.errors import DataWarning, InputError
from oddspec.progress import Progress, silent
from oddspec.settings import at_least
from oddspec.solvers import nmf
from oddspec.statistics.pixels import on_map, valid_pixels
from oddspec.statistics.residual_scores import score_residual
from oddspec.windows import Window

TRIAL = 20
"""Sweeps after which random starts are compared."""

SHOWN = 10
"""Anomalous pixels whose residual spectra are returned."""

State = TypeVar("State")


@dataclass(frozen=True)
class Explained:
    """A scene explained by a few endmembers.

    Attributes
    ----------
    H, W
        Abundances (n x r) and endmembers (r x b).
    scored
        What is scored, a row of b values per pixel.
    objective
        At the start and after each sweep.
    insights
        Beside those that every factorization has.
    """

    H: np.ndarray
    W: np.ndarray
    scored: Pixels
    objective: np.ndarray
    insights: tuple[Insight, ...] = ()


@dataclass(frozen=True)
class Factorized(SceneDetector, ABC):
    """A scene as sums of ``rank`` endmembers, and how what is scored of it becomes scores.

    Parameters
    ----------
    rank
        Number of endmembers (r); lowered to the number of bands.
    iterations
        Most sweeps, those of a warm-up included.
    tolerance
        Stop earlier when a sweep lowers the objective by less than this fraction of it.
    starts
        Random factors to begin with, of which the best after 20 sweeps is taken on; 0 begins with
        factors made of singular vectors (NNDSVD), without chance.
    score
        norm: length of what is scored, of each pixel a residual or an anomaly; brad: local RX of
        it; rx: RX of it in the whole scene; both: the sum of these two squared distances.
    guard
        Width of BRAD's inner square in pixels, odd.
    outer
        Width of BRAD's outer square in pixels, odd.
    components
        Leading principal components of what is scored that BRAD takes.
    scene_components
        Leading principal components of what is scored that RX takes.
    seed
        Of the random factors, where there are any.
    """

    rank: int = 5
    iterations: int = 500
    tolerance: float = 1e-6
    starts: int = 0
    score: Literal["norm", "brad", "rx", "both"] = "norm"
    guard: int = 11
    outer: int = 21
    components: int = 10
    scene_components: int = 30
    seed: int = 0

    separates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        at_least(self, 1, "rank", "iterations", "components", "scene_components")
        at_least(self, 0, "starts", "seed", "tolerance")
        Window(self.guard, self.outer)

    def memory(self, height: int, width: int, bands: int) -> int:
        """Clipped pixels, the scored residual and its product, a number per pixel and endmember."""
        per_pixel = 3 * bands + 8 * self.rank + 2 * (self.components + self.scene_components)
        return 8 * height * width * per_pixel + 8 * 10 * bands * bands

    @property
    def score_unit(self) -> str:
        """By the chosen score."""
        distance = "squared Mahalanobis distance"
        named = {"norm": "length, in the scene's units", "both": f"sum of two {distance}s"}
        return named.get(self.score, distance)

    def pixels(self, cube: Cube, valid: Mask) -> Pixels:
        """What is factorized, see `not_below_zero`; refused if a score's window does not fit."""
        if self.score in ("brad", "both"):
            Window(self.guard, self.outer).must_fit(*valid.shape)
        return not_below_zero(cube, valid)

    def score_of(self, scored: Pixels, valid: Mask) -> Scores:
        """The chosen score of these rows, of b values per valid pixel."""
        return score_residual(
            scored,
            valid,
            self.score,
            guard=self.guard,
            outer=self.outer,
            components=self.components,
            scene_components=self.scene_components,
        )

    def insights_of(
        self,
        H: np.ndarray,
        W: np.ndarray,
        curve: np.ndarray,
        valid: Mask,
        *own: Insight,
        anomaly: LinearCube | None = None,
    ) -> tuple[Insight, ...]:
        """Endmembers, abundances, a factorization's own insights, and the objective's fall."""
        return (
            Insight("spectra", "spectra", W, "background spectra, unit norm"),
            Insight(
                "abundances", "maps", on_map(H, valid), "how much of each spectrum a pixel holds"
            ),
            *separated(LinearCube(H, W, valid), anomaly),
            *own,
            Insight("objective", "curve", curve, "objective after each sweep", axis="sweep"),
        )


@dataclass(frozen=True)
class Explaining(Factorized, ABC):
    """A factorization whose outcome is an `Explained`, which a subclass says how to find."""

    @abstractmethod
    def explain(self, X: Pixels, rank: int, progress: Progress) -> Explained:
        """The factorization of these pixels, which are not below zero."""

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Scores; endmembers, abundances, the longest residuals and the objective's fall.

        Raises
        ------
        InputError
            If the scene has no valid pixel or no positive value, or is smaller than ``outer``
            where a score needs that window.

        Warns
        -----
        DataWarning
            If values are negative, or the rank had to be lowered.
        """
        X = self.pixels(cube, valid)
        found = self.explain(X, possible_rank(self.rank, X), progress)
        progress(self.iterations, self.iterations, "scoring")
        scored = found.scored
        order = np.argsort(-np.vecdot(scored, scored), kind="stable")[:SHOWN]
        longest = Insight("odd_spectra", "spectra", scored[order], "the longest residual spectra")
        insights = self.insights_of(found.H, found.W, found.objective, valid, longest)
        return SceneResult(self.score_of(scored, valid), insights + found.insights)

    def plain(
        self, X: Pixels, rank: int, count: int, progress: Progress
    ) -> tuple[nmf.Factors, list[float]]:
        """Plain factorization, `count` sweeps in all, and the objectives on the way.

        These begin with the sweep after which random starts would be compared.
        """
        energy = float(np.vecdot(X, X).sum())
        trial = min(TRIAL, count)
        progress(0, self.iterations, "factorizing")
        first = nmf.begin(X, energy, rank, self.starts, trial, self.seed)
        state, curve = self.swept(
            lambda state: nmf.step(state, X, energy), first, trial, count, progress
        )
        return state, [first.objective, *curve]

    def swept(
        self,
        step: Callable[[nmf.Factors], nmf.Factors],
        start: nmf.Factors,
        done: int,
        count: int,
        progress: Progress,
    ) -> tuple[nmf.Factors, list[float]]:
        """The state after sweep number ``count`` of all, ``done`` of which are done; objectives."""
        state, curve = start, []
        for state in sweeps(step, start, count - done, self.tolerance):
            curve.append(state.objective)
            progress(done + len(curve), self.iterations, "factorizing")
        return state, curve


def sweeps(
    step: Callable[[State], State], state: State, count: int, tolerance: float
) -> Iterator[State]:
    """The states after each sweep: ``count`` of them, or fewer once they hardly change.

    Multiplicative updates creep for thousands of sweeps, and published results are those of a
    stated number of them: running all is no failure, so nothing is said about it.
    """
    for _ in range(count):
        previous, state = state, step(state)
        yield state
        if 0 <= nmf.decrease(previous, state) <= tolerance:
            return


def not_below_zero(cube: Cube, valid: Mask) -> Pixels:
    """The valid pixels with negative values set to zero.

    Raises
    ------
    InputError
        If there is no valid pixel, or no value above zero.

    Warns
    -----
    DataWarning
        If values are negative.
    """
    if not valid.any():
        raise InputError("no pixel is valid; check the nodata value and the mask")
    pixels = valid_pixels(cube, valid)
    below = pixels < 0
    if below.any():
        warnings.warn(
            f"{np.count_nonzero(below) / below.size:.2g} of the values are negative (the least is "
            f"{pixels.min():g}): this factorization needs values from 0 up, and takes them as 0; "
            f"give the scene an offset if they mean something",
            DataWarning,
            stacklevel=4,
        )
        pixels = np.where(below, 0.0, pixels)
    if not pixels.any():
        raise InputError("no value is above zero: there is nothing to factorize")
    return pixels


def possible_rank(rank: int, pixels: Pixels) -> int:
    """The rank, lowered with a warning to what so many pixels and bands can have."""
    most = min(pixels.shape)
    if rank > most:
        warnings.warn(
            f"rank={rank} is more than {pixels.shape[0]} pixels of {pixels.shape[1]} bands can "
            f"have; {most} is taken",
            DataWarning,
            stacklevel=3,
        )
    return min(rank, most)
