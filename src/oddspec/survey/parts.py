"""The rows of a scene that are looked at, read in parts that take little memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from oddspec.scene import Scene

PART_VALUES = 5e5
"""Number of values held at once: 4 MB of float64, and as much for each of a few passing arrays."""


@dataclass(frozen=True)
class Part:
    """Some of the rows that are looked at, or a piece of one of them."""

    rows: np.ndarray
    places: slice
    """Of these rows among all that are looked at."""
    columns: tuple[int, int]

    def read(self, scene: Scene) -> np.ndarray:
        """Its pixels, as they are stored."""
        first, last = int(self.rows[0]), int(self.rows[-1])
        if last - first + 1 == len(self.rows):
            return scene.source.read((first, last + 1), self.columns)
        lines = [scene.source.read((r, r + 1), self.columns) for r in self.rows.tolist()]
        return np.concatenate(lines)

    def prepared(self, scene: Scene, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Values, valid pixels and reasons to leave pixels out, of what has been read."""
        first, last = int(self.rows[0]), int(self.rows[-1])
        if last - first + 1 == len(self.rows):
            strips, pieces = [(first, last + 1)], [raw]
        else:
            strips = [(row, row + 1) for row in self.rows.tolist()]
            pieces = [raw[at : at + 1] for at in range(len(self.rows))]
        cubes, valid, reasons = [], [], []
        for strip, piece in zip(strips, pieces, strict=True):
            values, good = scene.prepare(piece, strip, self.columns)
            why = scene.reasons(strip, self.columns)
            cubes.append(values)
            valid.append(good)
            reasons.append(np.zeros(good.shape, np.uint16) if why is None else why)
        return np.concatenate(cubes), np.concatenate(valid), np.concatenate(reasons)


def parts_of(scene: Scene, rows: np.ndarray) -> Iterator[Part]:
    """The rows in pieces of `PART_VALUES`."""
    _, w, bands = scene.source.shape
    across = int(max(1, min(w, PART_VALUES // bands)))
    down = int(max(1, PART_VALUES // (across * bands)))
    for top in range(0, len(rows), down):
        places = slice(top, min(top + down, len(rows)))
        for left in range(0, w, across):
            yield Part(rows[places], places, (left, min(left + across, w)))


def spread_rows(scene: Scene, values: float) -> np.ndarray:
    """All rows that hold so many values, or evenly spread ones with the first and the last."""
    h, w, _ = scene.shape
    count = int(max(2, values // (w * scene.source.shape[2])))
    return np.unique(np.linspace(0, h - 1, min(count, h)).round().astype(np.intp))
