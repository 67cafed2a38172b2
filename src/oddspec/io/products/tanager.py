"""Tanager: radiance and surface reflectance of Planet's and Carbon Mapper's satellites.

Layout after hyperproc (``readers/tanager.py``) and HyperCoast. Cubes lie band by band; lists of the
bands are attributes of the cube. A basic product is in sensor geometry (a swath), an ortho product
is a map (a grid), whose corners are told by the text of HDF-EOS.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import Axes
from oddspec.io.hdf5.links import find_dataset, open_hdf5_file
from oddspec.io.hdf5.source import open_cube
from oddspec.io.products.bands import band_list
from oddspec.io.products.hdf5 import (
    LayerFile,
    attribute,
    described,
    has,
    listed_attribute,
    number_attribute,
    stored_cube,
    stored_text,
    table_in_file,
)
from oddspec.io.products.source import ProductSource
from oddspec.io.quality import Layer
from oddspec.io.source import Georeference, Product

_SWATH, _GRID = "HDFEOS/SWATHS/HYP", "HDFEOS/GRIDS/HYP"
_AXES: Axes = ("band", "row", "column")
_FILL = -9999.0
_LEVELS = {"toa_radiance": "L1B", "surface_reflectance": "L2A"}
_UNCERTAINTY = "surface_reflectance_uncertainty"
_STRUCTURE = "HDFEOS INFORMATION/StructMetadata.0"


def is_tanager(file: Any) -> bool:
    """Whether an open HDF5 file is a Tanager scene."""
    cubes = (*_LEVELS, _UNCERTAINTY)
    return any(
        has(file, f"{fields}/{cube}")
        for group in (_GRID, _SWATH)
        if (fields := _fields(file, group, "Data"))
        for cube in cubes
    )


def _fields(file: Any, group: str, kind: str) -> str | None:
    """The group of fields, which is written with a blank or with a line."""
    names = (f"{group}/{kind} Fields", f"{group}/{kind}_Fields")
    return next((name for name in names if has(file, name)), None)


def open_tanager(path: Path, *, max_memory: int | None = None) -> ProductSource:
    """Open a scene of radiance or surface reflectance, basic or ortho.

    Raises
    ------
    InputError
        If it holds neither, or what it says of bands and corners does not fit the cube.
    """
    with open_hdf5_file(path) as file:
        group = next(group for group in (_GRID, _SWATH) if _fields(file, group, "Data"))
        fields = _fields(file, group, "Data") or ""
        name = next((cube for cube in _LEVELS if has(file, f"{fields}/{cube}")), None)
        if name is None:
            raise InputError(
                f"{path}: is a Tanager file of uncertainties, not of spectra; open the file of "
                f"radiance or surface reflectance"
            )
        stored = stored_cube(path, file, f"{fields}/{name}", _AXES, fill=_FILL)
        cube = find_dataset(path, file, f"{fields}/{name}")
        shape, bands = stored.shape[:2], stored.shape[2]
        wavelengths, fwhm, good = (
            listed_attribute(path, cube, attribute, bands)
            for attribute in ("wavelengths", "fwhm", "good_wavelengths")
        )
        told = band_list(path, bands, wavelengths, fwhm, good)
        notes: list[str] = []
        place = _place(path, file, shape, notes) if group == _GRID else None
        identifier = attribute(file[group], "strip_id") or path.stem
        product = Product("Tanager", _LEVELS[name], identifier)
        default = "reflectance" if name == "surface_reflectance" else ""
        unit = attribute(cube, "Unit") or attribute(cube, "units") or default
        stored = described(stored, told, product, unit, georeference=place)
        places = _fields(file, group, "Geolocation") if group == _SWATH else None
    source = open_cube(path, stored, "HDF5", max_memory)
    names = f"{places}/Longitude", f"{places}/Latitude"
    masks = LayerFile(path)
    try:
        layers = _layers(masks, fields, shape)
        located = bool(places) and has(masks.file, *names)
    except BaseException:
        masks.close()
        raise
    if group == _SWATH and not located:
        notes.append("has no longitudes and latitudes: the scene has no place on the map")
    return ProductSource(
        path,
        path.stem,
        [source],
        source.metadata.noting(*notes),
        order=told.order,
        layers=layers,
        locate=partial(table_in_file, path, names, shape, max_memory) if located else None,
        files=[masks],
    )


def _layers(masks: LayerFile, fields: str, shape: tuple[int, int]) -> dict[str, Layer]:
    """The flags of the masks; 255 marks what is not known, and of nodata what was not measured."""
    tests = {
        "fill": ("nodata_pixels", partial(np.not_equal, 0)),
        "cloud": ("beta_cloud_mask", partial(np.equal, 1)),
        "cirrus": ("beta_cirrus_mask", partial(np.equal, 1)),
    }
    return {
        flag: masks.layer(f"{fields}/{name}", shape, test)
        for flag, (name, test) in tests.items()
        if has(masks.file, f"{fields}/{name}")
    }


def _place(path: Path, file: Any, shape: tuple[int, int], notes: list[str]) -> Georeference | None:
    """The map of an ortho product, whose corners are those of the outermost pixels."""
    from affine import Affine
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    text = stored_text(path, file, _STRUCTURE)
    left, top = _pair(text, "UpperLeftPointMtrs")
    right, bottom = _pair(text, "LowerRightMtrs")
    rows, columns = shape
    for name, length in (("YDim", rows), ("XDim", columns)):
        stated = re.search(rf"\b{name}\s*=\s*(\d+)", text)
        if stated and int(stated[1]) != length:
            raise InputError(
                f"{path}: its cube has {rows} rows and {columns} columns, but {_STRUCTURE!r} says "
                f"{name}={stated[1]}; the file has been changed"
            )
    origin = re.search(r"\bGridOrigin\s*=\s*HE5_HDFE_GD_(\w+)", text)
    if origin and origin[1] != "UL":
        raise InputError(
            f"{path}: its grid begins at the corner {origin[1]}, where the upper left (UL) was "
            f"expected; the map would be upside down"
        )
    try:
        crs = CRS.from_epsg(int(number_attribute(path, file[_GRID], "epsg_code")))
    except (CRSError, InputError):
        crs = None
    width, height = (right - left) / columns, (bottom - top) / rows
    if crs is None or not crs.is_projected or not width > 0 or not height < 0:
        notes.append(
            f"the corners in {_STRUCTURE!r} and the attribute 'epsg_code' do not make a map in "
            f"metres: no georeference"
        )
        return None
    return Georeference(crs, Affine(width, 0.0, left, 0.0, height, top))


def _pair(text: str, name: str) -> tuple[float, float]:
    """Two numbers of HDF-EOS's text; NaN where there are none."""
    found = re.search(rf"\b{name}\s*=\s*\(\s*([^,()\s]+)\s*,\s*([^,()\s]+)\s*\)", text)
    try:
        return (float(found[1]), float(found[2])) if found else (np.nan, np.nan)
    except ValueError:
        return np.nan, np.nan
