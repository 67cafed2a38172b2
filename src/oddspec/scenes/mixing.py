"""Rows of a synthetic scene: the linear mixing model, variability, light, targets and noise.

For a pixel with abundances ``a`` of the materials' reflectances ``R`` the clean signal is

    (1 - t) (1 + d) gain white [sun (1 - sky) + sky] (a R)  +  t gain white [sun (1 - sky) + sky] T

where ``sun`` is the direct light on the pixel, ``sky`` the skylight's share per band, ``d`` the
deviation of this pixel's spectra from the usual (smooth along the wavelengths, Gaussian) and ``t``
the abundance of a target of reflectance ``T``. Path radiance is added for radiance.

A row is the unit of work. All that happens to it depends on the recipe and its number, in one
order of operations on arrays of one shape, so the values do not depend, not even in their last
bit, on how the scene is cut into strips or who computes them.
"""

from __future__ import annotations

import numpy as np

from oddspec.arrays import RawCube
from oddspec.scenes.atmosphere import Atmosphere
from oddspec.scenes.landscape import Landscape
from oddspec.scenes.lattice import Field, generator
from oddspec.scenes.painting import MATERIALS
from oddspec.scenes.recipe import Recipe
from oddspec.scenes.sensor import Sensor, row_noise, stripe_pattern
from oddspec.scenes.spectra import TARGETS, reflectance
from oddspec.scenes.targets import Target

_BLOCK = 1 << 16
"""Values worked on at a time: three float32 arrays of that size stay in a core's cache."""
_MODES = 20
_SMOOTH_MODES = 6


class Renderer:
    """Computes rows of the scene that a recipe describes; safe to use from several threads."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.air = Atmosphere.clear(recipe.wavelengths)
        self.sensor = Sensor.of(self.air, recipe.quantity, _numbers(recipe.noise_snr))
        self._landscape = Landscape(recipe.seed, recipe.columns)
        spectra = np.stack([reflectance(m, recipe.wavelengths) for m in MATERIALS], axis=1)
        self._mix = self._lit(spectra).astype(np.float32)
        self._target = self._lit(
            np.stack([reflectance(m, recipe.wavelengths) for m in TARGETS], axis=1)
        )
        self._path = (self.sensor.gain * self.air.path - self.sensor.dark).astype(np.float32)
        self._modes = _variation_modes(recipe.wavelengths).astype(np.float32)
        self._smooth = [
            Field(recipe.seed, f"variation {mode}", 9.0, recipe.columns, octaves=2)
            for mode in range(_SMOOTH_MODES)
        ]
        self._read = self.sensor.read_variance.astype(np.float32)[:, None]
        self._shot = self.sensor.shot_slope.astype(np.float32)[:, None]
        self._quiet = not (self._read.any() or self._shot.any())
        self._stripes = None
        if recipe.stripe_strength:
            strength = recipe.stripe_strength
            self._stripes = stripe_pattern(recipe.seed, recipe.columns, recipe.bands, strength)
        self._by_row = _targets_by_row(recipe.planned)
        self._lost = set(recipe.lost)

    def rows(self, start: int, stop: int) -> RawCube:
        """``(stop - start, columns, bands)`` values as they are stored.

        The array is a view of one that is band-interleaved by line. Only with one BLAS thread, as
        `make_scene` sets it, are the values the same to the last bit on every call.
        """
        recipe = self.recipe
        lines = np.empty((stop - start, recipe.bands, recipe.columns), dtype=recipe.dtype)
        for number, row in enumerate(range(start, stop)):
            self._store(row, lines[number])
        return lines.transpose(0, 2, 1)

    def _lit(self, spectra: np.ndarray) -> np.ndarray:
        """Values of materials in direct sun, then in skylight: ``(bands, 2 materials)``."""
        white = self.sensor.gain * self.air.white
        direct = (white * (1.0 - self.air.skylight))[:, None] * spectra
        return np.concatenate([direct, (white * self.air.skylight)[:, None] * spectra], axis=1)

    def _store(self, row: int, line: np.ndarray) -> None:
        """Fill ``(bands, columns)`` with one row's values."""
        recipe = self.recipe
        border = recipe.nodata_border
        if border and not border <= row < recipe.rows - border:
            line[...] = recipe.nodata
            return
        if row in self._lost:
            line[...] = 0
        else:
            self._expose(row, line)
            for column, band in recipe.dead:
                line[band, column] = 0
        if border:
            line[:, :border] = recipe.nodata
            line[:, -border:] = recipe.nodata

    def _expose(self, row: int, line: np.ndarray) -> None:
        recipe = self.recipe
        surface = self._landscape.row(row)
        weights = np.concatenate([surface.abundance * surface.sun, surface.abundance])
        weights = weights.astype(np.float32)
        deviation = self._deviation(row, surface.variability)
        rng = row_noise(recipe.seed, row)
        step = max(_BLOCK // recipe.columns, 1)
        shape = (min(step, recipe.bands), recipe.columns)
        scratch = np.empty((3, *shape), dtype=np.float32)
        for first in range(0, recipe.bands, step):
            part = slice(first, min(first + step, recipe.bands))
            # Views of one buffer, filled anew for every block of bands.
            signal, extra, noise = scratch[:, : part.stop - part.start]
            np.matmul(self._mix[part], weights, out=signal)
            np.matmul(self._modes[part], deviation, out=extra)
            extra += 1.0
            signal *= extra
            self._implant(row, part, signal, surface.sun)
            signal += self._path[part, None]
            if not self._quiet:
                np.maximum(signal, 0.0, out=extra)
                extra *= self._shot[part]
                extra += self._read[part]
                np.sqrt(extra, out=extra)
                rng.standard_normal(out=noise, dtype=np.float32)
                noise *= extra
                signal += noise
            if self._stripes is not None:
                np.multiply(signal, self._stripes[part], out=extra)
                signal += extra
            _convert(signal, line[part])

    def _deviation(self, row: int, variability: np.ndarray) -> np.ndarray:
        """``(modes, columns)`` weights of the variation modes: white, the first partly smooth."""
        rng = generator(self.recipe.seed, "variation", row)
        weights = rng.standard_normal((_MODES, self.recipe.columns), dtype=np.float32)
        for mode, field in enumerate(self._smooth):
            weights[mode] = 0.6 * weights[mode] + 0.8 * field.row(row)
        weights *= variability.astype(np.float32)
        return weights

    def _implant(self, row: int, part: slice, signal: np.ndarray, sun: np.ndarray) -> None:
        for target in self._by_row.get(row, ()):
            columns = slice(target.column, target.column + target.width)
            kind = list(TARGETS).index(target.material)
            direct = self._target[part, kind, None]
            sky = self._target[part, len(TARGETS) + kind, None]
            material = direct * sun[columns] + sky
            signal[:, columns] *= np.float32(1.0 - target.abundance)
            signal[:, columns] += (target.abundance * material).astype(np.float32)


def _convert(signal: np.ndarray, line: np.ndarray) -> None:
    """Store as the line's type, never as a value that stands for nodata."""
    if line.dtype.kind == "f":
        np.maximum(signal, -9998.0, out=signal)
    else:
        limits = np.iinfo(line.dtype)
        low = 0 if line.dtype.kind == "u" else -9998
        high = min(limits.max - (line.dtype.kind == "u"), 2**31 - 256)
        np.rint(signal, out=signal)
        np.clip(signal, low, high, out=signal)
    np.copyto(line, signal, casting="unsafe")


def _variation_modes(wavelengths: np.ndarray) -> np.ndarray:
    """``(bands, modes)`` smooth relative deviations: brightness, then ever finer cosines."""
    along = np.log(wavelengths / 350.0) / np.log(2500.0 / 350.0)
    mode = np.arange(_MODES)
    size = np.where(mode == 0, 0.07, 0.05 / np.maximum(mode, 1.0) ** 0.9)
    return np.asarray(size * np.cos(np.pi * mode * along[:, None]))


def _targets_by_row(targets: tuple[Target, ...]) -> dict[int, list[Target]]:
    result: dict[int, list[Target]] = {}
    for target in targets:
        for row in range(target.row, target.row + target.height):
            result.setdefault(row, []).append(target)
    return result


def _numbers(noise_snr: object) -> float | np.ndarray:
    array = np.asarray(noise_snr, dtype=np.float64)
    return float(array) if array.ndim == 0 else array
