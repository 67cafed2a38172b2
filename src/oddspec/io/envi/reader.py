"""ENVI files: a header beside plain data in BSQ, BIL or BIP order."""

from __future__ import annotations

import os
import re
from pathlib import Path

from oddspec.errors import InputError
from oddspec.io.envi.header import Header, read_header
from oddspec.io.envi.layout import INTERLEAVES, Layout, check_size, read_layout
from oddspec.io.envi.metadata import read_metadata
from oddspec.io.flat import FlatSource

_SUFFIXES = ("", ".img", ".dat", ".raw", ".bil", ".bip", ".bsq", ".bin", ".rdn", ".rfl", ".cube")
_NAMED_DATA = ("data file", "data file name", "data filename")


def open_envi(path: Path, *, allow_truncated: bool = False) -> FlatSource:
    """Open an ENVI file by its header or by its data file.

    Raises
    ------
    InputError
        If header and data do not belong together, cannot be understood, or one of them is reached
        by a link that leaves the folder.
    """
    if path.suffix.lower() == ".hdr":
        header = read_header(path)
        layout = read_layout(header)
        data = _find_data(header, layout)
        must_stay(data, path)
    else:
        data = path
        found = find_header(path)
        if found is None:
            raise InputError(
                f"{path}: no header was found beside it; an ENVI file needs {path.stem}.hdr or "
                f"{path.name}.hdr"
            )
        must_stay(found, path)
        header = read_header(found)
        layout = read_layout(header)
        if data != (named := _named_data(header) or data):
            header.notes.append(f"{header.path.name}: names {named.name} as its data file")
    present, notes = check_size(
        layout, header.path, data, data.stat().st_size, allow_truncated=allow_truncated
    )
    return FlatSource(
        data,
        _scene_name(data),
        "ENVI",
        offset=layout.offset,
        dtype=layout.dtype,
        axes=INTERLEAVES[layout.interleave],
        shape=layout.shape,
        present=present,
        metadata=read_metadata(header, layout, present, notes),
        header=header.path,
    )


def tiff_of_header(path: Path) -> Path | None:
    """The GeoTIFF that an ENVI header belongs to, or None where it belongs to plain data.

    It is the one that says ``file type = TIFF``, or has no plain data but a TIFF of its name
    beside it.

    Raises
    ------
    InputError
        If it is no header, or the TIFF is a link that leaves the folder.
    """
    header = read_header(path)
    stem = path.name[: -len(".hdr")]
    names = (stem,) if _is_tiff_name(stem) else (f"{stem}.tif", f"{stem}.tiff")
    found = [data for name in names for data in _same_name(path.parent, name)]
    if not found or (not _says_tiff(header) and _has_plain_data(header)):
        return None
    must_stay(found[0], path)
    return found[0]


def header_of_tiff(path: Path) -> Header | None:
    """The ENVI header that serves a GeoTIFF, or None where there is none or it is of other data.

    Raises
    ------
    InputError
        If it is no ENVI header or a link that leaves the folder.
    """
    found = find_header(path)
    if found is None:
        return None
    must_stay(found, path)
    header = read_header(found)
    named = found.name[: -len(".hdr")] == path.name
    return header if named or _says_tiff(header) or not _has_plain_data(header) else None


def _says_tiff(header: Header) -> bool:
    return "tiff" in header.fields.get("file type", "").lower()


def _has_plain_data(header: Header) -> bool:
    """Whether plain data lie beside the header, or it names some."""
    if any(field in header.fields for field in _NAMED_DATA):
        return True
    stem = header.path.name[: -len(".hdr")]
    names = [stem + suffix for suffix in _SUFFIXES if not _is_tiff_name(stem + suffix)]
    if any(_same_name(header.path.parent, name) for name in names):
        return True
    try:
        return not _is_tiff_name(_find_data(header, read_layout(header)).name)
    except InputError:
        return False


def _is_tiff_name(name: str) -> bool:
    return name.lower().endswith((".tif", ".tiff"))


def _scene_name(data: Path) -> str:
    """The data file's name without its suffix, if that is one of ENVI's."""
    return data.stem if data.suffix.lower() in _SUFFIXES else data.name


def must_stay(found: Path, given: Path) -> None:
    """Refuse a file that was found beside the given one, or in the given folder, but is a link out.

    The given path itself may be a link: that is the user's own choice, and files that lie where it
    leads belong to it.
    """
    place = given.resolve()
    folders = (place,) if given.is_dir() else (given.parent.resolve(), place.parent)
    target = found.resolve()
    if not any(target.is_relative_to(folder) for folder in folders):
        raise InputError(
            f"{found}: belongs to {given.name} but is a link out of their folder, which is never "
            f"followed; copy the file there, or open both where they are"
        )


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
    with os.scandir(folder) as entries:
        alike = [entry for entry in entries if entry.name.lower() == name.lower()]
    return sorted(Path(entry.path) for entry in alike if entry.is_file())


def _files(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_file())
