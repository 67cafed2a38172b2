"""Metadata in XML files, read without anything that an XML document can make a parser do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ParserCreate

import numpy as np

from oddspec.errors import InputError
from oddspec.io.reading import reading

_LARGEST = 32 * 2**20
"""Bytes; polynomials for each band make the longest metadata, tens of thousands of numbers."""
_MOST_ELEMENTS = 500_000
_DEEPEST = 100


def read_xml(path: Path) -> Element:
    """The root of an XML document, tags without prefixes.

    A document type is refused before anything in it counts: it is what entities, and with them
    files that grow without end or lead to other files, are declared in.

    Raises
    ------
    InputError
        If the file is no XML document, declares a document type, or is far larger, deeper or
        richer in elements than the metadata of any product.
    """
    with reading(path, "is no XML document that can be read"):
        stat = path.stat()
        return _parsed(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(1)  # recognising and opening read the same file
def _parsed(path: Path, size: int, _modified: int) -> Element:
    if size > _LARGEST:
        raise InputError(
            f"{path}: is larger than {_LARGEST // 2**20} MB, far more than any product's metadata"
        )
    builder, tags = TreeBuilder(), _Bounds(path)

    def start(tag: str, attributes: dict[str, str]) -> None:
        tags.enter()
        builder.start(tag.rpartition(":")[2], attributes)

    def end(tag: str) -> None:
        tags.depth -= 1
        builder.end(tag.rpartition(":")[2])

    def refuse(*_: object) -> NoReturn:
        raise InputError(
            f"{path}: declares a document type (DTD), which can make a reader open other files or "
            f"run out of memory, and which no product's metadata needs; it is never read"
        )

    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        parser.Parse(file.read(min(size, _LARGEST)), True)
    return builder.close()


class _Bounds:
    """How many elements there are so far, and how deep they lie."""

    def __init__(self, path: Path) -> None:
        self.path, self.count, self.depth = path, 0, 0

    def enter(self) -> None:
        self.count, self.depth = self.count + 1, self.depth + 1
        if self.count > _MOST_ELEMENTS or self.depth > _DEEPEST:
            raise InputError(
                f"{self.path}: has more than {_MOST_ELEMENTS} elements, or {_DEEPEST} in one "
                f"another, far more than any product's metadata"
            )


def text_in(root: Element, *places: str) -> str:
    """The text of the first of these elements that is there; empty where none is."""
    return next((text.strip() for place in places if (text := root.findtext(place))), "")


def numbers_in(path: Path, bands: Sequence[Element], tag: str) -> np.ndarray:
    """A number (float64) from each of the elements that describe bands.

    Raises
    ------
    InputError
        If one has none, or it is no finite number.
    """
    texts = [band.findtext(tag) for band in bands]
    try:
        found = np.array([float(text or "") for text in texts])
    except ValueError:
        found = np.array([np.nan])
    if not np.isfinite(found).all():
        missing = [text for text in texts if not _is_number(text)]
        raise InputError(
            f"{path}: {tag!r} of a band is {missing[0]!r}, where a number was expected; the "
            f"metadata are incomplete"
        )
    return found


def _is_number(text: str | None) -> bool:
    try:
        return bool(np.isfinite(float(text or "")))
    except ValueError:
        return False
