"""Local RX: each pixel against a Gaussian fitted to the ring around it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oddspec.arrays import Pixels, Scores, Spectrum
from oddspec.detector import WindowDetector
from oddspec.errors import DataWarning, InputError, SettingError
from oddspec.linalg import Gaussian
from oddspec.summary import Moments
from oddspec.windows import Ring, RingGrams, Tile, Window

__all__ = ["LocalRX", "local_distance"]

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


@dataclass(frozen=True)
class LocalRX(WindowDetector):
    r"""Local RX: how far a spectrum lies from the mean of the ring around it, in the ring's spread.

    With mean ``m`` and covariance ``C = sum (x - m)(x - m)^T / (s - 1)`` of the s pixels x between
    the guard square and the outer square around a pixel y::

        score(y) = (y - m) (C + r I)^{-1} (y - m)^T,      r = ridge * trace(C) / b

    Parameters
    ----------
    guard
        Width of the inner square in pixels (w_in), odd: at least the size of the largest target,
        so that no part of it gets into the ring.
    outer
        Width of the outer square in pixels (w_out), odd. ``outer**2 - guard**2``, the number of
        pixels in the ring, should be at least twice the number of bands.
    ridge
        Added to the variance in every direction, as a fraction of the ring's mean variance per
        band; 0 for none.

    Notes
    -----
    * Defaults: a guard of 7 holds targets of up to 4 pixels across wherever they are hit (and
      their centres up to 7); 25 gives 576 pixels, two to three times the 200 bands of common
      imaging spectrometers. They are the same for every scene; nothing is chosen by a truth.
    * The ridge is not in the published equations. A covariance of 200 bands from a few hundred
      pixels has eigenvalues that are far too small, and 1e-4 keeps them from deciding; with 0 the
      equation is exact and the score is unchanged by any invertible linear map of the bands.
    * ``ridge`` 0: where the ring's pixels lie in a subspace (constant, duplicated or collinear
      bands), the distance is measured within it, exactly as `RX` does. With a ridge such bands
      need no care: what varies nowhere in the ring has the variance r, so a pixel that leaves the
      subspace scores high.
    * A ring with no more valid pixels than bands has no inverse covariance. With a ridge it is
      used as it is; without, a ridge of 1e-4 is taken for it; both with a warning. (A
      pseudo-inverse would leave out most directions in which a pixel can be odd.)
    * A ring of equal pixels has no spread at all. Its standard deviation is then taken as 1e-8
      of the spectra's root mean square: the score is huge but finite, or 0 for an equal pixel.
    * Invalid ring pixels are left out (s counts the valid ones). With less than a third of the
      ring valid the pixel is not scored (NaN).
    * The variant with the scene's covariance and a local mean is not offered here: that score
      depends on more than the ring, so it would be another kind of detector.

    References
    ----------
    I. S. Reed and X. Yu, "Adaptive multiple-band CFAR detection of an optical pattern with
    unknown spectral distribution", IEEE Trans. Acoust., Speech, Signal Process. 38(10),
    1760-1770, 1990. doi:10.1109/29.60107

    J. M. Molero, E. M. Garzon, I. Garcia and A. Plaza, "Analysis and optimizations of global and
    local versions of the RX algorithm for anomaly detection in hyperspectral data", IEEE J. Sel.
    Topics Appl. Earth Observ. Remote Sens. 6(2), 801-814, 2013. doi:10.1109/JSTARS.2013.2238609
    """

    guard: int = 7
    outer: int = 25
    ridge: float = 1e-4

    reference: ClassVar[str] = "Molero et al. 2013, doi:10.1109/JSTARS.2013.2238609"
    cost: ClassVar[str] = "n (s b^2 / 7 + b^3)"

    def __post_init__(self) -> None:
        Window(self.guard, self.outer)
        if not (np.isfinite(self.ridge) and (self.ridge == 0 or self.ridge >= 1e-12)):
            raise SettingError(
                f"ridge={self.ridge}: expected 0 or a fraction of the mean variance of at least "
                f"1e-12, such as 1e-4"
            )

    @property
    def window(self) -> Window:
        """The dual window."""
        return Window(self.guard, self.outer)

    def scratch(self, rows: int, columns: int, bands: int) -> int:
        """Bytes needed beside the tile: a few matrices, whatever the tile's size."""
        single = 12 * bands * bands + 2 * self.window.size * bands  # rings that need more care
        return HALVINGS + RingGrams.scratch(self.window, bands) + 8 * (rows * columns + single)

    def score_tile(self, tile: Tile) -> Scores:
        """Squared local Mahalanobis distances.

        Raises
        ------
        InputError
            If the scene is smaller than the outer square.

        Warns
        -----
        DataWarning
            If rings have fewer samples than bands, or too few valid pixels.
        """
        window, bands = self.window, tile.cube.shape[2]
        window.must_fit(*tile.scene)
        if window.size <= bands:
            _warn_few_samples(window.size, bands, self.ridge)
        scores = np.full((tile.rows[1] - tile.rows[0], tile.columns[1] - tile.columns[0]), np.nan)
        least = window.least
        for ring in RingGrams(tile, window):
            if ring.gram[0, 0] < least:
                continue
            score = _score(ring, self.ridge)
            if score is None:
                pixel = tile.pixel(ring.row, ring.column)
                score = local_distance(pixel, tile.ring(window, ring.row, ring.column), self.ridge)
            scores[ring.row - tile.rows[0], ring.column - tile.columns[0]] = score
        if np.isnan(scores[tile.tested]).any():
            warnings.warn(
                "some pixels beside masked areas have less than a third of their ring left; they "
                "are not scored (NaN)",
                DataWarning,
                stacklevel=2,
            )
        return scores


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
            return float(Gaussian.of(moments).score(pixel[None])[0])
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
