"""A threshold and all that must be known to judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from oddspec.statistics.distributions import ScoreDistribution


@dataclass(frozen=True)
class Threshold:
    """Pixels that score *higher* than ``value`` are detections; one that equals it is not.

    Attributes
    ----------
    value
        In the units of the scores.
    method
        ``theory``, ``tail``, ``empirical``, ``top`` or ``otsu``: the one that was used, also where
        ``auto`` was asked for. ``gap`` where ``auto`` took the scores that stand apart in a scene
        too small for the rate.
    pfa
        The stated false-alarm rate per background pixel, or None where the method states none.
    expected_false_alarms
        ``pfa`` times the number of valid pixels, or None.
    pixels
        Number of valid scores.
    distribution
        The distribution of background scores that the threshold comes from, for p-values; or None.
    diagnostics
        Facts that let the threshold be judged (JSON-serialisable).
    warnings
        Sentences for the user.
    """

    value: float
    method: str
    pfa: float | None
    expected_false_alarms: float | None
    pixels: int
    distribution: ScoreDistribution | None = field(default=None, repr=False, compare=False)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def mask(self, scores: np.ndarray) -> np.ndarray:
        """True where a pixel scores higher than the threshold; False where its score is NaN.

        Compared in float64, so that single-precision scores are not rounded onto the threshold.
        """
        return np.asarray(scores) > np.float64(self.value)

    def p_values(self, scores: np.ndarray) -> np.ndarray:
        """Chance that a background pixel scores at least as high; NaN where nothing is known."""
        if self.distribution is None:
            return np.full(np.shape(scores), np.nan)
        return self.distribution.sf(np.asarray(scores, dtype=np.float64))

    def as_dict(self) -> dict[str, Any]:
        """The threshold as a JSON-serialisable dictionary."""
        return {
            "value": self.value,
            "method": self.method,
            "pfa": self.pfa,
            "expected_false_alarms": self.expected_false_alarms,
            "pixels": self.pixels,
            "diagnostics": dict(self.diagnostics),
            "warnings": list(self.warnings),
        }
