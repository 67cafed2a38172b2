"""PRISMA: radiance (L1, L2B) and reflectance (L2C, L2D) of ASI's imaging spectrometer.

Layout after ``irea-cnr-mi/prismaread``, ``IPL-UV/georeader``, EnMAP-Box and hyperproc. Two
spectrometers lie in one file, each as rows, bands, columns with wavelengths that descend; here they
are one cube in ascending order. L2D is a map; the other levels are in sensor geometry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import Axes
from oddspec.io.hdf5.links import find_dataset, open_hdf5_file
from oddspec.io.hdf5.packing import Packing
from oddspec.io.hdf5.source import Hdf5Source, StoredCube, open_cube
from oddspec.io.products.bands import join_bands
from oddspec.io.products.hdf5 import (
    LayerFile,
    attribute,
    has,
    listed_attribute,
    number_attribute,
    stored_cube,
    table_in_file,
)
from oddspec.io.products.prisma_quality import prisma_layers
from oddspec.io.products.source import ProductSource
from oddspec.io.source import Georeference, Metadata, Product
from oddspec.text import positions_text

_SWATHS = "HDFEOS/SWATHS"
_SWATH = re.compile(r"PRS_(L1|L2B|L2C|L2D)_(HCO|HRC|PCO|PRC)")
_AXES: Axes = ("row", "band", "column")
_PARTS = ("Vnir", "Swir")
"""As in the names of attributes. Where both saw the same wavelengths SWIR counts, as prismaread has
it."""
_LARGEST = 65535
"""Stored number of the largest value of an L2 cube."""
_UNITS = {"L1": "W/m^2/sr/um", "L2B": "W/m^2/sr/um", "L2C": "reflectance", "L2D": "reflectance"}

_NEAR = 1.5
"""Pixels of the map by which its corners and the coordinates of a pixel may differ."""
_SAMPLED = 24
"""Rows that are looked at for bands without retrievals."""
_MOST_MISSING = 0.5
"""A band that lacks more of the pixels is left out, rather than the pixels."""


@dataclass(frozen=True)
class _Part:
    """One spectrometer: its cube, and wavelengths and widths of its bands (0: not acquired)."""

    stored: StoredCube
    wavelengths: np.ndarray
    fwhm: np.ndarray


def is_prisma(file: Any) -> bool:
    """Whether an open HDF5 file is a PRISMA scene."""
    return bool(_swaths(file))


def _swaths(file: Any) -> list[tuple[str, str]]:
    """Levels and kinds of the swaths in a file."""
    if not has(file, _SWATHS):
        return []
    matches = (_SWATH.fullmatch(name) for name in file[_SWATHS])
    return [(match[1], match[2]) for match in matches if match]


def open_prisma(path: Path, *, max_memory: int | None = None) -> ProductSource:
    """Open the coregistered hyperspectral cube of a scene.

    Raises
    ------
    InputError
        If it holds none, or what it says of its level, bands, scale or place does not fit together.
    """
    with open_hdf5_file(path) as file:
        level = _level(path, file)
        swath = f"{_SWATHS}/PRS_{level}_HCO"
        fields = f"{swath}/Data Fields"
        notes: list[str] = []
        parts = [_part(path, file, f"{fields}/{name.upper()}_Cube", name, notes) for name in _PARTS]
        shape = parts[0].stored.shape[:2]
        order, overlapping = join_bands([part.wavelengths for part in parts])
        wavelengths = np.concatenate([part.wavelengths for part in parts])
        if len(overlapping):
            seen = wavelengths[overlapping]
            notes.append(
                f"both spectrometers saw {seen.min():.0f} to {seen.max():.0f} nm: "
                f"{len(overlapping)} bands of VNIR were left out"
            )
        fwhm = np.concatenate([part.fwhm for part in parts])[order]
        place = None
        if level == "L2D":
            place = _place(path, file, shape, notes)
            notes += _contradiction(path, file, swath, shape, place)
        product = Product(
            "PRISMA",
            level,
            attribute(file, "Product_Name") or attribute(file, "Product_ID") or path.stem,
            attribute(file, "Product_StartTime"),
        )
    sources = [open_cube(path, part.stored, "HDF5", max_memory) for part in parts]
    bad = None if level == "L1" else _without_retrieval(sources, order, notes)
    metadata = Metadata(
        wavelengths=wavelengths[order],
        fwhm=None if np.isnan(fwhm).all() else fwhm,
        bad_bands=bad,
        georeference=place,
        unit=_UNITS[level],
        product=product,
        notes=(*notes, *(note for source in sources for note in source.metadata.notes)),
        extra={"variable": f"{fields}/VNIR_Cube and SWIR_Cube"},
    )
    masks = LayerFile(path)
    try:
        used = order if bad is None else order[~bad]
        layers, more = prisma_layers(
            masks, level, swath, [part.stored for part in parts], shape, used
        )
    except BaseException:
        masks.close()
        raise
    names = _coordinates(masks.file, swath)
    if level != "L2D" and names is None:
        more.append("has no longitudes and latitudes: the scene has no place on the map")
    kind = _Radiance if level == "L1" else ProductSource
    return kind(
        path,
        path.stem,
        sources,
        metadata.noting(*more),
        order=order,
        layers=layers,
        locate=(
            (lambda: table_in_file(path, names, shape, max_memory))
            if names is not None and level != "L2D"
            else None
        ),
        files=[masks],
    )


class _Radiance(ProductSource):
    """A cube of L1, where 0 is a small radiance and only pixels without any are missing."""

    def _join(
        self, joined: np.ndarray | None, rows: tuple[int, int], columns: tuple[int, int]
    ) -> np.ndarray:
        cube = super()._join(joined, rows, columns)
        cube[~cube.any(axis=2)] = np.nan
        return cube


def _level(path: Path, file: Any) -> str:
    """The level of the coregistered cube, checked against what the file says of itself."""
    found = _swaths(file)
    stated = attribute(file, "Processing_Level").upper()
    said = f"L{stated.removeprefix('L')}"
    levels = [level for level, kind in found if kind == "HCO"]
    if not levels:
        held = ", ".join(f"PRS_{level}_{kind}" for level, kind in found)
        raise InputError(
            f"{path}: is a PRISMA file without a coregistered hyperspectral cube (PRS_*_HCO); it "
            f"holds {held}"
        )
    level = said if said in levels else levels[0]
    if stated and said != level:
        raise InputError(
            f"{path}: says that its level is {stated}, but holds PRS_{level}_HCO; the file has "
            f"been changed"
        )
    return level


def _part(path: Path, file: Any, name: str, part: str, notes: list[str]) -> _Part:
    """A spectrometer's cube in physical values, and its bands."""
    if f"L2Scale{part}Max" in file.attrs:
        low, high = (number_attribute(path, file, f"L2Scale{part}{end}") for end in ("Min", "Max"))
        if high <= low:
            raise InputError(
                f"{path}: 'L2Scale{part}Min' and 'L2Scale{part}Max' are {low:g} and {high:g}, "
                f"which is no range"
            )
        scale, offset = (high - low) / _LARGEST, low
    else:
        factor = number_attribute(path, file, f"ScaleFactor_{part}")
        shift = number_attribute(path, file, f"Offset_{part}", 0.0)
        if shift:
            raise InputError(
                f"{path}: 'Offset_{part}' is {shift:g}; readers disagree on whether it is to be "
                f"added or subtracted, and 0 is all that has been seen, so it is not guessed at"
            )
        if factor <= 0:
            raise InputError(f"{path}: 'ScaleFactor_{part}' is {factor:g}, which is no scale")
        scale, offset = 1 / factor, 0.0
    fills = (0.0,) if f"L2Scale{part}Max" in file.attrs else ()
    dtype = find_dataset(path, file, name).dtype.newbyteorder("=")
    packing = Packing(dtype, np.dtype(np.float32), fills, scale, offset)
    stored = stored_cube(path, file, name, _AXES, packing=packing)
    bands = stored.shape[2]
    lists = [listed_attribute(path, file, f"List_{kind}_{part}", bands) for kind in ("Cw", "Fwhm")]
    flags = listed_attribute(path, file, f"List_Cw_{part}_Flags", bands)
    wavelengths, fwhm = lists
    if wavelengths is None:
        raise InputError(f"{path}: has no attribute 'List_Cw_{part}' with its wavelengths")
    if fwhm is None:
        fwhm = np.full(bands, np.nan)
    acquired = wavelengths > 0
    if flags is not None:
        acquired &= flags != 0
    if not acquired.all():
        notes.append(
            f"bands of {part.upper()} that were not acquired and are left out: "
            f"{positions_text(np.flatnonzero(~acquired))}"
        )
    return _Part(stored, np.where(acquired, wavelengths, 0.0), fwhm)


def _without_retrieval(
    sources: list[Hdf5Source], order: np.ndarray, notes: list[str]
) -> np.ndarray | None:
    """Bands where most pixels of some evenly spread rows have no value; None for no such.

    The atmospheric correction fails in the water-vapour bands; a pixel is not to be masked for
    what no pixel has.
    """
    height, width, _ = sources[0].shape
    rows = np.unique(np.linspace(0, height - 1, min(height, _SAMPLED)).astype(int))
    lacking, pixels = np.zeros(len(order)), 0
    for row in rows.tolist():
        window = (row, row + 1), (0, width)
        values = np.concatenate([source.read(*window)[0] for source in sources], axis=1)[:, order]
        missing = np.isnan(values)
        inside = ~missing.all(axis=1)
        pixels += int(inside.sum())
        lacking += missing[inside].sum(axis=0)
    bad = lacking > _MOST_MISSING * pixels
    if not bad.any() or bad.all():
        return None
    notes.append(
        f"bands without a value in most of the pixels that were looked at, taken as bad: "
        f"{positions_text(np.flatnonzero(bad))}"
    )
    return np.asarray(bad)


def _place(path: Path, file: Any, shape: tuple[int, int], notes: list[str]) -> Georeference:
    """The map of L2D: its corners are centres of pixels."""
    from affine import Affine
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    (left, top), (right, bottom) = (
        [
            number_attribute(path, file, f"Product_{corner}corner_{axis}")
            for axis in ("easting", "northing")
        ]
        for corner in ("UL", "LR")
    )
    rows, columns = shape
    if min(shape) < 2:
        raise InputError(f"{path}: is {rows} x {columns} pixels, too small to tell a pixel's size")
    width, height = (right - left) / (columns - 1), (bottom - top) / (rows - 1)
    turned = (right - left) / (rows - 1), (bottom - top) / (columns - 1)
    if width <= 0 or height >= 0:
        raise InputError(
            f"{path}: its corners ({left:g}, {top:g}) and ({right:g}, {bottom:g}) are not the "
            f"upper left and the lower right one"
        )
    if not _square(width, height):
        if _square(*turned):
            raise InputError(
                f"{path}: its corners give square pixels only if rows and columns are swapped; "
                f"say what the axes mean with --axes and --variable"
            )
        notes.append(f"its corners give pixels of {width:g} x {-height:g}, which are not square")
    try:
        crs = CRS.from_epsg(int(number_attribute(path, file, "Epsg_Code")))
    except CRSError as error:
        raise InputError(f"{path}: 'Epsg_Code' is no coordinate system ({error})") from None
    return Georeference(crs, Affine(width, 0.0, left - width / 2, 0.0, height, top - height / 2))


def _contradiction(
    path: Path, file: Any, swath: str, shape: tuple[int, int], place: Georeference
) -> list[str]:
    """A note where the middle pixel's own coordinates are not where the corners put it."""
    from rasterio.warp import transform

    names = _coordinates(file, swath)
    datasets = [find_dataset(path, file, name) for name in names or ()]
    if not datasets or any(dataset.shape != shape for dataset in datasets):
        return []
    row, column = shape[0] // 2, shape[1] // 2
    longitude, latitude = (float(dataset[row, column]) for dataset in datasets)
    if not (abs(longitude) <= 180 and abs(latitude) <= 90) or (longitude, latitude) == (0, 0):
        return []
    found = transform("EPSG:4326", place.crs, [longitude], [latitude])
    t = place.transform
    x, y = t.c + t.a * (column + 0.5), t.f + t.e * (row + 0.5)
    apart = float(np.hypot(found[0][0] - x, found[1][0] - y))
    if apart <= _NEAR * t.a:
        return []
    return [
        f"the coordinates of its middle pixel lie {apart:.4g} m from where the corners of the map "
        f"put it: the corners were taken"
    ]


def _square(width: float, height: float) -> bool:
    return bool(abs(abs(width) - abs(height)) <= 1e-3 * abs(width))


def _coordinates(file: Any, swath: str) -> tuple[str, str] | None:
    """Names of the arrays of longitudes and latitudes."""
    fields = f"{swath}/Geolocation Fields"
    for suffix in ("", "_VNIR"):
        names = f"{fields}/Longitude{suffix}", f"{fields}/Latitude{suffix}"
        if has(file, *names):
            return names
    return None
