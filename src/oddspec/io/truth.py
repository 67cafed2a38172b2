"""Which pixels are anomalies: truth files of any format, checked against their scene."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from oddspec.errors import DataWarning, InputError
from oddspec.io.envi.reader import open_envi
from oddspec.io.formats import format_of
from oddspec.io.geolocation import LookupTable, lookup_table
from oddspec.io.geotiff import open_geotiff
from oddspec.io.hdf5.links import variables_of
from oddspec.io.hdf5.matlab73 import matlab73_variables, read_matlab73
from oddspec.io.hdf5.plane import read_plane
from oddspec.io.isolated import UNSAFE, read_isolated
from oddspec.io.labels import BLACK, WHITE, Plane, labels, missing, tell_of_truth
from oddspec.io.limits import check_memory
from oddspec.io.matlab import matlab5_variables, read_matlab5
from oddspec.io.netcdf3 import netcdf3_variables, read_netcdf3
from oddspec.io.npz import npz_variables, read_npz
from oddspec.io.numpy_file import read_npy
from oddspec.io.place import check_place, world_file
from oddspec.io.place import warp as warp_labels
from oddspec.io.reading import reading
from oddspec.io.source import Georeference, Source
from oddspec.io.variables import Variable, check_plane, choose_plane
from oddspec.io.vector_truth import burn, vector_format

Shape: TypeAlias = tuple[int, int] | None
"""Rows and columns that the image must have, where that is known."""

_EXPECTED = ".mat, .npy, .npz, .png, .bmp, .tif, HDF5 or an ENVI file of one band"


def read_scores(path: str | Path, variable: str | None = None) -> np.ndarray:
    """A score map ``(h, w)`` as float64; NaN where invalid (NaN or nodata in the file).

    Raises
    ------
    InputError
        If the file does not hold exactly one image, or several without ``variable``.
    """
    return read_score_map(path, variable)[0]


def read_score_map(
    path: str | Path, variable: str | None = None
) -> tuple[np.ndarray, Georeference | None]:
    """Scores as `read_scores` gives them, and where they lie if the file says so."""
    plane = _read_plane(path, None, variable)
    scores = plane.values.astype(np.float64)
    scores[missing(plane)] = np.nan
    return scores, plane.georeference


def _read_plane(
    name: str | Path, shape: Shape, variable: str | None, max_memory: int | None = None
) -> Plane:
    """The image in a file, with the values as stored."""
    with reading(name, "is damaged, or no image that can be read"):
        return _read(name, shape, variable, max_memory)


def _read(name: str | Path, shape: Shape, variable: str | None, max_memory: int | None) -> Plane:
    path = Path(name)
    if format_of(name) in UNSAFE:
        here = "oddspec.io.truth:_read_here"
        return read_isolated(path, here, shape, variable, max_memory, max_memory=max_memory)
    return _read_here(path, shape, variable, max_memory)


def _read_here(path: Path, shape: Shape, variable: str | None, max_memory: int | None) -> Plane:
    """The image in a file, read in this process."""
    kind = format_of(path)
    if shape is not None:
        # Labels in a file of doubles, and a copy or two while they are checked.
        check_memory(path, "the image", 16 * shape[0] * shape[1], max_memory)
    if variable is not None and kind in (*_SINGLE, "NPY"):
        raise InputError(f"{path}: holds a single image, so --variable {variable} has no meaning")
    if kind in _CONTAINERS:
        variables, read = _CONTAINERS[kind]
        held = read(path, choose_plane(path, variables(path), variable, shape), max_memory)
        plane = held if isinstance(held, Plane) else Plane(held)
    elif kind == "NPY":
        plane = Plane(read_npy(path, max_memory))
    elif kind in _SINGLE:
        plane = _SINGLE[kind](path, shape, max_memory)
    else:
        raise InputError(f"{path}: is no image that can be read ({kind}); expected {_EXPECTED}")
    values = plane.values
    if values.ndim != 2:
        raise InputError(
            f"{path}: holds an array of shape {values.shape}; expected an image of rows and columns"
        )
    check_plane(path, "the image", values.shape, shape)
    return replace(plane, values=values.astype(np.uint8)) if values.dtype == np.bool_ else plane


def _picture(path: Path, shape: Shape, max_memory: int | None) -> Plane:
    """A picture's brightness; of colours only black and white can be told apart for sure."""
    from PIL import Image

    notes: list[str] = []
    with (
        reading(path, "is no picture that can be read"),
        Image.open(path, formats=["PNG", "BMP"]) as picture,
    ):
        check_plane(path, "the picture", picture.size[::-1], shape)
        # Colours, and the copy that tells whether they are grey.
        check_memory(path, "the picture", 8 * picture.width * picture.height, max_memory)
        place = world_file(path)
        if picture.mode == "1":
            black_and_white = np.asarray(picture, dtype=np.uint8) * np.uint8(WHITE)
            return Plane(black_and_white, None, place, picture=True)
        numbers = np.asarray(picture) if picture.mode == "P" else None
        # What a palette's numbers mean is seen in its colours only.
        plane = np.asarray(picture if numbers is None else picture.convert("RGB"))
    if plane.ndim == 3:
        colours = plane[:, :, : 3 if plane.shape[2] >= 3 else 1]
        if (colours != colours[:, :, :1]).any():
            raise InputError(
                f"{path}: is a colour picture; expected black, white and grey only: paint targets "
                f"white on black, or save numbers (0 for background) as GeoTIFF or .npy"
            )
        # A transparent pixel has a colour, too, which need not be the one that is seen.
        if plane.shape[2] in (2, 4) and (plane[:, :, -1] != 255).any():
            notes.append("has transparent pixels, of which the colour was read")
        plane = colours[:, :, 0]
    if numbers is not None and (numbers != plane).any():
        notes.append("has a palette: its colours were read, not its numbers")
    return Plane(plane, None, place, picture=True, notes=tuple(notes))


def _tiff(path: Path, shape: Shape, max_memory: int | None) -> Plane:
    source = open_geotiff(path, max_memory=max_memory)
    plane = _only_band(path, source, shape, max_memory)
    ends = {0, source.black}
    if source.black is not None and set(np.unique(plane.values).tolist()) <= ends:
        turned = {0: WHITE, source.black: BLACK}
        return replace(
            plane,
            values=np.where(plane.values == 0, WHITE, BLACK).astype(np.uint8),
            nodata=None if plane.nodata is None else turned.get(int(plane.nodata)),
            notes=("has 0 for white and was read as it is seen",),
        )
    if source.palette:
        return replace(plane, notes=("has a colour table: its numbers were read, not its colours",))
    return plane


def _envi(path: Path, shape: Shape, max_memory: int | None) -> Plane:
    return _only_band(path, open_envi(path), shape, max_memory)


def _only_band(path: Path, source: Source, shape: Shape, max_memory: int | None) -> Plane:
    try:
        if source.shape[2] != 1:
            raise InputError(
                f"{path}: has {source.shape[2]} bands where one was expected; is this the "
                f"scene itself?"
            )
        meta = source.metadata
        try:
            check_plane(path, "the image", source.shape[:2], shape)
        except InputError as error:
            hint = "; --warp-truth resamples a truth to the pixels of a scene with a georeference"
            raise InputError(f"{error}{hint if meta.georeference else ''}") from None
        rows, columns, _ = source.shape
        check_memory(path, "the image", 2 * rows * columns * source.dtype.itemsize, max_memory)
        values = np.array(source.read((0, rows), (0, columns))[:, :, 0])
        return Plane(values, meta.nodata, meta.georeference)
    finally:
        source.close()


_SINGLE = {"PNG": _picture, "BMP": _picture, "GeoTIFF": _tiff, "ENVI": _envi}
"""Formats that hold one image, with what reads it."""

_CONTAINERS: dict[str, tuple[Callable[[Path], list[Variable]], Callable[..., Any]]] = {
    "MATLAB 5": (matlab5_variables, read_matlab5),
    "MATLAB 7.3": (matlab73_variables, read_matlab73),
    "HDF5": (variables_of, read_plane),
    "NetCDF-3": (netcdf3_variables, read_netcdf3),
    "NPZ": (npz_variables, read_npz),
}
"""Formats that hold several arrays, with what lists and what reads them: an array or a `Plane`."""


def read_truth(
    path: str | Path,
    shape: tuple[int, int],
    variable: str | None = None,
    max_memory: int | None = None,
    *,
    georeference: Georeference | None = None,
    warp: bool = False,
) -> np.ndarray:
    """Labels ``(h, w)`` of a scene's pixels: 0 is background, anything above is a target.

    Numbers are passed on as they are, so that objects may be told apart. Of black and white (0 and
    255 only) white is the target, unless most pixels are white. Pixels with the declared nodata
    value, and with 255 where it stands beside other labels, were not judged: they are masked. A
    picture's grey levels are parted in the middle. Polygons are burnt in. ``docs/inputs.md`` has
    the whole rule; what is not obvious about a reading is told as a `DataWarning`.

    Parameters
    ----------
    path
        A .mat (any version), .npy, .npz, .png, .bmp, .tif, HDF5, NetCDF or single-band ENVI file,
        or a GeoPackage, GeoJSON or shapefile.
    shape
        Rows and columns of the scene.
    variable
        Which variable of the file; by default the only plane of the scene's shape. Of a GeoPackage
        the layer.
    max_memory
        Bytes that reading may take.
    georeference
        Where the scene's pixels lie; a truth that lies elsewhere is refused.
    warp
        Resample the truth to the scene's pixels instead, whatever its rows and columns.

    Returns
    -------
    numpy.ndarray or numpy.ma.MaskedArray
        uint8, or int32 if a label exceeds 255. Masked where a pixel was not judged; without such
        pixels a plain array.

    Raises
    ------
    InputError
        If the file has another shape (a transposed match is named) or lies elsewhere, holds
        negative, fractional or missing numbers, or cannot be understood.
    """
    name = Path(path)
    kind = vector_format(name)
    if kind is not None:
        return burn(name, kind, georeference, shape, variable, max_memory)
    plane = _read_plane(path, None if warp else shape, variable, max_memory)
    found = labels(name, plane)
    if not warp:
        check_place(name, plane.georeference, georeference, shape)
        return found
    warped = warp_labels(name, found, plane.georeference, georeference, shape)
    unjudged = int(np.ma.getmaskarray(warped).sum())
    tell_of_truth(name, f"was resampled to the scene's pixels; {unjudged} of them have no truth")
    return warped if unjudged else warped.data


def truth_of(
    path: str | Path,
    source: Source,
    variable: str | None = None,
    max_memory: int | None = None,
    *,
    warp: bool = False,
) -> np.ndarray:
    """The truth of an opened scene, in sensor geometry or on the map: see `read_truth`."""
    shape = source.shape[:2]
    if lookup := lookup_table(source):
        return read_sensor_truth(path, shape, lookup, variable, max_memory, warp=warp)
    place = source.metadata.georeference
    return read_truth(path, shape, variable, max_memory, georeference=place, warp=warp)


def read_sensor_truth(
    path: str | Path,
    shape: tuple[int, int],
    lookup: LookupTable,
    variable: str | None = None,
    max_memory: int | None = None,
    *,
    warp: bool = False,
) -> np.ndarray:
    """The truth of a scene in sensor geometry: an image of its pixels, or one of the map.

    Polygons, and images of the map's rows and columns, are taken to the sensor by the lookup
    table: a pixel is a target if any of the map's pixels that show it is one.

    Parameters
    ----------
    lookup
        The scene's way to the map. The other parameters are those of `read_truth`.

    Returns
    -------
    numpy.ndarray
        ``(h, w)``: what `read_truth` gives, or 0 and 1 (uint8).

    Raises
    ------
    InputError
        If it fits neither the sensor nor the map.
    """
    name, of_sensor = Path(path), None
    if not warp and vector_format(name) is None:
        try:
            return read_truth(name, shape, variable, max_memory)
        except InputError as error:
            of_sensor = error
    place = lookup.georeference
    try:
        on_map = read_truth(name, lookup.shape, variable, max_memory, georeference=place, warp=warp)
    except InputError:
        # What was wrong with it as an image of the sensor's pixels says more.
        if of_sensor is None:
            raise
        raise of_sensor from None
    marked = np.asarray(np.ma.filled(on_map, 0) > 0)
    return lookup.to_sensor(marked, shape).astype(np.uint8)


def read_marked(
    path: str | Path,
    shape: tuple[int, int],
    max_memory: int | None = None,
    *,
    georeference: Georeference | None = None,
) -> np.ndarray:
    """Which pixels of a scene an image or polygons mark: all that is neither 0 nor missing.

    Parameters
    ----------
    path
        As for `read_truth`.
    shape
        Rows and columns of the scene.
    max_memory
        Bytes that reading may take.
    georeference
        Where the scene's pixels lie: an image that has a place, too, is resampled to them.

    Returns
    -------
    numpy.ndarray
        ``(h, w)``, bool.

    Raises
    ------
    InputError
        If the file cannot be read, has another shape, or lies elsewhere.
    """
    name = Path(path)
    kind = vector_format(name)
    with warnings.catch_warnings():
        # Here it is not told how a truth is read: no rule is needed.
        warnings.simplefilter("ignore", DataWarning)
        if kind is not None:
            return np.asarray(burn(name, kind, georeference, shape, None, max_memory) > 0)
        plane = _read_plane(path, None if georeference else shape, None, max_memory)
        marked = (plane.values != 0) & ~missing(plane)
        if georeference and plane.georeference:
            moved = warp_labels(
                name, marked.astype(np.uint8), plane.georeference, georeference, shape
            )
            return np.asarray(np.ma.filled(moved, 0) > 0)
    check_plane(name, "the image", marked.shape, shape)
    return marked
