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
from oddspec.detectors.factorization._factorized import Explained, Explaining
from oddspec.progress import Progress
from oddspec.settings import at_least
from oddspec.solvers import weighted_nmf
from oddspec.solvers.nmf import Factors

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
        """The loss as a function of how much of the weighted sweeps is done, from 0 to 1.

        It may only become lower on the way. ``residual`` is what the warm-up left of the data in
        units of ``unit``, ``least`` the smallest residual that means something.
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
        count, sweep = max(self.iterations - warmup, 1), itertools.count()
        state, curve = self.swept(
            lambda state: weighted_nmf.step(state, single, loss(next(sweep) / count)),
            Factors((first.H / unit).astype(np.float32), first.W.astype(np.float32)),
            warmup,
            self.iterations,
            progress,
        )
        # A weighted sweep gives the objective before it: that of the last state is still to come.
        objective, *weights = weighted_nmf.evaluate_fit(state, single, loss(1.0))
        curve.append(objective)
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
