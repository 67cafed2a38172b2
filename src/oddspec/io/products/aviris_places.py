"""Where the pixels of an AVIRIS image in sensor geometry lie, by the files beside it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from oddspec.errors import InputError
from oddspec.io.envi.reader import open_envi
from oddspec.io.flat import FlatSource
from oddspec.io.geolocation import LookupTable, table_of_coordinates
from oddspec.io.limits import check_memory

if TYPE_CHECKING:
    from rasterio.crs import CRS

_KINDS = {"glt": re.compile(r"[._]glt$", re.IGNORECASE), "igm": re.compile(r"[._]igm$", re.I)}
_GAIN = ".gain"
_ZONE = re.compile(r"UTM[^0-9]{0,12}(\d{1,2})[\s,]*(N|S)?", re.IGNORECASE)

_CLOSE = 2.0
"""Pixels of the map by which a lookup table and the places of the pixels may differ."""

_CHECKED = 10_000
"""Pixels at which both are compared."""

_BYTES = 150
"""For each pixel whose neighbours are searched."""


def beside_of(image: Path, flight: str) -> dict[str, Path]:
    """The files of a flight line beside an image: ``glt``, ``igm`` (data) and ``gain``."""
    found: dict[str, Path] = {}
    with os.scandir(image.parent) as entries:
        paths = sorted(Path(entry.path) for entry in entries)
    for path in paths:
        if not path.name.lower().startswith(flight.lower()) or path == image:
            continue
        if path.suffix.lower() == _GAIN:
            found.setdefault("gain", path)
        for kind, name in _KINDS.items():
            if name.search(path.name):
                found.setdefault(kind, path)
    return found


def read_places(
    tables: dict[str, Path], shape: tuple[int, int], max_memory: int | None
) -> LookupTable | None:
    """The way to the map: by the lookup table, which is checked by the places, or by these alone.

    Parameters
    ----------
    tables
        Data of ``glt`` and ``igm``, at least one.
    shape
        Rows and columns of the image.
    max_memory
        Bytes that reading may take.

    Raises
    ------
    InputError
        If they do not belong to the image, or not to each other.
    """
    from rasterio.crs import CRS

    if "glt" not in tables:
        x, y, crs = _coordinates(tables["igm"], shape, max_memory, None)
        return table_of_coordinates(*_brought(x, y, crs, CRS.from_epsg(4326)))
    table = _lookup_table(tables["glt"], shape, max_memory)
    if "igm" in tables:
        x, y, crs = _coordinates(tables["igm"], shape, max_memory, table.georeference.crs)
        _check(tables["glt"], table, x, y, crs)
    return table


def _lookup_table(path: Path, shape: tuple[int, int], max_memory: int | None) -> LookupTable:
    source = open_envi(path)
    try:
        height, width, bands = source.shape
        place = source.metadata.georeference
        if bands < 2 or place is None:
            lacking = "one band" if bands < 2 else "no map info"
            raise InputError(
                f"{path}: has {lacking}, where a lookup table has samples, lines and a map"
            )
        check_memory(path, "the lookup table", height * width * 40, max_memory)
        numbers = source.read((0, height), (0, width))[:, :, :2]
    finally:
        source.close()
    whole = np.abs(np.nan_to_num(numbers, nan=0.0, posinf=0.0, neginf=0.0).astype(np.int64))
    # Void is 0 in both; half of a place is none.
    whole[(whole == 0).any(axis=2) | (numbers == -9999).any(axis=2)] = 0
    return LookupTable.checked(path, whole[:, :, 1] - 1, whole[:, :, 0] - 1, shape, place)


def _coordinates(
    path: Path, shape: tuple[int, int], max_memory: int | None, map_crs: CRS | None
) -> tuple[np.ndarray, np.ndarray, CRS]:
    """x, y ``(h, w)`` of the pixels' centres and the system they are in; NaN where unknown."""
    from rasterio.crs import CRS

    source = open_envi(path)
    try:
        if source.shape[:2] != shape or source.shape[2] < 2:
            size = " x ".join(map(str, source.shape))
            raise InputError(
                f"{path}: has {size} pixels and bands, but the image has {shape[0]} x {shape[1]}: "
                f"it is of another image"
            )
        check_memory(path, "the places of the pixels", shape[0] * shape[1] * _BYTES, max_memory)
        values = source.read((0, shape[0]), (0, shape[1]))
        x, y = (values[:, :, axis].astype(np.float64) for axis in (0, 1))
    finally:
        source.close()
    unknown = ~(np.isfinite(x) & np.isfinite(y)) | (x == -9999) | ((x == 0) & (y == 0))
    x[unknown], y[unknown] = np.nan, np.nan
    if unknown.all():
        raise InputError(f"{path}: no pixel has a place")
    if np.nanmax(np.abs(x)) <= 360 and np.nanmax(np.abs(y)) <= 90:
        return x, y, CRS.from_epsg(4326)
    crs = _stated_zone(source)
    if crs is None and map_crs is not None and map_crs.is_projected:
        crs = map_crs
    if crs is None:
        raise InputError(
            f"{path}: its places are no degrees, and its header does not say which UTM zone they "
            f"are in"
        )
    return x, y, crs


def _stated_zone(source: FlatSource) -> CRS | None:
    from rasterio.crs import CRS

    meta = source.metadata
    texts = (meta.description, *(meta.band_names or ()), *map(str, meta.extra.values()))
    for text in texts:
        match = _ZONE.search(text)
        if match and 1 <= int(match[1]) <= 60:
            south = (match[2] or "N").upper() == "S"
            return CRS.from_epsg((32700 if south else 32600) + int(match[1]))
    return None


def _brought(x: np.ndarray, y: np.ndarray, crs: CRS, target: CRS) -> tuple[np.ndarray, np.ndarray]:
    """Positions of one system in another; NaN stays."""
    from rasterio.warp import transform

    if crs == target:
        return x, y
    known = np.isfinite(x) & np.isfinite(y)
    found = np.full((2, *x.shape), np.nan)
    found[:, known] = transform(crs, target, x[known], y[known])
    return found[0], found[1]


def _check(path: Path, table: LookupTable, x: np.ndarray, y: np.ndarray, crs: CRS) -> None:
    """Refuse a table that leads to pixels which by their own places lie elsewhere."""
    place = table.georeference
    rows, columns = np.nonzero(table.valid)
    some = slice(None, None, max(1, len(rows) // _CHECKED))
    rows, columns = rows[some], columns[some]
    sensor = table.rows[rows, columns], table.columns[rows, columns]
    stated = _brought(x[sensor], y[sensor], crs, place.crs) if place.crs else (x[sensor], y[sensor])
    a, b, c, d, e, f = place.transform[:6]
    on_map = a * (columns + 0.5) + b * (rows + 0.5) + c, d * (columns + 0.5) + e * (rows + 0.5) + f
    apart = np.hypot(stated[0] - on_map[0], stated[1] - on_map[1]) / np.sqrt(abs(a * e - b * d))
    if np.isnan(apart).all() or np.nanmedian(apart) > _CLOSE:
        raise InputError(
            f"{path}: leads to pixels whose own places (_igm) lie {np.nanmedian(apart):.3g} pixels "
            f"away; the two do not belong together"
        )
