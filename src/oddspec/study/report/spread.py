"""What several runs of one cell come to: their median and how far they spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Spread"]


@dataclass(frozen=True)
class Spread:
    """Quantiles of a few values, interpolated linearly.

    Attributes
    ----------
    worst
        Least or most, whichever is the bad end of the metric.
    """

    count: int
    least: float
    low_quartile: float
    median: float
    high_quartile: float
    most: float
    worst: float

    @classmethod
    def of(cls, values: Sequence[float], *, lower: bool = False) -> Spread:
        """Of at least one value; ``lower`` says that small ones are good."""
        quantiles = np.quantile(np.asarray(values, dtype=np.float64), [0, 0.25, 0.5, 0.75, 1])
        least, low, median, high, most = (float(q) for q in quantiles)
        return cls(len(values), least, low, median, high, most, most if lower else least)

    @property
    def worst_less_median(self) -> float:
        """How much the worst value lies beside the median, with its sign."""
        return self.worst - self.median
