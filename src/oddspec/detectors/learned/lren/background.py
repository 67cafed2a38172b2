"""A fitted LREN: how any pixel is scored by what a sample of the scene has left.

Pixels meet in one place only, the nuclear norm of eq. 1. There are two ways to score a pixel that
was not among the solved ones, and both give the solved ones what they had:

**At the optimum.** All that a pixel needs of the scene is a metric, an l x l matrix
(`lrr_optimum`).

**As far as an iteration got.** The published schedule may stop before the optimum. Its singular
value thresholding multiplies by an m x m matrix; with these matrices recorded, the same steps are
repeated for any pixel by itself (`lrr.record`, `lrr.replay`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as device_of
from jaxtyping import Float

from oddspec.arrays import Pixels, PixelScores
from oddspec.detector import Insight
from oddspec.detectors._sampled import losses_insight
from oddspec.detectors.learned.lren import lrr
from oddspec.detectors.learned.lren.lrr_optimum import errors, optimum
from oddspec.networks.dense import Network
from oddspec.solvers.prox import shrink_rows
from oddspec.statistics.scaling import Scaling


@dataclass(frozen=True)
class Coupling:
    """What further pixels need of a solution.

    Attributes
    ----------
    atoms
        The dictionary D, ``(m, l)``.
    penalty
        Weight lam of the errors.
    metric
        K, ``(l, l)``, of an optimum; None where an iteration was recorded.
    factors
        ``(steps, m, m)``: the recorded matrices of the published schedule; None at an optimum.
    squared
        Whether the recorded problem weighs ``||A||_F^2`` instead of ``||A||_{2,1}``.
    """

    atoms: np.ndarray
    penalty: float
    metric: np.ndarray | None = None
    factors: np.ndarray | None = None
    squared: bool = False

    def errors(self, Psi: Float[Any, "n l"]) -> Float[Any, "n l"]:
        """Error of each row, in the kind of array that it came in."""
        xp, where = array_namespace(Psi), device_of(Psi)
        if self.factors is None:
            return errors(Psi, xp.asarray(self.metric, device=where), self.penalty)
        atoms, factors = (xp.asarray(a, device=where) for a in (self.atoms, self.factors))
        return lrr.replay(Psi, atoms, self.penalty, factors, _shrink(self.squared)).A


def _shrink(squared: bool) -> Callable[[Any, float], Any]:
    return lrr.damp if squared else shrink_rows


def couple(
    Psi: Float[np.ndarray, "n l"],
    D: Float[np.ndarray, "m l"],
    lam: float,
    *,
    published: bool,
    squared: bool = False,
    max_iter: int = 500,
) -> Coupling:
    """Solve for these pixels, and keep what others need.

    Parameters
    ----------
    Psi, D, lam
        As for `lrr.solve`.
    published
        Follow the published schedule and record it, instead of solving to the optimum.
    squared
        See `Coupling`; with the published schedule only.
    max_iter
        Most steps to the optimum.

    Warns
    -----
    NotConverged
        If the optimum is not reached.
    """
    if published:
        _, factors = lrr.record(Psi, D, lam, _shrink(squared))
        return Coupling(D, lam, factors=factors, squared=squared)
    return Coupling(D, lam, metric=optimum(Psi, D, lam, max_iter=max_iter))


@dataclass(frozen=True)
class Member:
    """What one training and one solution leave.

    Attributes
    ----------
    encoder
        None where pixels are represented by their bands.
    mean, frame
        A pixel is represented as ``(z - mean) @ frame``.
    coupling
        What it needs of the solution.
    scale
        Mean norm of the sample's errors.
    spectra
        The dictionary in scaled bands, as the decoder draws it.
    terms, losses
        See `oddspec.networks.train.Training`.
    """

    encoder: Network | None
    mean: np.ndarray
    frame: np.ndarray
    coupling: Coupling
    scale: float
    spectra: np.ndarray
    terms: tuple[str, ...]
    losses: np.ndarray

    def errors(self, scaled: Any) -> Any:
        """What the dictionary leaves of each pixel."""
        xp, where = array_namespace(scaled), device_of(scaled)
        code = scaled if self.encoder is None else self.encoder(single(scaled))
        code = xp.astype(code, xp.float64)
        return self.coupling.errors(
            (code - xp.asarray(self.mean, device=where)) @ xp.asarray(self.frame, device=where)
        )


@dataclass(frozen=True)
class LRENBackground:
    """A fitted LREN, in NumPy arrays; scores pixels where they are."""

    norm: str
    scaling: Scaling
    members: tuple[Member, ...]

    def score(self, pixels: Pixels) -> PixelScores:
        """Mean over the runs of the error's norm, each divided by its mean over the sample."""
        scaled = self.scaling(pixels)
        scores = (vector_norms(m.errors(scaled), self.norm) / m.scale for m in self.members)
        return sum(scores) / len(self.members)

    def insights(self) -> tuple[Insight, ...]:
        """Dictionary spectra and losses of the first run, and each run's penalty."""
        first = self.members[0]
        spectra = self.scaling.inverse(first.spectra)
        label = "dictionary atoms in the scene's units (a typical and an extreme pixel "
        penalties = np.array([m.coupling.penalty for m in self.members])
        return (
            Insight("dictionary", "spectra", spectra, label + "of each component)"),
            losses_insight(first.losses, first.terms),
            Insight("penalty", "values", penalties, "weight of the errors in each run"),
        )


def single(x: Any) -> Any:
    """In float32, as the networks take it."""
    xp = array_namespace(x)
    return xp.astype(x, xp.float32)


def vector_norms(errors: Any, norm: str) -> Any:
    """``l1`` or ``l2`` norm of each row."""
    xp = array_namespace(errors)
    if norm == "l1":
        return xp.sum(xp.abs(errors), axis=1)
    return xp.sqrt(xp.sum(errors * errors, axis=1))
