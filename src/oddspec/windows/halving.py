"""How a small square of pixels is halved down to single pixels, and what each half's rings share.

Only where the pixels lie matters here, not what they hold, so the halvings are found once for all
squares that lie alike towards the scene's border.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from oddspec.windows.window import Window

__all__ = ["Node", "Span", "aligned", "halvings", "products_per_pixel", "side_of", "starts"]

SQUARE = 8
"""Larger squares would save little more: the last halving costs as much as all before it."""

Span = tuple[int, int]
"""Half-open range of rows or columns."""


@dataclass(frozen=True)
class Node:
    """Some pixels of a square, and which patch pixels their rings share beside the parent's."""

    rows: Span
    columns: Span
    extra: np.ndarray
    halves: tuple[Node, ...]
    patch_rows: int
    patch_columns: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The node's pixels within the square."""
        return slice(*self.rows), slice(*self.columns)


_Starts = tuple[tuple[int, int], ...]
"""First row (or column) of outer and guard square for each row (column) of a square."""


def starts(window: Window, span: Span, length: int, origin: int) -> _Starts:
    """Where the squares around each row (or column) of a span begin, counted from ``origin``."""
    return tuple(
        (window.outer_start(i, length) - origin, window.guard_start(i, length) - origin)
        for i in range(*span)
    )


@lru_cache(maxsize=128)
def halvings(window: Window, rows: _Starts, columns: _Starts) -> Node:
    """The halvings of a square; the same object for all squares far from the scene's border."""
    shape = rows[-1][0] + window.outer, columns[-1][0] + window.outer

    def common(row_span: Span, column_span: Span) -> np.ndarray:
        """Rings of a range of pixels: the outer squares' overlap without all the guard squares."""
        first_row, last_row = rows[row_span[0]], rows[row_span[1] - 1]
        first_column, last_column = columns[column_span[0]], columns[column_span[1] - 1]
        inside = np.zeros(shape, dtype=np.bool_)
        inside[
            last_row[0] : first_row[0] + window.outer,
            last_column[0] : first_column[0] + window.outer,
        ] = True
        inside[
            first_row[1] : last_row[1] + window.guard,
            first_column[1] : last_column[1] + window.guard,
        ] = False
        return inside

    def grow(row_span: Span, column_span: Span, known: np.ndarray) -> Node:
        own = common(row_span, column_span)
        extra = np.flatnonzero(own & ~known)
        extra.setflags(write=False)
        halves = tuple(grow(r, c, own) for r, c in _halves(row_span, column_span))
        return Node(row_span, column_span, extra, halves, *shape)

    return grow((0, len(rows)), (0, len(columns)), np.zeros(shape, dtype=np.bool_))


def _halves(rows: Span, columns: Span) -> tuple[tuple[Span, Span], ...]:
    """Both halves of a rectangle, across its longer side; none of a single pixel."""
    height, width = rows[1] - rows[0], columns[1] - columns[0]
    if height == width == 1:
        return ()
    if height >= width:
        middle = rows[0] + _largest_power_below(height)
        return ((rows[0], middle), columns), ((middle, rows[1]), columns)
    middle = columns[0] + _largest_power_below(width)
    return (rows, (columns[0], middle)), (rows, (middle, columns[1]))


def _largest_power_below(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def side_of(window: Window) -> int:
    """Side of the squares: the largest power of two for which their rings still share pixels."""
    side = SQUARE
    while side > 1 and window.outer - (side - 1) <= window.guard + (side - 1):
        side //= 2
    return side


def aligned(span: Span, side: int, length: int) -> Iterator[Span]:
    """The squares' spans that a span of the scene touches."""
    for start in range(span[0] // side * side, span[1], side):
        yield start, min(start + side, length)


def products_per_pixel(window: Window) -> float:
    """Ring pixels that are added up per tested pixel, far from the scene's border."""
    side = side_of(window)
    length = 4 * (window.outer + side)
    first = length // 2 // side * side
    span = (first, first + side)
    lines = starts(window, span, length, window.outer_start(first, length))

    def added(node: Node) -> int:
        return len(node.extra) + sum(added(half) for half in node.halves)

    return added(halvings(window, lines, lines)) / side**2
