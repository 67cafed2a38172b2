"""Cutting a scene into pieces that fit the memory, and what a run needs of it.

Statistics are taken over *blocks*, whose borders depend on the scene's shape alone, and added up
along one fixed tree (`oddspec.statistics.summary.Tree`). So a result is the same to the last bit
whatever the tiles, the memory budget and the number of workers. *Tiles* are what is read at once,
as large as the budget allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

from oddspec.detector import BackgroundDetector, Detector, SceneDetector, WindowDetector
from oddspec.errors import BudgetError
from oddspec.execution.resources import Resources, held
from oddspec.scene import Scene
from oddspec.text import bytes_text, megabytes

BLOCK_PIXELS = 1024
"""Under 2 MB of float64 at 200 bands: stays in the processor's cache between its passes."""

TILE_BYTES = 64e6
"""Enough to read at a disk's full speed; more would only cost memory."""

STEP = 10_000_000
"""Bytes in which budgets are stated."""

WINDOW_SIDES = (512, 256, 128, 64, 32, 16, 8)
"""Sides of the tiles that are tried for window detectors, in pixels without the margin."""


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


def block_grid(height: int, width: int) -> Grid:
    """The blocks of a scene, which depend on its shape alone."""
    columns = min(width, BLOCK_PIXELS)
    return Grid(height, width, max(1, min(height, BLOCK_PIXELS // columns)), columns)


def cut(grid: Grid, bytes_per_pixel: float, budget: float) -> Grid:
    """Tiles of at least one block each, as large as ``budget`` bytes allow, full rows if possible.

    Whether a block may be read at all is for `check_budget`.
    """
    fits = max(int(budget // bytes_per_pixel), grid.rows * grid.columns)
    down = fits // (grid.rows * grid.width)
    if down:
        rows = min(down * grid.rows, -(-grid.height // grid.rows) * grid.rows)
        return Grid(grid.height, grid.width, rows, grid.width)
    across = fits // (grid.rows * grid.columns) * grid.columns
    return Grid(grid.height, grid.width, grid.rows, across)


def tiles_of_blocks(
    scene: Scene, detector: BackgroundDetector[Any], resources: Resources
) -> tuple[Grid, Grid]:
    """The scene's blocks, and the tiles of whole blocks in which it is read."""
    h, w, b = scene.shape
    grid = block_grid(h, w)
    per_worker = (resources.left() - _summary_bytes(detector, grid, b)) / resources.threads
    # At least 64 tiles, so that any number of workers finish together, but none of less than a
    # block. The number of workers is left out: an interrupted run that goes on with others has to
    # find the same tiles.
    even = _raw_bytes(scene) * max(h * w / 64, grid[0].pixels)
    budget = min(per_worker - _block_bytes(grid, b), TILE_BYTES, even)
    return grid, cut(grid, _raw_bytes(scene), budget)


def tiles_of_windows(scene: Scene, detector: WindowDetector, resources: Resources) -> Grid:
    """The largest square tiles that fit the budget and keep every worker busy, or the smallest."""
    h, w, _ = scene.shape
    share = resources.left() / resources.threads
    for side in WINDOW_SIDES:
        grid = Grid(h, w, min(side, h), min(side, w))
        fits = _tile_bytes(scene, detector, grid.rows, grid.columns) <= share
        if fits and (len(grid) >= 2 * resources.threads or side <= 32):
            break
    return grid


def needed(scene: Scene, detector: Detector, workers: int = 1) -> int:
    """Bytes that a run needs at least, beside what the process has."""
    h, w, b = scene.shape
    if isinstance(detector, WindowDetector):
        side = WINDOW_SIDES[-1]
        return workers * int(_tile_bytes(scene, detector, min(side, h), min(side, w)))
    if isinstance(detector, SceneDetector):
        return _scene_bytes(scene, detector)
    if not isinstance(detector, BackgroundDetector):
        raise TypeError(f"{type(detector).__name__} is none of the three kinds of detector")
    grid = block_grid(h, w)
    per_worker = _block_bytes(grid, b) + grid.rows * grid.columns * _raw_bytes(scene)
    passes = _summary_bytes(detector, grid, b) + workers * per_worker
    # The last sum stands beside its two parts.
    return int(max(passes, 3 * detector.summary_bytes(b) + detector.fit_bytes(b)))


def fitting_workers(scene: Scene, detector: Detector, resources: Resources) -> int:
    """As many workers as are wanted, or as the budget allows, at least one."""
    left, workers = resources.left(), resources.threads
    while workers > 1 and needed(scene, detector, workers) > left:
        workers -= 1
    return workers


def least_budget(need: float) -> int:
    """The least `Resources.max_memory` for work that needs so many bytes beside what is held.

    In whole steps and a little above, so that the same command, given this budget, is not refused
    because its process has become a page larger.
    """
    return STEP * ceil((held() + need + STEP / 2) / STEP)


def check_budget(
    scene: Scene, detector: Detector, resources: Resources, need: float, spare: float = 0
) -> None:
    """Refuse a run that cannot keep to its budget, before it does anything.

    Parameters
    ----------
    scene, detector, resources
        Of the run.
    need
        Bytes beside what is held: `needed`, or more where another stage takes more.
    spare
        Bytes by which the budget may be exceeded.

    Raises
    ------
    BudgetError
        With the least budget that would do.
    """
    left = resources.left()
    if need <= left + spare:
        return
    least = least_budget(need)
    if resources.max_memory is None:
        allowed = f"only {bytes_text(max(left, 0))} of memory may be used, half of what is free"
    else:
        allowed = f"--max-memory allows {megabytes(resources.max_memory)}"
    what, advice = "needs", "cut the scene"
    if isinstance(detector, SceneDetector):
        what = "works on the whole scene and needs"
        advice += ", or use a detector that works by tiles"
    elif isinstance(detector, WindowDetector):
        advice = "choose a smaller outer window"
    raise BudgetError(
        f"{scene.source.path or scene.name}: this detector {what} {megabytes(least)} (with the "
        f"program itself), but {allowed}: say --max-memory {least // 10**6}MB, or {advice}"
    )


def _scene_bytes(scene: Scene, detector: SceneDetector) -> int:
    """Bytes of the whole scene in float64, of reading it, and of the detector's work on it."""
    h, w, b = scene.shape
    return int(h * w * (8 * b + _raw_bytes(scene) / 2)) + detector.memory(h, w, b)


def _raw_bytes(scene: Scene) -> float:
    """Bytes per pixel while it is read: twice as stored, since some readers convert."""
    return 2.0 * scene.source.shape[2] * scene.source.dtype.itemsize


def _summary_bytes(detector: BackgroundDetector[Any], grid: Grid, bands: int) -> float:
    """Bytes of the summaries that wait for their siblings in the tree, and of adding two up."""
    return (len(grid).bit_length() + 2.0) * detector.summary_bytes(bands)


def _block_bytes(grid: Grid, bands: int) -> float:
    """Bytes of a block in float64: prepared, its valid pixels, and the detector's work on them."""
    return 5.0 * 8 * bands * grid.rows * grid.columns


def _tile_bytes(scene: Scene, detector: WindowDetector, rows: int, columns: int) -> float:
    """Bytes of a tile with its margin, and of the detector's work on it."""
    h, w, b = scene.shape
    margin = detector.window.outer - 1
    read = min(rows + margin, h) * min(columns + margin, w)
    return read * (_raw_bytes(scene) + 8 * b) + detector.scratch(rows, columns, b)
