"""ENVI files: a header beside plain data in BSQ, BIL or BIP order."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube
from oddspec.errors import InputError
from oddspec.io.envi.header import Header, read_header
from oddspec.io.envi.layout import INTERLEAVES, Layout, check_size, read_layout
from oddspec.io.envi.metadata import read_metadata
from oddspec.io.flat import FlatFile
from oddspec.io.source import Metadata

__all__ = ["EnviSource", "find_header", "open_envi"]

_SUFFIXES = ("", ".img", ".dat", ".raw", ".bil", ".bip", ".bsq", ".bin", ".rdn", ".rfl", ".cube")
_NAMED_DATA = ("data file", "data file name", "data filename")


class EnviSource:
    """An opened ENVI file."""

    format = "ENVI"

    def __init__(self, header: Path, flat: FlatFile, metadata: Metadata) -> None:
        self.header = header
        self.path: Path | None = flat.path
        self.metadata = metadata
        self._flat = flat

    @property
    def name(self) -> str:
        """The data file's name without its suffix."""
        name = self._flat.path.name
        stem, dot, suffix = name.rpartition(".")
        return stem if dot and f".{suffix.lower()}" in _SUFFIXES else name

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, bands."""
        return self._flat.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values, in native byte order."""
        return self._flat.dtype

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands; only the bytes needed are read."""
        return self._flat.read(rows, columns)

    def close(self) -> None:
        """Release the file."""
        self._flat.close()


def open_envi(path: Path, *, allow_truncated: bool = False) -> EnviSource:
    """Open an ENVI file by its header or by its data file.

    Raises
    ------
    InputError
        If header and data do not belong together or cannot be understood.
    """
    if path.suffix.lower() == ".hdr":
        header = read_header(path)
        layout = read_layout(header)
        data = _find_data(header, layout)
    else:
        data = path
        found = find_header(path)
        if found is None:
            raise InputError(
                f"{path}: no header was found beside it; an ENVI file needs {path.stem}.hdr or "
                f"{path.name}.hdr"
            )
        header = read_header(found)
        layout = read_layout(header)
        if data != (named := _named_data(header) or data):
            header.notes.append(f"{header.path.name}: names {named.name} as its data file")
    present, notes = check_size(
        layout, header.path, data, data.stat().st_size, allow_truncated=allow_truncated
    )
    metadata = read_metadata(header, layout, present, notes)
    axes = INTERLEAVES[layout.interleave]
    flat = FlatFile(data, layout.offset, layout.dtype, axes, layout.shape, present)
    return EnviSource(header.path, flat, metadata)


def find_header(data: Path) -> Path | None:
    """The header of a data file: ``name.img.hdr`` or ``name.hdr``, in any case of letters."""
    for name in (f"{data.name}.hdr", f"{data.stem}.hdr"):
        found = _same_name(data.parent, name)
        if found:
            return found[0]
    return None


def _find_data(header: Header, layout: Layout) -> Path:
    named = _named_data(header)
    if named is not None:
        return named
    folder, stem = header.path.parent, header.path.name[: -len(".hdr")]
    names = [stem + suffix for suffix in _SUFFIXES]
    found = [path for name in names for path in _same_name(folder, name)]
    if len(found) > 1:
        fitting = [path for path in found if path.stat().st_size == layout.size]
        found = fitting if len(fitting) == 1 else found
    if not found:
        found = [
            path
            for path in _files(folder)
            if path.name.startswith(f"{stem}.")
            and path != header.path
            and path.stat().st_size == layout.size
        ]
    if not found:
        raise InputError(
            f"{header.path}: the data file was not found; looked for {', '.join(names)}"
        )
    if len(found) > 1:
        raise InputError(
            f"{header.path}: several files could be its data: "
            f"{', '.join(path.name for path in found)}; open the data file itself"
        )
    return found[0]


def _named_data(header: Header) -> Path | None:
    """The data file that a header names, if it does; never one outside of the header's folder."""
    for field in _NAMED_DATA:
        name = header.fields.get(field)
        if name is None:
            continue
        if re.search(r"[/\\:\x00]", name) or name in (".", ".."):
            raise InputError(
                f"{header.path}: its {field!r} is {name[:80]!r}, which leaves the header's folder; "
                f"put the data file beside the header and write its bare name"
            )
        path = header.path.parent / name
        if not path.is_file():
            raise InputError(f"{header.path}: its {field!r} {name[:80]!r} does not exist")
        return path
    return None


def _same_name(folder: Path, name: str) -> list[Path]:
    """The file of that name, or else those that differ in the case of letters only."""
    if (folder / name).is_file():
        return [folder / name]
    return [path for path in _files(folder) if path.name.lower() == name.lower()]


def _files(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_file())
