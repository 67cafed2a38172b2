"""Which pixels are anomalies: truth files of any format, checked against their scene."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np

from oddspec.errors import InputError
from oddspec.io.envi.reader import open_envi
from oddspec.io.formats import format_of
from oddspec.io.geotiff import open_geotiff
from oddspec.io.hdf5.links import read_dataset, variables_of
from oddspec.io.hdf5.matlab73 import matlab73_variables, read_matlab73
from oddspec.io.isolated import UNSAFE, read_isolated
from oddspec.io.limits import check_memory
from oddspec.io.matlab import matlab5_variables, read_matlab5
from oddspec.io.npz import npz_variables, read_npz
from oddspec.io.numpy_file import read_npy
from oddspec.io.reading import reading
from oddspec.io.source import Source
from oddspec.io.variables import Variable, check_plane, choose_plane

Shape: TypeAlias = tuple[int, int] | None
"""Rows and columns that the image must have, where that is known."""

_EXPECTED = ".mat, .npy, .npz, .png, .bmp, .tif, HDF5 or an ENVI file of one band"


def read_scores(path: str | Path, variable: str | None = None) -> np.ndarray:
    """A score map ``(h, w)`` as float64; NaN (or the file's nodata value) where invalid.

    Raises
    ------
    InputError
        If the file does not hold exactly one image, or several without ``variable``.
    """
    return _read_plane(path, None, variable).astype(np.float64)


def _read_plane(
    name: str | Path, shape: Shape, variable: str | None, max_memory: int | None = None
) -> np.ndarray:
    """The image in a file, with the values as stored."""
    with reading(name, "is damaged, or no image that can be read"):
        return _read(name, shape, variable, max_memory)


def _read(
    name: str | Path, shape: Shape, variable: str | None, max_memory: int | None
) -> np.ndarray:
    path = Path(name)
    if format_of(name) in UNSAFE:
        here = "oddspec.io.truth:_read_here"
        return read_isolated(path, here, shape, variable, max_memory, max_memory=max_memory)
    return _read_here(path, shape, variable, max_memory)


def _read_here(
    path: Path, shape: Shape, variable: str | None, max_memory: int | None
) -> np.ndarray:
    """The image in a file, read in this process."""
    kind = format_of(path)
    if shape is not None:
        # Labels in a file of doubles, and a copy or two while they are checked.
        check_memory(path, "the image", 16 * shape[0] * shape[1], max_memory)
    if variable is not None and kind in (*_SINGLE, "NPY"):
        raise InputError(f"{path}: holds a single image, so --variable {variable} has no meaning")
    if kind in _CONTAINERS:
        variables, read = _CONTAINERS[kind]
        plane = read(path, choose_plane(path, variables(path), variable, shape), max_memory)
    elif kind == "NPY":
        plane = read_npy(path, max_memory)
    elif kind in _SINGLE:
        plane = _SINGLE[kind](path, shape, max_memory)
    else:
        raise InputError(f"{path}: is no image that can be read ({kind}); expected {_EXPECTED}")
    if plane.dtype == np.bool_:
        plane = plane.astype(np.uint8)
    if plane.ndim != 2:
        raise InputError(
            f"{path}: holds an array of shape {plane.shape}; expected an image of rows and columns"
        )
    check_plane(path, "the image", plane.shape, shape)
    return plane


def _picture(path: Path, shape: Shape, max_memory: int | None) -> np.ndarray:
    """A picture's brightness; of colours only black and white can be told apart for sure."""
    from PIL import Image

    with (
        reading(path, "is no picture that can be read"),
        Image.open(path, formats=["PNG", "BMP"]) as picture,
    ):
        check_plane(path, "the picture", picture.size[::-1], shape)
        # Colours, and the copy that tells whether they are grey.
        check_memory(path, "the picture", 8 * picture.width * picture.height, max_memory)
        if picture.mode == "1":
            return np.asarray(picture, dtype=np.uint8) * np.uint8(255)
        # What a palette's numbers mean is seen in its colours only.
        plane = np.asarray(picture.convert("RGB") if picture.mode == "P" else picture)
    if plane.ndim == 3:
        colours = plane[:, :, : 3 if plane.shape[2] >= 3 else 1]
        if (colours != colours[:, :, :1]).any():
            raise InputError(f"{path}: is a colour picture; expected black, white and grey only")
        plane = colours[:, :, 0]
    return plane


def _tiff(path: Path, shape: Shape, max_memory: int | None) -> np.ndarray:
    return _only_band(path, open_geotiff(path, max_memory=max_memory), shape, max_memory)


def _envi(path: Path, shape: Shape, max_memory: int | None) -> np.ndarray:
    return _only_band(path, open_envi(path), shape, max_memory)


def _only_band(path: Path, source: Source, shape: Shape, max_memory: int | None) -> np.ndarray:
    try:
        if source.shape[2] != 1:
            raise InputError(
                f"{path}: has {source.shape[2]} bands where one was expected; is this the "
                f"scene itself?"
            )
        check_plane(path, "the image", source.shape[:2], shape)
        rows, columns, _ = source.shape
        check_memory(path, "the image", 2 * rows * columns * source.dtype.itemsize, max_memory)
        return np.array(source.read((0, rows), (0, columns))[:, :, 0])
    finally:
        source.close()


_SINGLE = {"PNG": _picture, "BMP": _picture, "GeoTIFF": _tiff, "ENVI": _envi}
"""Formats that hold one image, with what reads it."""

_CONTAINERS: dict[str, tuple[Callable[[Path], list[Variable]], Callable[..., np.ndarray]]] = {
    "MATLAB 5": (matlab5_variables, read_matlab5),
    "MATLAB 7.3": (matlab73_variables, read_matlab73),
    "HDF5": (variables_of, read_dataset),
    "NPZ": (npz_variables, read_npz),
}
"""Formats that hold several arrays, with what lists and what reads them."""


def read_truth(
    path: str | Path,
    shape: tuple[int, int],
    variable: str | None = None,
    max_memory: int | None = None,
) -> np.ndarray:
    """Labels ``(h, w)`` of a scene's pixels: 0 is background, anything above is a target.

    Numbers are passed on as they are, so that objects may be told apart, with one exception: of a
    picture that holds nothing but 0 and 255, or of any file that does, 255 becomes 1. Where 255
    stands apart from other labels (254 is not among them) it could mean either a target or a
    pixel that nobody judged; that is refused. All 0 or all 1 is passed on.

    Parameters
    ----------
    path
        A .mat (any version), .npy, .npz, .png, .bmp, .tif, HDF5 or single-band ENVI file.
    shape
        Rows and columns of the scene.
    variable
        Which variable of the file; by default the only plane of the scene's shape.
    max_memory
        Bytes that reading may take.

    Returns
    -------
    uint8, or int32 if a label exceeds 255.

    Raises
    ------
    InputError
        If the file has another shape (a transposed match is named), holds negative, fractional or
        missing numbers, or cannot be understood.
    """
    return _labels(Path(path), _read_plane(path, shape, variable, max_memory))


def _labels(path: Path, plane: np.ndarray) -> np.ndarray:
    values = np.unique(plane)
    if plane.dtype.kind == "f" and not (np.isfinite(values) & (values == np.floor(values))).all():
        wrong = values[~(np.isfinite(values) & (values == np.floor(values)))][0]
        raise InputError(
            f"{path}: the truth holds {wrong:g}; expected whole numbers, 0 for background and "
            f"above for targets"
        )
    if values[0] < 0 or values[-1] >= 2**31:
        wrong = values[0] if values[0] < 0 else values[-1]
        raise InputError(
            f"{path}: the truth holds {wrong:g}; expected labels from 0 (background) to 2147483647"
        )
    present = set(values.tolist())
    if present <= {0, 255}:
        return (plane == 255).astype(np.uint8)
    if 255 in present and 254 not in present:
        others = sorted(present - {0, 255})
        raise InputError(
            f"{path}: the truth holds 255 beside {', '.join(f'{n:g}' for n in others[:4])}; 255 "
            f"may mean a target or a pixel that nobody judged, so set it to 1 or 0"
        )
    return plane.astype(np.uint8 if values[-1] < 256 else np.int32)
