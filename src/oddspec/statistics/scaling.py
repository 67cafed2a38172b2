"""Putting spectra on a common scale, under the names that the literature uses.

=========== ============================================================================
``global01`` the scene's smallest value becomes 0, its largest 1
``band01``   the same in every band by itself
``bandz``    every band gets mean 0 and standard deviation 1
``globalz``  every band gets mean 0, and all together mean variance 1
``max1``     the scene's largest value becomes 1
``unit``     every spectrum is divided by its length (a matter of one pixel: `unit`)
=========== ============================================================================

Which one is taken changes a detector's results, so it is always named. ``global01`` followed by
``bandz`` equals ``bandz``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as device_of
from jaxtyping import Float

from oddspec.arrays import Pixels, to_numpy
from oddspec.errors import InputError
from oddspec.statistics.summary import CONSTANT, centred_again


@dataclass(frozen=True)
class Scaling:
    """``(x - offset) / scale``, band by band, learnt from some pixels and applied to any."""

    offset: Float[np.ndarray, " b"]
    scale: Float[np.ndarray, " b"]

    def __call__(self, pixels: Pixels) -> Pixels:
        """The pixels on the new scale, on the device that they are on."""
        xp, where = array_namespace(pixels), device_of(pixels)
        offset = xp.asarray(self.offset, device=where, dtype=pixels.dtype)
        return (pixels - offset) / xp.asarray(self.scale, device=where, dtype=pixels.dtype)

    def inverse(self, scaled: Pixels) -> Pixels:
        """Back in the units of the scene."""
        xp, where = array_namespace(scaled), device_of(scaled)
        scale = xp.asarray(self.scale, device=where, dtype=scaled.dtype)
        return scaled * scale + xp.asarray(self.offset, device=where, dtype=scaled.dtype)


def global01(pixels: Pixels) -> Scaling:
    """The smallest value of all bands to 0, the largest to 1.

    Raises
    ------
    InputError
        If all values are equal.
    """
    lowest, highest = _extremes(pixels)
    least, most = np.full(len(lowest), lowest.min()), np.full(len(highest), highest.max())
    _must_vary(most - least, np.maximum(abs(least), abs(most)))
    return Scaling(least, most - least)


def band01(pixels: Pixels) -> Scaling:
    """The smallest value of every band to 0, its largest to 1; a constant band to 0.

    Raises
    ------
    InputError
        If no band varies.
    """
    least, most = _extremes(pixels)
    spread, size = most - least, np.maximum(abs(least), abs(most))
    _must_vary(spread, size)
    return Scaling(least, _where_varied(spread, size))


def bandz(pixels: Pixels) -> Scaling:
    """Every band to mean 0 and standard deviation 1 (divisor n); a constant band to 0.

    Raises
    ------
    InputError
        If no band varies.
    """
    mean, deviation = _statistics(pixels)
    return Scaling(mean, _where_varied(deviation, abs(mean)))


def globalz(pixels: Pixels) -> Scaling:
    """Every band to mean 0, and the mean of their variances to 1: noisy bands stay small.

    Raises
    ------
    InputError
        If no band varies.
    """
    mean, deviation = _statistics(pixels)
    return Scaling(mean, np.full(len(mean), np.sqrt(np.mean(deviation**2))))


def max1(pixels: Pixels) -> Scaling:
    """The largest value to 1, without moving zero.

    Raises
    ------
    InputError
        If no value is above zero.
    """
    _, most = _extremes(pixels)
    if not most.max() > 0:
        raise InputError(
            f"the largest value is {most.max():g}, so it cannot be scaled to 1; give the scene an "
            f"offset, or mask what is not data"
        )
    bands = np.ones(pixels.shape[1])
    return Scaling(0 * bands, most.max() * bands)


def unit(pixels: Pixels) -> Pixels:
    """Every spectrum divided by its Euclidean length; a spectrum of zeros stays."""
    xp = array_namespace(pixels)
    length = xp.sqrt(xp.sum(pixels * pixels, axis=1))
    return pixels / xp.where(length > 0, length, xp.ones_like(length))[:, None]


BY_NAME: dict[str, Callable[[Pixels], Scaling]] = {
    "global01": global01,
    "band01": band01,
    "bandz": bandz,
    "globalz": globalz,
    "max1": max1,
}
"""The scalings that are learnt from many pixels."""

PER_BAND = ("band01", "bandz")
"""Those that undo whatever a band was multiplied by (above 0) and shifted by."""


def _extremes(pixels: Pixels) -> tuple[Any, Any]:
    xp = array_namespace(pixels)
    return to_numpy(xp.min(pixels, axis=0)), to_numpy(xp.max(pixels, axis=0))


def _statistics(pixels: Pixels) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every band."""
    xp = array_namespace(pixels)
    mean = xp.mean(pixels, axis=0)
    centred = pixels - mean
    again = centred_again(mean, centred, xp.mean(centred**2, axis=0))
    if again:
        mean, centred = again
    mean = to_numpy(mean)
    deviation = to_numpy(xp.sqrt(xp.mean(centred**2, axis=0)))
    _must_vary(deviation, abs(mean))
    return mean, deviation


def _must_vary(spread: np.ndarray, size: np.ndarray) -> None:
    if not (spread > CONSTANT * size).any():
        raise InputError("all valid pixels are equal: there is no background to compare with")


def _where_varied(spread: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The spread of each band; for those that only vary by rounding, what makes that vanish."""
    return np.where(spread > CONSTANT * size, spread, np.where(size > 0, size, 1.0))
