"""From light to numbers: units, noise, stripes and dead detector elements.

The noise of a detector element has two parts (Janesick 2007, Photon Transfer, chapter 3): read
noise that is the same at any signal, and shot noise whose variance is proportional to the signal,
``var = read^2 + shot * radiance``. They are fixed by the signal-to-noise ratio of a surface of 30 %
reflectance under the full sun, of whose noise variance a fifth is read noise in the brightest band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddspec.arrays import Spectrum
from oddspec.errors import SettingError
from oddspec.scenes.atmosphere import Atmosphere
from oddspec.scenes.lattice import generator

REFERENCE_REFLECTANCE = 0.3
_READ_SHARE = 0.2
_RADIANCE_GAIN = 50.0
_REFLECTANCE_GAIN = 10_000.0


@dataclass(frozen=True)
class Sensor:
    """How radiance becomes values: ``value = gain * radiance - dark`` per band.

    Attributes
    ----------
    gain
        For ``radiance`` 50 per mW / (m2 sr nm); for ``reflectance`` what makes a white surface
        under the full sun 10000, less in the deep water absorptions.
    dark
        Path radiance in values: taken off for ``reflectance``, 0 for ``radiance``.
    read_variance, shot_slope
        Noise variance in values: ``read_variance + shot_slope * value``.
    reference
        Value of the surface that the signal-to-noise ratio refers to.
    """

    gain: Spectrum
    dark: Spectrum
    read_variance: Spectrum
    shot_slope: Spectrum
    reference: Spectrum

    @classmethod
    def of(cls, air: Atmosphere, quantity: str, noise_snr: float | np.ndarray) -> Sensor:
        """The sensor for a quantity, ``radiance`` or ``reflectance``.

        Parameters
        ----------
        noise_snr
            Signal-to-noise ratio at 30 % reflectance: one number for the best band, from which the
            others' follows by their light, or one number per band. Infinity means no noise.

        Raises
        ------
        SettingError
            If the numbers are not positive or not one per band.
        """
        light = REFERENCE_REFLECTANCE * air.white + air.path
        if quantity == "radiance":
            gain, dark = np.full_like(light, _RADIANCE_GAIN), np.zeros_like(light)
        else:
            # Where next to no light comes through, the correction is held back, as processors do.
            gain = _REFLECTANCE_GAIN / np.maximum(air.white, 0.002 * air.white.max())
            dark = gain * air.path
        read, shot = _noise_of(light, noise_snr)
        # In values: var = gain^2 (read + shot * radiance), radiance = (value + dark) / gain.
        variance = gain**2 * read + gain * shot * dark
        return cls(gain, dark, variance, gain * shot, gain * light - dark)

    def deviation(self, value: np.ndarray) -> np.ndarray:
        """Standard deviation of the noise at those values (bands last)."""
        return np.sqrt(self.read_variance + self.shot_slope * np.maximum(value, 0.0))


def _noise_of(light: Spectrum, noise_snr: float | np.ndarray) -> tuple[Spectrum, Spectrum]:
    """Read variance and shot slope, per band, in radiance."""
    ratio = np.asarray(noise_snr, dtype=np.float64)
    if ratio.shape not in ((), light.shape):
        raise SettingError(
            f"noise_snr has {ratio.size} numbers, expected one, or one for each of the "
            f"{len(light)} bands"
        )
    if not (ratio > 0).all():
        raise SettingError(
            f"noise_snr={noise_snr!r}: expected positive numbers (or infinity for no noise)"
        )
    if ratio.ndim:
        variance = (light / ratio) ** 2
        return _READ_SHARE * variance, (1.0 - _READ_SHARE) * variance / light
    brightest = light.max()
    variance = (brightest / ratio) ** 2
    read = np.full_like(light, _READ_SHARE * variance)
    return read, np.full_like(light, (1.0 - _READ_SHARE) * variance / brightest)


def row_noise(seed: int, row: int) -> np.random.Generator:
    """The random numbers of one row: a counter-based generator keyed by seed and row."""
    return generator(seed, "noise", row)


def stripe_pattern(seed: int, columns: int, bands: int, strength: float) -> np.ndarray:
    """``(bands, columns)`` relative gain errors of the detector elements (float32).

    Half of the variance is one detector column's own, in all bands.
    """
    rng = generator(seed, "stripes")
    own = rng.standard_normal((bands, columns), dtype=np.float32)
    common = rng.standard_normal((1, columns), dtype=np.float32)
    return np.asarray((own + common) * np.float32(strength / np.sqrt(2.0)))


def dead_elements(
    seed: int, count: int, columns: int, bands: int, border: int
) -> tuple[tuple[int, int], ...]:
    """``(column, band)`` of the detector elements that always give 0, outside the border."""
    inside = columns - 2 * border
    if count > inside * bands:
        raise SettingError(
            f"dead_pixels={count}: the sensor has only {inside * bands} detector elements"
        )
    rng = generator(seed, "dead")
    chosen = rng.choice(inside * bands, size=count, replace=False)
    return tuple(sorted((border + int(n) // bands, int(n) % bands) for n in chosen))
