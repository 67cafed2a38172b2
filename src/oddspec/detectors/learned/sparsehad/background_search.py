"""A coarse choice of background pixels to learn from: what hangs together in spectral space.

DBSCAN with one point per neighbourhood (MinPts = 1) has no noise, and its clusters are the
connected components of the graph that joins pixels no farther apart than ``eps``. The largest one
is taken as background (M. Ester et al., KDD 1996; sparseHAD, ICLR 2021 submission, eq. 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from oddspec.errors import SettingError
from oddspec.progress import Progress, silent

CHUNK = 512
"""Rows whose distances to the others are held at once."""


@dataclass(frozen=True)
class Search:
    """What the background search found.

    Attributes
    ----------
    distances
        Of every pixel of the sample to its nearest neighbour, sorted.
    eps, share
        Largest distance of neighbours, and the share of the sample that is background with it.
    sizes
        Pixels in each category (eq. 2), the background first; None in older models.
    """

    distances: Float[np.ndarray, " n"]
    eps: float
    share: float
    sizes: np.ndarray | None = None


def search(
    pixels: Float[np.ndarray, "n b"],
    eps: float | None,
    share: float,
    progress: Progress = silent,
) -> tuple[Search, Bool[np.ndarray, " n"]]:
    """The largest component with the given ``eps``, or with the least that gives it ``share``.

    Parameters
    ----------
    pixels
        Rows.
    eps
        Largest distance of neighbours; None looks for it, see `smallest_eps`.
    share
        Least share of the pixels, between 0 and 1; not used with a given ``eps``.
    progress
        Told how many pixels have been reached.

    Returns
    -------
    found, member
        The outcome, and which pixels are background.

    Raises
    ------
    SettingError
        If ``eps`` is so small that the largest component has no two different pixels.
    """
    distances = nearest_distances(pixels, progress)
    if eps is None:
        eps, member = smallest_eps(pixels, distances, share, progress)
    else:
        member = largest_component(pixels, eps, progress)
    found = pixels[member]
    if (found == found[0]).all():
        raise SettingError(
            f"eps={eps:g}: the largest group of pixels that close has {len(found)} of "
            f"{len(pixels)}, without any difference, so there is no background to learn from; the "
            f"median distance of a pixel to the nearest is {np.median(distances):.3g}"
        )
    sizes = np.unique_counts(categories(pixels, eps, progress)).counts
    return Search(np.sort(distances), eps, float(member.mean()), sizes), member


def categories(
    pixels: Float[np.ndarray, "n b"], eps: float, progress: Progress = silent
) -> Int[np.ndarray, " n"]:
    """The connected component that each row is in, the largest numbered 0: the map of eq. 2.

    Of components of one size the one with the earliest row comes first, so that 0 is the one of
    `largest_component`. For the map of a scene ``(h, w, b)`` give its pixels in 0..1
    (`oddspec.statistics.scaling.global01`) and reshape to ``(h, w)``.
    """
    centred = pixels - pixels.mean(axis=0)
    squares = np.vecdot(centred, centred)
    rest, found = np.arange(len(pixels)), []
    while len(rest):
        progress(len(pixels) - len(rest), len(pixels), "categories")
        component, rest = _grow(centred, squares, rest, eps)
        found.append(component)
    found.sort(key=lambda component: (-len(component), component.min()))
    labels = np.empty(len(pixels), dtype=np.intp)
    for number, component in enumerate(found):
        labels[component] = number
    return labels


def largest_component(
    pixels: Float[np.ndarray, "n b"], eps: float, progress: Progress = silent
) -> Bool[np.ndarray, n]:
    """Members of the largest connected component of the graph ``distance <= eps``.

    A component is grown from any pixel by looking up the neighbours of its members among the pixels
    not yet reached. Every pixel is looked up once, so there are at most n^2 distances and never
    more than a few of their rows in memory; as the rest shrinks quickly, a scene with one large
    component takes far fewer. The search ends once no larger component is possible; of several
    largest ones it has found that with the earliest pixel.
    """
    centred = pixels - pixels.mean(axis=0)
    squares = np.vecdot(centred, centred)
    rest = np.arange(len(pixels))
    best = rest[:0]
    while len(rest) > len(best):
        progress(len(pixels) - len(rest), len(pixels), "background search")
        found, rest = _grow(centred, squares, rest, eps)
        if len(found) > len(best):
            best = found
    member = np.zeros(len(pixels), dtype=np.bool_)
    member[best] = True
    return member


def _grow(
    pixels: np.ndarray, squares: np.ndarray, rest: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """The component of the first pixel of ``rest``, and what then remains of ``rest``."""
    found, rest = [rest[:1]], rest[1:]
    # Members whose neighbours have not been looked up: a chunk of them, and the others.
    waiting = rest[:0]
    front = found[0]
    while len(front) and len(rest):
        near = _squared_distances(pixels, squares, front, rest) <= eps * eps
        reached = near.any(axis=0)
        found.append(rest[reached])
        waiting = np.concatenate([waiting, rest[reached]])
        rest = rest[~reached]
        front, waiting = waiting[:CHUNK], waiting[CHUNK:]
    return np.concatenate(found), rest


def nearest_distances(
    pixels: Float[np.ndarray, "n b"], progress: Progress = silent
) -> Float[np.ndarray, " n"]:
    """Distance of each row to the nearest other row: the k-distance curve of DBSCAN for k = 1."""
    centred = pixels - pixels.mean(axis=0)
    squares = np.vecdot(centred, centred)
    everyone = np.arange(len(pixels))
    nearest = np.empty(len(pixels))
    for start in range(0, len(pixels), CHUNK):
        progress(start, len(pixels), "nearest neighbours")
        rows = everyone[start : start + CHUNK]
        apart = _squared_distances(centred, squares, rows, everyone)
        apart[np.arange(len(rows)), rows] = np.inf
        nearest[rows] = np.sqrt(np.maximum(apart.min(axis=1), 0))
    return nearest


def smallest_eps(
    pixels: Float[np.ndarray, "n b"],
    distances: Float[np.ndarray, " n"],
    share: float,
    progress: Progress = silent,
) -> tuple[float, Bool[np.ndarray, n]]:
    """The least ``eps`` (to 5 %) whose largest component holds ``share`` of the pixels.

    The knee of the k-distance curve says where single pixels become isolated, but not whether the
    background hangs together: with it, a scene of land and water falls into two large components,
    one of which would be taken for anomalies. So the size of the component itself is asked for.
    ``distances`` are those of `nearest_distances`; the members are returned beside ``eps``.
    """
    needed = share * len(pixels)
    # A pixel farther from its nearest neighbour is in no component of two.
    low = max(float(np.quantile(distances, share * 0.999)), np.finfo(float).tiny)
    high, member = low, largest_component(pixels, low, progress)
    while member.sum() < needed:
        low, high = high, 1.5 * high
        member = largest_component(pixels, high, progress)
    # The component of low is too small, that of high is large enough: halved in logarithms.
    while high > 1.05 * low:
        middle = (low * high) ** 0.5
        trial = largest_component(pixels, middle, progress)
        if trial.sum() < needed:
            low = middle
        else:
            high, member = middle, trial
    return high, member


def _squared_distances(
    pixels: np.ndarray, squares: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    # ||x||^2 - 2 x y + ||y||^2, of centred pixels: less cancellation.
    apart = pixels[rows] @ pixels[columns].T
    apart *= -2
    apart += squares[rows][:, None]
    apart += squares[columns]
    return apart
