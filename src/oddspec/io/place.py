"""Whether a truth lies where its scene does, and how it is brought there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from oddspec.errors import InputError
from oddspec.io.reading import reading
from oddspec.io.source import Georeference

if TYPE_CHECKING:
    from affine import Affine

_CLOSE = 0.25
"""Pixels that corners may be apart: files round their numbers, and half a pixel is a mistake."""


def check_place(
    path: Path,
    found: Georeference | None,
    scene: Georeference | None,
    shape: tuple[int, int],
) -> None:
    """Refuse a truth that lies elsewhere than its scene.

    Without a georeference on both sides rows and columns must do. A truth in another coordinate
    system is fine if its pixels are the scene's.

    Parameters
    ----------
    path
        The truth's file.
    found, scene
        Georeferences of the truth and of the scene.
    shape
        Rows and columns of both.

    Raises
    ------
    InputError
        If a corner is more than a quarter of a pixel from the scene's.
    """
    if found is None or scene is None or found == scene:
        return
    height, width = shape
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height), (width / 2, height / 2)])
    there = to_pixels(apply(found.transform, corners), found, scene)
    distance = np.inf if there is None else np.abs(there - corners).max()
    # Written so that NaN is far away.
    if not distance <= _CLOSE:
        how = f"{distance:.3g} pixels away" if np.isfinite(distance) else "where it cannot be"
        raise InputError(
            f"{path}: the truth lies elsewhere than the scene: its georeference ({_named(found)}) "
            f"puts it {how} from the scene ({_named(scene)}); give the scene's own truth, or "
            f"resample this one to the scene's pixels with --warp-truth"
        )


def world_file(path: Path) -> Georeference | None:
    """Where a picture lies by six numbers in a file beside it, such as ``a.pgw`` of ``a.png``.

    Raises
    ------
    InputError
        If such a file does not hold six numbers.
    """
    from affine import Affine

    suffix = path.suffix
    for end in (f".{suffix[1:2]}{suffix[-1:]}w", f"{suffix}w", ".wld"):
        beside = path.with_suffix(end)
        if not beside.is_file():
            continue
        with reading(beside, "is no world file of six numbers"), open(beside, "rb") as file:
            a, d, b, e, x, y = (float(word) for word in file.read(1000).split())
            if not np.isfinite([a, d, b, e, x, y]).all() or a * e == b * d:
                raise ValueError("they place no pixels")
        # The file has the middle of the first pixel, a georeference its corner.
        return Georeference(None, Affine(a, b, x, d, e, y) @ Affine.translation(-0.5, -0.5))
    return None


def apply(transform: Affine, points: np.ndarray) -> np.ndarray:
    """Points ``(n, 2)`` moved by an affine transform."""
    a, b, c, d, e, f = transform[:6]
    x, y = np.asarray(points, dtype=np.float64).T
    return np.column_stack([a * x + b * y + c, d * x + e * y + f])


def to_pixels(points: np.ndarray, place: Georeference, scene: Georeference) -> np.ndarray | None:
    """Positions ``(n, 2)`` in a georeference's system as ``(column, row)`` of a scene.

    Where one side names no system, both are taken to have the same. None where there is no way
    from one system to the other, or the scene's pixels have no extent.
    """
    import rasterio
    from affine import TransformNotInvertibleError
    from rasterio.warp import transform

    try:
        back = ~scene.transform
    except TransformNotInvertibleError:
        return None
    if place.crs is not None and scene.crs is not None and place.crs != scene.crs:
        with rasterio.Env():
            try:
                points = np.column_stack(transform(place.crs, scene.crs, *points.T))
            except Exception:  # GDAL's errors have no public class of their own in rasterio
                return None
    return apply(back, points)


def warp(
    path: Path,
    labels: np.ndarray,
    found: Georeference | None,
    scene: Georeference | None,
    shape: tuple[int, int],
) -> np.ma.MaskedArray:
    """A truth resampled to the pixels of its scene; masked where it has none.

    A pixel of the scene takes the label of the truth's nearest pixel, or, where the truth's pixels
    are smaller, the highest of those that lie in it, so that no target vanishes.

    Raises
    ------
    InputError
        If one of them has no georeference, or they do not overlap.
    """
    from rasterio.crs import CRS
    from rasterio.enums import Resampling
    from rasterio.warp import reproject

    if found is None or scene is None:
        lacking = "the truth" if found is None else "the scene"
        raise InputError(
            f"{path}: {lacking} has no coordinate system and no position, so that --warp-truth "
            f"cannot tell where its pixels lie"
        )
    # Where none names a system, any one will do: nothing is transformed.
    system = found.crs or scene.crs or CRS.from_epsg(3857)
    source = np.ma.filled(np.ma.asarray(labels).astype(np.int32), -1)
    result = np.full(shape, -1, dtype=np.int32)
    with reading(path, "cannot be resampled to the scene's pixels"):
        reproject(
            source,
            result,
            src_transform=found.transform,
            src_crs=found.crs or system,
            src_nodata=-1,
            dst_transform=scene.transform,
            dst_crs=scene.crs or system,
            dst_nodata=-1,
            resampling=Resampling.max if _finer(labels.shape, found, scene) else Resampling.nearest,
            tolerance=0,
        )
    unjudged = result < 0
    if unjudged.all():
        raise InputError(
            f"{path}: the truth lies wholly outside the scene: its georeference is "
            f"{_named(found)}, the scene's {_named(scene)}"
        )
    result[unjudged] = 0
    return np.ma.masked_array(result, unjudged)


def _finer(shape: tuple[int, ...], found: Georeference, scene: Georeference) -> bool:
    """Whether a pixel in the middle of the truth is smaller than the scene's."""
    middle = np.array([shape[1] / 2, shape[0] / 2])
    square = middle + np.array([(0, 0), (1, 0), (0, 1)])
    there = to_pixels(apply(found.transform, square), found, scene)
    if there is None:
        return False
    sides = there[1:] - there[0]
    return bool(abs(np.linalg.det(sides)) < 1 - 1e-6)


def _named(place: Georeference) -> str:
    """A georeference in few words: its system and where its first corner is."""
    if place.crs is None:
        system = "no coordinate system"
    else:
        code = place.crs.to_epsg()
        system = f"EPSG:{code}" if code else "a coordinate system of its own"
    x, y = apply(place.transform, np.zeros((1, 2)))[0]
    return f"{system}, corner at {x:.10g}, {y:.10g}"
