"""Reading what users type: sizes, band lists, settings."""

from __future__ import annotations

import argparse
import re
from typing import Any

import numpy as np

from oddspec.errors import InputError, SettingError
from oddspec.io.source import Source

_NUMBER = r"\d+\.?\d*|\.\d+"


def add_reading(parser: argparse._ActionsContainer, *, brief: bool = False) -> None:
    """Declare how a scene is read; ``brief`` sends the reader of the help to ``detect``."""

    def add(flag: str, text: str, **options: Any) -> None:
        parser.add_argument(flag, help="as in detect" if brief else text, **options)

    whole = parser.add_argument
    whole("--variable", metavar="NAME", help="name of the cube in a file of several arrays")
    whole("--nodata", type=float, metavar="VALUE", help="value of pixels to mask")
    good = "bands to use instead of the file's good ones: 1-100,120 or 400-1300nm,1450-1800nm"
    add("--bands", good, metavar="LIST")
    add("--mask-defects", "mask pixels with equal values in all bands", action="store_true")
    short = "read a file that is too short, mask the rest"
    add("--allow-truncated", short, action="store_true")
    add("--axes", "what an HDF5 or NumPy file's axes mean: band,row,column", metavar="LIST")


def add_truth(parser: argparse._ActionsContainer) -> None:
    """Declare how a truth is read."""
    add = parser.add_argument
    add(
        "--truth-variable",
        metavar="NAME",
        help="name of the truth in a file of several arrays, or of the layer of polygons",
    )
    add(
        "--warp-truth",
        action="store_true",
        help="resample a truth that lies elsewhere, or has other pixels, to those of the scene",
    )


def memory(text: str) -> int:
    """``2GB``, ``500 MB``, ``1.5GiB`` or a number of bytes."""
    match = re.fullmatch(r"\s*([\d.]+)\s*([kmgt]?)(i?)b?\s*", text, re.I)
    try:
        if match is None:
            raise ValueError(text)
        size = float(match[1])
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a size such as 2GB") from None
    step = 1024 if match[3] else 1000
    return int(size * step ** " kmgt".index(match[2].lower() or " "))


def rate(text: str) -> float:
    """A false-alarm rate per pixel, between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a rate between 0 and 1, as 1e-4")
    return value


def setting(text: str) -> tuple[str, str]:
    """``name=value``."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r}: expected name=value")
    return name.strip(), value.strip()


def bands_of(text: str, source: Source) -> list[int]:
    """Band positions from ``1-100,120`` (counted from 1) or ``400-1300nm,1450-1800nm``.

    Raises
    ------
    InputError, SettingError
        If the text cannot be read, a range goes backwards, or wavelengths are asked for and the
        file has none.
    """
    chosen: list[int] = []
    where = source.path or source.name
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(rf"({_NUMBER})(?:-({_NUMBER}))?(nm)?", part, re.ASCII)
        if match is None:
            raise SettingError(
                f"--bands {text}: cannot read {part!r}; expected band numbers from 1 such as "
                f"1-100,120 or wavelengths such as 400-1300nm"
            )
        first, last = float(match[1]), float(match[2] or match[1])
        if match[3]:
            wavelengths = source.metadata.wavelengths
            if wavelengths is None:
                raise InputError(f"{where}: has no wavelengths, so give --bands as band numbers")
            inside = (wavelengths >= first) & (wavelengths <= last)
            chosen += np.flatnonzero(inside).tolist()
        else:
            whole = first.is_integer() and last.is_integer()
            if not whole or first < 1 or last > source.shape[2]:
                raise InputError(
                    f"{where}: --bands asks for {part}, but the scene has bands 1 to "
                    f"{source.shape[2]}"
                )
            chosen += range(int(first) - 1, int(last))
        if last < first:
            raise SettingError(f"--bands {text}: {part} goes backwards; write the lower end first")
    return sorted(set(chosen))
