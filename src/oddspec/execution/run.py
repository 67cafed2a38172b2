"""Executing a detector on a scene of any size: tiles, workers, budget."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from oddspec.arrays import Scores, must_have_shape
from oddspec.detector import (
    Background,
    BackgroundDetector,
    Detector,
    Examined,
    Examiner,
    Insight,
    SceneDetector,
    WindowDetector,
)
from oddspec.device import choose_device
from oddspec.errors import BudgetError, DataWarning, SettingError
from oddspec.execution.executors import spread
from oddspec.execution.memory import (
    WINDOW_SIDES,
    needed,
    scene_bytes,
    tile_bytes,
)
from oddspec.execution.resources import Resources
from oddspec.execution.score_store import Nowhere, Sink
from oddspec.execution.tiles import Grid, Region
from oddspec.execution.two_passes import Checkpoint, TwoPasses
from oddspec.progress import Progress, silent
from oddspec.scene import Scene
from oddspec.windows import Tile

__all__ = ["Outcome", "fit", "run"]

FEW = 2
"""Pixels per band up to which a background is poorly known: a filter made of the covariance of
twice as many pixels as bands has on average half the signal-to-noise ratio of the true one's
(Reed, Mallett and Brennan 1974, doi:10.1109/TAES.1974.307893)."""

FLAT = 1e-9
"""Scores that differ by less than this fraction of the largest differ by rounding only."""


@dataclass(frozen=True)
class Outcome:
    """What a run leaves beside the scores."""

    fitted: Background | Examiner | None = None
    """The fitted model, where the detector has one; `run` takes it for another scene."""
    insights: tuple[Insight, ...] = ()
    """What the model found."""


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
    watched = _Watched(sink)
    outcome = _run(scene, detector, watched, resources, progress, checkpoint, fitted, device)
    watched.warn_if_flat()
    if fitted is None and not isinstance(detector, WindowDetector):
        h, w, bands = scene.shape
        _warn_if_few(watched.count if watched.whole else h * w, bands)
    return outcome


def _run(
    scene: Scene,
    detector: Detector,
    sink: Sink,
    resources: Resources,
    progress: Progress,
    checkpoint: Checkpoint | None,
    fitted: Background | Examiner | None,
    device: str,
) -> Outcome:
    if isinstance(detector, SceneDetector):
        examiner = fitted if isinstance(fitted, Examiner) else detector
        return _run_scene(scene, examiner, sink, resources, progress)
    # Each worker has one BLAS thread: tiles in parallel scale better than one product in
    # parallel, and sums do not depend on how BLAS splits them. PyTorch keeps its threads, whatever
    # the workers: what it learns depends on them by rounding.
    with threadpool_limits(1, user_api="blas"):
        if isinstance(detector, BackgroundDetector):
            passes = TwoPasses(scene, detector, sink, resources, progress, device)
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
    return run(scene, detector, Nowhere(), resources, progress)


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
    seen: list[bool] = []

    def work(region: Region) -> None:
        rows, columns = window.reach(*region.rows, h), window.reach(*region.columns, w)
        cube, valid = scene.read(rows, columns)
        tile = Tile(cube, valid, rows[0], columns[0], region.rows, region.columns, (h, w))
        scores = detector.score_tile(tile)
        must_have_shape(scores, region.shape, detector)
        sink.write(region, scores)
        seen.append(bool(tile.tested.any()))

    spread(todo, work, resources.threads, progress, "scoring", len(tiles) - len(todo))
    if len(todo) == len(tiles) and not any(seen):  # else an earlier run has seen a part of them
        raise scene.without_valid_pixel()


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
    with threadpool_limits(resources.workers):
        found = examiner.examine(cube, valid, progress)
    if not isinstance(found, Examined):
        raise SettingError(
            f"{type(examiner).__name__}.examine returned {type(found).__name__}: expected "
            f"oddspec.detector.Examined(scores), with scores of shape ({h}, {w})"
        )
    must_have_shape(found.scores, (h, w), examiner)
    sink.write(Region((0, h), (0, w)), found.scores)
    return Outcome(found.fitted, found.insights)


class _Watched:
    """Keeps the extremes of the scores that go into a sink."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.count = 0
        self.extremes: list[float] = []
        self.whole = True
        self.lock = threading.Lock()  # tiles are written by several threads

    def write(self, region: Region, scores: Scores) -> None:
        """Keep the scores of that region."""
        known = scores[np.isfinite(scores)]
        if known.size:
            with self.lock:
                self.count += known.size
                self.extremes += [float(known.min()), float(known.max())]
        self.sink.write(region, scores)

    def has(self, region: Region) -> bool:
        """Whether an earlier run has written that region, whose scores were not seen here."""
        earlier = self.sink.has(region)
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
            stacklevel=4,
        )


def _warn_if_few(pixels: int, bands: int) -> None:
    if pixels <= FEW * bands:
        warnings.warn(
            f"{pixels} pixels in {bands} bands are no more than {FEW} per band: a background "
            f"learnt from so few may take an anomaly for a part of itself, and score it low; leave "
            f"out bands, or compare with rx",
            DataWarning,
            stacklevel=4,
        )
