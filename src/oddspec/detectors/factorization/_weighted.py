"""What the factorizations with weighted residuals share: the warm-up and the weighted sweeps."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from oddspec.arrays import Pixels
from oddspec.detector import Insight
from oddspec.detectors.factorization._factorized import Explained, Explaining, sweeps
from oddspec.progress import Progress
from oddspec.settings import at_least
from oddspec.solvers import weighted_nmf
from oddspec.solvers.nmf import Factors

__all__ = ["SMALLEST", "Weighted"]

SMALLEST = 1e-6
"""Residuals below this part of the data are float32's rounding."""


@dataclass(frozen=True)
class Weighted(Explaining):
    """Plain sweeps, then sweeps under a loss that weighs residuals.

    Parameters
    ----------
    warmup
        Sweeps of plain factorization at the start, with equal weights.
    """

    warmup: int = 250

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 0, "warmup")

    @abstractmethod
    def loss_of(
        self, residual: Pixels, least: float, unit: float
    ) -> Callable[[float], weighted_nmf.Loss]:
        """The loss at each part of the weighted sweeps, from 0 to 1; it may only become lower.

        ``residual`` is what the warm-up left of the data in units of ``unit``, ``least`` the
        smallest residual that means something.
        """

    def explain(self, X: Pixels, rank: int, progress: Progress) -> Explained:
        """The factorization under the loss, and the residual that it leaves."""
        warmup = min(self.warmup, self.iterations)
        first, _ = self.plain(X, rank, warmup, progress)
        unit = float(X.max())
        least = SMALLEST * math.sqrt(float(np.mean(X * X))) / unit
        loss = self.loss_of((X - first.H @ first.W) / unit, least, unit)
        # Weighted sweeps are bound by elementwise work, which float32 halves.
        single = (X / unit).astype(np.float32)
        count, numbers = max(self.iterations - warmup, 1), itertools.count()
        state = begun = Factors((first.H / unit).astype(np.float32), first.W.astype(np.float32))
        curve: list[float] = []
        for state in sweeps(
            lambda s: weighted_nmf.step(s, single, loss(next(numbers) / count)),
            begun,
            self.iterations - warmup,
            self.tolerance,
        ):
            curve.append(state.objective)
            progress(warmup + len(curve), self.iterations, "factorizing")
        curve.append(weighted_nmf.objective(state, single, loss(1.0)))
        weights = weighted_nmf.mean_weights(state, single, loss(1.0))
        H, W = unit * state.H.astype(float), state.W.astype(float)
        return Explained(H, W, X - H @ W, np.array(curve), self._insights(*weights))

    def _insights(self, pixels: np.ndarray, bands: np.ndarray) -> tuple[Insight, ...]:
        return (
            Insight("band_weights", "spectra", bands[None], "mean weight of each band"),
            Insight(
                "pixel_weights",
                "values",
                np.percentile(pixels, [0, 5, 25, 50, 75, 95, 100]),
                "mean weight of a pixel, by percentile of the pixels",
                names=("least", "5 %", "25 %", "median", "75 %", "95 %", "most"),
            ),
        )
