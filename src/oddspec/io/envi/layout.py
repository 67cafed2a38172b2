"""How an ENVI data file is laid out, and whether its size agrees."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.envi.header import Header

DATA_TYPES: dict[int, np.dtype] = {
    1: np.dtype(np.uint8),
    2: np.dtype(np.int16),
    3: np.dtype(np.int32),
    4: np.dtype(np.float32),
    5: np.dtype(np.float64),
    12: np.dtype(np.uint16),
    13: np.dtype(np.uint32),
    14: np.dtype(np.int64),
    15: np.dtype(np.uint64),
}
"""Real types by ENVI's code."""

COMPLEX = {6: "complex64", 9: "complex128"}
"""Complex types by ENVI's code."""

INTERLEAVES: dict[str, tuple[str, str, str]] = {
    "bsq": ("band", "row", "column"),
    "bil": ("row", "band", "column"),
    "bip": ("row", "column", "band"),
}
"""Order of the axes in the file, slowest first."""


_LONGEST = 2**31 - 1
"""Rows, columns or bands; what GeoTIFF and most programs can count."""

_WHOLE = re.compile(r"\+?([0-9]{1,18})(\.0*)?", re.ASCII)


@dataclass(frozen=True)
class Layout:
    """Size, type and order of the numbers in a data file."""

    rows: int
    columns: int
    bands: int
    code: int
    big_endian: bool
    interleave: str
    offset: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, bands."""
        return self.rows, self.columns, self.bands

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type and byte order of the numbers."""
        return DATA_TYPES[self.code].newbyteorder(">" if self.big_endian else "<")

    @property
    def size(self) -> int:
        """Bytes that the file should have."""
        return self.offset + prod(self.shape) * self.dtype.itemsize


def lacks_lines(header: Header) -> bool:
    """Whether a header tells all of the layout but the lines, which the data's size tells then.

    Not where bands lie one after the other (BSQ): a file that was cut off tells nothing there.
    """
    fields = header.fields
    told = all(name in fields for name in ("samples", "bands", "data type"))
    return "lines" not in fields and told and fields.get("interleave", "").lower() in ("bil", "bip")


def infer_lines(header: Header, data: Path) -> int:
    """Give a header without ``lines``, as interrupted captures have it, those that the data hold.

    Returns
    -------
    Bytes at the end of the data that are no whole line; 0 where nothing was done.
    """
    if not lacks_lines(header):
        return 0
    header.fields["lines"] = "1"
    try:
        one = read_layout(header)
        count, rest = divmod(data.stat().st_size - one.offset, one.size - one.offset)
    finally:
        del header.fields["lines"]
    if count < 1:
        return 0
    header.fields["lines"] = str(count)
    cut = f", and {rest} bytes of another, which were not read" if rest else ""
    header.notes.append(
        f"{header.path.name}: has no 'lines', as captures that were interrupted; {data.name} holds "
        f"{count}{cut}"
    )
    return rest


def read_layout(header: Header) -> Layout:
    """The layout that a header states.

    Raises
    ------
    InputError
        If a field is missing, or holds what cannot be or is not supported.
    """
    _refuse_unsupported(header)
    for name in ("samples", "lines", "bands", "data type", "interleave"):
        if name not in header.fields:
            raise InputError(_missing(header, name))
    rows, columns, bands = (
        _whole_number(header, name, least=1, most=_LONGEST)
        for name in ("lines", "samples", "bands")
    )
    layout = Layout(
        rows=rows,
        columns=columns,
        bands=bands,
        code=_data_type(header),
        big_endian=_big_endian(header),
        interleave=_interleave(header),
        offset=_whole_number(header, "header offset", least=0, most=2**62, default=0),
    )
    if layout.size >= 2**63:
        raise InputError(
            f"{header.path}: {rows} lines x {columns} samples x {bands} bands are more than any "
            f"file can hold"
        )
    return layout


def _missing(header: Header, name: str) -> str:
    text = f"{header.path}: the field {name!r} is missing or empty"
    if name in header.swallowed:
        outer, line = header.swallowed[name]
        text += f"; it lies inside the brace of {outer[:60]!r} in line {line}, which is not closed"
    return text


def _refuse_unsupported(header: Header) -> None:
    fields, path = header.fields, header.path
    if fields.get("file compression", "0") not in ("0", "0.0"):
        raise InputError(f"{path}: the data are compressed (file compression); unpack them first")
    kind = fields.get("file type", "ENVI Standard").lower()
    if "spectral library" in kind:
        raise InputError(f"{path}: is a spectral library, not an image")
    for name in ("major frame offsets", "minor frame offsets"):
        if any(item.strip() not in ("", "0") for item in fields.get(name, "").split(",")):
            raise InputError(
                f"{path}: {name!r} is {fields[name][:40]!r}; files with gaps between their lines "
                f"are not supported, save the scene as plain ENVI first"
            )


def _whole_number(
    header: Header, name: str, *, least: int, most: int, default: int | None = None
) -> int:
    value = header.fields.get(name)
    if value is None and default is not None:
        return default
    match = _WHOLE.fullmatch(value or "")
    number = int(match.group(1)) if match else -1
    if not least <= number <= most:
        raise InputError(
            f"{header.path}: {name!r} is {(value or '')[:40]!r}, expected a whole number of at "
            f"least {least}" + (f" and at most {most}" if number > most else "")
        )
    return number


def _data_type(header: Header) -> int:
    code = _whole_number(header, "data type", least=0, most=2**31)
    if code in COMPLEX:
        raise InputError(
            f"{header.path}: 'data type' is {code} ({COMPLEX[code]}); complex data are not "
            f"supported, save their magnitude as a real type"
        )
    if code not in DATA_TYPES:
        known = ", ".join(f"{code} ({kind})" for code, kind in DATA_TYPES.items())
        raise InputError(f"{header.path}: 'data type' is {code}, expected one of {known}")
    return code


def _interleave(header: Header) -> str:
    value = header.fields["interleave"].lower()
    if value not in INTERLEAVES:
        raise InputError(
            f"{header.path}: 'interleave' is {value[:40]!r}, expected one of "
            f"{', '.join(INTERLEAVES)}"
        )
    return value


def _big_endian(header: Header) -> bool:
    value = header.fields.get("byte order")
    if value is None:
        if header.fields.get("data type") != "1":
            header.notes.append(f"{header.path.name}: no 'byte order': read as little-endian (0)")
        return False
    if value not in ("0", "1"):
        raise InputError(
            f"{header.path}: 'byte order' is {value[:40]!r}, expected 0 (little-endian) or 1 "
            f"(big-endian)"
        )
    return value == "1"


def check_size(
    layout: Layout, header: Path, data: Path, actual: int, allow_truncated: bool
) -> tuple[int | None, list[str]]:
    """Compare the data file's size with the header's.

    Returns
    -------
    present
        How many numbers the file has, None for all.
    notes
        What was unusual.

    Raises
    ------
    InputError
        If the file is too short (and ``allow_truncated`` is not given, or nothing useful is
        there), or if another data type or number of bands would explain a larger file exactly.
    """
    expected = layout.size
    if actual == expected:
        return None, []
    fits = _fits(layout, actual)
    found = (
        f"{data}: has {actual} bytes, but its header {header.name} asks for {expected} "
        f"({layout.rows} lines x {layout.columns} samples x {layout.bands} bands of "
        f"{layout.dtype.newbyteorder('=')}"
        + (f" after {layout.offset} bytes)" if layout.offset else ")")
    )
    would_fit = f"; what would fit is {' or '.join(fits)}" if fits else ""
    if actual > expected:
        if fits:
            raise InputError(f"{found}{would_fit}; correct the header")
        return None, [
            f"{found}: the {actual - expected} bytes at the end were not read; if the picture is "
            f"shifted, 'header offset = {actual - expected + layout.offset}' would fit"
        ]
    offset = actual - (expected - layout.offset)
    if offset >= 0:
        would_fit += f"{' or' if fits else '; what would fit is'} header offset = {offset}"
    if not allow_truncated:
        raise InputError(
            f"{found}: it is truncated, or the header is wrong{would_fit}; copy the file again, or "
            f"give --allow-truncated to read what is there"
        )
    present = max(actual - layout.offset, 0) // layout.dtype.itemsize
    total = prod(layout.shape)
    per_piece = total // (layout.bands if layout.interleave == "bsq" else layout.rows)
    if present < per_piece or present * 1000 < total:
        piece = "band" if layout.interleave == "bsq" else "line"
        raise InputError(
            f"{found}: not even one {piece} and a thousandth of it is there, too little to read"
        )
    return present, [f"{found}{would_fit}: what is missing was masked"]


def _fits(layout: Layout, actual: int) -> list[str]:
    """Data types and numbers of bands or lines that would explain the size exactly."""
    names = []
    for code, kind in DATA_TYPES.items():
        other = replace(layout, code=code)
        if kind.itemsize != layout.dtype.itemsize and other.size == actual:
            names.append(f"data type = {code} ({kind})")
    for field, word in (("bands", "bands"), ("rows", "lines")):
        one = prod(layout.shape) // getattr(layout, field) * layout.dtype.itemsize
        count, rest = divmod(actual - layout.offset, one)
        if not rest and 0 < count <= _LONGEST:
            names.append(f"{word} = {count}")
    return names
