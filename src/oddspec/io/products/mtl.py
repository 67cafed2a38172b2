"""Metadata of the United States Geological Survey as text: ``GROUP``, ``NAME = VALUE``, ``END``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from oddspec.errors import InputError
from oddspec.io.reading import reading
from oddspec.io.source import Georeference

_LARGEST = 2**20


def read_mtl(path: Path) -> dict[str, str]:
    """Values by their upper-case names, without quotes; groups count for nothing.

    Raises
    ------
    InputError
        If the file is larger than 1 MB, or says two things under one name.
    """
    with reading(path), open(path, "rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise InputError(f"{path}: is larger than 1 MB, far more than any such metadata")
    found: dict[str, str] = {}
    for line in data.decode("latin-1").splitlines():
        name, equals, value = (part.strip() for part in line.partition("="))
        name = name.upper()
        if not equals or name in ("GROUP", "END_GROUP"):
            continue
        value = value.strip('"').strip()
        if found.setdefault(name, value) != value:
            raise InputError(
                f"{path}: has {name[:40]} twice, as {found[name][:40]!r} and {value[:40]!r}"
            )
    return found


def mtl_number(metadata: Path, values: Mapping[str, str], name: str) -> float:
    """A number by its name.

    Raises
    ------
    InputError
        If it is not there, or no finite number.
    """
    try:
        found = float(values.get(name, ""))
    except ValueError:
        found = np.nan
    if not np.isfinite(found):
        raise InputError(
            f"{metadata}: {name} is {values.get(name, '')[:40]!r}, where a number was expected; "
            f"the metadata are damaged"
        )
    return found


def mtl_place(
    metadata: Path, values: Mapping[str, str], shape: tuple[int, ...]
) -> Georeference | None:
    """The map that the metadata describe, where it is one of UTM and WGS 84; else None.

    Their corners are centres of pixels if they lie one pixel less apart than there are pixels.

    Parameters
    ----------
    metadata, values
        The file, and what it says.
    shape
        Rows and columns of the images, and more.

    Raises
    ------
    InputError
        If it cannot be, or does not fit the size of the images.
    """
    from affine import Affine
    from rasterio.crs import CRS

    projection = values.get("MAP_PROJECTION", "").upper(), values.get("REFERENCE_DATUM", "").upper()
    names = [f"PRODUCT_{corner}_CORNER_MAP{axis}" for corner in ("UL", "LR") for axis in "XY"]
    if projection != ("UTM", "WGS84") or not {*names, "ZONE_NUMBER"} <= values.keys():
        return None
    left, top, right, bottom = (mtl_number(metadata, values, name) for name in names)
    zone = int(mtl_number(metadata, values, "ZONE_NUMBER"))
    pixel = mtl_number(metadata, values, "GRID_CELL_SIZE") if "GRID_CELL_SIZE" in values else 30.0
    if not 1 <= abs(zone) <= 60 or pixel <= 0:
        raise InputError(f"{metadata}: zone {zone} or cell size {pixel:g} cannot be")
    height, width = shape[:2]
    spans = (right - left) / pixel, (top - bottom) / pixel
    for centred in (True, False):
        if np.allclose(spans, (width - centred, height - centred), atol=0.01, rtol=0):
            half = pixel / 2 * centred
            transform = Affine(pixel, 0.0, left - half, 0.0, -pixel, top + half)
            return Georeference(
                CRS.from_epsg((32600 if zone > 0 else 32700) + abs(zone)), transform
            )
    raise InputError(
        f"{metadata}: its corners lie {spans[1]:g} x {spans[0]:g} pixels apart, but the images "
        f"have {height} x {width}; they do not belong together"
    )
