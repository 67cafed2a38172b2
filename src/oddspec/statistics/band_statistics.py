"""What values a scene has in each band, so that a model can tell a scene that it does not fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from oddspec.arrays import Pixels

TOLD = 5.0
"""Pairs of public scenes that share sensor, bands and unit differ by a factor of at most 1.9, and
their means lie at most 1.3 standard deviations apart (11 pairs of docs/scenes.md)."""

REFUSED = 50.0
"""Level and spread both differ by at least that much only between different units: hydice-162 has
a copy in other units, at 470 and 490; percent are 100 times, reflectance by 10000 more."""


@dataclass(frozen=True)
class BandComparison:
    """How another scene's values differ from these: medians over the bands.

    Attributes
    ----------
    level
        The other scene's root mean square over this one's.
    spread
        Its standard deviation over this one's.
    shift
        Distance between the means, in the larger of the two standard deviations.
    """

    level: float
    spread: float
    shift: float

    @property
    def far(self) -> bool:
        """Whether what is known of these values says little about the other scene."""
        ratios = [self.level, self.spread]
        return any(not 1 / TOLD < ratio < TOLD for ratio in ratios) or self.shift > TOLD

    @property
    def other_units(self) -> bool:
        """Whether all values are larger, or all smaller, by orders of magnitude."""
        ratios = [self.level, self.spread]
        return min(ratios) >= REFUSED or max(ratios) <= 1 / REFUSED

    def __str__(self) -> str:
        return (
            f"its values are {self.level:.2g} times as large and spread {self.spread:.2g} times as "
            f"widely, and the means lie {self.shift:.2g} standard deviations apart (medians over "
            f"the bands)"
        )


@dataclass(frozen=True)
class BandStatistics:
    """Number, mean and standard deviation (divisor n) of pixels in each band."""

    count: int
    mean: Float[np.ndarray, " b"]
    deviation: Float[np.ndarray, " b"]

    @classmethod
    def of(cls, pixels: Pixels) -> BandStatistics:
        """Those of the rows of ``pixels``, at least one."""
        return cls(len(pixels), pixels.mean(axis=0), pixels.std(axis=0))

    def compare(self, other: BandStatistics) -> BandComparison:
        """How the other pixels' values differ from these; constant bands tell nothing."""
        level = _median_ratio(
            np.hypot(other.mean, other.deviation), np.hypot(self.mean, self.deviation)
        )
        spread = _median_ratio(other.deviation, self.deviation)
        unit = np.maximum(self.deviation, other.deviation)
        varies = unit > 0
        apart = np.abs(other.mean - self.mean)[varies] / unit[varies]
        return BandComparison(level, spread, float(np.median(apart)) if len(apart) else 0.0)


def _median_ratio(above: np.ndarray, below: np.ndarray) -> float:
    """Median of the ratios of values above zero; 1 where there are none."""
    there = (above > 0) & (below > 0)
    return float(np.median(above[there] / below[there])) if there.any() else 1.0
