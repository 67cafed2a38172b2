"""Calibration packs of Resonon's cameras (``.icp``): a zip with a gain frame and dark frames.

A pack comes from anywhere, so nothing of it is unpacked to the disk, names only choose among the
few that are known, and sizes are bounded.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oddspec.errors import InputError
from oddspec.io.envi.header import Header, parse_header
from oddspec.io.envi.layout import INTERLEAVES, read_layout
from oddspec.io.reading import reading

_MOST_MEMBERS = 10_000
_LARGEST_HEADER = 2**20
_LARGEST_FRAME = 64 * 2**20
"""Bytes; a frame of 900 samples and 600 bands as float64 takes 4 MB."""

_GAIN = "gain.bip"
_DARK = re.compile(
    r"offset_\d+bands_\d+ceiling_(\d+(?:\.\d+)?)gain_\d+samples_(\d+(?:\.\d+)?)shutter\.bip"
)


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of a pack, averaged over its lines.

    Attributes
    ----------
    name
        In the pack.
    values
        ``(samples, bands)``, float64.
    gain, shutter
        Of the camera when it was taken: dB and milliseconds.
    """

    name: str
    values: np.ndarray
    gain: float
    shutter: float


def read_pack(path: Path, gain: float, shutter: float) -> tuple[Frame, Frame]:
    """The gain frame, and the dark frame that was taken most nearly as a scan was.

    Parameters
    ----------
    path
        The pack.
    gain, shutter
        Of the scan: dB and milliseconds.

    Raises
    ------
    InputError
        If it is no such pack, lacks one of them, or holds what is larger than any frame.
    """
    with (
        reading(path, "is no calibration pack (a zip with gain.bip)"),
        zipfile.ZipFile(path) as pack,
    ):
        members = _members(path, pack)
        if _GAIN not in members:
            raise InputError(f"{path}: has no {_GAIN}, so it is no calibration pack")
        darks = {
            name: (float(match[1]), float(match[2]))
            for name in members
            if (match := _DARK.fullmatch(name))
        }
        if not darks:
            raise InputError(f"{path}: has no dark frames (offset_...shutter.bip)")
        # The nearest gain first: the level of darkness jumps with it.
        nearest = min(
            darks, key=lambda name: (abs(darks[name][0] - gain), abs(darks[name][1] - shutter))
        )
        header, values = _frame(path, pack, members, _GAIN)
        settings = [_setting(header, name) for name in ("gain", "shutter")]
        bright = Frame(_GAIN, values, *settings)
        _, values = _frame(path, pack, members, nearest)
        return bright, Frame(nearest, values, *darks[nearest])


def _members(path: Path, pack: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Those with known names, by the last part of their names."""
    infos = pack.infolist()
    if len(infos) > _MOST_MEMBERS:
        raise InputError(f"{path}: holds {len(infos)} files, more than any calibration pack")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename.rpartition("/")[2].lower()
        plain = name.removesuffix(".hdr")
        if plain != _GAIN and not _DARK.fullmatch(plain):
            continue
        if name in found:
            raise InputError(f"{path}: holds {name} twice")
        if info.flag_bits & 1:
            raise InputError(f"{path}: is encrypted")
        found[name] = info
    return found


def _frame(
    path: Path, pack: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str
) -> tuple[Header, np.ndarray]:
    if f"{name}.hdr" not in members:
        raise InputError(f"{path}: has {name}, but not its header {name}.hdr")
    with pack.open(members[f"{name}.hdr"]) as file:
        text = file.read(_LARGEST_HEADER).decode("latin-1")
    header = parse_header(text, path / f"{name}.hdr")
    layout = read_layout(header)
    if layout.size > _LARGEST_FRAME:
        raise InputError(
            f"{path}: {name} has {layout.size} bytes by its header, more than any frame"
        )
    with pack.open(members[name]) as file:
        # Whatever the pack claims, no more is unpacked than the header asks for.
        data = file.read(layout.size + 1)
    if len(data) != layout.size:
        held = "more bytes than" if len(data) > layout.size else f"{len(data)} bytes, but not"
        raise InputError(f"{path}: {name} has {held} the {layout.size} of its header")
    axes = INTERLEAVES[layout.interleave]
    length = dict(zip(("row", "column", "band"), layout.shape, strict=True))
    numbers = np.frombuffer(data, layout.dtype, offset=layout.offset)
    cube = numbers.reshape([length[axis] for axis in axes])
    values = cube.mean(axis=axes.index("row"), dtype=np.float64)
    if axes.index("band") < axes.index("column"):
        values = values.T
    if not np.isfinite(values).all():
        raise InputError(f"{path}: {name} holds NaN or infinity")
    return header, values


def _setting(header: Header, name: str) -> float:
    try:
        value = float(header.fields.get(name, ""))
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(f"{header.path}: says no {name!r}, which the calibration needs")
    return value
