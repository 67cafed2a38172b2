"""Polygons exactly along the pixel edges of detections, and where and how large they are."""

from __future__ import annotations

import numpy as np

from oddspec.detections import Detections
from oddspec.io.source import Georeference

PIXELS = "pixels"
"""The unit of areas where nothing is known about the ground."""

_EQUAL_AREA = 6933
"""EPSG code of a cylindrical equal-area projection of the whole ellipsoid (EASE-Grid 2.0). It turns
meridians and parallels into straight lines, so the areas of north-up pixels are exact."""


def outlines(detections: Detections) -> np.ndarray:
    """One polygon or multipolygon per detection, in pixels: ``(x, y) = (column, row)``.

    Vertices are whole numbers, the upper left corner of pixel ``(row, column)`` being
    ``(column, row)``. Pixels that share only a corner are separate parts of a multipolygon, as
    simple features demand.

    Returns
    -------
    numpy.ndarray
        Shapely geometries. Time and memory grow with the number of detected pixels, not with the
        rectangle that an object spans.
    """
    import shapely

    if not len(detections):
        return np.zeros(0, dtype=object)
    # An object is the union of its horizontal runs: far fewer pieces than pixels.
    pixels, width = detections.pixels, detections.shape[1]
    begins = np.diff(pixels, prepend=pixels[0] - 2) != 1
    begins |= pixels % width == 0
    # Pixels of the next object may continue the row of the last one.
    begins[detections.starts[:-1]] = True
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=len(pixels))
    rows, columns = np.divmod(pixels[starts], width)
    runs = shapely.box(columns, rows, columns + lengths, rows + 1)
    owner = np.searchsorted(detections.starts, starts, side="right") - 1
    pieces = shapely.multipolygons(runs, indices=owner)
    united = shapely.union_all(pieces[:, np.newaxis], axis=1)
    simple: np.ndarray = shapely.simplify(united, 0)  # drops vertices between aligned runs
    return simple


def to_map(geometries: np.ndarray, georeference: Georeference | None) -> np.ndarray:
    """The geometries in map coordinates; without a georeference ``x`` is the column, ``y`` -row.

    That is where GIS programs (QGIS, GDAL's own tools) show a raster that has no georeference: its
    upper left corner at (0, 0), its rows below. So layers of one scene lie on each other.

    Exterior rings run counter-clockwise with x to the right and y up, holes clockwise.
    """
    import shapely

    a, b, c, d, e, f = (1, 0, 0, 0, -1, 0) if georeference is None else georeference.transform[:6]

    def place(points: np.ndarray) -> np.ndarray:
        x, y = points.T
        return np.column_stack([a * x + b * y + c, d * x + e * y + f])

    oriented: np.ndarray = shapely.orient_polygons(shapely.transform(geometries, place))
    return oriented


def longitude_latitude(
    geometries: np.ndarray, georeference: Georeference | None
) -> np.ndarray | None:
    """Map geometries in WGS 84 longitude and latitude; None where that is not possible.

    It is not without a coordinate system, nor with one that has no relation to the Earth (another
    planet, a local system).
    """
    return _reproject(geometries, georeference, 4326)


def ground_areas(
    detections: Detections, geometries: np.ndarray, georeference: Georeference | None
) -> tuple[np.ndarray, str]:
    """Area of each detection, and the unit.

    In square metres if the coordinate system is projected (on the map, whatever its distortion) or
    geographic (on the ellipsoid); in squares of the map's unit if there is a transform alone; in
    pixels without a georeference.

    Parameters
    ----------
    geometries
        The outlines in map coordinates, see `to_map`.
    """
    sizes = detections.sizes.astype(np.float64)
    if georeference is None:
        return sizes, PIXELS
    crs, on_map = georeference.crs, sizes * abs(georeference.transform.determinant)
    if crs is None:
        return on_map, "square map units"
    if crs.is_geographic:
        import shapely

        equal = _reproject(geometries, georeference, _EQUAL_AREA)
        return (sizes, PIXELS) if equal is None else (shapely.area(equal), "m2")
    try:
        metres = crs.linear_units_factor[1]
    except ValueError:  # its unit is unknown to PROJ
        return on_map, "square map units"
    return on_map * metres**2, "m2"


def _reproject(
    geometries: np.ndarray, georeference: Georeference | None, epsg: int
) -> np.ndarray | None:
    import rasterio
    import shapely
    from rasterio.crs import CRS
    from rasterio.warp import transform

    if georeference is None or georeference.crs is None:
        return None
    crs = georeference.crs

    def move(points: np.ndarray) -> np.ndarray:
        if not len(points):
            return points
        return np.column_stack(transform(crs, CRS.from_epsg(epsg), *points.T))

    with rasterio.Env():
        try:
            moved: np.ndarray = shapely.transform(geometries, move)
        except Exception:  # GDAL's errors have no public class of their own in rasterio
            return None
    return moved if np.isfinite(shapely.get_coordinates(moved)).all() else None
