"""EMIT: radiance (L1B) and reflectance (L2A) of NASA's imaging spectrometer on the space station.

Layout after ``emit-sds/emit-utils`` (``daac_converter.py``), ``emit-sds/emit-sds-l2a``
(``make_emit_masks.py``, ``apply_glt.py``) and ``nasa/EMIT-Data-Resources`` (``emit_tools.py``). The
cube is in sensor geometry; ``geotransform`` and ``spatial_ref`` of the file describe the map that
the lookup table leads to.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import ROWS_COLUMNS_BANDS
from oddspec.io.geolocation import VOID, LookupTable
from oddspec.io.hdf5.links import find_dataset, open_hdf5_file, text_of
from oddspec.io.hdf5.source import StoredCube, open_cube
from oddspec.io.limits import check_memory
from oddspec.io.products.bands import band_list
from oddspec.io.products.hdf5 import LayerFile, attribute, described, has, listed, stored_cube
from oddspec.io.products.source import ProductSource
from oddspec.io.quality import Layer
from oddspec.io.source import Georeference, Product

_LEVELS = {"radiance": "L1B", "reflectance": "L2A"}
_OTHER = {
    "reflectance_uncertainty": "uncertainties",
    "obs": "angles of observation",
    "mask": "masks",
}
_BANDS = "sensor_band_parameters"

_MASK_BANDS = {
    "cloud": ("cloud flag", "dilated cloud flag"),
    "cirrus": ("cirrus flag",),
    "water": ("water flag",),
    "product-invalid": ("spacecraft flag",),
}
"""Bands of the L2A mask behind each flag, by their names in ``mask_bands``."""
_MASK_ORDER = ("cloud flag", "cirrus flag", "water flag", "spacecraft flag", "dilated cloud flag")
"""Their order, for files without names."""

_CLOSE = 2.0
"""Pixels of the map by which the place of a pixel in the table and its stated longitude may
differ: the table takes the nearest."""


def is_emit(file: Any) -> bool:
    """Whether an open HDF5 file is an EMIT granule."""
    known = any(has(file, name) for name in (*_LEVELS, *_OTHER))
    signs = (
        ("location/glt_x", "location/glt_y"),
        (f"{_BANDS}/mask_bands",),
        (f"{_BANDS}/observation_bands",),
    )
    return known and has(file, _BANDS) and any(has(file, *names) for names in signs)


def open_emit(path: Path, *, max_memory: int | None = None) -> ProductSource:
    """Open a granule of radiance or reflectance; the L2A mask is read from the file beside it.

    Raises
    ------
    InputError
        If it holds neither, or what it says of its bands does not fit them.
    """
    with open_hdf5_file(path) as file:
        name = next((name for name in _LEVELS if has(file, name)), None)
        if name is None:
            held = next(what for other, what in _OTHER.items() if has(file, other))
            raise InputError(
                f"{path}: is an EMIT file of {held}, not of spectra; open the file of radiance "
                f"(L1B_RAD) or reflectance (L2A_RFL) beside it"
            )
        stored, order = _stored_cube(path, file, name)
    shape = stored.shape[:2]
    mask, layers = _mask(path, shape)
    source = open_cube(path, stored, "HDF5", max_memory)
    metadata = source.metadata
    if not layers:
        note = "no file of masks (EMIT_L2A_MASK) lies beside it: clouds are not masked"
        metadata = metadata.noting(note)
    return ProductSource(
        path,
        path.stem,
        [source],
        metadata,
        order=order,
        layers=layers,
        locate=lambda: _lookup_table(path, shape, max_memory),
        files=[mask] if mask else [],
    )


def _stored_cube(path: Path, file: Any, name: str) -> tuple[StoredCube, np.ndarray | None]:
    stored = stored_cube(path, file, name, ROWS_COLUMNS_BANDS)
    bands = stored.shape[2]
    # Files of 2022 have the names of the radiance in both lists.
    wavelengths, fwhm = (
        next((found for stem in stems if (found := listed(path, file, f"{_BANDS}/{stem}", bands))
              is not None), None)
        for stems in (("wavelengths", "radiance_wl"), ("fwhm", "radiance_fwhm"))
    )  # fmt: skip
    good = listed(path, file, f"{_BANDS}/good_wavelengths", bands)
    told = band_list(path, bands, wavelengths, fwhm, good)
    product = Product(
        "EMIT",
        _LEVELS[name],
        attribute(file, "granule_id") or path.stem,
        attribute(file, "time_coverage_start"),
    )
    unit = attribute(file[name], "units").replace("unitless", "reflectance")
    return described(stored, told, product, unit, attribute(file, "title")), told.order


def _mask(path: Path, shape: tuple[int, int]) -> tuple[LayerFile | None, dict[str, Layer]]:
    """The granule's file of masks and its flags; none where it does not lie beside."""
    beside = path.with_name(path.name.replace("L1B_RAD", "L2A_MASK").replace("L2A_RFL", "L2A_MASK"))
    if beside == path or not beside.is_file():
        return None, {}
    mask = LayerFile(beside)
    try:
        names: Sequence[str] = _MASK_ORDER
        if has(mask.file, f"{_BANDS}/mask_bands"):
            stated = find_dataset(beside, mask.file, f"{_BANDS}/mask_bands")[()]
            names = [text_of(text).strip().lower() for text in stated]
        at = {
            flag: sorted(names.index(band) for band in wanted if band in names)
            for flag, wanted in _MASK_BANDS.items()
        }
        layers = {
            flag: mask.layer("mask", shape, lambda values: (values == 1).any(axis=2), bands)
            for flag, bands in at.items()
            if bands
        }
    except BaseException:
        mask.close()
        raise
    return mask, layers


def _lookup_table(path: Path, shape: tuple[int, int], max_memory: int | None) -> LookupTable:
    """Where the pixels lie: the table counts from 1, and 0 is void."""
    from affine import Affine
    from rasterio.crs import CRS

    with open_hdf5_file(path) as file:
        numbers = np.asarray(file.attrs.get("geotransform", ()), dtype=np.float64).reshape(-1)
        if len(numbers) != 6 or not np.isfinite(numbers).all() or not numbers[1] * numbers[5]:
            raise InputError(
                f"{path}: the attribute 'geotransform' is not six numbers, so that the map of the "
                f"lookup table has no place"
            )
        tables = [find_dataset(path, file, f"location/{name}") for name in ("glt_x", "glt_y")]
        size = sum(8 * int(np.prod(table.shape)) for table in tables)
        check_memory(path, "the lookup table", size, max_memory)
        columns, rows = (np.asarray(table[()], dtype=np.int64) - 1 for table in tables)
        transform = Affine.from_gdal(*numbers)
        crs = CRS.from_user_input(attribute(file, "spatial_ref") or "EPSG:4326")
        found = LookupTable.checked(path, rows, columns, shape, Georeference(crs, transform))
        if has(file, "location/lon"):
            longitudes = np.asarray(find_dataset(path, file, "location/lon")[()])
            return _checked_direction(path, found, longitudes, shape)
    return found


def _checked_direction(
    path: Path, table: LookupTable, longitudes: np.ndarray, shape: tuple[int, int]
) -> LookupTable:
    """The table, or its mirror image where that is what the longitudes of the pixels say.

    Build 010613 of EMIT's processing wrote the columns mirrored.
    """
    if longitudes.shape != shape:
        return table
    transform = table.georeference.transform
    y, x = np.nonzero(table.valid)
    x_of_map = transform.c + transform.a * (x + 0.5) + transform.b * (y + 0.5)

    def apart(columns: np.ndarray) -> float:
        stated = longitudes[table.rows[y, x], columns]
        return float(np.nanmedian(np.abs(stated - x_of_map)) / abs(transform.a))

    columns = table.columns[y, x]
    mirrored = shape[1] - 1 - columns
    distance = {"stated": apart(columns), "mirrored": apart(mirrored)}
    if distance["stated"] <= min(distance["mirrored"], _CLOSE):
        return table
    if distance["mirrored"] > _CLOSE:
        raise InputError(
            f"{path}: its lookup table leads to pixels whose own longitudes lie "
            f"{distance['stated']:.3g} pixels away; table and scene do not belong together"
        )
    turned = np.full(table.shape, VOID, np.int32)
    turned[y, x] = mirrored
    return LookupTable(table.rows, turned, table.georeference)
