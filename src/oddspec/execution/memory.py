"""How much memory a run needs, before anything large is allocated."""

from __future__ import annotations

from typing import Any

from oddspec.detector import BackgroundDetector, Detector, Examiner, SceneDetector, WindowDetector
from oddspec.execution.tiles import Grid, blocks
from oddspec.scene import Scene

__all__ = [
    "WINDOW_SIDES",
    "block_bytes",
    "needed",
    "raw_bytes",
    "scene_bytes",
    "summary_bytes",
    "tile_bytes",
]

WINDOW_SIDES = (512, 256, 128, 64, 32, 16, 8)
"""Sides of the tiles that are tried for window detectors, in pixels without the margin."""


def needed(scene: Scene, detector: Detector, workers: int = 1) -> int:
    """Bytes that a run needs at least, beside what the process has."""
    h, w, b = scene.shape
    if isinstance(detector, WindowDetector):
        side = WINDOW_SIDES[-1]
        return workers * int(tile_bytes(scene, detector, min(side, h), min(side, w)))
    if isinstance(detector, SceneDetector):
        return scene_bytes(scene, detector)
    assert isinstance(detector, BackgroundDetector)
    grid = blocks(h, w)
    pixels = grid.rows * grid.columns
    per_worker = block_bytes(grid, b) + pixels * raw_bytes(scene)
    return int(summary_bytes(detector, grid, b) + workers * per_worker)


def scene_bytes(scene: Scene, examiner: Examiner) -> int:
    """Bytes of the whole scene in float64, of reading it, and of what examines it."""
    h, w, b = scene.shape
    return int(h * w * (8 * b + raw_bytes(scene) / 2)) + examiner.memory(h, w, b)


def raw_bytes(scene: Scene) -> float:
    """Bytes per pixel while it is read: twice as stored, since some readers convert."""
    return 2.0 * scene.source.shape[2] * scene.source.dtype.itemsize


def summary_bytes(detector: BackgroundDetector[Any], grid: Grid, bands: int) -> float:
    """Bytes of the summaries that wait for their siblings in the tree, and of the fit."""
    return (len(grid).bit_length() + 2.0) * detector.summary_bytes(bands)


def block_bytes(grid: Grid, bands: int) -> float:
    """Bytes of a block's copies in float64."""
    return 5.0 * 8 * bands * grid.rows * grid.columns


def tile_bytes(scene: Scene, detector: WindowDetector, rows: int, columns: int) -> float:
    """Bytes of a tile with its margin, and of the detector's work on it."""
    h, w, b = scene.shape
    margin = detector.window.outer - 1
    read = min(rows + margin, h) * min(columns + margin, w)
    return read * (raw_bytes(scene) + 8 * b) + detector.scratch(rows, columns, b)
