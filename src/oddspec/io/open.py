"""Open a scene of any format.

A new format is one line in `READERS`: products of single sensors (EMIT, PRISMA, EnMAP), which are
HDF5 or GeoTIFF files of a certain build, go before the general readers.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from oddspec.errors import InputError
from oddspec.io.axes import parse_axes
from oddspec.io.envi.reader import open_envi
from oddspec.io.formats import recognise
from oddspec.io.geotiff import open_geotiff
from oddspec.io.hdf5.matlab73 import open_matlab73
from oddspec.io.hdf5.reader import open_hdf5
from oddspec.io.isolated import UNSAFE, IsolatedSource
from oddspec.io.matlab import open_matlab5
from oddspec.io.numpy_file import open_npy, open_npz
from oddspec.io.source import Source

__all__ = ["READERS", "Options", "open_source"]


@dataclass(frozen=True)
class Options:
    """What a user may say about a file.

    Attributes
    ----------
    variable
        Which of the file's variables.
    max_memory
        Bytes that reading may take; None for what the machine has.
    allow_truncated
        Whether a file that is too short may be read as far as it goes.
    axes
        The axes as stored, slowest first; None for the format's rule.
    """

    variable: str | None = None
    max_memory: int | None = None
    allow_truncated: bool = False
    axes: tuple[str, str, str] | None = None


def _envi(path: Path, options: Options) -> Source:
    return open_envi(path, allow_truncated=options.allow_truncated)


def _geotiff(path: Path, options: Options) -> Source:
    return open_geotiff(path, max_memory=options.max_memory)


def _matlab5(path: Path, options: Options) -> Source:
    return open_matlab5(path, variable=options.variable, max_memory=options.max_memory)


def _matlab73(path: Path, options: Options) -> Source:
    return open_matlab73(path, variable=options.variable, max_memory=options.max_memory)


def _hdf5(path: Path, options: Options) -> Source:
    return open_hdf5(
        path, variable=options.variable, max_memory=options.max_memory, axes=options.axes
    )


def _npy(path: Path, options: Options) -> Source:
    return open_npy(path, axes=options.axes, allow_truncated=options.allow_truncated)


def _npz(path: Path, options: Options) -> Source:
    return open_npz(
        path, variable=options.variable, max_memory=options.max_memory, axes=options.axes
    )


def _is(kind: str) -> Callable[[Path, str], bool]:
    return lambda path, found: found == kind


READERS: list[tuple[Callable[[Path, str], bool], Callable[[Path, Options], Source]]] = [
    # EMIT, PRISMA, EnMAP and Zarr go here.
    (_is("ENVI"), _envi),
    (_is("GeoTIFF"), _geotiff),
    (_is("MATLAB 5"), _matlab5),
    (_is("MATLAB 7.3"), _matlab73),
    (_is("HDF5"), _hdf5),
    (_is("NPY"), _npy),
    (_is("NPZ"), _npz),
]
"""Whether a reader takes a file (given its path and general format), and the reader; first wins."""

_WITHOUT_VARIABLES = ("ENVI", "GeoTIFF", "NPY")
_WITH_AXES = ("HDF5", "NPY", "NPZ")


def open_source(
    path: str | os.PathLike[str],
    *,
    variable: str | None = None,
    max_memory: int | None = None,
    allow_truncated: bool = False,
    axes: str | None = None,
) -> Source:
    """Open a scene file; its format is told by its content.

    Parameters
    ----------
    path
        The file; for ENVI either the header or the data.
    variable
        Which of a file's variables is the cube, where there are several.
    max_memory
        Bytes that reading may take; None for what the machine has. Formats that are read by
        windows need far less than the scene's size.
    allow_truncated
        Read an ENVI or .npy file that is too short as far as it goes; the rest is masked.
    axes
        What the axes mean as stored, slowest first, such as ``band,row,column``; for formats
        that do not say it (HDF5, .npy, .npz).

    Raises
    ------
    InputError
        If it cannot be read, or not as asked; the message says what to do.
    BudgetError
        If it needs more memory than allowed.
    SettingError
        If ``axes`` is no arrangement of row, column and band.
    """
    options = Options(variable, max_memory, allow_truncated, parse_axes(axes))
    try:
        return _open(path, options, isolate=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def open_here(path: str | os.PathLike[str], options: Options) -> Source:
    """Open a scene file in this process; see `open_source`."""
    try:
        return _open(path, options, isolate=False)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _open(path: str | os.PathLike[str], options: Options, isolate: bool) -> Source:
    place = Path(path)
    kind = recognise(path)
    variable, axes = options.variable, options.axes
    if variable is not None and kind in _WITHOUT_VARIABLES:
        raise InputError(f"{place}: {kind} files hold one cube; leave out --variable {variable}")
    if axes is not None and kind not in _WITH_AXES:
        raise InputError(f"{place}: {kind} files say what their axes are; leave out --axes")
    if kind in UNSAFE and isolate:
        return IsolatedSource(place, options, options.max_memory)
    for takes, reader in READERS:
        if takes(place, kind):
            return reader(place, options)
    if kind == "Zarr":
        raise InputError(
            f"{place}: is a Zarr store, which is not supported yet; convert it to ENVI"
        )
    raise InputError(f"{place}: is a {kind} picture, not a hyperspectral scene")
