"""Reading what users type: sizes, band lists, settings."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from oddspec.io.quality import DEFAULT_MASK


def add_reading(parser: argparse._ActionsContainer, *, brief: bool = False) -> None:
    """Declare how a scene is read; ``brief`` sends the reader of the help to ``detect``."""

    def add(flag: str, text: str, **options: Any) -> None:
        parser.add_argument(flag, help="as in detect" if brief else text, **options)

    whole = parser.add_argument
    whole("--variable", metavar="NAME", help="name of the cube in a file of several arrays")
    whole("--nodata", type=float, metavar="VALUE", help="value of pixels to mask")
    good = "bands to use instead of the file's good ones: 1-100,120 or 400-1300nm,1450-1800nm"
    add("--bands", good, metavar="LIST")
    add(
        "--mask-defects",
        "mask dead and filled pixels (one value in all bands, one spectrum over a quarter)",
        action="store_true",
    )
    masks = (
        "leave out pixels: quality flags that the product tells (cloud,water; default: "
        f"{','.join(DEFAULT_MASK)}; none), or an image or polygons; may be given for each"
    )
    add("--mask", masks, action="append", metavar="FLAGS|FILE")
    inside = "leave out what lies outside these polygons, or outside this image"
    add("--area-of-interest", inside, type=Path, metavar="FILE")
    gains = "leave out gains and offsets of bands that the file declares"
    add("--no-gains", gains, action="store_false", dest="use_gains")
    short = "read a file that is too short, mask the rest"
    add("--allow-truncated", short, action="store_true")
    add("--axes", "what a MATLAB, HDF5 or NumPy file's axes mean: band,row,column", metavar="LIST")


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
