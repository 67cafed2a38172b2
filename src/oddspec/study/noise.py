"""Noise that a study adds to a scene."""

from __future__ import annotations

import numpy as np

from oddspec.arrays import Cube, Mask
from oddspec.errors import InputError
from oddspec.statistics.scaling import global01

__all__ = ["with_noise"]


def with_noise(cube: Cube, valid: Mask, sigma: float, seed: int) -> Cube:
    """The cube scaled to 0..1 by its lowest and highest valid value, plus white Gaussian noise.

    Values below 0 and above 1 that the noise makes are left as they are. A seed stands for one
    field of standard normal numbers for all ``sigma`` and all detectors, so that levels and
    detectors are compared on the same noise.

    Parameters
    ----------
    cube
        ``(h, w, b)``.
    valid
        Pixels that count; the others are NaN in the result.
    sigma
        Standard deviation, in units of the scaled cube.
    seed
        Of the noise alone.

    Raises
    ------
    InputError
        If no pixel is valid.

    References
    ----------
    S. Moradi et al., "Robust asymmetric encoder-decoder nonnegative matrix factorization for
    hyperspectral anomaly detection", Neurocomputing, 2026, section 5.3.
    doi:10.1016/j.neucom.2026.133709
    """
    if not valid.any():
        raise InputError("no pixel of the scene is valid, so noise has no scale")
    pixels = cube[valid]
    noisy = np.full(cube.shape, np.nan)
    drawn = np.random.default_rng(seed).standard_normal(cube.shape)
    noisy[valid] = global01(pixels)(pixels) + sigma * drawn[valid]
    return noisy
