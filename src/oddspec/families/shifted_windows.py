"""Every window that has a pixel inside its guard square, and a score that is the sum over them.

A dual window is centred not on the tested pixel only, but in turn on every pixel of its guard
square: with a guard of 3, nine rings around different places, none of which holds the tested pixel.
Near the scene's border windows slide inwards by the rule that all windows follow
(`oddspec.windows`); centres beyond the border then give windows at the border, some of them twice.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from oddspec.arrays import Scores
from oddspec.detector import WindowDetector
from oddspec.errors import DataWarning
from oddspec.ranges import above_zero
from oddspec.windows import Tile, Window

__all__ = ["RingScore", "ShiftedWindows", "sum_over_shifts"]

RingScore: TypeAlias = Callable[
    [
        Float[np.ndarray, "n b"],
        Float[np.ndarray, "n s b"],
        Bool[np.ndarray, "n s"],
        Float[np.ndarray, "n s"],
    ],
    Float[np.ndarray, " n"],
]
"""Scores of pixels, each against a ring: the pixels, the rings, which ring pixels count (the others
hold finite values of no meaning), and their distances from the window's centre."""

BYTES = 2_000_000
"""Of the rings that are worked on at once."""


@dataclass(frozen=True)
class ShiftedWindows(WindowDetector, ABC):
    """A pixel represented by each of the rings around it; a subclass says how, and what is left.

    Parameters
    ----------
    guard
        Width of the inner square in pixels, odd.
    outer
        Width of the outer square in pixels, odd.
    penalty
        Weight of the coefficients' penalty (lambda), a pure number.
    """

    guard: int = 3
    outer: int = 5
    penalty: float = 0.01

    def __post_init__(self) -> None:
        Window(self.guard, self.outer)
        above_zero(self, "penalty")

    @property
    @abstractmethod
    def ring_score(self) -> RingScore:
        """The score against one ring."""

    @property
    def window(self) -> Window:
        """All that the windows of a pixel reach over."""
        return _around(Window(self.guard, self.outer))

    def scratch(self, rows: int, columns: int, bands: int) -> int:
        """Bytes needed beside a tile, a few copies of a batch of rings."""
        size = Window(self.guard, self.outer).size
        return 24 * rows * columns + 4 * max(BYTES, 8 * size * (bands + 3 * size + 8))

    def score_tile(self, tile: Tile) -> Scores:
        """Sums over the rings; see `sum_over_shifts`."""
        return sum_over_shifts(tile, Window(self.guard, self.outer), self.ring_score)


def sum_over_shifts(tile: Tile, window: Window, score: RingScore) -> Scores:
    """The sum of a pixel's scores against its ``guard**2`` rings.

    Rings with less than a third of their pixels valid are left out, and the sum of the others is
    raised to the full number; a pixel without any is not scored (NaN).

    Raises
    ------
    InputError
        If the scene is smaller than the square that the windows of a pixel reach over.

    Warns
    -----
    DataWarning
        If pixels have no ring with enough valid pixels.
    """
    _around(window).must_fit(*tile.scene)
    tested = np.argwhere(tile.tested)
    rows, columns = tested[:, 0] + tile.rows[0], tested[:, 1] + tile.columns[0]
    count = max(1, BYTES // (8 * window.size * tile.cube.shape[2]))
    found = np.full(len(tested), np.nan)
    for first in range(0, len(tested), count):
        some = slice(first, first + count)
        found[some] = _sum(tile, window, score, rows[some], columns[some])
    if np.isnan(found).any():
        warnings.warn(
            "some pixels beside masked areas have less than a third of each of their rings left; "
            "they are not scored (NaN)",
            DataWarning,
            stacklevel=3,
        )
    scores = np.full(tile.tested.shape, np.nan)
    scores[tile.tested] = found
    return scores


def _around(window: Window) -> Window:
    """What must be known around a pixel: all of its windows fit into this one."""
    return Window(window.guard, window.outer + window.guard - 1)


def _sum(
    tile: Tile, window: Window, score: RingScore, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    pixels = tile.cube[rows - tile.top, columns - tile.left]
    total, used = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
    for down, across in _shifts(window):
        i, j, distances = _rings(window, rows + down, columns + across, tile.scene)
        i, j = i - tile.top, j - tile.left
        valid = tile.valid[i, j]
        enough = np.count_nonzero(valid, axis=1) >= window.least
        if not enough.any():
            continue
        rings = tile.cube[i[enough], j[enough]]
        total[enough] += score(pixels[enough], rings, valid[enough], distances[enough])
        used += enough
    return np.where(used > 0, total * (window.guard**2 / np.maximum(used, 1)), np.nan)


def _shifts(window: Window) -> Iterator[tuple[int, int]]:
    reach = window.guard // 2
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            yield down, across


def _rings(
    window: Window, rows: np.ndarray, columns: np.ndarray, scene: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scene positions of the rings around some centres, and distances from the guard's centre."""
    top, guard_top = _starts(window, rows, scene[0])
    left, guard_left = _starts(window, columns, scene[1])
    i, j = (np.empty((len(rows), window.size), np.int64) for _ in range(2))
    # Rings whose guard lies alike in the outer square have the same shape.
    _, first, kind = np.unique(
        (guard_top - top) * window.outer + guard_left - left, return_index=True, return_inverse=True
    )
    for k, sample in enumerate(first.tolist()):
        down, across = window.ring(int(rows[sample]), int(columns[sample]), scene)
        alike = kind == k
        i[alike] = top[alike, None] + (down - top[sample])
        j[alike] = left[alike, None] + (across - left[sample])
    middle = window.guard // 2
    return i, j, np.hypot(i - (guard_top + middle)[:, None], j - (guard_left + middle)[:, None])


def _starts(window: Window, centres: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """First rows (or columns) of the outer and the guard squares around some centres."""
    different, where = np.unique(centres, return_inverse=True)
    outer = np.array([window.outer_start(centre, length) for centre in different.tolist()])
    guard = np.array([window.guard_start(centre, length) for centre in different.tolist()])
    return outer[where], guard[where]
