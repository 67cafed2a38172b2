"""A fitted unfolded representation: what each stage does to a pixel, in plain arrays."""

from __future__ import annotations

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

__all__ = ["UnfoldedBackground", "parts"]


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

    def score(self, pixels: Pixels) -> PixelScores:
        """Length of what the background leaves of each pixel, shortened by l3 for ``sparse``."""
        X = self.scaling(pixels)
        xp = array_namespace(X)
        stages = [_moved(stage, X) for stage in self.stages]
        lengths = row_norms(X - solver.follow(X, stages).L @ stages[-1].D)
        if self.kind == "residual":
            return lengths
        rest = lengths - stages[-1].l3
        return xp.where(rest > 0, rest, xp.zeros_like(rest))

    def insights(self) -> tuple[Insight, ...]:
        """Atoms, odd spectra, and what was learnt."""
        found = [
            Insight(
                "dictionary",
                "spectra",
                self.scaling.inverse(self.spectra),
                "mean spectrum plus each living atom at its typical strength, in the scene's units",
            ),
            Insight(
                "anomalies",
                "spectra",
                self.oddest * self.scaling.scale,
                f"what the background leaves of the {len(self.oddest)} oddest pixels of the "
                f"sample, in the scene's units",
            ),
        ]
        first = self.constants[0] if len(self.constants) else 1.0
        found.append(
            Insight(
                "constants",
                "curve",
                self.constants / first,
                "constants of each stage, relative to the first stage's",
                self.names,
                "stage",
            )
        )
        label = "part of the sample's energy that each stage leaves unexplained"
        found.append(Insight("errors", "curve", self.errors, label, axis="stage"))
        if self.losses.size:
            label = "loss per pixel in each epoch"
            found.append(Insight("losses", "curve", self.losses, label, axis="epoch"))
        return tuple(found)


def parts(stage: solver.Stage) -> dict[str, Any]:
    """The arrays of a stage that scoring needs, by name."""
    maps = stage.maps
    found = {"D": stage.D, "Gamma": maps.Gamma, "Theta": maps.Theta, "factor": stage.factor}
    return found if stage.turn is None else found | {"turn": stage.turn}


def _moved(stage: solver.Stage, like: Any) -> solver.Stage:
    """The stage on the device that ``like`` is on."""
    if isinstance(like, np.ndarray):
        return stage
    xp, where = array_namespace(like), device_of(like)
    part = {name: xp.asarray(value, device=where) for name, value in parts(stage).items()}
    maps = solver.Maps(None, part["Gamma"], part["Theta"])
    return solver.Stage(part["D"], part.get("turn"), maps, stage.l3, part["factor"])
