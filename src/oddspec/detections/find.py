"""From a mask to its objects, in memory proportional to what was detected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from oddspec.arrays import Index, PixelScores, Scores
from oddspec.detections.objects import Detections
from oddspec.errors import BudgetError, InputError, SettingError
from oddspec.progress import Progress, silent

TOUCHES_MASKED = "touches masked"
ON_SCENE_EDGE = "on scene edge"
ON_DEAD_LINE = "on dead line"
IN_CROWDED_LINE = "in crowded line"

_LEAST_CROWD = 3
_BY_CHANCE = 0.01
"""Probability that any line of a scene is called crowded where objects lie at random."""


def flag_detections(
    detections: Detections,
    scores: Scores,
    *,
    dead_rows: Iterable[int] = (),
    dead_columns: Iterable[int] = (),
) -> Detections:
    """The same objects with flags.

    These are `TOUCHES_MASKED`, `ON_SCENE_EDGE`, `ON_DEAD_LINE` and `IN_CROWDED_LINE`.

    An object touches masked pixels if one of its pixels has a neighbour (8-connected) whose score
    is NaN. ``dead_rows`` and ``dead_columns`` are lines of the scene known to be faulty (dead,
    saturated, striped); an object with a pixel on one of them is flagged. A column or row is
    crowded if it has so many objects' peaks as chance gives any one line with a probability of at
    most 1 percent: a detector element or a scan line that is off makes many objects.
    """
    height, width = detections.shape
    rows, columns = detections.rows, detections.columns
    masked = np.zeros(len(rows), dtype=np.bool_)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            near_row = np.clip(rows + down, 0, height - 1)
            near_column = np.clip(columns + right, 0, width - 1)
            masked |= np.isnan(np.asarray(scores[near_row, near_column]))
    dead = np.isin(rows, np.fromiter(dead_rows, dtype=np.int64))
    dead |= np.isin(columns, np.fromiter(dead_columns, dtype=np.int64))
    found = {
        TOUCHES_MASKED: detections.any_pixel(masked),
        ON_SCENE_EDGE: detections.touches_edge,
        ON_DEAD_LINE: detections.any_pixel(dead),
        IN_CROWDED_LINE: _crowded(detections.peak_index, detections.shape),
    }
    flags = tuple(
        tuple(name for name, holds in found.items() if holds[i]) for i in range(len(detections))
    )
    return replace(detections, flags=flags)


def _crowded(peaks: Index, shape: tuple[int, int]) -> np.ndarray:
    """One bool per object: whether the column or the row of its peak has more than chance gives."""
    from scipy.stats import binom

    found = np.zeros(len(peaks), dtype=np.bool_)
    for lines, count in zip(np.divmod(peaks, max(shape[1], 1)), shape, strict=True):
        if count < 2:
            continue
        crowd = np.bincount(lines, minlength=count)[lines]
        chance = count * binom.sf(crowd - 1, len(peaks), 1 / count)
        found |= (crowd >= _LEAST_CROWD) & (chance <= _BY_CHANCE)
    return found


_STRIP = 1 << 22
"""Pixels of the mask looked at together."""


def find_detections(
    scores: Scores,
    mask: np.ndarray,
    *,
    min_size: int = 1,
    max_size: int | None = None,
    connectivity: int = 8,
    most_pixels: int = 10_000_000,
    progress: Progress = silent,
) -> Detections:
    """The connected objects of a mask, by descending peak score.

    Time is one pass over the mask; memory is about 100 bytes per detected pixel.

    Parameters
    ----------
    scores
        ``(h, w)``, may be a ``numpy.memmap``; read at the detected pixels only.
    mask
        ``(h, w)`` bool, or integers of which 1 means detected; may be a ``numpy.memmap``.
    min_size, max_size
        Objects with fewer or more pixels are left out and counted.
    connectivity
        8: pixels that share a corner belong together; 4: they must share an edge.
    most_pixels
        A mask that marks more pixels than this is refused.
    progress
        Called after every strip of the mask.

    Raises
    ------
    SettingError
        If a setting is out of its range.
    InputError
        If the shapes differ, or a marked pixel has no score.
    BudgetError
        If the mask marks more than ``most_pixels`` pixels.
    """
    _check(scores, mask, min_size, max_size, connectivity)
    height, width = mask.shape
    index = _marked(mask, most_pixels, progress)
    values = _values_at(scores, index)
    starts, stops = _runs(index, width)
    labels = _connect(index[starts], index[stops - 1], width, connectivity)
    return _measure((height, width), index, values, starts, stops, labels, min_size, max_size)


def _check(
    scores: Scores, mask: np.ndarray, min_size: int, max_size: int | None, connectivity: int
) -> None:
    if mask.shape != scores.shape or mask.ndim != 2:
        raise InputError(
            f"the mask has shape {mask.shape} and the scores {scores.shape}: both must be "
            f"(rows, columns) of one scene"
        )
    if connectivity not in (4, 8):
        raise SettingError(f"connectivity={connectivity!r}: expected 4 or 8")
    if min_size < 1:
        raise SettingError(f"min_size={min_size}: expected a number of pixels, at least 1")
    if max_size is not None and max_size < min_size:
        raise SettingError(f"max_size={max_size}: expected at least min_size={min_size}")


def _marked(mask: np.ndarray, most_pixels: int, progress: Progress) -> Index:
    height, width = mask.shape
    step = max(1, _STRIP // max(width, 1))
    parts: list[Index] = []
    total = 0
    for top in range(0, height, step):
        strip = np.asarray(mask[top : top + step])
        found = np.flatnonzero(strip if strip.dtype == np.bool_ else strip == 1)
        total += len(found)
        if total > most_pixels:
            raise BudgetError(
                f"the mask marks more than {most_pixels} of {height * width} pixels "
                f"({total} in its first {min(top + step, height)} rows), which is a background "
                f"and not a set of detections: choose a higher threshold (a lower --pfa)"
            )
        parts.append(found.astype(np.int64) + top * width)
        progress(min(top + step, height), height, "finding detections")
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _values_at(scores: Scores, index: Index) -> PixelScores:
    rows, columns = np.divmod(index, max(scores.shape[1], 1))
    values = np.asarray(scores[rows, columns])
    missing = np.count_nonzero(np.isnan(values))
    if missing:
        raise InputError(
            f"the mask marks {missing} pixels whose score is NaN: a masked pixel cannot be "
            f"detected; take the mask from these scores"
        )
    return values


def _runs(index: Index, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Half-open ranges of ``index`` that are consecutive pixels of one row."""
    if not len(index):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    # The number put first is no neighbour of index[0], so that a run begins there.
    begins = np.diff(index, prepend=index[0] - 2) != 1
    begins |= index % width == 0
    starts = np.flatnonzero(begins)
    return starts, np.append(starts[1:], len(index))


def _connect(first: Index, last: Index, width: int, connectivity: int) -> np.ndarray:
    """A label per run, equal where runs of adjoining rows touch.

    ``first`` and ``last`` are the positions of a run's end pixels. The runs of the row above that
    a run touches are consecutive, so two searches in the sorted runs find them all.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(first)
    if not count:
        return np.zeros(0, dtype=np.int64)
    corner = 1 if connectivity == 8 else 0
    row_above = (first // width - 1) * width
    low = np.maximum(first - width - corner, row_above)
    high = np.minimum(last - width + corner, row_above + width - 1)
    begin = np.searchsorted(last, low, side="left")
    touching = np.maximum(np.searchsorted(first, high, side="right") - begin, 0)
    below = np.repeat(np.arange(count), touching)
    # 0, 1, 2, ... within the runs that each run touches.
    offset = np.arange(len(below)) - np.repeat(np.cumsum(touching) - touching, touching)
    above = begin[below] + offset
    graph = coo_array((np.ones(len(below), dtype=np.bool_), (below, above)), shape=(count, count))
    labels: np.ndarray = connected_components(graph, directed=False)[1]
    return labels


def _measure(
    shape: tuple[int, int],
    index: Index,
    values: PixelScores,
    starts: np.ndarray,
    stops: np.ndarray,
    labels: np.ndarray,
    min_size: int,
    max_size: int | None,
) -> Detections:
    """Group the pixels by object, drop the objects of a wrong size, order them by peak."""
    of_pixel = np.repeat(labels, stops - starts)
    sizes = np.bincount(of_pixel)
    small = sizes < min_size
    large = np.zeros_like(small) if max_size is None else sizes > max_size
    peak = np.full(len(sizes), -np.inf)
    np.maximum.at(peak, of_pixel, values)
    # Objects of one peak are ordered by their first pixel.
    first = np.full(len(sizes), np.iinfo(np.int64).max)
    np.minimum.at(first, of_pixel, index)
    kept = np.flatnonzero(~(small | large))
    kept = kept[np.lexsort((first[kept], -peak[kept]))]
    rank = np.full(len(sizes), len(kept))
    rank[kept] = np.arange(len(kept))
    # A stable sort keeps the pixels of an object in reading order; dropped ones come last.
    order = np.argsort(rank[of_pixel], kind="stable")[: int(sizes[kept].sum())]
    offsets = np.concatenate([[0], np.cumsum(sizes[kept])]).astype(np.int64)
    index, values = index[order], values[order]
    with np.errstate(invalid="ignore"):
        mean = np.bincount(rank[of_pixel[order]], values, len(kept)) / sizes[kept]
    is_peak = np.flatnonzero(values == np.repeat(peak[kept], sizes[kept]))
    at_peak = is_peak[np.searchsorted(is_peak, offsets[:-1])] if len(kept) else is_peak
    return Detections(
        shape=shape,
        pixels=index,
        scores=values,
        starts=offsets,
        peak=peak[kept],
        mean_score=mean,
        peak_index=index[at_peak],
        too_small=int(small.sum()),
        too_large=int(large.sum()),
    )
