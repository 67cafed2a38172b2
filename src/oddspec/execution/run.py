"""Executing a detector on a scene of any size.

A `SceneDetector` gets the whole scene. For the other kinds the scene is read tile by tile, on
several threads: a `WindowDetector` scores each tile with the margin that its windows need; a
`BackgroundDetector` takes two passes, one to summarise all tiles, one to score them.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from oddspec.arrays import Index, Mask, Pixels, Scores, to_device, to_numpy, valid_pixels
from oddspec.detector import (
    Background,
    BackgroundDetector,
    Detector,
    Insight,
    SceneDetector,
    SceneModel,
    SceneResult,
    WindowDetector,
)
from oddspec.errors import BudgetError, DataWarning, SettingError
from oddspec.execution.executors import library_threads, one_blas_thread, run_tasks
from oddspec.execution.resources import Resources, choose_device
from oddspec.execution.score_store import Checkpoint, Discard, ScoreStore
from oddspec.execution.tiles import Grid, Region, scene_bytes, tiles_of_blocks, tiles_of_windows
from oddspec.progress import Progress, silent
from oddspec.scene import Scene
from oddspec.statistics.summary import Tree
from oddspec.text import gigabytes
from oddspec.windows import Tile

FEW = 2
"""Pixels per band up to which a background is poorly known: a filter made of the covariance of
twice as many pixels as bands has on average half the signal-to-noise ratio of the true one's
(Reed, Mallett and Brennan 1974, doi:10.1109/TAES.1974.307893)."""

FLAT = 1e-9
"""Scores that differ by less than this fraction of the largest differ by rounding only."""


@dataclass(frozen=True)
class Outcome:
    """What a run leaves beside the scores."""

    fitted: Background | SceneModel | None = None
    """The fitted model, where the detector has one; `run` takes it for another scene."""
    insights: tuple[Insight, ...] = ()
    """What the model found."""


def run(
    scene: Scene,
    detector: Detector,
    store: ScoreStore,
    resources: Resources = Resources(),
    progress: Progress = silent,
    checkpoint: Checkpoint | None = None,
    fitted: Background | SceneModel | None = None,
) -> Outcome:
    """Score every pixel of the scene into the store.

    Parameters
    ----------
    scene, detector, store
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
    watched = _Watched(store)
    execution = _Execution(scene, watched, resources, progress)
    outcome = _run(execution, detector, device, checkpoint, fitted)
    watched.warn_if_flat()
    if fitted is None and not isinstance(detector, WindowDetector):
        h, w, bands = scene.shape
        _warn_if_few(watched.count if watched.whole else h * w, bands)
    return outcome


def _run(
    execution: _Execution,
    detector: Detector,
    device: str,
    checkpoint: Checkpoint | None,
    fitted: Background | SceneModel | None,
) -> Outcome:
    if isinstance(detector, SceneDetector):
        model = fitted if isinstance(fitted, SceneModel) else detector
        return _whole_scene(execution, detector, model)
    # PyTorch keeps its threads, whatever the workers: what it learns depends on them by rounding.
    with one_blas_thread():
        if isinstance(detector, BackgroundDetector):
            known = fitted if isinstance(fitted, Background) else None
            return _TwoPasses(execution, detector, device).run(checkpoint, known)
        if isinstance(detector, WindowDetector):
            return _windows(execution, detector)
    raise TypeError(f"{type(detector).__name__} is none of the three kinds of detector")


def fit_scene(
    scene: Scene,
    detector: Detector,
    resources: Resources = Resources(),
    progress: Progress = silent,
) -> Outcome:
    """What `run` would fit to the scene, without scoring it where that is possible."""
    return run(scene, detector, Discard(), resources, progress)


@dataclass(frozen=True)
class _Execution:
    """What all kinds of detector need to run."""

    scene: Scene
    store: ScoreStore
    resources: Resources
    progress: Progress

    def score_tiles(self, tiles: Grid, score: Callable[[Region], Scores]) -> bool:
        """The tile loop: score the tiles that the store lacks; whether it lacked all of them."""
        todo = [tile for tile in tiles if not self.store.has(tile)]
        self.on_workers(
            lambda tile: self.store.write(tile, score(tile)), todo, "scoring", len(tiles)
        )
        return len(todo) == len(tiles)

    def on_workers(
        self, work: Callable[[Region], None], todo: list[Region], stage: str, total: int
    ) -> None:
        """Do the rest of a stage's tiles on all workers."""
        threads, done = self.resources.threads, total - len(todo)
        run_tasks(todo, work, threads, self.progress, stage, done)


def _whole_scene(execution: _Execution, detector: SceneDetector, model: SceneModel) -> Outcome:
    scene, resources = execution.scene, execution.resources
    h, w, _ = scene.shape
    least = scene_bytes(scene, detector)
    if least > resources.left():
        raise BudgetError(
            f"{scene.source.path or scene.name}: this detector works on the whole scene and needs "
            f"{gigabytes(least)}, but {gigabytes(max(resources.left(), 0))} are left of the "
            f"budget: raise --max-memory, cut the scene, or use a detector that works by tiles"
        )
    cube, valid = scene.read((0, h), (0, w))
    with library_threads(resources.workers):
        result = model.examine(cube, valid, execution.progress)
    if not isinstance(result, SceneResult):
        raise SettingError(
            f"{type(model).__name__}.examine returned {type(result).__name__}: expected "
            f"oddspec.detector.SceneResult(scores), with scores of shape ({h}, {w})"
        )
    _must_have_shape(result.scores, (h, w), model)
    execution.store.write(Region((0, h), (0, w)), result.scores)
    return Outcome(result.fitted, result.insights)


def _windows(execution: _Execution, detector: WindowDetector) -> Outcome:
    scene, window = execution.scene, detector.window
    h, w, _ = scene.shape
    window.must_fit(h, w)
    seen: list[bool] = []  # threads append in any order: what is asked does not depend on it

    def score(region: Region) -> Scores:
        rows, columns = window.reach(*region.rows, h), window.reach(*region.columns, w)
        cube, valid = scene.read(rows, columns)
        tile = Tile(cube, valid, rows[0], columns[0], region.rows, region.columns, (h, w))
        scores = detector.score_tile(tile)
        _must_have_shape(scores, region.shape, detector)
        seen.append(bool(tile.tested.any()))
        return scores

    tiles = tiles_of_windows(scene, detector, execution.resources)
    # Otherwise a part of the scene has been judged in an earlier run.
    if execution.score_tiles(tiles, score) and not any(seen):
        raise scene.without_valid_pixel()
    return Outcome()


class _TwoPasses:
    """A `BackgroundDetector` on tiles: one pass to summarise them, one to score them."""

    def __init__(
        self, execution: _Execution, detector: BackgroundDetector[Any], device: str
    ) -> None:
        self.execution, self.scene = execution, execution.scene
        self.detector, self.device = detector, device
        self.blocks, self.tiles = tiles_of_blocks(self.scene, detector, execution.resources)

    def run(self, checkpoint: Checkpoint | None, fitted: Background | None) -> Outcome:
        """Fit, unless something fitted is given, and score."""
        background = fitted or self.detector.fit(self._summary(checkpoint), self.execution.progress)
        self.execution.score_tiles(self.tiles, lambda tile: self._score(background, tile))
        return Outcome(background, getattr(background, "insights", tuple)())

    def _summary(self, checkpoint: Checkpoint | None) -> Any:
        """The first pass, or what a checkpoint lacks of it."""
        tree, covered = (checkpoint.load() if checkpoint else None) or (Tree(), set())
        todo = [
            tile
            for tile in self.tiles
            if any(number not in covered for number, _ in self.blocks.inside(tile))
        ]
        lock = threading.Lock()

        def work(tile: Region) -> None:
            # A tree of the tile's own, so that threads add up side by side.
            part = Tree()
            numbers = []
            for number, block, valid, pixels in self._read(tile, covered):
                index = self._positions(block, valid)
                part.add(number, self.detector.summarise(pixels, index) if len(pixels) else None)
                numbers.append(number)
            with lock:
                tree.merge(part)
                covered.update(numbers)
                if checkpoint:
                    checkpoint.save(tree, covered, final=False)

        self.execution.on_workers(work, todo, "summarising", len(self.tiles))
        if checkpoint and todo:
            checkpoint.save(tree, covered, final=True)
        summary = tree.total()
        if summary is None:
            raise self.scene.without_valid_pixel()
        return summary

    def _score(self, background: Background, tile: Region) -> Scores:
        """A tile of the second pass."""
        scores = np.full(tile.shape, np.nan)
        for _, block, valid, pixels in self._read(tile):
            if len(pixels):
                found = to_numpy(background.score(pixels))
                _must_have_shape(found, (len(pixels),), background)
                scores[block.within(tile)][valid] = found
        return scores

    def _read(
        self, tile: Region, without: Container[int] = ()
    ) -> Iterator[tuple[int, Region, Mask, Pixels]]:
        """Number and place of the tile's blocks, where they are valid, and their valid pixels."""
        raw = self.scene.source.read(tile.rows, tile.columns)
        for number, block in self.blocks.inside(tile):
            if number in without:
                continue
            cube, valid = self.scene.prepare(raw[block.within(tile)], block.rows, block.columns)
            yield number, block, valid, to_device(valid_pixels(cube, valid), self.device)

    def _positions(self, block: Region, valid: Mask) -> Index:
        """Of a block's valid pixels in the scene: ``row * width + column``."""
        rows = np.arange(*block.rows)[:, None]
        return (rows * self.blocks.width + np.arange(*block.columns))[valid]


def _must_have_shape(scores: Any, shape: tuple[int, ...], source: object) -> None:
    """Refuse scores that would be broadcast, which is what somebody's new detector may give."""
    if np.shape(scores) != shape:
        raise SettingError(
            f"{type(source).__name__} gave scores of shape {np.shape(scores)}: expected {shape}, "
            f"one for each pixel"
        )


class _Watched:
    """Keeps the extremes of the scores that go into a store."""

    def __init__(self, store: ScoreStore) -> None:
        self.store = store
        self.count = 0
        self.extremes: list[float] = []
        self.whole = True
        self.lock = threading.Lock()  # tiles are written by several threads

    def write(self, region: Region, scores: Scores) -> None:
        """Keep the scores of that region."""
        finite = scores[np.isfinite(scores)]
        if finite.size:
            with self.lock:
                self.count += finite.size
                self.extremes += [float(finite.min()), float(finite.max())]
        self.store.write(region, scores)

    def has(self, region: Region) -> bool:
        """Whether an earlier run has written that region, whose scores were not seen here."""
        earlier = self.store.has(region)
        self.whole = self.whole and not earlier
        return earlier

    def warn_if_flat(self) -> None:
        """Say that no pixel is set apart, where all scores are equal up to rounding."""
        if self.count < 2 or not self.whole:
            return
        lowest, highest = min(self.extremes), max(self.extremes)
        if highest - lowest > FLAT * max(abs(lowest), abs(highest)):
            return
        rounding = "" if lowest == highest else " but for rounding"
        warnings.warn(
            f"all pixels have the same score, {highest:g}{rounding}: with these settings nothing "
            f"in this scene is set apart",
            DataWarning,
            stacklevel=3,  # where `run` was called
        )


def _warn_if_few(pixels: int, bands: int) -> None:
    if pixels <= FEW * bands:
        warnings.warn(
            f"{pixels} pixels in {bands} bands are no more than {FEW} per band: a background "
            f"learnt from so few may take an anomaly for a part of itself, and score it low; leave "
            f"out bands, or compare with rx",
            DataWarning,
            stacklevel=4,  # where `run` was called
        )
