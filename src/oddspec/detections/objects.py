"""What was detected: connected pixels, kept as columns so that a million objects fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from oddspec.arrays import Index


@dataclass(frozen=True, eq=False)
class Detection:
    """Connected pixels above the threshold.

    Attributes
    ----------
    id
        1 for the highest peak, 2 for the next, and so on.
    rows, columns
        Positions of its pixels, in reading order.
    peak, mean_score
        Largest and mean score of its pixels.
    peak_row, peak_column
        The pixel with the largest score (the first in reading order if several have it).
    touches_edge
        True if one of its pixels lies on the border of the scene.
    flags
        What else there is to know, such as `ON_DEAD_LINE`; see `flag_detections`.
    """

    id: int
    rows: Index
    columns: Index
    peak: float
    mean_score: float
    peak_row: int
    peak_column: int
    touches_edge: bool
    flags: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of pixels."""
        return len(self.rows)

    @property
    def bounding_box(self) -> tuple[int, int, int, int]:
        """First row, first column, last row + 1, last column + 1."""
        return (
            int(self.rows.min()),
            int(self.columns.min()),
            int(self.rows.max()) + 1,
            int(self.columns.max()) + 1,
        )

    @property
    def centroid(self) -> tuple[float, float]:
        """Row and column of the centre; the middle of the first pixel is (0.5, 0.5)."""
        return float(self.rows.mean()) + 0.5, float(self.columns.mean()) + 0.5


@dataclass(frozen=True, eq=False)
class Detections(Sequence[Detection]):
    """All objects of a scene by descending peak: a sequence of `Detection`, kept as columns.

    Attributes
    ----------
    shape
        Rows and columns of the scene.
    pixels
        Positions ``row * width + column`` of the detected pixels, object after object, ascending
        within each.
    scores
        Scores of these pixels.
    starts
        Where each object begins in ``pixels``, and at the end the length of ``pixels``.
    peak, mean_score, peak_index
        One per object: largest score, mean score, position of the largest score.
    too_small, too_large
        Number of objects that were left out for their size.
    flags
        One tuple per object, or empty.
    """

    shape: tuple[int, int]
    pixels: np.ndarray
    scores: np.ndarray
    starts: np.ndarray
    peak: np.ndarray
    mean_score: np.ndarray
    peak_index: np.ndarray
    too_small: int = 0
    too_large: int = 0
    flags: tuple[tuple[str, ...], ...] = ()

    @property
    def sizes(self) -> Index:
        """Pixels of each object."""
        return np.diff(self.starts)

    @property
    def rows(self) -> Index:
        """Row of every detected pixel, object after object."""
        return self.pixels // self.shape[1]

    @property
    def columns(self) -> Index:
        """Column of every detected pixel, object after object."""
        return self.pixels % self.shape[1]

    @property
    def touches_edge(self) -> np.ndarray:
        """One bool per object: whether it has a pixel on the border of the scene."""
        return self.any_pixel(_on_edge(self.rows, self.columns, self.shape))

    def any_pixel(self, marked: np.ndarray) -> np.ndarray:
        """One bool per object: whether any of its ``pixels`` is marked (one bool per pixel)."""
        if not len(self):
            return np.zeros(0, dtype=np.bool_)
        return np.logical_or.reduceat(marked, self.starts[:-1])

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, number: int) -> Detection: ...
    @overload
    def __getitem__(self, number: slice) -> list[Detection]: ...
    def __getitem__(self, number: int | slice) -> Detection | list[Detection]:
        """The object with id ``number + 1``; a list of them for a slice."""
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        i = range(len(self))[number]
        rows, columns = np.divmod(self.pixels[self.starts[i] : self.starts[i + 1]], self.shape[1])
        peak_row, peak_column = divmod(int(self.peak_index[i]), self.shape[1])
        return Detection(
            id=i + 1,
            rows=rows,
            columns=columns,
            peak=float(self.peak[i]),
            mean_score=float(self.mean_score[i]),
            peak_row=peak_row,
            peak_column=peak_column,
            touches_edge=bool(_on_edge(rows, columns, self.shape).any()),
            flags=self.flags[i] if self.flags else (),
        )

    def __iter__(self) -> Iterator[Detection]:
        return (self[i] for i in range(len(self)))


def _on_edge(rows: Index, columns: Index, shape: tuple[int, int]) -> np.ndarray:
    height, width = shape
    return (rows == 0) | (rows == height - 1) | (columns == 0) | (columns == width - 1)
