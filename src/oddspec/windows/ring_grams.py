"""Gram matrices of rings, shared among neighbours.

The rings of the pixels of a small square have most of their pixels in common. So the scene is cut
into squares of at most `SQUARE` x `SQUARE` pixels, each square is halved again and again, by rows
and by columns in turn, and every half adds to its parent's Gram matrix only those ring pixels that
all its members share and its parent's members do not::

    ring(pixel) = common(square) + (common(half) - common(square)) + ... + (ring - common(pair))

With a guard of 7, an outer width of 25 and squares of 8 that is 86 instead of 576 products per
pixel. Nothing is ever subtracted: what lies in the guard square, however bright, leaves no rounding
error behind. And where a square begins depends on the scene alone, so does every sum, whatever the
tile; all that a pixel needs lies in its own ring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from oddspec.statistics.blas import factoriser, gram_adder, square, with_padding
from oddspec.windows.window import Tile, Window

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

    def grow(row_span: Span, column_span: Span, parents: np.ndarray) -> Node:
        own = common(row_span, column_span)
        extra = np.flatnonzero(own & ~parents)
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


def _squares(span: Span, side: int, length: int) -> Iterator[Span]:
    """Rows (or columns) of the squares that a span of the scene touches."""
    for start in range(span[0] // side * side, span[1], side):
        yield start, min(start + side, length)


class Ring(NamedTuple):
    """What is known of a tested pixel and its ring."""

    row: int
    column: int
    pixel: np.ndarray
    """The tested pixel minus the origin."""
    gram: np.ndarray
    """``(b + 2, b + 2)``, upper triangle; the last column is free for use, and all may be
    overwritten. Before it stands the sum of ``(1, x - origin)^T (1, x - origin)`` over the ring's
    valid pixels x: their number, their sum, their products."""
    factorise: Callable[[], bool]
    """Overwrites ``gram`` with its Cholesky factor; False if it is not positive definite."""


class RingGrams:
    """Goes through the valid pixels of a tile, square by square, and yields a `Ring` for each."""

    def __init__(self, tile: Tile, window: Window) -> None:
        self.tile, self.window = tile, window
        self.side = side_of(window)
        bands = tile.cube.shape[2]
        depth = 2 * self.side.bit_length() - 1
        self._works = [_Work(bands) for _ in range(depth)]
        self._patch = np.empty(((self.side + window.outer - 1) ** 2, bands + 1))
        self._rows = np.empty((window.size, bands + 1))

    @staticmethod
    def scratch(window: Window, bands: int) -> int:
        """Bytes that this needs beside the tile."""
        side = side_of(window)
        matrices = (2 * side.bit_length() - 1) * (bands + 2) * (bands + 18)
        rows = 2 * (side + window.outer - 1) ** 2 + 2 * window.size
        return 8 * (matrices + rows * (bands + 1))

    def __iter__(self) -> Iterator[Ring]:
        for rows in _squares(self.tile.rows, self.side, self.tile.scene[0]):
            for columns in _squares(self.tile.columns, self.side, self.tile.scene[1]):
                yield from self._square(rows, columns)

    def _square(self, rows: Span, columns: Span) -> Iterator[Ring]:
        """The rings of a square of the scene, or of a part of one at the scene's end."""
        wanted = self._wanted(rows, columns)
        if not wanted.any():
            return
        window, tile = self.window, self.tile
        top, left = (
            window.outer_start(start, length)
            for start, length in zip((rows[0], columns[0]), tile.scene, strict=True)
        )
        node = halvings(
            window,
            starts(window, rows, tile.scene[0], top),
            starts(window, columns, tile.scene[1], left),
        )
        patch = _Patch(top, left, node.patch_columns)
        origin = self._origin(node, patch)
        if origin is None:
            # All that the rings share is masked: give every pixel a square, and so an origin, of
            # its own. A ring without a valid pixel has none either.
            if rows[1] - rows[0] > 1 or columns[1] - columns[0] > 1:
                for i, j in np.argwhere(wanted).tolist():
                    row, column = i + rows[0], j + columns[0]
                    yield from self._square((row, row + 1), (column, column + 1))
            return
        self._centre(patch, node.patch_rows, origin)
        self._works[0].padded[...] = 0.0
        for row, column, work in self._descend(node, wanted, 0):
            row, column = row + rows[0], column + columns[0]
            yield Ring(row, column, tile.pixel(row, column) - origin, work.gram, work.factorise)

    def _descend(
        self, node: Node, wanted: np.ndarray, level: int
    ) -> Iterator[tuple[int, int, _Work]]:
        """The wanted pixels below a node, whose parent's sums are in the matrix of that level."""
        work = self._works[level]
        count = len(node.extra)
        if count:
            np.take(self._patch, node.extra, axis=0, out=self._rows[:count], mode="clip")
            work.add(self._rows, count)
        if not node.halves:
            yield node.rows[0], node.columns[0], work
            return
        halves = [half for half in node.halves if wanted[half.slices].any()]
        for half in halves[:-1]:
            self._works[level + 1].padded[...] = work.padded
            yield from self._descend(half, wanted, level + 1)
        yield from self._descend(halves[-1], wanted, level)  # the last one may use it up

    def _wanted(self, rows: Span, columns: Span) -> np.ndarray:
        """Which pixels of a square are to be scored here."""
        tile = self.tile
        down = np.arange(*rows)[:, None]
        across = np.arange(*columns)
        wanted = (down >= tile.rows[0]) & (down < tile.rows[1])
        wanted = wanted & (across >= tile.columns[0]) & (across < tile.columns[1])
        # The tile need not hold the whole square, so validity is looked up pixel by pixel.
        i, j = np.nonzero(wanted)
        wanted[i, j] = tile.valid[i + rows[0] - tile.top, j + columns[0] - tile.left]
        return wanted

    def _origin(self, node: Node, patch: _Patch) -> np.ndarray | None:
        """Mean of what all rings of the square share: sums about it lose no digits.

        The tile holds it, since every single ring does.
        """
        down, across = divmod(node.extra, patch.columns)
        down, across = down + patch.top - self.tile.top, across + patch.left - self.tile.left
        shared = self.tile.cube[down, across][self.tile.valid[down, across]]
        return np.asarray(shared.mean(axis=0)) if len(shared) else None

    def _centre(self, patch: _Patch, patch_rows: int, origin: np.ndarray) -> None:
        """Fill the patch with ``(1, x - origin)``, and zeros where masked or outside the tile."""
        tile = self.tile
        h, w = tile.valid.shape
        area = self._patch[: patch_rows * patch.columns].reshape(patch_rows, patch.columns, -1)
        rows = max(patch.top, tile.top), min(patch.top + patch_rows, tile.top + h)
        columns = max(patch.left, tile.left), min(patch.left + patch.columns, tile.left + w)
        inside = (
            slice(rows[0] - tile.top, rows[1] - tile.top),
            slice(columns[0] - tile.left, columns[1] - tile.left),
        )
        inner = area[
            rows[0] - patch.top : rows[1] - patch.top,
            columns[0] - patch.left : columns[1] - patch.left,
        ]
        if inner.shape != area.shape:
            area[...] = 0.0
        inner[..., 0] = 1.0
        np.subtract(tile.cube[inside], origin, out=inner[..., 1:])
        inner[~tile.valid[inside]] = 0.0


class _Work:
    """A matrix to sum up in, with its prepared calls."""

    def __init__(self, bands: int) -> None:
        self.gram = square(bands + 2)
        self.padded = with_padding(self.gram)
        self.factorise = factoriser(self.gram)
        self._adders: dict[int, Callable[[], None]] = {}

    def add(self, rows: np.ndarray, count: int) -> None:
        """Add the products of the first ``count`` of the rows, always the same array."""
        adder = self._adders.get(count)
        if adder is None:
            adder = self._adders[count] = gram_adder(rows[:count], self.gram)
        adder()


class _Patch(NamedTuple):
    """Where the union of a square's rings lies in the scene, and how wide it is."""

    top: int
    left: int
    columns: int
