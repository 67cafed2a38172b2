"""Truths that are polygons, lines or points: GeoPackage, GeoJSON and shapefile, burnt in."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.isolated import read_isolated
from oddspec.io.labels import tell_of_truth
from oddspec.io.limits import check_memory
from oddspec.io.place import to_pixels
from oddspec.io.reading import reading
from oddspec.io.source import Georeference

if TYPE_CHECKING:
    from rasterio.crs import CRS

_MAGIC = {b"SQLite format 3\0": "GeoPackage", b"\0\0\x27\x0a": "shapefile"}
_DRIVERS = {"GeoPackage": "GPKG", "shapefile": "ESRI Shapefile"}

_EPSG = re.compile(r"(?:urn:ogc:def:crs:)?EPSG:(?:[\d.]*:)?(\d{4,6})", re.IGNORECASE)
_LONGITUDE_LATITUDE = re.compile(r"(?:urn:ogc:def:crs:)?OGC:(?:[\d.]*:)?CRS84", re.IGNORECASE)

_FAR = 1e6
"""Pixels beyond which GDAL's whole numbers could overflow; what is farther is cut off."""


@dataclass(frozen=True)
class Shapes:
    """The geometries of a file, as Shapely has them, and their coordinate system if it has one."""

    geometries: np.ndarray
    crs: CRS | None


def vector_format(path: Path) -> str | None:
    """``GeoPackage``, ``shapefile`` or ``GeoJSON`` by a file's content; None for anything else."""
    if not path.is_file():
        return None
    with reading(path), open(path, "rb") as file:
        head = file.read(512)
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return "GeoJSON" if text.startswith(b"{") else None


def burn(
    path: Path,
    kind: str,
    scene: Georeference | None,
    shape: tuple[int, int],
    layer: str | None = None,
    max_memory: int | None = None,
) -> np.ndarray:
    """Labels of a scene's pixels: each geometry has the next number from 1, the background 0.

    A pixel belongs to a polygon that its centre lies in. What covers no centre (a small polygon, a
    line, a point) marks the pixels that it touches, so that no target vanishes. All geometries are
    targets, whatever their attributes.

    Parameters
    ----------
    path
        The file.
    kind
        As `vector_format` gives it.
    scene
        Georeference of the scene. Without one, ``x`` is the column and ``y`` minus the row, as GIS
        programs show it.
    shape
        Rows and columns of the scene.
    layer
        Name of the layer, where the file has several.
    max_memory
        Bytes that reading may take.

    Returns
    -------
    numpy.ndarray
        ``(h, w)`` int32.

    Raises
    ------
    InputError
        If the file cannot be read, or its geometries lie outside the scene or cannot be placed.
    """
    check_memory(path, "the truth", 16 * shape[0] * shape[1], max_memory)
    # What parsers let pass, as a ring that is not closed, fails where geometries are made or moved.
    with reading(path, f"is no {kind} that can be read"):
        shapes = _read(path, kind, layer, max_memory)
        if not len(shapes.geometries):
            tell_of_truth(path, "holds no geometry: all pixels are background")
            return np.zeros(shape, dtype=np.int32)
        placed = _place(path, kind, shapes, scene)
        found = _rasterize(placed, shape)
    count, marked = len(placed), int((np.unique(found) > 0).sum())
    if not marked:
        raise InputError(
            f"{path}: none of its polygons, lines or points ({count}) lies in the scene: it is the "
            f"truth of another place, or in another coordinate system"
        )
    lost = f"; {count - marked} of them lie outside or below others" if marked < count else ""
    tell_of_truth(path, f"{count} polygons, lines or points were burnt in as targets{lost}")
    return found


def _read(path: Path, kind: str, layer: str | None, max_memory: int | None) -> Shapes:
    import shapely
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    # Parsed text takes some twenty times its length, and geometries are made of that.
    check_memory(path, "the truth", 20 * path.stat().st_size, max_memory)
    if kind == "GeoJSON":
        if layer is not None:
            raise InputError(f"{path}: is GeoJSON, which has no layers to choose {layer!r} from")
        return _geojson(path)
    here = "oddspec.io.vector_truth:read_here"
    wkb, system = read_isolated(path, here, kind, layer, max_memory=max_memory)
    try:
        crs = None if system is None else CRS.from_user_input(system)
    except CRSError:
        crs = None
    if crs is not None and not (crs.is_projected or crs.is_geographic):
        crs = None
    return Shapes(shapely.from_wkb(np.array(wkb, dtype=object)), crs)


def read_here(path: Path, kind: str, layer: str | None) -> tuple[list[bytes], str | None]:
    """The geometries of a file as well-known binary, and its system; read in this process."""
    import pyogrio
    import pyogrio.raw

    layers = pyogrio.list_layers(path.absolute())
    names = [str(name) for name, geometry in layers if geometry is not None]
    if layer is not None and layer not in names:
        raise InputError(f"{path}: has no layer {layer!r}; it holds {', '.join(names[:12])}")
    if layer is None and len(names) != 1:
        held = f"several layers ({', '.join(names[:12])})" if names else "no layer of geometries"
        hint = "; choose one with --truth-variable NAME" if names else ""
        raise InputError(f"{path}: holds {held}{hint}")
    chosen = layer or names[0]
    if pyogrio.read_info(path.absolute(), layer=chosen)["driver"] != _DRIVERS[kind]:
        raise InputError(f"{path}: is no {kind}")
    meta, _, wkb, _ = pyogrio.raw.read(path.absolute(), layer=chosen, columns=[], force_2d=True)
    return [shape for shape in wkb if shape is not None], meta["crs"]


def _geojson(path: Path) -> Shapes:
    """By Python's own parser: GDAL would take other files for GeoJSON, too, and follow links."""
    import shapely
    from shapely.geometry import shape

    content = json.loads(path.read_bytes().decode("utf-8-sig"))
    kind = content["type"]
    features = content["features"] if kind == "FeatureCollection" else [content]
    mappings = [
        feature["geometry"] if feature["type"] == "Feature" else feature for feature in features
    ]
    found = [shape(mapping) for mapping in mappings if mapping is not None]
    geometries = shapely.force_2d(np.array(found, dtype=object))
    return Shapes(geometries, _geojson_system(path, content))


def _geojson_system(path: Path, content: dict[str, Any]) -> CRS | None:
    """WGS 84 by RFC 7946; what older files say in a member ``crs``, if it is an EPSG code."""
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    if "crs" not in content:
        return CRS.from_epsg(4326)
    if content["crs"] is None:
        return None
    try:
        name = str(content["crs"]["properties"]["name"])
    except (TypeError, KeyError):
        name = ""
    # Whatever else is named is not looked up: it may be a remote address.
    if _LONGITUDE_LATITUDE.fullmatch(name):
        return CRS.from_epsg(4326)
    if match := _EPSG.fullmatch(name):
        try:
            return CRS.from_epsg(int(match[1]))
        except CRSError:
            pass
    raise InputError(
        f"{path}: names the coordinate system {name[:60]!r}, which cannot be understood; save it "
        f"in WGS 84 (RFC 7946) or as a GeoPackage"
    )


def _place(path: Path, kind: str, shapes: Shapes, scene: Georeference | None) -> np.ndarray:
    """The geometries in pixels of the scene, ``(x, y) = (column, row)``."""
    import shapely
    from affine import Affine

    if scene is None and shapes.crs is not None:
        raise InputError(
            f"{path}: holds polygons in the coordinate system {shapes.crs.to_string()[:60]}, but "
            f"the scene has no georeference that says where they lie in it; give the truth as an "
            f"image of the scene's rows and columns"
        )
    if scene is not None and shapes.crs is None and scene.crs is not None:
        tell_of_truth(
            path, "names no coordinate system: its coordinates were taken to be in the scene's"
        )
    if scene is None:
        scene = Georeference(None, Affine(1.0, 0.0, 0.0, 0.0, -1.0, 0.0))
    georeference = Georeference(shapes.crs, Affine.identity())
    points = shapely.get_coordinates(shapes.geometries)
    moved = to_pixels(points, georeference, scene) if len(points) else points
    if moved is None or not np.isfinite(moved).all():
        raise InputError(
            f"{path}: the {kind}'s coordinates cannot be brought to the scene's coordinate "
            f"system; save it in that one"
        )
    placed: np.ndarray = shapely.set_coordinates(shapes.geometries.copy(), moved)
    return placed


def _rasterize(placed: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Numbers from 1 where geometries cover pixels; later ones lie above earlier ones."""
    import shapely
    from rasterio.features import rasterize

    height, width = shape
    left, top, right, bottom = shapely.bounds(placed).T
    # NaN, the bounds of what is empty, is not near.
    near = (left < width) & (right > 0) & (top < height) & (bottom > 0)
    far = near & (
        (left < -_FAR) | (top < -_FAR) | (right > width + _FAR) | (bottom > height + _FAR)
    )
    placed = placed.copy()
    frame = shapely.box(-1, -1, width + 1, height + 1)
    placed[far] = shapely.intersection(shapely.make_valid(placed[far]), frame)
    numbers = np.flatnonzero(near & ~shapely.is_empty(placed)) + 1

    def burnt(chosen: np.ndarray, touched: bool) -> np.ndarray:
        if not len(chosen):
            return np.zeros(shape, dtype=np.int32)
        pairs = [(placed[number - 1], int(number)) for number in chosen]
        return np.asarray(rasterize(pairs, shape, dtype=np.int32, all_touched=touched))

    found = burnt(numbers, False)
    small = numbers[~np.isin(numbers, found)]
    # Only where nothing else is: a polygon may lie below another one.
    return np.where(found, found, burnt(small, True))
