"""Clusters as the peaks of a density of points.

From a point that no path has touched yet, the mean of the points within the bandwidth h, weighted
by ``exp(-d^2 / (2 h^2))``, is taken again and again until it moves by less than 1e-3 h: a peak.
A peak closer than h/2 to a known one is the same. Each point belongs to the peak whose paths had it
within reach most often.

D. Comaniciu and P. Meer, "Mean shift: a robust approach toward feature space analysis", IEEE Trans.
Pattern Anal. Mach. Intell. 24(5), 603-619, 2002. doi:10.1109/34.1000236
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from oddspec.progress import Progress, silent

STEPS = 300
"""Most of one path; a path of weighted means gets ever slower, and few take a hundred."""


def mean_shift(
    points: Float[np.ndarray, "n p"], bandwidth: float, seed: int, progress: Progress = silent
) -> tuple[Float[np.ndarray, "K p"], Int[np.ndarray, " n"]]:
    """Peaks, and the peak that each point belongs to.

    ``O(n p)`` for each step of each path; there are about as many paths as clusters.

    Parameters
    ----------
    points
        Of any dimension.
    bandwidth
        Radius h within which points count, in the points' units.
    seed
        Of the order in which points are started from.
    progress
        Called with the number of points that have been touched.
    """
    rng = np.random.default_rng(seed)
    untouched = np.ones(len(points), dtype=np.bool_)
    squares = np.vecdot(points, points)
    peaks: list[np.ndarray] = []
    votes: list[np.ndarray] = []
    for first in rng.permutation(len(points)).tolist():
        if not untouched[first]:
            continue
        peak, reached = _climb(points, squares, points[first], bandwidth)
        reached[first] += 1
        untouched &= reached == 0
        near = [k for k, p in enumerate(peaks) if np.linalg.norm(p - peak) < bandwidth / 2]
        if near:
            # Midway between the two, whatever the number of paths that led there before.
            peaks[near[0]] = 0.5 * (peaks[near[0]] + peak)
            votes[near[0]] += reached
        else:
            peaks.append(peak)
            votes.append(reached)
        progress(int(np.count_nonzero(~untouched)), len(points), "clustering")
    return np.array(peaks), np.argmax(np.array(votes), axis=0)


def _climb(
    points: np.ndarray, squares: np.ndarray, mean: np.ndarray, bandwidth: float
) -> tuple[np.ndarray, np.ndarray]:
    """A peak, and how often each point was within reach on the way to it."""
    reached = np.zeros(len(points), dtype=np.int32)
    for _ in range(STEPS):
        distances = squares - 2.0 * (points @ mean) + mean @ mean  # squared
        inside = np.flatnonzero(distances < bandwidth**2)
        if not len(inside):
            break
        reached[inside] += 1
        weights = np.exp(-distances[inside] / (2.0 * bandwidth**2))
        before, mean = mean, (weights @ points[inside]) / weights.sum()
        if np.linalg.norm(mean - before) < 1e-3 * bandwidth:
            break
    return mean, reached
