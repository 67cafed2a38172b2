"""Everything that defines a synthetic scene, checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from oddspec.errors import SettingError
from oddspec.scenes.lattice import generator
from oddspec.scenes.sensor import dead_elements
from oddspec.scenes.targets import Target, check_targets, plan_targets

if TYPE_CHECKING:
    from oddspec.io.source import Georeference

_TYPES = ("int16", "uint16", "int32", "float32", "float64")


@dataclass(frozen=True)
class Recipe:
    """The settings of `oddspec.scenes.synthetic.make_scene`, which explains them."""

    rows: int = 256
    columns: int = 256
    bands: int = 224
    seed: int = 0
    dtype: str = "int16"
    interleave: str = "bil"
    quantity: str = "reflectance"
    wavelength_range: tuple[float, float] = (400.0, 2500.0)
    targets: int | Sequence[Target] | None = None
    noise_snr: float | Sequence[float] = 250.0
    stripes: bool | float = False
    dead_pixels: int = 0
    bad_lines: int = 0
    nodata_border: int = 0
    crs: str | None = "EPSG:32611"
    pixel_size: float = 4.0
    rotation: float = 0.0
    origin: tuple[float, float] = (480_000.0, 3_640_000.0)

    def __post_init__(self) -> None:
        for name, least, most in (
            ("rows", 1, None), ("columns", 1, None), ("bands", 2, 2101), ("seed", 0, 2**63 - 1),
            ("dead_pixels", 0, None), ("bad_lines", 0, None), ("nodata_border", 0, None),
        ):  # fmt: skip
            _whole(name, getattr(self, name), least, most)
        _one_of("dtype", str(self.dtype), _TYPES)
        _one_of("interleave", self.interleave, ("bsq", "bil", "bip"))
        _one_of("quantity", self.quantity, ("reflectance", "radiance"))
        for name in ("pixel_size", "rotation"):
            _finite(name, getattr(self, name))
        for name in ("origin", "wavelength_range"):
            for value in getattr(self, name):
                _finite(name, value)
        if self.pixel_size <= 0:
            raise SettingError(f"pixel_size={self.pixel_size!r}: expected a positive number")
        low, high = self.wavelength_range
        if not 350.0 <= low < high <= 2500.0:
            raise SettingError(
                f"wavelength_range={low:g} to {high:g}: expected two ascending numbers of "
                f"nanometres between 350 and 2500"
            )
        if not 0.0 <= float(self.stripes) <= 1.0:
            raise SettingError(
                f"stripes={self.stripes!r}: expected true, false or a relative strength up to 1"
            )
        inside = min(self.rows, self.columns) - 2 * self.nodata_border
        if inside < 1:
            raise SettingError(
                f"nodata_border={self.nodata_border}: nothing would be left of {self.rows} x "
                f"{self.columns} pixels"
            )
        if self.bad_lines >= self.rows - 2 * self.nodata_border:
            raise SettingError(
                f"bad_lines={self.bad_lines}: expected fewer than the "
                f"{self.rows - 2 * self.nodata_border} rows with data"
            )
        _ = self.planned, self.dead  # raise now, not half way

    @property
    def wavelengths(self) -> np.ndarray:
        """Nanometres, evenly spaced."""
        return np.linspace(*self.wavelength_range, self.bands)

    @property
    def bytes(self) -> int:
        """Size of the data file."""
        return self.rows * self.columns * self.bands * np.dtype(self.dtype).itemsize

    @property
    def nodata(self) -> float | None:
        """What the border is filled with; None without a border."""
        if not self.nodata_border:
            return None
        return 65535 if self.dtype == "uint16" else -9999

    @property
    def stripe_strength(self) -> float:
        """Relative standard deviation of the detector elements' gains."""
        return 0.01 if self.stripes is True else float(self.stripes)

    @cached_property
    def lost(self) -> tuple[int, ...]:
        """The bad lines' rows, ascending."""
        inside = self.rows - 2 * self.nodata_border
        chosen = generator(self.seed, "lines").choice(inside, size=self.bad_lines, replace=False)
        return tuple(sorted(int(row) + self.nodata_border for row in chosen))

    @cached_property
    def dead(self) -> tuple[tuple[int, int], ...]:
        """``(column, band)`` of the dead detector elements."""
        return dead_elements(
            self.seed, self.dead_pixels, self.columns, self.bands, self.nodata_border
        )

    @cached_property
    def planned(self) -> tuple[Target, ...]:
        """The targets, in order of position."""
        size = self.rows, self.columns
        if self.targets is None or isinstance(self.targets, int):
            if self.targets is not None:
                _whole("targets", self.targets, 0, None)
            return plan_targets(
                self.targets, *size, border=self.nodata_border, avoid=self.lost, seed=self.seed
            )
        return check_targets(tuple(self.targets), *size, border=self.nodata_border)

    def georeference(self) -> Georeference | None:
        """Where the scene lies; None for ``crs=None``.

        Raises
        ------
        SettingError
            If the coordinate system is unknown.
        """
        if self.crs is None:
            return None
        from affine import Affine
        from rasterio.crs import CRS
        from rasterio.errors import CRSError

        from oddspec.io.source import Georeference

        try:
            crs = CRS.from_user_input(self.crs)
        except CRSError as error:
            raise SettingError(
                f"crs={self.crs!r} is no known coordinate system; expected one such as EPSG:32611"
            ) from error
        angle = math.radians(self.rotation)
        east, north = self.pixel_size * math.cos(angle), self.pixel_size * math.sin(angle)
        x, y = self.origin
        return Georeference(crs, Affine(east, north, x, north, -east, y))


def _whole(name: str, value: Any, least: int, most: int | None) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise SettingError(f"{name}={value!r}: expected a whole number")
    if value < least or (most is not None and value > most):
        limit = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise SettingError(f"{name}={value}: expected a whole number {limit}")


def _finite(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise SettingError(f"{name}={value!r}: expected a finite number")


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingError(f"{name}={value!r}: expected one of {', '.join(known)}")
