"""A fitted unfolded representation: what each stage does to a pixel, in plain arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as device_of

from oddspec.arrays import Pixels, PixelScores
from oddspec.detector import Insight
from oddspec.solvers import dictionary as solver
from oddspec.solvers.prox import row_norms
from oddspec.statistics.scaling import Scaling


@dataclass(frozen=True)
class Beginning:
    """What the copy J of a pixel's coefficients is before the first stage.

    Attributes
    ----------
    centres
        ``(K, b)``, in scaled bands.
    codes
        ``(K, K)``: the coefficients of a pixel that is nearest to each centre.
    """

    centres: np.ndarray
    codes: np.ndarray

    def of(self, X: Any) -> Any:
        """The coefficients of scaled pixels, in the kind of array that they came in."""
        xp, where = array_namespace(X), device_of(X)
        centres, codes = (xp.asarray(a, device=where) for a in (self.centres, self.codes))
        # Squared distances, but for what is the same for all centres.
        away = xp.sum(centres * centres, axis=1) - 2 * X @ centres.T
        return xp.take(codes, xp.argmin(away, axis=1), axis=0)


@dataclass(frozen=True)
class UnfoldedBackground:
    """A fitted network as plain arrays: what each stage does to a pixel.

    Attributes
    ----------
    scaling
        Of the bands.
    stages
        Atoms and small matrices of each stage.
    kind
        Which score: ``residual`` or ``sparse``.
    names
        Of the trained constants.
    constants
        ``(stages, names)``.
    losses
        Per epoch.
    errors
        Of each stage, ``||X - L D||^2 / ||X||^2`` over the sample.
    spectra, oddest
        Atoms and the most anomalous residuals of the sample, in scaled bands.
    beginning
        What J is before the first stage; zero if None.
    growths
        By which mu grows after each stage; empty where it never does.
    """

    scaling: Scaling
    stages: tuple[solver.Stage, ...]
    kind: str
    names: tuple[str, ...]
    constants: np.ndarray
    losses: np.ndarray
    errors: np.ndarray
    spectra: np.ndarray
    oddest: np.ndarray
    beginning: Beginning | None = None
    growths: tuple[float, ...] = ()

    def score(self, pixels: Pixels) -> PixelScores:
        """Length of what the background leaves of each pixel, shortened by l3 for ``sparse``."""
        X = self.scaling(pixels)
        xp = array_namespace(X)
        stages: Sequence[solver.Stage] = self.stages
        if not isinstance(X, np.ndarray):
            where = device_of(X)
            stages = [converted(s, lambda a: xp.asarray(a, device=where)) for s in stages]
        J = self.beginning and self.beginning.of(X)
        codes = solver.follow(X, stages, J, self.growths)
        lengths = row_norms(X - codes.L @ stages[-1].D)
        if self.kind == "residual":
            return lengths
        shrunk = lengths - stages[-1].l3
        return xp.where(shrunk > 0, shrunk, xp.zeros_like(shrunk))

    def insights(self) -> tuple[Insight, ...]:
        """Atoms, anomalous spectra, and what was learnt."""
        atoms = "mean spectrum plus each living atom at its typical strength, in the scene's units"
        rest = (
            f"what the background leaves of the {len(self.oddest)} oddest pixels of the sample, in "
            f"the scene's units"
        )
        constants = "constants of each stage, relative to the first stage's"
        errors = "part of the sample's energy that each stage leaves unexplained"
        found = [
            Insight("dictionary", "spectra", self.scaling.inverse(self.spectra), atoms),
            Insight("anomalies", "spectra", self.oddest * self.scaling.scale, rest),
            Insight(
                "constants",
                "curve",
                self.constants / self.constants[0],
                constants,
                self.names,
                "stage",
            ),
            Insight("errors", "curve", self.errors, errors, axis="stage"),
        ]
        if self.losses.size:
            label = "loss per pixel in each epoch"
            found.append(Insight("losses", "curve", self.losses, label, axis="epoch"))
        return tuple(found)


def converted(stage: solver.Stage, convert: Callable[[Any], Any]) -> solver.Stage:
    """The stage with other arrays, of which it has those only that scoring needs."""
    return solver.Stage(
        convert(stage.D),
        None if stage.turn is None else convert(stage.turn),
        solver.Maps(None, convert(stage.maps.Gamma), convert(stage.maps.Theta)),
        float(stage.l3),
        convert(stage.factor),
    )
