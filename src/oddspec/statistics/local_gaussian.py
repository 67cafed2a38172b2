"""Squared Mahalanobis distance of each pixel from the ring of pixels around it.

Local RX scores a scene by it, and BRAD the residual that a model leaves of one.
"""

from __future__ import annotations

import warnings

import numpy as np

from oddspec.arrays import Pixels, Scores, Spectrum
from oddspec.errors import DataWarning, InputError
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.summary import Moments
from oddspec.windows import Ring, RingGrams, Tile, Window

FALLBACK_RIDGE = 1e-4
"""Used where ``ridge`` is zero and a ring has no more pixels than bands."""

SMALLEST_PIVOT = 1e-9
"""Without a ridge, a band whose variance the others explain but for this part counts as collinear
with them, and the ring is taken through the eigenvalues of its covariance instead."""

DRIFT = 1e4
"""Sums about an origin are trusted while the ring's mean is not too far from it: while they
exceed the ring's own scatter by less than this factor, which costs four of sixteen digits."""

FLOOR = 1e-8
"""The least standard deviation in any direction, as a part of the spectra's root mean square."""

HALVINGS = 2_000_000
"""Bytes for what is remembered of how squares are halved."""

BEYOND = 1e300
"""The last pivot is not used, but must be positive."""


def local_distances(tile: Tile, window: Window, ridge: float) -> Scores:
    """Distances of the tile's pixels from their rings; NaN where invalid.

    Parameters
    ----------
    tile
        With the margin that the window needs.
    window
        The dual window.
    ridge
        Added to the variance in every direction, as a fraction of the ring's mean variance per
        band; 0 for none.

    Raises
    ------
    InputError
        If the scene is smaller than the outer square.

    Warns
    -----
    DataWarning
        If rings have fewer samples than bands, or too few valid pixels.
    """
    bands = tile.cube.shape[2]
    window.must_fit(*tile.scene)
    if window.size <= bands:
        _warn_few_samples(window.size, bands, ridge)
    scores = np.full((tile.rows[1] - tile.rows[0], tile.columns[1] - tile.columns[0]), np.nan)
    least = window.least
    for ring in RingGrams(tile, window):
        if ring.gram[0, 0] < least:
            continue
        score = _score(ring, ridge)
        if score is None:
            pixel = tile.pixel(ring.row, ring.column)
            score = local_distance(pixel, tile.ring(window, ring.row, ring.column), ridge)
        scores[ring.row - tile.rows[0], ring.column - tile.columns[0]] = score
    if np.isnan(scores[tile.tested]).any():
        warnings.warn(
            "some pixels beside masked areas have less than a third of their ring left; they "
            "are not scored (NaN)",
            DataWarning,
            stacklevel=2,
        )
    return scores


def local_scratch(window: Window, rows: int, columns: int, bands: int) -> int:
    """Bytes that `local_distances` needs beside the tile: a few matrices, whatever its size."""
    return RingGrams.scratch(window, bands) + 8 * (rows * columns + 12 * bands * bands)


def _score(ring: Ring, ridge: float) -> float | None:
    """The score from a ring's sums, or None where they do not carry it.

    Factorising ``[[n, t], [t^T, G]]``, the number, sum and products of the ring's pixels,
    eliminates the mean in its first step, and leaves the scatter ``G - t^T t / n``. With the
    column ``(1, y)`` at its end the factor's last column is ``(1 / sqrt n, R^{-T} (y - m))``.
    """
    gram = ring.gram
    bands = len(ring.pixel)
    diagonal = np.einsum("ii->i", gram)[1:-1]
    count, total = float(gram[0, 0]), gram[0, 1:-1]
    about_origin = float(diagonal.sum())
    trace = about_origin - float(total @ total) / count
    if not trace * DRIFT > about_origin:
        return None
    if ridge == 0.0:
        if count <= bands:
            return None
        scatter = diagonal - total * total / count
    diagonal += ridge * trace / bands
    last = gram[:, -1]
    last[0], last[1:-1], last[-1] = 1.0, ring.pixel, BEYOND
    if not ring.factorise():
        return None
    if ridge == 0.0 and not (diagonal * diagonal > SMALLEST_PIVOT * scatter).all():
        return None
    white = last[1:-1]
    return (count - 1.0) * float(white @ white)


def local_distance(pixel: Spectrum, ring: Pixels, ridge: float) -> float:
    """Score of one pixel against its ring, straight from the definition and for every case.

    Warns
    -----
    DataWarning
        If ``ridge`` is 0 and the ring has no more pixels than bands.
    """
    count, bands = ring.shape
    moments = Moments.of(ring)
    if ridge == 0.0 and count <= bands:
        _warn_few_samples(count, bands, ridge)
        ridge = FALLBACK_RIDGE
    if ridge == 0.0:
        try:
            return float(Gaussian.of(moments, ridge=0.0).score(pixel[None])[0])
        except InputError:
            pass  # all pixels are equal
    away = pixel - moments.mean
    values, vectors = np.linalg.eigh(moments.covariance)
    floor = FLOOR**2 * (pixel @ pixel + moments.mean @ moments.mean) / bands
    if floor == 0.0:
        return 0.0
    variance = np.maximum(values, 0.0) + max(ridge * values.sum() / bands, floor)
    return float(((away @ vectors) ** 2 / variance).sum())


def _warn_few_samples(count: int, bands: int, ridge: float) -> None:
    done = (
        f"the ridge of {ridge:g} decides the scores"
        if ridge
        else f"a ridge of {FALLBACK_RIDGE:g} was added"
    )
    warnings.warn(
        f"a ring of {count} pixels has {count / bands:.2g} samples per band ({bands} bands): "
        f"{done}; choose a larger outer width, fewer bands or rx",
        DataWarning,
        stacklevel=3,
    )
