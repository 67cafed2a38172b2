"""AVIRIS-5 and AVIRIS-3 in NetCDF-4: radiance (L1B) in sensor geometry, reflectance (L2A) on a map.

Layout after HyTools (``io/netcdf.py``), hyperproc (``readers/aviris.py``) and ``emit-sds-l2a``
(``apply_glt.py``). The lookup table counts from 1; 0 is void, and a negative number leads to a
neighbour that fills a gap.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import Axes
from oddspec.io.coordinates import read_georeference
from oddspec.io.geolocation import LookupTable
from oddspec.io.hdf5.links import find_dataset, open_hdf5_file, read_small, text_of
from oddspec.io.hdf5.packing import Packing
from oddspec.io.hdf5.source import StoredCube, open_cube
from oddspec.io.limits import check_memory
from oddspec.io.products.bands import band_list
from oddspec.io.products.hdf5 import attribute, described, has, listed, stored_cube
from oddspec.io.products.source import ProductSource
from oddspec.io.source import Georeference, Product

_AXES: Axes = ("band", "row", "column")
_FILL = -9999.0
_LEVELS = {"radiance": "L1B", "reflectance": "L2A"}
_UNITS = {"radiance": "uW nm-1 cm-2 sr-1", "reflectance": "reflectance"}
_TABLE = "geolocation_lookup_table"
_MAPPINGS = ("transverse_mercator", "projection")


def is_aviris_netcdf(file: Any) -> bool:
    """Whether an open HDF5 file is a NetCDF-4 product of AVIRIS."""
    cubes = any(has(file, f"{name}/{name}", f"{name}/wavelength") for name in _LEVELS)
    others = has(file, "uncertainty/uncertainty") or has(file, "observation_parameters")
    return (cubes or others) and (has(file, _TABLE) or any(has(file, name) for name in _MAPPINGS))


def open_aviris_netcdf(path: Path, *, max_memory: int | None = None) -> ProductSource:
    """Open a line of radiance or reflectance.

    Raises
    ------
    InputError
        If it holds neither, or what it says of its bands does not fit them.
    """
    with open_hdf5_file(path) as file:
        name = next((name for name in _LEVELS if has(file, f"{name}/{name}")), None)
        if name is None:
            raise InputError(
                f"{path}: is an AVIRIS file of angles or uncertainties, not of spectra; open the "
                f"file of radiance (RDN) or reflectance (RFL) beside it"
            )
        stored = stored_cube(path, file, f"{name}/{name}", _AXES, fill=_FILL)
        shape, bands = stored.shape[:2], stored.shape[2]
        told = band_list(
            path,
            bands,
            listed(path, file, f"{name}/wavelength", bands),
            listed(path, file, f"{name}/fwhm", bands),
            units=attribute(file[f"{name}/wavelength"], "units") or "nm",
        )
        place, notes = _map(path, file, name)
        raw = _in_sensor_geometry(path, file, stored)
        if place is None or (not raw and place.crs is None):
            notes.append("its coordinate system is not told")
        title = attribute(file, "title")
        product = Product(
            _sensor(path, title),
            _LEVELS[name],
            attribute(file, "flight_line") or path.stem,
            attribute(file, "time_coverage_start"),
        )
        unit = attribute(file[f"{name}/{name}"], "units")
        unit = _UNITS[name] if unit in ("", "1", "unitless") else unit
        stored = described(stored, told, product, unit, title, None if raw else place)
    source = open_cube(path, stored, "HDF5", max_memory)
    return ProductSource(
        path,
        path.stem,
        [source],
        source.metadata.noting(*notes),
        order=told.order,
        locate=partial(_lookup_table, path, shape, place, max_memory) if raw and place else None,
    )


def _sensor(path: Path, title: str) -> str:
    """The sensor's name by the title, or else by the name of the file; both have one layout."""
    said = f"{title} {path.stem}".upper()
    return "AVIRIS-3" if "AVIRIS-3" in said or "AV3" in said else "AVIRIS-5"


def _map(path: Path, file: Any, name: str) -> tuple[Georeference | None, list[str]]:
    """The map that the cube lies on, or that the lookup table leads from."""
    for mapping in _MAPPINGS:
        for place in (mapping, f"{name}/{mapping}", f"{_TABLE}/{mapping}"):
            if has(file, place):
                found = {key: text_of(value) or value for key, value in file[place].attrs.items()}
                x, y = (_coordinates(path, file, axis) for axis in ("easting", "northing"))
                return read_georeference(x, y, found)
    return None, []


def _coordinates(path: Path, file: Any, name: str) -> np.ndarray | None:
    """Coordinates along an axis of the map; None where the file has none."""
    for place in (name, f"{_TABLE}/{name}"):
        if has(file, place):
            return read_small(path, find_dataset(path, file, place))
    return None


def _in_sensor_geometry(path: Path, file: Any, stored: StoredCube) -> bool:
    """Whether the lookup table leads to the cube's pixels, rather than the cube lying on its map.

    Tables and cubes of different sizes tell it. Of the same size, a cube on the map is fill
    wherever the table is void.
    """
    if not has(file, f"{_TABLE}/sample", f"{_TABLE}/line"):
        return False
    table = find_dataset(path, file, f"{_TABLE}/sample")
    if table.shape != stored.shape[:2]:
        return True
    void = table[()] == 0
    if not void.any() or stored.packing.nodata is None:
        return stored.variable.startswith("radiance")
    chosen: list[Any] = [slice(None)] * 3
    chosen[stored.axes.index("band")] = stored.shape[2] // 2
    band = find_dataset(path, file, stored.variable)[tuple(chosen)]
    if stored.axes.index("row") > stored.axes.index("column"):
        band = band.T
    return not bool((band[void] == stored.packing.nodata).all())


def _lookup_table(
    path: Path, shape: tuple[int, int], place: Georeference, max_memory: int | None
) -> LookupTable:
    """Where the pixels lie."""
    with open_hdf5_file(path) as file:
        tables = [find_dataset(path, file, f"{_TABLE}/{name}") for name in ("line", "sample")]
        size = sum(16 * int(np.prod(table.shape)) for table in tables)
        check_memory(path, "the lookup table", size, max_memory)
        rows, columns = (np.abs(_filled(table)) - 1 for table in tables)
    return LookupTable.checked(path, rows, columns, shape, place)


def _filled(table: Any) -> np.ndarray:
    """The numbers of a table (int64), 0 where they are declared as missing."""
    values = np.asarray(table[()], dtype=np.int64)
    packing, _ = Packing.of(table.dtype, dict(table.attrs))
    return np.where(np.isin(values, packing.fills), 0, values)
