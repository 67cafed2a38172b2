"""Mean spectra of detections, and the background's to compare them with, by windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from oddspec.arrays import Scores
from oddspec.detections import Detections
from oddspec.progress import Progress, silent
from oddspec.scene import Scene
from oddspec.statistics.summary import Sample

MOST_SPECTRA = 1000
"""Detections, by descending peak, that get a mean spectrum unless another limit is given."""

_BYTES = 32_000_000
"""Size of a window in memory as float64, all bands."""
_BACKGROUND_PIXELS = 4000
"""Enough for a 5 % quantile to be off by less than 1 % (one standard error 0.35 %)."""
_BACKGROUND_WINDOWS = 10
"""Per side of a large scene."""
_BACKGROUND_WINDOW = 20
"""Width of each in pixels."""


@dataclass(frozen=True, eq=False)
class Spectra:
    """Mean spectra over the used bands, in the values that the detector saw.

    Attributes
    ----------
    means
        ``(count, bands)`` of the detections with the ids 1 to ``count``.
    background_mean, background_low, background_high
        Mean, 5 % and 95 % quantile of a sample of undetected valid pixels, one per band; NaN if
        there is none.
    background_pixels
        Size of that sample.
    bands
        Positions of the used bands in the file, from 0.
    wavelengths
        Nanometres, or None.
    value_label
        What the numbers are, for the axis of a chart.
    """

    means: np.ndarray
    background_mean: np.ndarray
    background_low: np.ndarray
    background_high: np.ndarray
    background_pixels: int
    bands: np.ndarray
    wavelengths: np.ndarray | None
    value_label: str = "value in the scene"


def measure_spectra(
    scene: Scene,
    detections: Detections,
    scores: Scores,
    *,
    most: int = MOST_SPECTRA,
    progress: Progress = silent,
) -> Spectra:
    """Mean spectra of the ``most`` highest detections, and of the background around them all.

    Neighbouring pixels are read together, in windows of limited size, whatever objects they belong
    to. The background is sampled in windows spread evenly over the scene: pixels with a score
    that belong to no detection.
    """
    count = min(len(detections), most)
    sums = np.zeros((count, scene.shape[2]))
    pixels = np.zeros(count)
    chosen = detections.pixels[: detections.starts[count]]
    owner = np.repeat(np.arange(count), detections.sizes[:count])
    done = 0
    for rows, columns, owners in _gather(chosen, owner, scene):
        top, left = int(rows.min()), int(columns.min())
        window = (top, int(rows.max()) + 1), (left, int(columns.max()) + 1)
        cube, valid = scene.read(*window)
        usable = valid[rows - top, columns - left]
        spectra, owners = cube[rows - top, columns - left][usable], owners[usable]
        if len(owners):
            begins = np.flatnonzero(np.diff(owners, prepend=-1))  # owners ascend within a tile
            sums[owners[begins]] += np.add.reduceat(spectra, begins, axis=0)
        pixels += np.bincount(owners, minlength=count)
        done += len(rows)
        progress(done, len(chosen), "reading spectra")
    with np.errstate(invalid="ignore"):
        means = sums / pixels[:, np.newaxis]
    sample = _background(scene, detections, scores)
    mean, low, high = _spread(sample)
    return Spectra(
        means=means,
        background_mean=mean,
        background_low=low,
        background_high=high,
        background_pixels=len(sample),
        bands=scene.bands,
        wavelengths=scene.wavelengths,
        value_label=scene.value_label,
    )


def _gather(
    pixels: np.ndarray, owner: np.ndarray, scene: Scene
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Rows, columns and owners of the pixels, tile of the scene by tile."""
    if not len(pixels):
        return
    _, width, bands = scene.shape
    side = _side(scene.source.shape[2] + bands)
    rows, columns = np.divmod(pixels, width)
    # One more tile than fit, for the rest of the width.
    tile = (rows // side) * (width // side + 1) + columns // side
    order = np.argsort(tile, kind="stable")
    cuts = np.flatnonzero(np.diff(tile[order])) + 1
    for part in np.split(order, cuts):
        yield rows[part], columns[part], owner[part]


def _side(bands: int) -> int:
    """Width of a square window of `_BYTES`."""
    return max(1, int((_BYTES / (8 * bands)) ** 0.5))


def _background(scene: Scene, detections: Detections, scores: Scores) -> np.ndarray:
    height, width, bands = scene.shape
    rows, columns = (0, height), (0, width)
    if height * width * bands * 8 <= _BYTES:
        windows = [(rows, columns)]
    else:
        windows = [(r, c) for r in _spread_windows(height) for c in _spread_windows(width)]
    detected = np.sort(detections.pixels)
    sample = Sample(_BACKGROUND_PIXELS, 0, np.zeros(0, np.int64), np.zeros((0, bands)))
    for rows, columns in windows:
        cube, valid = scene.read(rows, columns)
        scored = ~np.isnan(np.asarray(scores[slice(*rows), slice(*columns)]))
        index = np.add.outer(np.arange(*rows) * width, np.arange(*columns))
        background = valid & scored & ~np.isin(index, detected, assume_unique=True)
        sample += Sample.of(cube[background], index[background], size=_BACKGROUND_PIXELS)
    return sample.pixels


def _spread_windows(length: int) -> list[tuple[int, int]]:
    """Windows evenly spread from the first pixel to the last."""
    size = min(_BACKGROUND_WINDOW, length)
    starts = np.unique(np.linspace(0, length - size, _BACKGROUND_WINDOWS).astype(int))
    return [(int(start), int(start) + size) for start in starts]


def _spread(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not len(sample):
        empty = np.full(sample.shape[1], np.nan)
        return empty, empty, empty
    low, high = np.quantile(sample, (0.05, 0.95), axis=0)
    return sample.mean(axis=0), low, high
