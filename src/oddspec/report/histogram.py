"""How the scores are distributed, counted by strips of the scene."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from oddspec.arrays import Scores

_BINS = 4096
_STRIP = 1 << 20


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of the valid scores in narrow bins.

    Attributes
    ----------
    edges
        One more than bins, ascending; evenly spaced, in the logarithm if ``logarithmic``.
    counts
        Scores per bin; scores that are infinite are counted in the last.
    valid, invalid
        Pixels with and without a score.
    logarithmic
        True if all scores are positive and spread over more than a factor of ten.
    """

    edges: np.ndarray
    counts: np.ndarray
    valid: int
    invalid: int
    logarithmic: bool

    def coarse(self, bins: int) -> tuple[np.ndarray, np.ndarray]:
        """Edges and counts of fewer bins (a divisor of their number)."""
        step = len(self.counts) // bins
        return self.edges[::step], self.counts.reshape(bins, step).sum(axis=1)

    @property
    def exceedance(self) -> np.ndarray:
        """Fraction of the valid scores at or above the lower edge of every bin."""
        above = np.cumsum(self.counts[::-1])[::-1]
        fraction: np.ndarray = above / max(self.valid, 1)
        return fraction


def count_scores(scores: Scores) -> Histogram | None:
    """Count the scores in two passes; None if there is not one that is finite."""
    low, high, valid = np.inf, -np.inf, 0
    for values in _valid_strips(scores):
        valid += len(values)
        finite = values[np.isfinite(values)]
        if len(finite):
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:
        return None
    logarithmic = low > 0 and high > 10 * low
    if high == low:
        low, high = low - 0.5, high + 0.5
    edges = np.geomspace(low, high, _BINS + 1) if logarithmic else np.linspace(low, high, _BINS + 1)
    edges[[0, -1]] = low, high  # geomspace rounds its ends, and scores lie on them
    counts = np.zeros(_BINS, dtype=np.int64)
    for values in _valid_strips(scores):
        counts += np.histogram(np.clip(values, low, high), edges)[0]
    return Histogram(edges, counts, valid, scores.size - valid, logarithmic)


def row_strips(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of rows that hold some million pixels each, from the first row to the last."""
    step = max(1, _STRIP // shape[1])
    return (slice(top, top + step) for top in range(0, shape[0], step))


def _valid_strips(scores: Scores) -> Iterator[np.ndarray]:
    for rows in row_strips(scores.shape):
        strip = np.asarray(scores[rows], dtype=np.float64)
        yield strip[~np.isnan(strip)]
