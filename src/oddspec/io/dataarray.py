"""xarray's DataArray as a scene, whether in memory or put together by dask.

xarray itself is not imported: whoever has a DataArray has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube, Scores
from oddspec.errors import InputError
from oddspec.io.axes import ROWS_COLUMNS_BANDS, Axes, kept_axes, named_axes
from oddspec.io.coordinates import read_georeference
from oddspec.io.gains import BandGains, read_gains
from oddspec.io.quality import QUALITY_FLAGS
from oddspec.io.source import Metadata, check_window, parse_nodata
from oddspec.io.variables import check_real
from oddspec.io.wavelengths import (
    good_to_bad,
    named_good_bands,
    to_nanometres,
    wavelengths_in_names,
)


class DataArraySource:
    """A DataArray; each window is computed when it is read."""

    format = "xarray"
    path: Path | None = None

    def __init__(self, array: Any, dimensions: tuple[str, str, str], metadata: Metadata) -> None:
        self.array = array
        """The DataArray as it was given."""
        self.dimensions = dimensions
        """Names of the dimensions that are rows, columns and bands."""
        self.name = str(array.name or "array")
        self.metadata = metadata
        self.shape: tuple[int, int, int] = tuple(array.sizes[name] for name in dimensions)
        self.dtype: np.dtype[Any] = np.dtype(array.dtype).newbyteorder("=")
        self._flags = _flags(array, dimensions[:2])
        self.quality: tuple[str, ...] = tuple(self._flags)

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands."""
        check_window(self.shape, rows, columns)
        row, column, _ = self.dimensions
        piece = self.array.isel({row: slice(*rows), column: slice(*columns)})
        cube = np.asarray(piece.transpose(*self.dimensions).values)
        return cube if cube.dtype == self.dtype else cube.astype(self.dtype)

    def read_quality(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """Flags ``(h, w)``, uint16, of a half-open window, from the coordinate ``quality``."""
        row, column, _ = self.dimensions
        layer = self.array.coords["quality"].isel({row: slice(*rows), column: slice(*columns)})
        stated = np.asarray(layer.transpose(row, column).values)
        found = np.zeros(stated.shape, np.uint16)
        for name, bit in self._flags.items():
            found[(stated & bit) != 0] |= QUALITY_FLAGS[name]
        return found

    def like(self, scores: Scores, name: str) -> Any:
        """Scores as a DataArray over the same rows and columns, with their coordinates."""
        row, column, band = self.dimensions
        # A single band has the coordinates of rows and columns, and grid mappings, which have no
        # dimension.
        along = [key for key, value in self.array.coords.items() if band in value.dims]
        layer = self.array.drop_vars(along).isel({band: 0}).transpose(row, column)
        mapping = {k: v for k, v in self.array.attrs.items() if k == "grid_mapping"}
        layer = layer.copy(data=scores).rename(f"{name}_score")
        layer.attrs = {"long_name": f"{name} anomaly score", **mapping}
        return layer

    def close(self) -> None:
        """Nothing to release: the array belongs to the caller."""


def _flags(array: Any, dimensions: Sequence[str]) -> dict[str, int]:
    """Bits of the coordinate ``quality`` that mean flags known here, by their names."""
    layer = array.coords.get("quality")
    if layer is None or set(layer.dims) != set(dimensions) or layer.dtype.kind not in "iu":
        return {}
    names = str(layer.attrs.get("flag_meanings", "")).replace("_", "-").split()
    bits = np.atleast_1d(layer.attrs.get("flag_masks", ())).tolist()
    return {name: int(bit) for name, bit in zip(names, bits, strict=False) if name in QUALITY_FLAGS}


def only_cube(given: Any, variable: str | None) -> Any:
    """A DataArray as it is; of a Dataset the variable of that name, or the only cube.

    Raises
    ------
    InputError
        If there is none, or more than one; the message names them.
    """
    if not hasattr(given, "data_vars"):
        if variable is not None:
            raise InputError(f"variable={variable!r}: a DataArray is one variable; leave it out")
        return given
    held = {str(name): given[name] for name in given.data_vars}
    cubes = {
        name: array
        for name, array in held.items()
        if len(kept_axes(array.shape)) == 3 and array.dtype.kind in "iuf"
    }
    names = ", ".join(cubes or held) or "nothing"
    if variable is not None and variable not in held:
        raise InputError(f"the Dataset has no variable {variable!r}; it holds {names}")
    if variable is None and len(cubes) != 1:
        several = "several cubes" if cubes else "no cube of real numbers"
        raise InputError(
            f"the Dataset holds {several}: {names}; choose one with variable=..., or give the "
            f"DataArray itself"
        )
    cube = held[variable] if variable is not None else next(iter(cubes.values()))
    # Lists of wavelengths and grid mappings that are variables serve as if they were coordinates.
    beside = {
        name: array
        for name, array in held.items()
        if name != cube.name and array.ndim <= 1 and set(array.dims) <= set(cube.dims)
    }
    return cube.assign_coords(beside)


def open_dataarray(array: Any, axes: Axes | None = None) -> DataArraySource:
    """A DataArray with dimensions such as ``y, x, band``, in any order, as a scene.

    Dimensions of length 1 beyond three are dropped. Wavelengths come from a coordinate along the
    bands, from ``attrs`` or from names of bands, bad bands from a coordinate such as
    ``good_wavelength``, the coordinate system from a ``spatial_ref`` (or other grid mapping)
    coordinate as rioxarray writes it, the transform from there or from the coordinates.

    Parameters
    ----------
    array
        The DataArray.
    axes
        What its dimensions mean, if their names do not tell.

    Raises
    ------
    InputError
        If it has not three dimensions, their names do not tell rows, columns and bands, or the
        values are no real numbers.
    """
    kept = kept_axes(array.shape, tuple(map(str, array.dims)))
    array = array.isel({name: 0 for axis, name in enumerate(array.dims) if axis not in kept})
    names = tuple(map(str, array.dims))
    meaning = (axes or named_axes(names)) if len(names) == 3 else None
    if meaning is None:
        raise InputError(
            f"the DataArray has the dimensions {', '.join(names) or 'none'} "
            f"({' x '.join(map(str, array.shape))}); expected three, named such as y, x and band: "
            f'use array.rename(...), or say axes="row,column,band"'
        )
    row, column, band = (array.dims[meaning.index(axis)] for axis in ROWS_COLUMNS_BANDS)
    where = Path("DataArray")
    check_real(where, "the array", np.dtype(array.dtype))
    if not array.size:
        raise InputError(f"the DataArray is empty ({' x '.join(map(str, array.shape))})")
    notes: list[str] = []
    nodata = _nodata(array, notes)
    wavelengths = _wavelengths(array, band, notes)
    band_names = _band_names(array, band)
    if wavelengths is None and band_names is not None:
        wavelengths, note = wavelengths_in_names(band_names)
        notes += [note] if note else []
    georeference, unclear = read_georeference(
        _centres(array, column),
        _centres(array, row),
        _mapping(array),
        degrees="degree" in str(_attributes(array, row).get("units", "")).lower(),
    )
    bad = _bad_bands(array, band, notes)
    metadata = Metadata(
        wavelengths=wavelengths,
        band_names=band_names,
        fwhm=_widths(array, band),
        bad_bands=bad,
        nodata=nodata,
        gains=_gains(array, array.sizes[band], bad, notes),
        unit=str(array.attrs.get("units", "")),
        georeference=georeference,
        notes=(*notes, *unclear),
        extra=dict(array.attrs),
    )
    return DataArraySource(array, (row, column, band), metadata)


def _attributes(array: Any, name: Any) -> dict[str, Any]:
    return dict(array.coords[name].attrs) if name in array.coords else {}


def _centres(array: Any, name: Any) -> np.ndarray | None:
    if name not in array.coords:
        return None
    values = np.asarray(array.coords[name].values)
    return values if values.ndim == 1 and values.dtype.kind in "iuf" else None


def _nodata(array: Any, notes: list[str]) -> float | None:
    """The nodata value of data that were not masked; masked ones have NaN instead."""
    for name in ("_FillValue", "missing_value", "nodata"):
        if name in array.attrs:
            value = np.asarray(array.attrs[name]).reshape(-1)
            nodata, note = parse_nodata(value[0] if value.size == 1 else None, array.dtype)
            notes += [note] if note else []
            return nodata
    return None


def _wavelengths(array: Any, band: Any, notes: list[str]) -> np.ndarray | None:
    bands = array.sizes[band]
    for name in ("wavelength", "wavelengths", "wl", band):
        if name not in array.coords or array.coords[name].dims != (band,):
            continue
        coordinate = array.coords[name]
        units = coordinate.attrs.get("units")
        if coordinate.dtype.kind not in "iuf":
            continue
        values = np.asarray(coordinate.values, dtype=np.float64)
        if name in ("band", "bands", "b") and not units and not np.any(values % 1):
            # Bands that are merely counted.
            continue
        return _noted(values, units, bands, notes)
    for name in ("wavelength", "wavelengths"):
        if name in array.attrs:
            units = array.attrs.get("wavelength_units", array.attrs.get("wavelength units"))
            return _noted(np.asarray(array.attrs[name], dtype=object), units, bands, notes)
    return None


def _widths(array: Any, band: Any) -> np.ndarray | None:
    """Full widths at half maximum, if they are in nanometres."""
    found = array.coords.get("fwhm")
    if found is None or found.dims != (band,) or found.dtype.kind not in "iuf":
        return None
    nanometres = str(found.attrs.get("units", "nm")).lower() in ("nm", "nanometer", "nanometers")
    return np.asarray(found.values, dtype=np.float64) if nanometres else None


def _noted(values: np.ndarray, units: Any, bands: int, notes: list[str]) -> np.ndarray | None:
    wavelengths, note = to_nanometres(values, None if units is None else str(units), bands)
    notes += [note] if note else []
    return wavelengths


def _band_names(array: Any, band: Any) -> tuple[str, ...] | None:
    names = array.attrs.get("long_name")
    if isinstance(names, (tuple, list)) and len(names) == array.sizes[band]:
        return tuple(map(str, names))
    if band in array.coords and array.coords[band].dtype.kind in "UO":
        return tuple(map(str, array.coords[band].values))
    return None


def _bad_bands(array: Any, band: Any, notes: list[str]) -> np.ndarray | None:
    lists = {str(name): c for name, c in array.coords.items() if c.dims == (band,)}
    name = named_good_bands({name: c.shape for name, c in lists.items()}, array.sizes[band])
    if name is None:
        return None
    bad, note = good_to_bad(lists[name].values, array.sizes[band], repr(name))
    notes += [note] if note else []
    return bad


def _gains(array: Any, bands: int, bad: np.ndarray | None, notes: list[str]) -> BandGains | None:
    """Of data that were not unpacked, which have them in ``attrs``; rioxarray has the plurals."""
    scale, offset = (
        next((array.attrs[name] for name in names if name in array.attrs), None)
        for names in (("scale_factor", "scales"), ("add_offset", "offsets"))
    )
    gains, note = read_gains(scale, offset, bands, "scale_factor, add_offset", bad)
    notes += [note] if note else []
    return gains


def _mapping(array: Any) -> dict[str, Any]:
    names = (
        array.encoding.get("grid_mapping"),
        array.attrs.get("grid_mapping"),
        "spatial_ref",
        "crs",
    )
    for name in names:
        if name is not None and name in array.coords:
            return dict(array.coords[name].attrs)
    return {"crs": array.attrs["crs"]} if "crs" in array.attrs else {}
