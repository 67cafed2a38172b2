"""A `BackgroundDetector` on a scene of any size: one pass to summarise it, one to score it."""

from __future__ import annotations

import threading
from typing import Any, Protocol, runtime_checkable

import numpy as np

from oddspec.arrays import Scores, must_have_shape
from oddspec.detector import Background, BackgroundDetector
from oddspec.device import to_device, to_numpy
from oddspec.execution.executors import run_tasks
from oddspec.execution.memory import block_bytes, raw_bytes, summary_bytes
from oddspec.execution.resources import Resources
from oddspec.execution.score_store import Sink
from oddspec.execution.tiles import Region, Tree, blocks, cut
from oddspec.progress import Progress
from oddspec.scene import Scene
from oddspec.statistics.pixels import valid_pixels

__all__ = ["Checkpoint", "TwoPasses"]

TILE_BYTES = 64e6
"""Enough to read at a disk's full speed; more would only cost memory."""


@runtime_checkable
class Checkpoint(Protocol):
    """Where the first pass of an interrupted run is kept."""

    def load(self) -> tuple[Tree, set[int]] | None:
        """Summaries so far, and the numbers of the blocks that they cover."""

    def save(self, tree: Tree, covered: set[int], final: bool) -> None:
        """Keep them; may do nothing unless ``final`` (when too little time has passed)."""


class TwoPasses:
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
        """Fit, unless something fitted is given, and score; what scored is returned.

        Raises
        ------
        InputError
            If no pixel is valid.
        """
        background = fitted or self.detector.fit(self._summary(checkpoint), self.progress)
        todo = [tile for tile in self.tiles if not self.sink.has(tile)]
        done = len(self.tiles) - len(todo)

        def work(tile: Region) -> None:
            self.sink.write(tile, self._score(background, tile))

        run_tasks(todo, work, self.resources.threads, self.progress, "scoring", done)
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
        run_tasks(todo, work, self.resources.threads, self.progress, "summarising", done)
        if checkpoint and todo:
            checkpoint.save(tree, covered, final=True)
        summary = tree.total()
        if summary is None:
            raise self.scene.without_valid_pixel()
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
            pixels = valid_pixels(cube, valid)
            if len(pixels):
                found = to_numpy(background.score(to_device(pixels, self.device)))
                must_have_shape(found, (len(pixels),), background)
                scores[block.within(tile)][valid] = found
        return scores


def _flatten(
    cube: np.ndarray, valid: np.ndarray, block: Region, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """The valid pixels of a block, and their positions in the scene."""
    rows = np.arange(*block.rows)[:, None]
    index = rows * width + np.arange(*block.columns)
    return valid_pixels(cube, valid), index[valid]
