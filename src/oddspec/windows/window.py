"""The dual window: a guard square inside an outer square, and the one rule for borders.

Near a border both squares slide inwards, each just as far as it must: every ring has the same
number of real pixels and never holds the tested pixel or its mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from oddspec.arrays import Cube, Mask
from oddspec.errors import InputError, SettingError

ENOUGH = 1 / 3
"""A pixel is scored if at least this part of its ring is valid.

Beside the straight edge of a masked area half of a ring is left. Much less comes from small
islands and pointed corners of valid pixels, and is too little to know a background by.
"""


@dataclass(frozen=True)
class Window:
    """Guard and outer square around a pixel, both odd widths in pixels.

    The ring is the outer square without the guard square: ``outer**2 - guard**2`` pixels.
    """

    guard: int
    outer: int

    def __post_init__(self) -> None:
        for name in ("guard", "outer"):
            width = getattr(self, name)
            if isinstance(width, bool) or not isinstance(width, (int, np.integer)) or width < 1:
                raise SettingError(
                    f"{name}={width!r}: expected an odd number of pixels, at least 1"
                )
            if width % 2 == 0:
                raise SettingError(
                    f"{name}={width}: expected an odd number of pixels, so that a pixel can be the "
                    f"centre; try {width - 1} or {width + 1}"
                )
        if self.guard >= self.outer:
            raise SettingError(
                f"guard={self.guard} and outer={self.outer}: the guard square must be smaller "
                f"than the outer one"
            )

    @property
    def size(self) -> int:
        """Number of pixels in a ring."""
        return self.outer**2 - self.guard**2

    def must_fit(self, height: int, width: int) -> None:
        """Raise `InputError` unless the outer square fits into a scene of that size."""
        if min(height, width) < self.outer:
            raise InputError(
                f"the scene has {height} rows and {width} columns, too few for outer="
                f"{self.outer}: choose an odd outer of at most {min(height, width)}, "
                f"or a detector without a window such as rx"
            )

    @property
    def least(self) -> int:
        """Number of valid pixels that a ring must have for its pixel to be scored."""
        return max(2, int(np.ceil(self.size * ENOUGH)))

    def outer_start(self, position: int, length: int) -> int:
        """First row (or column) of the outer square for the pixel at ``position``."""
        return _slide(position, self.outer, length)

    def guard_start(self, position: int, length: int) -> int:
        """First row (or column) of the guard square for the pixel at ``position``."""
        return _slide(position, self.guard, length)

    def reach(self, start: int, stop: int, length: int) -> tuple[int, int]:
        """Rows (or columns) needed to score the pixels ``start`` to ``stop`` (half-open)."""
        return self.outer_start(start, length), self.outer_start(stop - 1, length) + self.outer

    def ring(self, row: int, column: int, scene: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the ring around a pixel, in scene coordinates, row by row."""
        top, left = self.outer_start(row, scene[0]), self.outer_start(column, scene[1])
        down, across = _offsets(
            self,
            self.guard_start(row, scene[0]) - top,
            self.guard_start(column, scene[1]) - left,
        )
        return down + top, across + left


@lru_cache(maxsize=1024)
def _offsets(window: Window, down: int, across: int) -> tuple[np.ndarray, np.ndarray]:
    """A ring within its outer square, in which the guard square starts there."""
    inside = np.ones((window.outer, window.outer), dtype=np.bool_)
    inside[down : down + window.guard, across : across + window.guard] = False
    rows, columns = np.nonzero(inside)
    for positions in (rows, columns):
        positions.setflags(write=False)
    return rows, columns


def _slide(position: int, width: int, length: int) -> int:
    return min(max(position - width // 2, 0), length - width)


@dataclass(frozen=True)
class Tile:
    """A piece of a scene with the margin that its windows need.

    Attributes
    ----------
    cube
        ``(h, w, b)`` pixels, margin included; invalid ones hold finite values of no meaning.
    valid
        ``(h, w)`` False where the pixel is masked.
    top, left
        Position of ``cube[0, 0]`` in the scene.
    rows, columns
        Half-open range of the pixels to score, in scene coordinates.
    scene
        Rows and columns of the whole scene.
    """

    cube: Cube
    valid: Mask
    top: int
    left: int
    rows: tuple[int, int]
    columns: tuple[int, int]
    scene: tuple[int, int]

    @classmethod
    def whole(cls, cube: Cube, valid: Mask) -> Tile:
        """The scene as one tile."""
        h, w = valid.shape
        return cls(cube, valid, 0, 0, (0, h), (0, w), (h, w))

    def ring(self, window: Window, row: int, column: int) -> np.ndarray:
        """The valid pixels of the ring around a pixel, ``(count, b)``."""
        rows, columns = window.ring(row, column, self.scene)
        rows, columns = rows - self.top, columns - self.left
        pixels = self.cube[rows, columns]
        valid = self.valid[rows, columns]
        return pixels if valid.all() else pixels[valid]

    def pixel(self, row: int, column: int) -> np.ndarray:
        """The spectrum at a position of the scene."""
        return np.asarray(self.cube[row - self.top, column - self.left])

    @property
    def tested(self) -> Mask:
        """Which of the pixels to score are valid, ``rows`` x ``columns``."""
        return self.valid[
            self.rows[0] - self.top : self.rows[1] - self.top,
            self.columns[0] - self.left : self.columns[1] - self.left,
        ]
