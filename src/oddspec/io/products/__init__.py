"""Products of sensors as they are delivered: one file per family, one row in a table here.

A family is recognised by what a file holds, never by its name alone. Files of HDF5 are looked into
in the child process that reads them (`oddspec.io.isolated`); folders, XML files and images are
looked at where they are opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from oddspec.errors import InputError
from oddspec.io.hdf5.links import open_hdf5_file
from oddspec.io.products import (
    aviris_netcdf,
    desis,
    emit,
    enmap,
    hyperion,
    neon,
    pace,
    prisma,
    tanager,
    wyvern,
)
from oddspec.io.reading import cause, reading
from oddspec.io.source import Source

READERS_GROUP = "oddspec.readers"
"""Entry points of packages that bring readers of their own."""


@dataclass(frozen=True)
class Family:
    """The products of a sensor.

    Attributes
    ----------
    name
        The sensor.
    recognise
        Whether it is one of them: of an open HDF5 file, or of a path.
    open
        Opens it: takes the path and ``max_memory``.
    """

    name: str
    recognise: Callable[[Any], bool]
    open: Callable[..., Source]


IN_HDF5 = (
    Family("EMIT", emit.is_emit, emit.open_emit),
    Family("PRISMA", prisma.is_prisma, prisma.open_prisma),
    Family("Tanager", tanager.is_tanager, tanager.open_tanager),
    Family("AVIRIS", aviris_netcdf.is_aviris_netcdf, aviris_netcdf.open_aviris_netcdf),
    Family("NEON", neon.is_neon, neon.open_neon),
    Family("PACE", pace.is_pace, pace.open_pace),
)
"""Families whose products are HDF5 or NetCDF-4 files."""

IN_FOLDERS: tuple[Family, ...] = (
    Family("EnMAP", enmap.is_enmap, enmap.open_enmap),
    Family("DESIS", desis.is_desis, desis.open_desis),
    Family("Wyvern", wyvern.is_wyvern, wyvern.open_wyvern),
    Family("Hyperion", hyperion.is_hyperion, hyperion.open_hyperion),
)
"""Families whose products are several files: a path is any of them, or the folder."""


def hdf5_family(path: Path) -> Family | None:
    """The family that an HDF5 file is of, if any."""
    with open_hdf5_file(path) as file:
        return next((family for family in IN_HDF5 if family.recognise(file)), None)


def folder_family(path: Path) -> Family | None:
    """The family that a folder, or a file of several that belong together, is of, if any.

    Those that other packages bring come last: they add to what is known, and replace nothing.

    Raises
    ------
    InputError
        If such a package's reader fails; the message names it.
    """
    return next((family for family in (*IN_FOLDERS, *_brought()) if family.recognise(path)), None)


@cache
def _brought() -> tuple[Family, ...]:
    """Families of installed packages: entry points that are a `Family`."""
    found = []
    for entry in entry_points(group=READERS_GROUP):
        family = _loaded(entry)

        def recognise(path: Path, family: Family = family, entry: EntryPoint = entry) -> bool:
            with reading(path, f"made the reader {entry.name!r} ({entry.value}) fail"):
                return bool(family.recognise(path))

        found.append(replace(family, recognise=recognise))
    return tuple(found)


def _loaded(entry: EntryPoint) -> Family:
    try:
        family = entry.load()
    except Exception as error:  # whatever an import of somebody's package raises
        raise InputError(
            f"the reader {entry.name!r} ({entry.value}) cannot be loaded ({cause(error)}); mend or "
            f"remove the package that brings it"
        ) from error
    if not isinstance(family, Family):
        raise InputError(
            f"the reader {entry.name!r} ({entry.value}) is a {type(family).__name__}; expected an "
            f"oddspec.io.products.Family"
        )
    return family
