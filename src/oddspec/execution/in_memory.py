"""Any detector, of whichever kind, on a scene that lies in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from oddspec.arrays import Cube, Mask, Scores
from oddspec.detector import BackgroundDetector, Detector, SceneDetector, WindowDetector
from oddspec.progress import Progress, silent
from oddspec.windows import Tile

BLOCK = 8192
"""Pixels that are summarised or scored at a time."""

STRIP = 32
"""Rows that are scored at a time by windows: often enough to report progress."""


def scores_in_memory(
    detector: Detector, cube: Cube, valid: Mask, progress: Progress = silent
) -> Scores:
    """Scores of the whole scene, ``(h, w)``: up to rounding those that a run on tiles gives."""
    if isinstance(detector, SceneDetector):
        return detector.examine(cube, valid, progress).scores
    if isinstance(detector, WindowDetector):
        return _by_windows(detector, cube, valid, progress)
    assert isinstance(detector, BackgroundDetector)
    return _by_background(detector, cube, valid, progress)


def working_bytes(detector: Detector, height: int, width: int, bands: int) -> int:
    """Bytes that `scores_in_memory` needs beside the cube."""
    if isinstance(detector, SceneDetector):
        return detector.memory(height, width, bands)
    if isinstance(detector, WindowDetector):
        return detector.scratch(min(STRIP, height), width, bands)
    assert isinstance(detector, BackgroundDetector)
    # The sum of two summaries stands beside both; a block has as many copies as in a run by tiles.
    return 4 * detector.summary_bytes(bands) + 5 * 8 * bands * min(BLOCK, height * width)


def _by_windows(detector: WindowDetector, cube: Cube, valid: Mask, progress: Progress) -> Scores:
    h, w = valid.shape
    detector.window.must_fit(h, w)
    scores = np.full((h, w), np.nan)
    for top in range(0, h, STRIP):
        progress(top, h, "scoring")
        rows = top, min(top + STRIP, h)
        scores[slice(*rows)] = detector.score_tile(Tile(cube, valid, 0, 0, rows, (0, w), (h, w)))
    return scores


def _by_background(
    detector: BackgroundDetector[Any], cube: Cube, valid: Mask, progress: Progress
) -> Scores:
    pixels, index = cube.reshape(-1, cube.shape[2]), np.flatnonzero(valid)
    parts = [index[start : start + BLOCK] for start in range(0, len(index), BLOCK)]
    summary = detector.summarise(pixels[parts[0]], parts[0])
    for part in parts[1:]:
        summary = summary + detector.summarise(pixels[part], part)
    background = detector.fit(summary, progress)
    scores = np.full(valid.size, np.nan)
    for number, part in enumerate(parts):
        progress(number, len(parts), "scoring")
        scores[part] = background.score(pixels[part])
    return scores.reshape(valid.shape)
