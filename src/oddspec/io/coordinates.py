"""A georeference from coordinates of pixel centres and CF or rioxarray attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from oddspec.io.source import Georeference

if TYPE_CHECKING:
    from affine import Affine
    from rasterio.crs import CRS

_UNEVEN = 1e-3
"""Of a pixel: float32 coordinates of large numbers jitter by about as much."""


def read_georeference(
    x: np.ndarray | None,
    y: np.ndarray | None,
    mapping: Mapping[str, Any],
    *,
    degrees: bool = False,
) -> tuple[Georeference | None, list[str]]:
    """Where pixels lie, and notes on what was unusual.

    A ``GeoTransform`` counts where it agrees with the coordinates or there are none; where they
    disagree (as after cutting a piece out), the coordinates do.

    Parameters
    ----------
    x, y
        Centres of the columns and rows; None where the file has none.
    mapping
        Attributes of the CF grid mapping (``crs_wkt``, ``spatial_ref``, ``GeoTransform``).
    degrees
        Whether the coordinates are in degrees, hence longitude and latitude.
    """
    notes: list[str] = []
    crs = _system(mapping, notes)
    stated = _stated(mapping)
    steps = [_step(x), _step(y)]
    if x is None or y is None or None in steps:
        if x is not None and y is not None and stated is None:
            notes.append("the coordinates are not evenly spaced: no georeference")
        if stated is None:
            return None, notes
        return Georeference(crs, stated), notes
    from affine import Affine

    width, height = (step for step in steps if step is not None)
    found = Affine(width, 0.0, x[0] - width / 2, 0.0, height, y[0] - height / 2)
    if stated is not None and _agree(stated, found, len(x), len(y)):
        found = stated
    elif stated is not None:
        notes.append("'GeoTransform' disagrees with the coordinates, which were taken")
    if crs is None and degrees:
        from rasterio.crs import CRS

        crs = CRS.from_epsg(4326)
        notes.append("coordinates in degrees without a coordinate system: read as WGS 84")
    return Georeference(crs, found), notes


def _step(values: np.ndarray | None) -> float | None:
    """The even spacing of coordinates, or None."""
    if values is None or values.ndim != 1 or len(values) < 2:
        return None
    numbers = values.astype(np.float64)
    step = (numbers[-1] - numbers[0]) / (len(numbers) - 1)
    even = numbers[0] + step * np.arange(len(numbers))
    if not np.isfinite(step) or not step:
        return None
    jitter = np.abs(numbers - even).max() / abs(step)
    return float(step) if jitter <= _UNEVEN else None


def _stated(mapping: Mapping[str, Any]) -> Affine | None:
    """The transform of GDAL's ``GeoTransform`` attribute (six numbers, in GDAL's order)."""
    from affine import Affine

    text = mapping.get("GeoTransform")
    if text is None:
        return None
    try:
        items = text.split() if isinstance(text, str) else np.asarray(text).reshape(-1).tolist()
        numbers = [float(item) for item in items]
    except (TypeError, ValueError):
        return None
    if len(numbers) != 6 or not np.isfinite(numbers).all():
        return None
    return Affine.from_gdal(*numbers)


def _agree(one: Affine, other: Affine, columns: int, rows: int) -> bool:
    """Whether two transforms put the corners of a scene at the same place, to 1 % of a pixel."""
    size = min(abs(other.a), abs(other.e))
    corners = np.array([(0, 0, 1), (columns, 0, 1), (0, rows, 1)]).T
    apart = np.subtract(tuple(one), tuple(other)).reshape(3, 3) @ corners
    return bool(np.abs(apart).max() < 0.01 * size)


def _system(mapping: Mapping[str, Any], notes: list[str]) -> CRS | None:
    for name in ("crs_wkt", "spatial_ref", "epsg_code", "crs"):
        value = mapping.get(name)
        if isinstance(value, bytes):
            value = value.decode("utf-8", errors="replace")
        if value is None or not str(value).strip() or len(str(value)) > 100_000:
            continue
        from rasterio.crs import CRS
        from rasterio.errors import CRSError

        try:
            return CRS.from_user_input(str(value))
        except CRSError:
            notes.append(f"the coordinate system in {name!r} cannot be understood: ignored")
    return None
