"""NEON: surface reflectance of the airborne observation platform, on a map.

Layout after HyTools (``io/neon.py``) and hyperproc (``readers/neon.py``). All lies in a group that
is named after the site. The name of the interleave in the file is not the order of the axes.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import ROWS_COLUMNS_BANDS
from oddspec.io.envi.map import read_map
from oddspec.io.hdf5.links import find_dataset, open_hdf5_file, text_of
from oddspec.io.hdf5.packing import Packing
from oddspec.io.hdf5.source import open_cube
from oddspec.io.products.bands import band_list
from oddspec.io.products.hdf5 import (
    LayerFile,
    attribute,
    described,
    has,
    listed,
    listed_attribute,
    number_attribute,
    stored_cube,
    stored_text,
)
from oddspec.io.products.source import ProductSource
from oddspec.io.quality import Layer
from oddspec.io.source import Georeference, Product

_CUBE = "Reflectance/Reflectance_Data"
_RADIANCE = "Radiance"
_FILL, _SCALE = -9999.0, 10_000.0
_WINDOWS = "Band_Window_{}_Nanometers"
"""Attributes with the first and the last wavelength of bad bands."""

_CLASSES = "Metadata/Ancillary_Imagery/Haze_Cloud_Water_Map"
_FLAGS = {
    "fill": (0,),
    "cloud-shadow": (1, 22),
    "cirrus": (2, 3, 4, 8, 9, 10, 18, 19),
    "saturated": (6,),
    "snow": (7,),
    "haze": (11, 12, 13, 14),
    "glint": (13, 14),
    "cloud": (15, 16),
    "water": (17,),
    "terrain-shadow": (21,),
}
"""Classes of ATCOR's map behind each flag, after hyperproc."""
_WORDS = {"cirrus": "cirrus", "saturated": "satur", "snow": "snow", "cloud": "cloud"}
"""What the file's own names of these classes must contain."""


def is_neon(file: Any) -> bool:
    """Whether an open HDF5 file is one of NEON's spectra."""
    return _site(file) is not None


def _site(file: Any) -> str | None:
    """The group of the site."""
    names = [name for name in list(file)[:16] if has(file, f"{name}/{_CUBE}")]
    names += [name for name in list(file)[:16] if has(file, f"{name}/{_RADIANCE}/Metadata")]
    return names[0] if names else None


def open_neon(path: Path, *, max_memory: int | None = None) -> ProductSource:
    """Open a line or a tile of reflectance.

    Raises
    ------
    InputError
        If it holds radiance, or what it says of bands and place does not fit the cube.
    """
    with open_hdf5_file(path) as file:
        site = _site(file) or ""
        group, name = f"{site}/Reflectance", f"{site}/{_CUBE}"
        if not has(file, name):
            raise InputError(
                f"{path}: is NEON radiance, which is stored in two parts (integers and decimals) "
                f"and is not supported; open the file of reflectance"
            )
        cube = find_dataset(path, file, name)
        scale = number_attribute(path, cube, "Scale_Factor", _SCALE)
        if scale <= 0:
            raise InputError(f"{path}: 'Scale_Factor' is {scale:g}, which is no scale")
        fill = number_attribute(path, cube, "Data_Ignore_Value", _FILL)
        dtype = cube.dtype.newbyteorder("=")
        packing = Packing(dtype, np.dtype(np.float32), (fill,), 1 / scale, 0.0)
        stored = stored_cube(path, file, name, ROWS_COLUMNS_BANDS, packing=packing)
        shape, bands = stored.shape[:2], stored.shape[2]
        spectral = f"{group}/Metadata/Spectral_Data"
        wavelengths = listed(path, file, f"{spectral}/Wavelength", bands)
        fwhm = listed(path, file, f"{spectral}/FWHM", bands)
        told = band_list(path, bands, wavelengths, fwhm, _good(path, file, group, wavelengths))
        place, notes = _place(path, file, group, shape)
        level = next((part for part in path.stem.split("_") if part in ("DP1", "DP3")), "")
        product = Product("NEON", level, path.stem, attribute(file[group], "Acquisition_Time"))
        stored = described(stored, told, product, "reflectance", site, place)
    source = open_cube(path, stored, "HDF5", max_memory)
    masks = LayerFile(path)
    try:
        layers, more = _layers(masks, f"{group}/{_CLASSES}", shape)
    except BaseException:
        masks.close()
        raise
    return ProductSource(
        path,
        path.stem,
        [source],
        source.metadata.noting(*notes, *more),
        order=told.order,
        layers=layers,
        files=[masks],
    )


def _good(path: Path, file: Any, group: str, wavelengths: np.ndarray | None) -> np.ndarray | None:
    """0 for bands in the file's own windows of water vapour; None where it tells none."""
    if wavelengths is None:
        return None
    holders = [group, f"{group}/Metadata/Spectral_Data", f"{group}/Reflectance_Data"]
    windows = [
        window
        for holder in holders
        if has(file, holder)
        for index in (1, 2)
        if (window := listed_attribute(path, file[holder], _WINDOWS.format(index), 2)) is not None
    ]
    for index in (1, 2):
        window = listed(path, file, f"{group}/Metadata/Spectral_Data/{_WINDOWS.format(index)}")
        if window is not None and len(window) == 2:
            windows.append(window)
    if not windows:
        return None
    bad = [(wavelengths >= first) & (wavelengths <= last) for first, last in windows]
    return 1 - np.any(bad, axis=0).astype(np.float64)


def _place(
    path: Path, file: Any, group: str, shape: tuple[int, int]
) -> tuple[Georeference | None, list[str]]:
    """The map: ENVI's ``map info`` as text, its system by its number in EPSG's list."""
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    system = f"{group}/Metadata/Coordinate_System"
    place, notes = read_map(
        {
            "map info": stored_text(path, file, f"{system}/Map_Info"),
            "coordinate system string": stored_text(
                path, file, f"{system}/Coordinate_System_String"
            ),
        }
    )
    code = stored_text(path, file, f"{system}/EPSG Code")
    if not code and has(file, f"{system}/EPSG Code"):
        numbers = listed(path, file, f"{system}/EPSG Code", 1)
        code = f"{numbers[0]:.0f}" if numbers is not None else ""
    if place is None:
        return None, [*notes, "has no 'Map_Info' that can be understood: no georeference"]
    if code:
        try:
            crs = CRS.from_epsg(int(code))
        except (CRSError, ValueError):
            notes.append(f"'EPSG Code' is no coordinate system ({code[:40]!r}): ignored")
        else:
            if place.crs is not None and place.crs.is_projected != crs.is_projected:
                raise InputError(
                    f"{path}: 'Map_Info' and 'EPSG Code' ({code}) are of different kinds of "
                    f"coordinates, so that the map has no certain place"
                )
            place = Georeference(crs, place.transform)
    cube = find_dataset(path, file, f"{group}/Reflectance_Data")
    extent = listed_attribute(path, cube, "Spatial_Extent_meters", 4)
    if extent is not None:
        t = place.transform
        x, y = sorted((t.c, t.c + t.a * shape[1])), sorted((t.f, t.f + t.e * shape[0]))
        if np.abs(np.array([*x, *y]) - extent).max() > abs(t.a):
            raise InputError(
                f"{path}: 'Map_Info' puts the scene at {x[0]:g} to {x[1]:g} and {y[0]:g} to "
                f"{y[1]:g}, but 'Spatial_Extent_meters' says "
                f"{' '.join(f'{number:g}' for number in extent)}"
            )
    return place, notes


def _layers(
    masks: LayerFile, name: str, shape: tuple[int, int]
) -> tuple[dict[str, Layer], list[str]]:
    """The flags by the map of classes; none where the file gives its classes other names."""
    if not has(masks.file, name):
        return {}, []
    stated = masks.file[name].attrs.get("Class_Names")
    names = [] if stated is None else [text_of(text).lower() for text in np.ravel(stated)]
    for flag, word in _WORDS.items():
        for index in _FLAGS[flag]:
            if index < len(names) and word not in names[index]:
                note = f"class {index} of 'Haze_Cloud_Water_Map' is {names[index]!r}, not {flag}"
                return {}, [f"{note}: the map was not used"]
    return {
        flag: masks.layer(name, shape, partial(_is_one_of, classes))
        for flag, classes in _FLAGS.items()
    }, []


def _is_one_of(classes: tuple[int, ...], values: np.ndarray) -> np.ndarray:
    return np.isin(values, classes)
