"""ENVI's ``map info`` and ``coordinate system string``, to and from a georeference."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from oddspec.errors import SettingError
from oddspec.io.source import Georeference

if TYPE_CHECKING:
    from affine import Affine
    from rasterio.crs import CRS

_LONGEST = 20_000
"""Characters of a field passed on to GDAL; a coordinate system takes about a thousand."""


def read_map(fields: Mapping[str, str]) -> tuple[Georeference | None, list[str]]:
    """The georeference that a header's fields give, and notes on what was unusual.

    The coordinate system is GDAL's reading. The transform is computed here, since GDAL (3.10,
    measured) moves the reference pixel along the unrotated axes and mixes up the two pixel sizes
    where a rotation is given; without a rotation both agree.

    Parameters
    ----------
    fields
        Header fields by lower-case name, values without their outer braces.
    """
    text = fields.get("map info", "").strip()
    if not text:
        if fields.get("coordinate system string"):
            return None, ["'coordinate system string' without 'map info': no georeference"]
        return None, []
    items = [item.strip() for item in text.split(",")]
    try:
        column, row, x, y, width, height = (float(item) for item in items[1:7])
        rotation = float(_option(items, "rotation") or 0.0)
        if not all(map(math.isfinite, (column, row, x, y, width, height, rotation))):
            raise ValueError
        if not width or not height:
            raise ValueError
    except ValueError:
        return None, [f"'map info' cannot be understood ({text[:80]!r}): no georeference"]
    if items[0].lower() == "arbitrary" and (x, y, width, height, rotation) == (0, 0, 1, 1, 0):
        return None, []
    crs = _system(fields)
    notes = []
    bare = items[0].lower().startswith("utm") and not fields.get("coordinate system string")
    if bare and (len(items) < 10 or "=" in items[9]):
        notes.append("'map info' names no datum for its UTM zone: read as NAD27, as GDAL does")
    if abs(rotation) == 180.0:
        notes.append("'map info' has rotation=180: read as rows running north, as GDAL does")
    scale = _per_unit(crs, _option(items, "units"))
    matrix = _rotated(width * scale, height * scale, rotation)
    shift = matrix @ [1.0 - column, 1.0 - row]
    return Georeference(crs, _affine(matrix, x * scale + shift[0], y * scale + shift[1])), notes


def _option(items: list[str], name: str) -> str | None:
    for item in items[7:]:
        key, _, value = item.partition("=")
        if key.strip().lower() == name:
            return value.strip()
    return None


def _per_unit(crs: CRS | None, units: str | None) -> float:
    """Degrees per unit of geographic positions; GDAL's coordinate system is in degrees then."""
    if crs is None or not crs.is_geographic or not units:
        return 1.0
    return {"minutes": 1 / 60, "seconds": 1 / 3600}.get(units.lower(), 1.0)


def _rotated(width: float, height: float, rotation: float) -> np.ndarray:
    """Steps along a row (first column) and down a column, turned counter-clockwise by degrees."""
    if abs(rotation) == 180.0:
        # Written so by GDAL for rows that run north; not a turn.
        return np.array([[width, 0.0], [0.0, height]])
    cosine, sine = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
    if abs(rotation) % 90.0 == 0.0:
        cosine, sine = float(round(cosine)), float(round(sine))
    return np.array([[cosine * width, sine * height], [sine * width, -cosine * height]])


def _affine(matrix: np.ndarray, x: float, y: float) -> Affine:
    from affine import Affine

    # Adding zero turns -0.0 into 0.0.
    (a, b), (d, e) = (matrix + 0.0).tolist()
    return Affine(a, b, float(x) + 0.0, d, e, float(y) + 0.0)


def _system(fields: Mapping[str, str]) -> CRS | None:
    """The coordinate system as GDAL reads it from a header with nothing else in it."""
    import rasterio
    from rasterio.errors import RasterioError
    from rasterio.io import MemoryFile

    lines = ["ENVI", "samples = 1", "lines = 1", "bands = 1", "header offset = 0"]
    lines += ["data type = 1", "interleave = bsq", "byte order = 0"]
    for name in ("map info", "projection info", "coordinate system string"):
        value = " ".join(fields.get(name, "").replace("{", " ").replace("}", " ").split())
        if value and len(value) <= _LONGEST:
            lines.append(f"{name} = {{{value}}}")
    text = "\n".join(lines) + "\n"
    folder = uuid.uuid4().hex
    try:
        with (
            rasterio.Env(GDAL_PAM_ENABLED="NO"),
            MemoryFile(text.encode("utf-8"), dirname=folder, filename="map.hdr"),
            # GDAL takes files of one byte for no file at all.
            MemoryFile(bytes(16), dirname=folder, filename="map.img") as data,
            data.open(driver="ENVI") as dataset,
        ):
            crs = dataset.crs
    except RasterioError:
        return None
    if crs is None or not (crs.is_projected or crs.is_geographic):
        return None
    return crs


def map_fields(georeference: Georeference) -> dict[str, str]:
    """Header fields for a georeference, with every digit of its numbers.

    Raises
    ------
    SettingError
        If the pixels are sheared, which ENVI headers cannot express.
    """
    t = georeference.transform
    width, height = math.hypot(t.a, t.d), math.hypot(t.b, t.e)
    if not width or not height or abs(t.a * t.b + t.d * t.e) > 1e-9 * width * height:
        raise SettingError(
            f"georeference: the transform {tuple(t)[:6]} is sheared or empty, and an ENVI header "
            f"can only tell of right-angled pixels"
        )
    rotation = 0.0
    if t.b == 0 and t.d == 0:
        width, height = t.a, -t.e
        if height < 0:
            # GDAL's sign for rows that run north.
            height, rotation = -height, 180.0
    else:
        rotation = math.degrees(math.atan2(t.d, t.a))
        if t.a * t.e - t.b * t.d > 0:
            height = -height
    name, tail = _projection(georeference.crs)
    items: list[object] = [name, 1, 1, float(t.c), float(t.f), float(width), float(height), *tail]
    if rotation:
        items.append(f"rotation={rotation!r}")
    fields = {"map info": f"{{{', '.join(map(str, items))}}}"}
    if georeference.crs is not None:
        from rasterio.enums import WktVersion

        wkt = georeference.crs.to_wkt(version=WktVersion.WKT1_ESRI)
        fields["coordinate system string"] = f"{{{wkt}}}"
    return fields


def _projection(crs: CRS | None) -> tuple[str, list[object]]:
    """The projection's name in ``map info`` and what follows the pixel sizes."""
    if crs is None:
        return "Arbitrary", [0, "North"]
    if crs.is_geographic:
        return "Geographic Lat/Lon", ["WGS-84" if crs.to_epsg() == 4326 else "Unknown"]
    code = crs.to_epsg() or 0
    if 32601 <= code <= 32660 or 32701 <= code <= 32760:
        return "UTM", [code % 100, "North" if code < 32700 else "South", "WGS-84"]
    return "Projected", []
