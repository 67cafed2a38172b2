"""Every window that has a pixel inside its guard square, and a score that is the sum over them.

A dual window is centred not on the tested pixel only, but on every pixel of its guard square, one
after another: with a guard of 3, nine rings around different places, none of which holds the tested
pixel. Near the scene's border windows slide inwards by the rule that all windows follow
(`oddspec.windows`); centres beyond the border then give windows at the border, some of them twice.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from oddspec.arrays import Scores
from oddspec.detector import WindowDetector
from oddspec.errors import DataWarning, InputError
from oddspec.settings import above_zero
from oddspec.windows import Tile, Window

BYTES = 2_000_000
"""Of the systems of equations that are solved at once: what a core's cache about holds."""

NEAR = 1e-6
"""Squared distances below this part of the squared lengths are computed again, from differences:
``||y||^2 + ||h||^2 - 2 y h`` leaves only rounding errors of them."""


@dataclass(frozen=True)
class _Reach(Window):
    """The square around a pixel that holds all of its windows."""

    @classmethod
    def of(cls, window: Window) -> _Reach:
        return cls(window.guard, window.outer + window.guard - 1)

    def must_fit(self, height: int, width: int) -> None:
        if min(height, width) < self.outer:
            raise InputError(
                f"the scene has {height} rows and {width} columns, too few for guard={self.guard} "
                f"and outer={self.outer - self.guard + 1}: the windows of a pixel reach over "
                f"{self.outer} together; choose smaller ones, or a detector without a window such "
                f"as rx"
            )


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

    @abstractmethod
    def ring_scores(
        self,
        pixels: Float[np.ndarray, "n m b"],
        rings: Float[np.ndarray, "n s b"],
        valid: Bool[np.ndarray, "n s"],
        distances: Float[np.ndarray, "n s"],
    ) -> Float[np.ndarray, "n m"]:
        """Scores of the m pixels in the guard square of each of n rings.

        ``valid`` says which ring pixels count (the others hold finite values of no meaning),
        ``distances`` how far they are, in pixels, from the guard square's centre.
        """

    @property
    def window(self) -> Window:
        """The square that all windows of a pixel lie in."""
        return _Reach.of(Window(self.guard, self.outer))

    def scratch(self, rows: int, columns: int, bands: int) -> int:
        """Bytes needed beside a tile, a few copies of a batch of rings."""
        window = Window(self.guard, self.outer)
        all_scores = rows * columns * (9 * window.guard**2 + 24)
        return all_scores + 6 * max(BYTES, _bytes(window, bands))

    def score_tile(self, tile: Tile) -> Scores:
        """The sum of a pixel's scores against its ``guard**2`` rings.

        Rings with less than a third of their pixels valid are left out, and the sum of the others
        is raised to the full number; a pixel without any is not scored (NaN).

        Raises
        ------
        InputError
            If the scene is smaller than the square that the windows of a pixel lie in.

        Warns
        -----
        DataWarning
            If pixels have no ring with enough valid pixels.
        """
        self.window.must_fit(*tile.scene)
        found = self._score_each_ring(tile, Window(self.guard, self.outer))
        unused = np.isnan(found)
        found[unused] = 0.0
        used = self.guard**2 - np.count_nonzero(unused, axis=1)
        total = found.sum(axis=1) * (self.guard**2 / np.maximum(used, 1))
        if not used.all():
            warnings.warn(
                "some pixels beside masked areas have less than a third of each of their rings "
                "left; they are not scored (NaN)",
                DataWarning,
                stacklevel=2,
            )
        scores = np.full(tile.tested.shape, np.nan)
        scores[tile.tested] = np.where(used > 0, total, np.nan)
        return scores

    def _score_each_ring(self, tile: Tile, window: Window) -> Float[np.ndarray, "n m"]:
        """Scores of the tested pixels against each of their rings; NaN where a ring is not used.

        Goes through the rings, not the pixels: what belongs to a ring alone is computed once for
        all pixels in its guard square.
        """
        reach = window.guard // 2
        # The rings' centres lie up to `reach` outside the tested rows and columns, and pixels of
        # their guard squares as far again. So `centres` counts from `reach` before the first
        # tested row, and `number` (which tested pixel this is, -1 for none) from 2 `reach`.
        rows, columns = (size + 2 * reach for size in tile.tested.shape)
        number = np.full((rows + 2 * reach, columns + 2 * reach), -1)
        number[2 * reach : rows, 2 * reach : columns][tile.tested] = np.arange(tile.tested.sum())
        shifts = np.array(list(np.ndindex(window.guard, window.guard)))
        found = np.full((int(tile.tested.sum()), len(shifts)), np.nan)
        centres = np.indices((rows, columns)).reshape(2, -1).T
        count = max(1, BYTES // _bytes(window, tile.cube.shape[2]))
        for first in range(0, len(centres), count):
            here = centres[first : first + count]
            # A pixel's window number k is the one centred `shifts[k] - reach` from it.
            beside = here[:, None] - shifts + 2 * reach
            tested = number[beside[..., 0], beside[..., 1]]
            used = (tested >= 0).any(axis=1)
            if not used.any():
                continue
            here, tested = here[used] - reach, tested[used]  # now counted from the first tested row
            i, j, distances = _rings(
                window, here[:, 0] + tile.rows[0], here[:, 1] + tile.columns[0], tile.scene
            )
            i, j = i - tile.top, j - tile.left
            valid = tile.valid[i, j]
            enough = np.count_nonzero(valid, axis=1) >= window.least
            tested = tested[enough]
            ring, pixel = (tested >= 0).nonzero()
            top, left = (here[enough][:, None] - shifts + reach)[ring, pixel].T
            pixels = np.zeros((*tested.shape, tile.cube.shape[2]))
            pixels[ring, pixel] = tile.cube[
                top + tile.rows[0] - tile.top, left + tile.columns[0] - tile.left
            ]
            scores = self.ring_scores(
                pixels, tile.cube[i[enough], j[enough]], valid[enough], distances[enough]
            )
            found[tested[ring, pixel], pixel] = scores[ring, pixel]
        return found


def about_the_mean(
    pixels: Float[np.ndarray, "n m b"],
    rings: Float[np.ndarray, "n s b"],
    counted: Bool[np.ndarray, "n s"],
) -> tuple[Float[np.ndarray, "n m b"], Float[np.ndarray, "n s b"]]:
    """Differences from the mean of the ring pixels that count; zero for the others of a ring."""
    total = np.where(counted[..., None], rings, 0.0).sum(axis=1, keepdims=True)
    mean = total / np.count_nonzero(counted, axis=1)[:, None, None]
    return pixels - mean, np.where(counted[..., None], rings - mean, 0.0)


def squared_distances(
    pixels: Float[np.ndarray, "n m b"], rings: Float[np.ndarray, "n s b"]
) -> tuple[Float[np.ndarray, "n m s"], Float[np.ndarray, "n m s"], Bool[np.ndarray, "n m s"]]:
    """Products of pixels with ring pixels, ``||y - h||^2``, and which of these were near zero.

    Two pixels that are equal have distance 0 exactly. Rings and pixels should be differences from
    something in their midst, so that lengths are of the order of distances.
    """
    products = pixels @ rings.mT
    sizes = np.vecdot(pixels, pixels)[..., None] + np.vecdot(rings, rings)[:, None, :]
    squares = sizes - 2 * products
    near = squares <= NEAR * sizes
    i, j, k = near.nonzero()
    apart = rings[i, k] - pixels[i, j]
    squares[i, j, k] = np.vecdot(apart, apart)
    return products, squares, near


def _bytes(window: Window, bands: int) -> int:
    """Memory of one ring, the pixels in its guard square and their systems of equations."""
    many = window.guard**2
    return 8 * ((window.size + 2 * many) * bands + many * window.size * (window.size + 8))


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
