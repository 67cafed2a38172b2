"""Executing a detector on a scene of any size: tiles, workers, budget, checkpoints."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from threadpoolctl import threadpool_limits

from oddspec.arrays import Scores
from oddspec.budget import Resources
from oddspec.detector import (
    Background,
    BackgroundDetector,
    Detector,
    Examiner,
    Insight,
    SceneDetector,
    WindowDetector,
)
from oddspec.device import choose_device, to_device, to_numpy
from oddspec.errors import BudgetError, InputError
from oddspec.memory import (
    WINDOW_SIDES,
    block_bytes,
    needed,
    raw_bytes,
    scene_bytes,
    summary_bytes,
    tile_bytes,
)
from oddspec.progress import Progress, silent
from oddspec.scene import Scene
from oddspec.tiles import Grid, Region, Tree, blocks, cut
from oddspec.windows import Tile
from oddspec.workers import spread

__all__ = ["Checkpoint", "Outcome", "ScoreArray", "Sink", "fit", "run"]

TILE_BYTES = 64e6
"""Enough to read at a disk's full speed; more would only cost memory."""


@runtime_checkable
class Sink(Protocol):
    """Where scores go."""

    def write(self, region: Region, scores: Scores) -> None:
        """Keep the scores of that region; called from several threads, for distinct regions."""

    def has(self, region: Region) -> bool:
        """Whether an earlier run has written that region."""


@runtime_checkable
class Checkpoint(Protocol):
    """Where the first pass of an interrupted run is kept."""

    def load(self) -> tuple[Tree, set[int]] | None:
        """Summaries so far, and the numbers of the blocks that they cover."""

    def save(self, tree: Tree, covered: set[int], final: bool) -> None:
        """Keep them; may do nothing unless ``final`` (when too little time has passed)."""


@dataclass(frozen=True)
class Outcome:
    """What a run leaves beside the scores."""

    fitted: Background | Examiner | None = None
    """The fitted model, where the detector has one; `run` takes it for another scene."""
    insights: tuple[Insight, ...] = ()
    """What the model found."""


class ScoreArray:
    """Scores kept in memory, in float64."""

    def __init__(self, height: int, width: int) -> None:
        self.scores = np.full((height, width), np.nan)

    def write(self, region: Region, scores: Scores) -> None:
        """Keep the scores of that region."""
        self.scores[slice(*region.rows), slice(*region.columns)] = scores

    def has(self, region: Region) -> bool:
        """Nothing comes from an earlier run."""
        return False


def run(
    scene: Scene,
    detector: Detector,
    sink: Sink,
    resources: Resources = Resources(),
    progress: Progress = silent,
    checkpoint: Checkpoint | None = None,
    fitted: Background | Examiner | None = None,
) -> Outcome:
    """Score every pixel of the scene into the sink.

    Parameters
    ----------
    scene, detector, sink
        What is scored, by what, and where the scores go.
    resources
        Memory, workers and device.
    progress
        Called as the work goes on.
    checkpoint
        Where the first pass is kept, so that an interrupted run need not repeat it.
    fitted
        What the detector has fitted to another scene, to be applied to this one as it is.

    Returns
    -------
    Outcome
        The fitted model, where the detector has one, and its insights.

    Raises
    ------
    BudgetError
        If the budget does not suffice; before anything large is allocated.
    InputError, SettingError
        If scene and detector do not go together.
    """
    device = choose_device(resources.device, detector.devices)
    if isinstance(detector, SceneDetector):
        examiner = fitted if isinstance(fitted, Examiner) else detector
        return _run_scene(scene, examiner, sink, resources, progress)
    # Each worker has one BLAS thread: tiles in parallel scale better than one product in
    # parallel, and sums do not depend on how BLAS splits them.
    with threadpool_limits(1, user_api="blas"):
        if isinstance(detector, BackgroundDetector):
            passes = _Background(scene, detector, sink, resources, progress, device)
            background = passes.run(checkpoint, fitted if isinstance(fitted, Background) else None)
            return Outcome(background, getattr(background, "insights", tuple)())
        if isinstance(detector, WindowDetector):
            _run_window(scene, detector, sink, resources, progress)
            return Outcome()
    raise TypeError(f"{type(detector).__name__} is none of the three kinds of detector")


def fit(
    scene: Scene,
    detector: Detector,
    resources: Resources = Resources(),
    progress: Progress = silent,
) -> Outcome:
    """What `run` would fit to the scene, without scoring it where that is possible."""
    return run(scene, detector, _Nowhere(), resources, progress)


class _Nowhere:
    """For who wants no scores."""

    def write(self, region: Region, scores: Scores) -> None:
        """Keep nothing."""

    def has(self, region: Region) -> bool:
        """Nothing is missing."""
        return True


class _Background:
    """The two passes of a `BackgroundDetector`."""

    def __init__(
        self,
        scene: Scene,
        detector: BackgroundDetector[Any],
        sink: Sink,
        resources: Resources,
        progress: Progress,
        device: str,
    ) -> None:
        h, w, b = scene.shape
        self.scene, self.detector, self.sink = scene, detector, sink
        self.resources, self.progress, self.device = resources, progress, device
        self.blocks = blocks(h, w)
        share = (
            resources.left() - summary_bytes(detector, self.blocks, b)
        ) / resources.threads - block_bytes(self.blocks, b)
        # Enough tiles that any number of workers finish together, none of less than a block; an
        # interrupted run that goes on with other workers finds the same tiles.
        even = raw_bytes(scene) * max(h * w / 64, self.blocks[0].pixels)
        self.tiles = cut(self.blocks, raw_bytes(scene), min(share, TILE_BYTES, even))

    def run(self, checkpoint: Checkpoint | None, fitted: Background | None) -> Background:
        background = fitted or self.detector.fit(self._summary(checkpoint), self.progress)
        todo = [tile for tile in self.tiles if not self.sink.has(tile)]
        done = len(self.tiles) - len(todo)

        def work(tile: Region) -> None:
            self.sink.write(tile, self._score(background, tile))

        spread(todo, work, self.resources.threads, self.progress, "scoring", done)
        return background

    def _summary(self, checkpoint: Checkpoint | None) -> Any:
        tree, covered = (checkpoint.load() if checkpoint else None) or (Tree(), set())
        todo = [
            tile
            for tile in self.tiles
            if any(number not in covered for number, _ in self.blocks.inside(tile))
        ]
        lock = threading.Lock()

        def work(tile: Region) -> None:
            part, numbers = self._summarise(tile, covered)
            with lock:
                tree.merge(part)
                covered.update(numbers)
                if checkpoint:
                    checkpoint.save(tree, covered, final=False)

        done = len(self.tiles) - len(todo)
        spread(todo, work, self.resources.threads, self.progress, "summarising", done)
        if checkpoint and todo:
            checkpoint.save(tree, covered, final=True)
        summary = tree.total()
        if summary is None:
            source = self.scene.source
            raise InputError(
                f"{source.path or source.name}: no pixel is valid (all are nodata, NaN or "
                f"infinite); check the nodata value and the chosen bands"
            )
        return summary

    def _summarise(self, tile: Region, covered: set[int]) -> tuple[Tree, list[int]]:
        raw = self.scene.source.read(tile.rows, tile.columns)
        tree, numbers = Tree(), []
        for number, block in self.blocks.inside(tile):
            if number in covered:
                continue
            cube, valid = self.scene.prepare(raw[block.within(tile)])
            pixels, index = _flatten(cube, valid, block, self.blocks.width)
            tree.add(
                number,
                self.detector.summarise(to_device(pixels, self.device), index)
                if len(pixels)
                else None,
            )
            numbers.append(number)
        return tree, numbers

    def _score(self, background: Background, tile: Region) -> Scores:
        raw = self.scene.source.read(tile.rows, tile.columns)
        scores = np.full(tile.shape, np.nan)
        for _, block in self.blocks.inside(tile):
            cube, valid = self.scene.prepare(raw[block.within(tile)])
            pixels = cube[valid] if not valid.all() else cube.reshape(-1, cube.shape[2])
            if len(pixels):
                found = background.score(to_device(pixels, self.device))
                scores[block.within(tile)][valid] = to_numpy(found)
        return scores


def _flatten(
    cube: np.ndarray, valid: np.ndarray, block: Region, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """The valid pixels of a block, and their positions in the scene."""
    rows = np.arange(*block.rows)[:, None]
    index = rows * width + np.arange(*block.columns)
    if valid.all():
        return cube.reshape(-1, cube.shape[2]), index.ravel()
    return cube[valid], index[valid]


def _run_window(
    scene: Scene,
    detector: WindowDetector,
    sink: Sink,
    resources: Resources,
    progress: Progress,
) -> None:
    h, w, _ = scene.shape
    window = detector.window
    window.must_fit(h, w)
    tiles = _window_tiles(scene, detector, resources)
    todo = [tile for tile in tiles if not sink.has(tile)]

    def work(region: Region) -> None:
        rows, columns = window.reach(*region.rows, h), window.reach(*region.columns, w)
        cube, valid = scene.read(rows, columns)
        tile = Tile(cube, valid, rows[0], columns[0], region.rows, region.columns, (h, w))
        sink.write(region, detector.score_tile(tile))

    spread(todo, work, resources.threads, progress, "scoring", len(tiles) - len(todo))


def _window_tiles(scene: Scene, detector: WindowDetector, resources: Resources) -> Grid:
    """The largest square tiles that fit the budget and keep every worker busy."""
    h, w, _ = scene.shape
    share = resources.left() / resources.threads
    for side in WINDOW_SIDES:
        grid = Grid(h, w, min(side, h), min(side, w))
        fits = tile_bytes(scene, detector, grid.rows, grid.columns) <= share
        if fits and (len(grid) >= 2 * resources.threads or side <= 32):
            return grid
    least = needed(scene, detector)
    raise BudgetError(
        f"{scene.source.path or scene.name}: this window needs {least / 1e6:,.0f} MB per worker "
        f"even on small tiles, but {max(share, 0) / 1e6:,.0f} MB are left for it: raise "
        f"--max-memory, lower --workers or choose a smaller outer window"
    )


def _run_scene(
    scene: Scene,
    examiner: Examiner,
    sink: Sink,
    resources: Resources,
    progress: Progress,
) -> Outcome:
    h, w, _ = scene.shape
    least = scene_bytes(scene, examiner)
    if least > resources.left():
        raise BudgetError(
            f"{scene.source.path or scene.name}: this detector works on the whole scene and needs "
            f"{least / 1e9:.2f} GB, but {max(resources.left(), 0) / 1e9:.2f} GB are left of the "
            f"budget: raise --max-memory, cut the scene, or use a detector that works by tiles"
        )
    cube, valid = scene.read((0, h), (0, w))
    with threadpool_limits(resources.workers, user_api="blas"):
        found = examiner.examine(cube, valid, progress)
    sink.write(Region((0, h), (0, w)), found.scores)
    return Outcome(found.fitted, found.insights)
