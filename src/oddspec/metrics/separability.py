"""How far targets stand out from the background: the numbers of a box-and-whisker plot."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from oddspec.errors import InputError
from oddspec.metrics.classes import Classes


@dataclass(frozen=True)
class Box:
    """Quantiles of scores: the box holds the middle half, the whiskers the middle four fifths."""

    lowest: float
    low_whisker: float
    low_quartile: float
    median: float
    high_quartile: float
    high_whisker: float
    highest: float

    @classmethod
    def of(cls, ordered: np.ndarray) -> Box:
        """Of scores in ascending order, interpolated linearly."""
        if not ordered.size:
            raise InputError("undefined: a class without pixels has no quantiles")
        place = np.array([0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]) * (ordered.size - 1)
        low = np.floor(place).astype(np.intp)
        high = np.minimum(low + 1, ordered.size - 1)
        part = place - low
        return cls(*(float(q) for q in ordered[low] * (1 - part) + ordered[high] * part))


@dataclass(frozen=True)
class Separability:
    """Boxes of both classes, in the units of the scores.

    Attributes
    ----------
    background, targets
        The boxes.
    """

    background: Box
    targets: Box

    @classmethod
    def of(cls, classes: Classes) -> Separability:
        """The boxes of two classes."""
        return cls(Box.of(classes.background), Box.of(classes.targets))

    @property
    def gap(self) -> float | None:
        """From the background's upper whisker to the targets' lower one, in background boxes.

        Positive where nine tenths of the targets stand above nine tenths of the background; the
        unit is the height of the background's box. None where that box has no height.
        """
        height = self.background.high_quartile - self.background.low_quartile
        if height <= 0:
            return None
        return (self.targets.low_whisker - self.background.high_whisker) / height

    def as_dict(self) -> dict[str, dict[str, float] | float | None]:
        """JSON-serialisable."""
        return {
            "background": asdict(self.background),
            "targets": asdict(self.targets),
            "gap": self.gap,
        }
