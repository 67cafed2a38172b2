"""Open a scene of any format.

A new format is a name in `formats.format_of` and a line in `READERS`. Products of single sensors
(EMIT, PRISMA, EnMAP) are files and folders of a certain build: `oddspec.io.products` knows them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oddspec.errors import InputError
from oddspec.io.axes import parse_axes
from oddspec.io.envi.reader import open_envi, tiff_of_header
from oddspec.io.formats import format_of
from oddspec.io.geotiff import open_geotiff
from oddspec.io.hdf5.matlab73 import open_matlab73
from oddspec.io.hdf5.reader import open_hdf5
from oddspec.io.isolated import UNSAFE, IsolatedSource
from oddspec.io.matlab import open_matlab5
from oddspec.io.netcdf3 import open_netcdf3
from oddspec.io.npz import open_npz
from oddspec.io.numpy_file import open_npy
from oddspec.io.products import folder_family, hdf5_family
from oddspec.io.reading import reading
from oddspec.io.source import Source

READERS: dict[str, tuple[Callable[..., Source], tuple[str, ...]]] = {
    "ENVI": (open_envi, ("allow_truncated",)),
    "GeoTIFF": (open_geotiff, ("max_memory",)),
    "MATLAB 5": (open_matlab5, ("variable", "max_memory", "axes")),
    "MATLAB 7.3": (open_matlab73, ("variable", "max_memory", "axes")),
    "HDF5": (open_hdf5, ("variable", "max_memory", "axes")),
    "NetCDF-3": (open_netcdf3, ("variable", "axes")),
    "NPY": (open_npy, ("axes", "allow_truncated")),
    "NPZ": (open_npz, ("variable", "max_memory", "axes")),
}
"""Of each format that `format_of` knows: its reader, and which options that takes."""


def open_source(
    path: str | os.PathLike[str],
    *,
    variable: str | None = None,
    max_memory: int | None = None,
    allow_truncated: bool = False,
    axes: Any = None,
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
        What the axes mean, such as ``band,row,column``, in the order in which the format's users
        know them (as ``size`` in MATLAB and ``shape`` elsewhere tell); for formats that do not say
        it (MATLAB, HDF5, NetCDF, .npy, .npz).

    Raises
    ------
    InputError
        If it cannot be read, or not as asked; the message says what to do.
    BudgetError
        If it needs more memory than allowed.
    SettingError
        If ``axes`` is no arrangement of row, column and band.
    """
    options = {
        "variable": variable,
        "max_memory": max_memory,
        "allow_truncated": allow_truncated,
        "axes": parse_axes(axes),
    }
    return _open(path, options, isolate=True)


def open_here(path: str | os.PathLike[str], **options: Any) -> Source:
    """Open a scene file as `open_source` does, but in this process whatever its format."""
    everything = dict.fromkeys(("variable", "max_memory", "allow_truncated", "axes")) | options
    return _open(path, everything, isolate=False)


def _open(path: str | os.PathLike[str], options: dict[str, Any], isolate: bool) -> Source:
    place = Path(path)
    # Whoever names a variable or the axes wants the file as it is.
    as_stored = options["variable"] is not None or options["axes"] is not None
    with reading(path):
        family = None if as_stored else folder_family(place)
        if family is not None:
            return family.open(place, max_memory=options["max_memory"])
        kind = format_of(path)
        if kind == "ENVI" and place.suffix.lower() == ".hdr" and (tiff := tiff_of_header(place)):
            place, kind = tiff, format_of(tiff)
    if kind == "Zarr":
        raise InputError(
            f"{place}: is a Zarr store, which is not supported yet; convert it to ENVI"
        )
    if kind not in READERS:
        raise InputError(f"{place}: is a {kind} picture, not a hyperspectral scene")
    reader, taken = READERS[kind]
    if options["variable"] is not None and "variable" not in taken:
        raise InputError(
            f"{place}: {kind} files hold one cube; leave out --variable {options['variable']}"
        )
    if options["axes"] is not None and "axes" not in taken:
        raise InputError(f"{place}: {kind} files say what their axes are; leave out --axes")
    with reading(path, f"is damaged, or no {kind} file that can be read"):
        if kind in UNSAFE and isolate:
            return IsolatedSource(place, "oddspec.io.open:open_here", options)
        if kind == "HDF5" and not as_stored and (family := hdf5_family(place)):
            return family.open(place, max_memory=options["max_memory"])
        return reader(place, **{name: options[name] for name in taken})
