"""Sunlight and the clear atmosphere that it crosses twice.

A clear-sky model of plausible shape, not a radiative transfer code: a black body for the sun
(5778 K), Rayleigh and aerosol extinction, and Gaussian absorption bands of ozone, oxygen, water
vapour and carbon dioxide with their known centres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from oddspec.arrays import Spectrum

FineSpectrum: TypeAlias = Float[np.ndarray, "fine"]
"""On an even grid of 1 nm."""

_SUN_KELVIN = 5778.0
_SUN_STERADIAN = 6.794e-5
_SUN_HEIGHT = np.deg2rad(50.0)

# Centre and standard deviation in nanometres, optical depth of one vertical path.
_WATER_VAPOUR = (
    (720, 7, 0.07), (820, 10, 0.09), (940, 18, 0.55), (1130, 22, 0.60), (1380, 33, 4.2),
    (1410, 26, 1.6), (1870, 38, 5.0), (1920, 30, 1.4), (2450, 70, 0.25), (2560, 60, 1.2),
)  # fmt: skip
_OTHER_GASES = (
    (600, 55, 0.035), (688, 2.5, 0.15), (761.5, 3.0, 0.55), (1268, 7, 0.08),
    (1575, 9, 0.03), (1608, 9, 0.03), (2010, 11, 0.38), (2060, 11, 0.26),
)  # fmt: skip


@dataclass(frozen=True)
class Atmosphere:
    """What a flat white surface under the full sun would send to the sensor, per band.

    Attributes
    ----------
    wavelengths
        Nanometres at the bands' centres.
    white
        Its radiance in mW / (m2 sr nm).
    skylight
        Fraction of the light on the surface that comes from the sky, not the sun (0 to 1).
    path
        Radiance that the air itself scatters into the view, in the same unit.
    transmission
        Fraction of light that crosses the air once down and once up.
    """

    wavelengths: Spectrum
    white: Spectrum
    skylight: Spectrum
    path: Spectrum
    transmission: Spectrum

    @classmethod
    def clear(cls, wavelengths: Spectrum) -> Atmosphere:
        """A clear day, sun 50 degrees high, seen from an aircraft."""
        fine = np.arange(min(wavelengths[0], 350.0) - 30.0, max(wavelengths[-1], 2500.0) + 31.0)
        scatter = 0.10 * (fine / 550.0) ** -4.05 + 0.12 * (fine / 550.0) ** -1.2
        gases = _optical_depth(fine)
        air_mass = 1.0 / np.sin(_SUN_HEIGHT)
        down = np.exp(-gases * air_mass)
        direct = np.exp(-scatter * air_mass)
        diffuse = 0.55 * (1.0 - direct)
        once_up = np.exp(-gases * 0.7 - 0.5 * scatter)
        top = _sun(fine) * np.sin(_SUN_HEIGHT) / np.pi
        path = top * 0.05 * (1.0 - np.exp(-1.5 * scatter)) * down

        def banded(spectrum: FineSpectrum) -> Spectrum:
            return through_bands(fine, spectrum, wavelengths)

        total = banded(top * (direct + diffuse) * down * once_up)
        sky = banded(top * diffuse * down * once_up) / total
        return cls(wavelengths, total, sky, banded(path), banded(down * once_up))

    @property
    def blind(self) -> np.ndarray:
        """True for bands in the deep water absorptions, where next to no light comes through."""
        return np.asarray(self.transmission < 0.08, dtype=np.bool_)


def through_bands(fine: FineSpectrum, spectrum: FineSpectrum, wavelengths: Spectrum) -> Spectrum:
    """A fine spectrum as a sensor sees it: Gaussian bands, at half height as wide as their spacing.

    ``fine`` is an even grid of nanometres that covers the bands.
    """
    spacing = np.gradient(wavelengths) if len(wavelengths) > 1 else np.array([10.0])
    result = np.empty_like(wavelengths)
    for band, (centre, width) in enumerate(zip(wavelengths, np.abs(spacing), strict=True)):
        # A band never spans more than 20 nm: a scene of few bands is a multispectral one, of
        # narrow bands far apart.
        sigma = min(max(width, 1.0), 20.0) / 2.3548
        weights = np.exp(-0.5 * ((fine - centre) / sigma) ** 2)
        result[band] = weights @ spectrum / weights.sum()
    return result


def _sun(nanometres: FineSpectrum) -> FineSpectrum:
    """Planck's law for the sun's disk as seen from the earth, in mW / (m2 nm)."""
    metres = nanometres * 1e-9
    exponent = 6.62607015e-34 * 2.99792458e8 / (metres * 1.380649e-23 * _SUN_KELVIN)
    radiance = 2.0 * 6.62607015e-34 * 2.99792458e8**2 / metres**5 / np.expm1(exponent)
    return np.asarray(radiance * _SUN_STERADIAN * 1e-6)


def _optical_depth(nanometres: FineSpectrum) -> FineSpectrum:
    depth = np.zeros_like(nanometres)
    for centre, width, strength in _WATER_VAPOUR + _OTHER_GASES:
        depth += strength * np.exp(-0.5 * ((nanometres - centre) / width) ** 2)
    return depth
