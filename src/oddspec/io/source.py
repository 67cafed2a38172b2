"""What every reader offers: a scene's facts, and its pixels by windows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from oddspec.arrays import RawCube
from oddspec.io.gains import BandGains

if TYPE_CHECKING:
    from affine import Affine
    from rasterio.crs import CRS


def parse_nodata(value: Any, dtype: np.dtype[Any]) -> tuple[float | None, str | None]:
    """The nodata value as a number that the data can equal, and a note where they cannot.

    A header's ``-1e34`` is not what a float32 file holds: the stored number is the nearest
    float32, and so is the value returned.

    Parameters
    ----------
    value
        Text or number as the file states it; None if it states none.
    dtype
        Type of the stored values.
    """
    if value is None:
        return None, None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None, f"the nodata value {str(value)[:40]!r} is no number: ignored"
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            stored = float(dtype.type(number))
        if np.isfinite(stored) or not np.isfinite(number):
            return stored, None
    elif np.isnan(number):
        return None, None
    elif number.is_integer() and np.iinfo(dtype).min <= number <= np.iinfo(dtype).max:
        return number, None
    return None, f"the nodata value {number:g} cannot occur in {dtype.newbyteorder('=')} data"


@dataclass(frozen=True)
class Georeference:
    """Where the pixels lie: ``(x, y) = transform * (column, row)`` at a pixel's upper left corner.

    ``crs`` is None where the file gives positions but does not say in which system.
    """

    crs: CRS | None
    transform: Affine


@dataclass(frozen=True)
class Product:
    """Which product of which sensor a file is.

    Attributes
    ----------
    sensor, level
        Such as ``EMIT`` and ``L2A``.
    identifier
        The granule's or scene's own name; empty where the file says none.
    acquired
        When it was taken, in the file's words; empty where the file says nothing.
    """

    sensor: str
    level: str
    identifier: str = ""
    acquired: str = ""

    def __str__(self) -> str:
        return f"{self.sensor} {self.level}".strip()


@dataclass(frozen=True)
class Metadata:
    """What a file says about its scene beside the pixels; None where it says nothing."""

    wavelengths: np.ndarray | None = None
    """One per band, in nanometres (float64); NaN for a band that has none, which is a bad one."""
    fwhm: np.ndarray | None = None
    """Full widths at half maximum of the bands, in nanometres (float64, one per band)."""
    band_names: tuple[str, ...] | None = None
    bad_bands: np.ndarray | None = None
    """True for a band that the file itself calls bad (bool, one per band)."""
    nodata: float | None = None
    gains: BandGains | None = None
    """What turns the numbers that `Source.read` gives into the values they stand for."""
    georeference: Georeference | None = None
    interleave: str | None = None
    """``bsq``, ``bil`` or ``bip``, where the file has such a thing."""
    description: str = ""
    unit: str = ""
    """Of the values, in the file's words: ``reflectance``, ``uW/cm^2/SR/nm``."""
    product: Product | None = None
    """Which product of a sensor it is; None for a file that is none."""
    notes: tuple[str, ...] = ()
    """Sentences for the user about what is unusual in the file and how it was read."""
    extra: dict[str, Any] = field(default_factory=dict)
    """What else the file says, by the file's own names."""

    def __post_init__(self) -> None:
        """Call bad what has no wavelength among bands that have one."""
        if self.wavelengths is not None and np.isnan(self.wavelengths).any():
            lacking = np.isnan(self.wavelengths)
            known = lacking if self.bad_bands is None else self.bad_bands | lacking
            object.__setattr__(self, "bad_bands", known)

    def noting(self, *notes: str) -> Metadata:
        """The same with further notes."""
        return replace(self, notes=(*self.notes, *notes))


@runtime_checkable
class Source(Protocol):
    """An opened scene of any format. Reading is safe from several threads at once."""

    @property
    def path(self) -> Path | None:
        """The file to name in messages; None for an array in memory."""

    @property
    def name(self) -> str:
        """Short name for folders and titles (a file's stem, for instance)."""

    @property
    def format(self) -> str:
        """Such as ``ENVI``, ``GeoTIFF``, ``HDF5``, ``xarray``; of a product, ``EMIT L2A``."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, bands."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values as stored."""

    @property
    def metadata(self) -> Metadata:
        """What the file says about itself."""

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands, in the stored type (native byte order).

        The array may be a view with any strides, must not be written to, and pixels that the file
        lacks (``--allow-truncated``) are given as `Metadata.nodata` or NaN.
        """

    def close(self) -> None:
        """Release the file."""


def read_into(
    source: Source, out: np.ndarray, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    """Pixels of a window into an array ``(h, w, b)``, without a copy where the source can do so."""
    direct = getattr(source, "read_into", None)
    if direct is not None:
        direct(out, rows, columns)
    else:
        out[...] = source.read(rows, columns)


def check_window(
    shape: tuple[int, int, int], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    """Raise IndexError unless the half-open window lies inside a scene of that shape."""
    for name, (start, stop), length in zip(
        ("rows", "columns"), (rows, columns), shape, strict=False
    ):
        if not 0 <= start <= stop <= length:
            raise IndexError(f"{name} {start} to {stop} lie outside 0 to {length}")


@dataclass(frozen=True)
class ArraySource:
    """A NumPy array ``(h, w, b)`` in memory as a scene.

    Attributes
    ----------
    array
        Real numbers.
    metadata, name, path, format
        As of every source.
    missing
        True for values that are none, of the array's shape: they are read as NaN, and for their
        sake integers as floating point numbers. None where all values count.
    """

    array: np.ndarray
    metadata: Metadata = field(default_factory=Metadata)
    name: str = "array"
    path: Path | None = None
    format: str = "NumPy"
    missing: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, bands."""
        h, w, b = self.array.shape
        return h, w, b

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""
        if self.missing is None:
            return self.array.dtype
        return np.promote_types(self.array.dtype, np.float32)

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window: a view, or a copy where values are missing."""
        window = slice(*rows), slice(*columns)
        if self.missing is None:
            return self.array[window]
        piece = self.array[window].astype(self.dtype)
        piece[self.missing[window]] = np.nan
        return piece

    def close(self) -> None:
        """Nothing to release."""
