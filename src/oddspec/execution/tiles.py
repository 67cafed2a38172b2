"""Cutting a scene: blocks for arithmetic, tiles for reading, and what both cost in memory.

Statistics are taken over *blocks* whose borders depend on the scene's shape alone and are merged
along one fixed tree (`Tree`), so a result is the same to the last bit whatever the tiles, the
memory budget and the number of workers. *Tiles* are what is read at once, as large as the budget
allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from oddspec.errors import BudgetError
from oddspec.text import megabytes

__all__ = ["Grid", "Region", "Tree", "blocks", "cut"]

BLOCK_PIXELS = 1024
"""Under 2 MB of float64 at 200 bands: stays in the processor's cache between its passes."""


@dataclass(frozen=True)
class Region:
    """A half-open rectangle of pixels in scene coordinates."""

    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        h, w = self.shape
        return h * w

    def within(self, outer: Region) -> tuple[slice, slice]:
        """Slices that cut this region out of an array that covers ``outer``."""
        return (
            slice(self.rows[0] - outer.rows[0], self.rows[1] - outer.rows[0]),
            slice(self.columns[0] - outer.columns[0], self.columns[1] - outer.columns[0]),
        )


@dataclass(frozen=True)
class Grid:
    """A scene cut into rectangles of ``rows`` x ``columns`` pixels (smaller at the far edges)."""

    height: int
    width: int
    rows: int
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rectangles down and across."""
        return -(-self.height // self.rows), -(-self.width // self.columns)

    def __len__(self) -> int:
        down, across = self.shape
        return down * across

    def __getitem__(self, index: int) -> Region:
        i, j = divmod(index, self.shape[1])
        if not 0 <= index < len(self):
            raise IndexError(index)
        top, left = i * self.rows, j * self.columns
        return Region(
            (top, min(top + self.rows, self.height)), (left, min(left + self.columns, self.width))
        )

    def __iter__(self) -> Iterator[Region]:
        return (self[index] for index in range(len(self)))

    def inside(self, region: Region) -> Iterator[tuple[int, Region]]:
        """The rectangles, with their numbers, that a region made of whole ones is made of."""
        across = self.shape[1]
        for i in range(region.rows[0] // self.rows, -(-region.rows[1] // self.rows)):
            first, last = region.columns[0] // self.columns, -(-region.columns[1] // self.columns)
            for number in range(i * across + first, i * across + last):
                yield number, self[number]


def blocks(height: int, width: int) -> Grid:
    """The blocks of a scene, which depend on its shape alone."""
    columns = min(width, BLOCK_PIXELS)
    return Grid(height, width, max(1, min(height, BLOCK_PIXELS // columns)), columns)


def cut(grid: Grid, bytes_per_pixel: float, budget: float) -> Grid:
    """Tiles made of whole blocks, as large as ``budget`` bytes allow, full rows if possible.

    Raises
    ------
    BudgetError
        If a single block needs more.
    """
    fits = int(budget // bytes_per_pixel)
    if fits < grid.rows * grid.columns:
        needed = grid.rows * grid.columns * bytes_per_pixel
        whole, left = (1e6 * np.ceil(count / 1e6) for count in (needed, max(budget, 0)))
        raise BudgetError(
            f"reading this scene needs at least {megabytes(whole)} per worker, but "
            f"{megabytes(left)} are left for it: raise --max-memory or lower --workers"
        )
    down = fits // (grid.rows * grid.width)
    if down:
        rows = min(down * grid.rows, -(-grid.height // grid.rows) * grid.rows)
        return Grid(grid.height, grid.width, rows, grid.width)
    across = fits // (grid.rows * grid.columns) * grid.columns
    return Grid(grid.height, grid.width, grid.rows, across)


_ABSENT = object()


@dataclass
class Tree:
    """Adds summaries up along one fixed binary tree over numbered leaves, in any order of arrival.

    Node (level, i) is the sum of (level - 1, 2i) and (level - 1, 2i + 1), so floating-point sums
    do not depend on who summarised which leaf when. A leaf without pixels is None.
    """

    nodes: dict[tuple[int, int], Any] = field(default_factory=dict)

    def add(self, leaf: int, summary: Any) -> None:
        """Put the summary of leaf number ``leaf`` in."""
        self._put(0, leaf, summary)

    def merge(self, other: Tree) -> None:
        """Put all nodes of another tree in (of other leaves)."""
        for (level, i), summary in other.nodes.items():
            self._put(level, i, summary)

    def total(self) -> Any:
        """The sum of all leaves; None if none of them has pixels."""
        result = None
        for key in sorted(self.nodes, key=lambda key: key[1] << key[0]):
            result = _sum(result, self.nodes[key])
        return result

    def _put(self, level: int, i: int, summary: Any) -> None:
        while (sibling := self.nodes.pop((level, i ^ 1), _ABSENT)) is not _ABSENT:
            summary = _sum(sibling, summary) if i % 2 else _sum(summary, sibling)
            level, i = level + 1, i // 2
        self.nodes[level, i] = summary


def _sum(first: Any, second: Any) -> Any:
    if first is None or second is None:
        return second if first is None else first
    return first + second
