"""Reasons to look at a detection twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from oddspec.arrays import Scores
from oddspec.detections.objects import Detections

__all__ = ["ON_DEAD_LINE", "ON_SCENE_EDGE", "TOUCHES_MASKED", "flag_detections"]

TOUCHES_MASKED = "touches masked"
ON_SCENE_EDGE = "on scene edge"
ON_DEAD_LINE = "on dead line"


def flag_detections(
    detections: Detections,
    scores: Scores,
    *,
    dead_rows: Iterable[int] = (),
    dead_columns: Iterable[int] = (),
) -> Detections:
    """The same objects with flags: `TOUCHES_MASKED`, `ON_SCENE_EDGE`, `ON_DEAD_LINE`.

    An object touches masked pixels if one of its pixels has a neighbour (8-connected) whose score
    is NaN. ``dead_rows`` and ``dead_columns`` are lines of the scene known to be faulty (dead,
    saturated, striped); an object with a pixel on one of them is flagged.
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
    }
    flags = tuple(
        tuple(name for name, holds in found.items() if holds[i]) for i in range(len(detections))
    )
    return replace(detections, flags=flags)
