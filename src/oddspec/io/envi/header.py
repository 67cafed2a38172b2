"""The text of an ENVI header: ``field = value`` lines, read robustly and within bounds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from oddspec.errors import InputError
from oddspec.io.reading import reading

LARGEST = 16 * 2**20
"""Bytes; a header with thousands of band names takes a hundredth of it."""

_MOST_FIELDS = 10_000

_STRUCTURE = (
    "samples",
    "lines",
    "bands",
    "data type",
    "interleave",
    "header offset",
    "byte order",
)
_LINE_END = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"\s;")


@dataclass(frozen=True)
class Header:
    """A header's fields by lower-case name, values without their outer braces.

    Attributes
    ----------
    path
        The header file.
    fields
        What has a value.
    notes
        What was unusual.
    swallowed
        Field of the file's structure that lies inside a brace: that brace's field and line.
    """

    path: Path
    fields: dict[str, str]
    notes: list[str] = field(default_factory=list)
    swallowed: dict[str, tuple[str, int]] = field(default_factory=dict)


def read_header(path: Path) -> Header:
    """Read an ENVI header.

    Raises
    ------
    InputError
        If it is no ENVI header, is larger than 16 MB or has a brace that is never closed.
    """
    with reading(path), open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(min(size, LARGEST))
    if size > LARGEST:
        raise InputError(
            f"{path}: is larger than {LARGEST // 2**20} MB, far more than any ENVI header; if it "
            f"is the data file, name it so that it does not end in .hdr"
        )
    return parse_header(_decoded(data), path)


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def parse_header(text: str, path: Path) -> Header:
    """Read the text of an ENVI header; ``path`` is named in messages.

    A line that starts with ``;`` is a comment, also within braces; so is the rest of a line
    after a blank and ``;`` outside of braces. A braced value ends at the first closing brace.
    Names are told apart without case, blanks and underscores; of duplicates the last one counts.
    """
    lines = enumerate(_LINE_END.split(text), start=1)
    for _, line in lines:
        if line.strip():
            _must_be_envi(line, path)
            break
    else:
        raise InputError(f"{path}: is empty, expected an ENVI header")
    header = Header(path, {})
    stray = 0
    for number, line in lines:
        name, equals, value = line.partition("=")
        name = " ".join(name.replace("_", " ").split()).lower()
        if not name or name.startswith(";"):
            continue
        if not equals:
            stray += 1
            continue
        value = value.strip()
        if value.startswith("{"):
            value = _braced(value[1:], lines, name, number, header)
        else:
            value = _COMMENT.split(value, maxsplit=1)[0]
        _store(header, name, value)
    if stray:
        header.notes.append(f"{path.name}: {stray} lines without '=' were ignored")
    return header


def _must_be_envi(line: str, path: Path) -> None:
    if line.split() and line.split()[0].upper() == "ENVI":
        return
    hint = ""
    if re.match(r"\s*(nrows|ncols|byteorder|nbands)\s", line, re.IGNORECASE):
        hint = "; it looks like an ESRI header, which oddspec does not read: convert the file"
    raise InputError(
        f"{path}: is no ENVI header: the first line is {line.strip()[:40]!r}, expected 'ENVI'{hint}"
    )


def _braced(
    rest: str, lines: Iterator[tuple[int, str]], name: str, number: int, header: Header
) -> str:
    parts = []
    while True:
        inside, closed, after = rest.partition("}")
        parts.append(inside)
        if closed:
            break
        for _, line in lines:
            if not line.lstrip().startswith(";"):
                rest = line
                key = " ".join(line.partition("=")[0].replace("_", " ").split()).lower()
                if "=" in line and key in _STRUCTURE:
                    header.swallowed.setdefault(key, (name, number))
                break
        else:
            raise InputError(
                f"{header.path}: the brace that opens the value of {name[:60]!r} in line {number} "
                f"is never closed"
            )
    if after.strip() and not after.lstrip().startswith(";"):
        header.notes.append(
            f"{header.path.name}: text after the closing brace of {name[:60]!r} was ignored"
        )
    return "\n".join(parts)


def _store(header: Header, name: str, value: str) -> None:
    value = value.strip()
    if not value:
        return
    fields = header.fields
    if fields.get(name, value) != value:
        if name in _STRUCTURE:
            raise InputError(
                f"{header.path}: has {name!r} twice, as {fields[name][:40]!r} and {value[:40]!r}; "
                f"remove the wrong one"
            )
        header.notes.append(
            f"{header.path.name}: {name[:60]!r} is there twice, the last one counts"
        )
    fields[name] = value
    if len(fields) > _MOST_FIELDS:
        raise InputError(f"{header.path}: has more than {_MOST_FIELDS} fields: no ENVI header")


def split_list(value: str, count: int) -> list[str]:
    """The entries of a list that should have ``count`` of them.

    Names may hold commas themselves. So if splitting at every comma does not give ``count``
    entries, it is tried to split only at commas outside of brackets, and then by lines; if none
    of these gives ``count``, the first way counts.
    """
    plain = _entries(value.split(","))
    if len(plain) == count:
        return plain
    for other in (_outside_brackets(value), [line.rstrip(" \t,") for line in value.split("\n")]):
        entries = _entries(other)
        if len(entries) == count:
            return entries
    return plain


def _entries(parts: list[str]) -> list[str]:
    entries = [" ".join(part.split()) for part in parts]
    while entries and not entries[-1]:
        entries.pop()
    return entries if entries and entries[0] else entries[1:]


def _outside_brackets(value: str) -> list[str]:
    parts, begin, depth = [], 0, 0
    for match in re.finditer(r"[(\[)\],]", value):
        if match.group() in "([":
            depth += 1
        elif match.group() in ")]":
            depth = max(depth - 1, 0)
        elif not depth:
            parts.append(value[begin : match.start()])
            begin = match.end()
    return [*parts, value[begin:]]
