"""Resonon's cameras: raw scans become radiance by the calibration pack (``.icp``) beside them.

Radiance after ``mh-skjelvareid/massipipe`` (``radiance.py``), in microflicks, which are
uW / (cm2 sr um): ``(DN - D n) G 10^((gG - g) / 20) tG / t / n`` with the gain frame G and its gain
gG (dB) and shutter tG (ms), the scan's g and t, the dark frame D and the number n of detector
elements that one number of the scan sums up.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from oddspec.errors import InputError
from oddspec.io.cameras.calibrated import CalibratedSource, Calibration
from oddspec.io.cameras.icp import Frame, read_pack
from oddspec.io.envi.reader import header_of, must_stay, open_envi
from oddspec.io.flat import FlatSource
from oddspec.io.source import Product, Source

_MARKS = ("shutter", "gain", "sample binning", "spectral binning")
"""Fields that headers of this camera's raw scans have."""

_CEILING = 4095.0
"""Of 12 bits, where the header tells none."""

_NEAR = 0.1
"""Part by which the shutter of the dark frame may differ from the scan's without a word."""


def is_resonon(path: Path) -> bool:
    """Whether a path is a raw scan of whole numbers with the fields of a Resonon header."""
    header = header_of(path)
    if header is None or not all(name in header.fields for name in _MARKS):
        return False
    return header.fields.get("data type") in ("2", "12")


def open_resonon(path: Path, *, allow_truncated: bool = False) -> Source:
    """Open a scan, as radiance where one calibration pack lies beside it.

    Raises
    ------
    InputError
        If the pack is damaged or is of another camera, or the header's settings are no numbers.
    """
    scan = open_envi(path, allow_truncated=allow_truncated)
    try:
        folder = path.parent
        with os.scandir(folder) as entries:
            packs = sorted(entry.name for entry in entries if entry.name.lower().endswith(".icp"))
        if len(packs) != 1:
            held = (
                f"several calibration packs ({', '.join(packs[:4])}) lie"
                if packs
                else ("no calibration pack (.icp) lies")
            )
            scan.metadata = scan.metadata.noting(
                f"{held} beside it: values are raw counts, in which every column of the detector "
                f"has its own level; put the camera's own pack there, or give --dark and --white"
            )
            return scan
        must_stay(folder / packs[0], path)
        return _calibrated(scan, folder / packs[0])
    except BaseException:
        scan.close()
        raise


def _calibrated(scan: FlatSource, pack: Path) -> CalibratedSource:
    extra = scan.metadata.extra
    gain, shutter = (_number(scan, name) for name in ("gain", "shutter"))
    if shutter <= 0:
        raise InputError(f"{scan.header}: 'shutter' is {shutter:g}, expected milliseconds above 0")
    bright, dark = read_pack(pack, gain, shutter)
    summed, sensitivity = (_binned(scan, frame, pack) for frame in (dark, bright))
    (dark_mean, dark_count), (factor, count) = summed, sensitivity
    offset = dark_mean * dark_count
    scale = 10 ** ((bright.gain - gain) / 20) * bright.shutter / shutter / count
    if str(extra.get("flip radiometric calibration", "")).lower() == "true":
        offset, factor = offset[::-1], factor[::-1]
    bad = ~(factor > 0)
    notes = [f"calibrated to microflicks by {pack.name} ({bright.name}, {dark.name})"]
    if dark.gain != gain or abs(dark.shutter - shutter) > _NEAR * shutter:
        notes.append(
            f"the dark frame was taken with gain {dark.gain:g} and shutter {dark.shutter:g} ms, "
            f"the scan with {gain:g} and {shutter:g}: it is the nearest in {pack.name}"
        )
    serial = extra.get("imager serial number", "")
    metadata = replace(
        scan.metadata,
        unit="uW/(cm2 sr um)",
        product=Product(f"Resonon {serial}".strip(), "radiance", scan.name),
    ).noting(*notes)
    ceiling = _number(scan, "ceiling") if "ceiling" in extra else _CEILING
    return CalibratedSource(
        scan, Calibration(offset, factor * scale, bad, ceiling), metadata, [pack]
    )


def _number(scan: FlatSource, name: str) -> float:
    text = str(scan.metadata.extra.get(name, ""))
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(f"{scan.header}: {name!r} is {text[:40]!r}, expected a number")
    return value


def _binned(scan: FlatSource, frame: Frame, pack: Path) -> tuple[np.ndarray, int]:
    """A frame's means over the elements that the scan sums up, and how many these are."""
    samples, bands = frame.values.shape
    width, count = scan.shape[1:]
    across, along = samples // width, bands // count
    stated = [_number(scan, name) for name in ("sample binning", "spectral binning")]
    # Frames are taken without binning: the header's must be what leads from one to the other.
    if (across * width, along * count) != (samples, bands) or stated != [across, along]:
        raise InputError(
            f"{pack}: {frame.name} has {samples} samples and {bands} bands, but the scan "
            f"{scan.name} has {width} and {count} with a binning of {stated[0]:g} and "
            f"{stated[1]:g}: it is of another camera, or the scan was cropped"
        )
    means = frame.values.reshape(width, across, count, along).mean(axis=(1, 3))
    return means, across * along
