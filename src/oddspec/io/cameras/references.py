"""Reflectance of raw scans by a dark and a white reference taken with the same camera."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from oddspec.errors import InputError
from oddspec.io.cameras.calibrated import CalibratedSource, Calibration, ceiling_of
from oddspec.io.envi.reader import open_envi
from oddspec.io.flat import FlatSource
from oddspec.io.source import Product
from oddspec.text import counted

_WEAK = 0.02
"""Part of the band's median signal of white below which an element sees nothing: noise alone
makes half of the dead ones look a little alive. Illumination falls to a third at the edges."""

_STRIP_VALUES = 2_000_000
"""Numbers of a reference that are read at once."""

_SAME_BAND = 1.0
"""Nanometres by which the bands of a scan and its reference may differ."""

_SAME_TIME = 0.01
"""Part by which integration times may differ and be called equal."""


@dataclass(frozen=True, eq=False)
class Reference:
    """A dark or white reference, averaged over its lines.

    Attributes
    ----------
    path, data
        Its header and its data.
    lines
        How many there were.
    mean, largest
        Of each element over the lines, ``(columns, bands)``, float64.
    time
        Integration time in the header's unit (ms); None where it tells none.
    """

    path: Path
    data: Path
    lines: int
    mean: np.ndarray
    largest: np.ndarray
    time: float | None


def read_reference(path: Path, what: str, scan: FlatSource) -> Reference:
    """Read a reference by strips of lines.

    Parameters
    ----------
    path
        Its header or data.
    what
        ``dark`` or ``white``, for messages.
    scan
        The scan that it is for.

    Raises
    ------
    InputError
        If it has other columns or bands than the scan, or numbers that are not finite.
    """
    source = open_envi(path)
    try:
        height, width, bands = source.shape
        if (width, bands) != scan.shape[1:]:
            raise InputError(
                f"{path}: the {what} reference has {width} columns and {bands} bands, but the scan "
                f"{scan.name} has {scan.shape[1]} and {scan.shape[2]}; give one taken with the "
                f"same settings with --{what}, or --{what} none"
            )
        ours, theirs = scan.metadata.wavelengths, source.metadata.wavelengths
        if ours is not None and theirs is not None:
            apart = float(np.nanmax(np.abs(ours - theirs)))
            if apart > _SAME_BAND:
                raise InputError(
                    f"{path}: the bands of the {what} reference lie up to {apart:.3g} nm from "
                    f"those of the scan {scan.name}: it is of another camera"
                )
        total, largest = np.zeros((width, bands)), np.full((width, bands), -np.inf)
        step = max(1, _STRIP_VALUES // (width * bands))
        for top in range(0, height, step):
            lines = source.read((top, min(top + step, height)), (0, width))
            total += lines.sum(axis=0, dtype=np.float64)
            np.maximum(largest, lines.max(axis=0), out=largest)
        if not np.isfinite(total).all():
            raise InputError(f"{path}: the {what} reference holds NaN or infinity")
    finally:
        source.close()
    return Reference(
        source.header or path,
        source.path or path,
        height,
        total / height,
        largest,
        integration_time(source),
    )


def integration_time(source: FlatSource) -> float | None:
    """The header's ``tint`` or ``shutter``; None where there is none that could be one."""
    extra = source.metadata.extra
    try:
        time = float(extra.get("tint", extra.get("shutter", "nan")).split()[0])
    except (ValueError, IndexError):
        return None
    return time if np.isfinite(time) and time > 0 else None


def with_references(
    scan: FlatSource,
    sensor: str,
    dark: Path,
    white: Path | None,
    white_dark: Path | None = None,
) -> CalibratedSource:
    """A scan as reflectance, ``(S - D) / (W - D)``; without a white one as counts above dark.

    Parameters
    ----------
    scan
        The raw scan.
    sensor
        Its name.
    dark, white
        Headers or data of the references.
    white_dark
        A dark reference of the white one's own, if it has one.

    Raises
    ------
    InputError
        If a reference does not fit the scan, or white is nowhere brighter than dark.
    """
    files = {"dark": dark, "white": white, "dark of white": white_dark}
    found = {
        what: read_reference(path, what.partition(" ")[0], scan)
        for what, path in files.items()
        if path is not None
    }
    top = max(float(each.largest.max()) for each in found.values())
    ceiling = ceiling_of(scan, top)
    notes = []
    ours = integration_time(scan)
    darkness = found["dark"]
    if not _same(darkness.time, ours):
        notes.append(
            f"{darkness.path.name} was taken with an integration time of {_shown(darkness.time)}, "
            f"the scan with {_shown(ours)}: it is subtracted as it is"
        )
    gain, bad = np.ones_like(darkness.mean), np.zeros(darkness.mean.shape, dtype=bool)
    if "white" not in found:
        notes.append("without a white reference the values are counts above the dark level")
    else:
        bright = found["white"]
        signal = bright.mean - found.get("dark of white", darkness).mean
        bad = ~(signal > _WEAK * np.maximum(np.median(signal, axis=0), 0))
        if bad.all():
            raise InputError(
                f"{bright.path}: the white reference is nowhere brighter than the dark one "
                f"({darkness.path.name}); check which file is which"
            )
        scale = 1.0
        if ours and bright.time:
            scale = bright.time / ours
        else:
            notes.append(
                "the headers do not tell both integration times (tint): scan and white reference "
                "are taken to have the same"
            )
        gain = scale / np.where(bad, np.nan, signal)
        full = int((bright.largest >= ceiling).sum())
        if full:
            notes.append(
                f"{bright.path.name} is saturated in {counted(full, 'detector element')} of "
                f"{full if full == bad.size else f'{bad.size:,}'}: reflectance is too high there"
            )
    listed = ", ".join(
        f"{each.path.name} ({counted(each.lines, 'line')})" for each in found.values()
    )
    quantity = "reflectance" if white is not None else "counts above dark"
    extra = scan.metadata.extra
    acquired = " ".join(extra[name] for name in ("acquisition date", "start time") if name in extra)
    metadata = replace(
        scan.metadata,
        unit=quantity,
        product=Product(sensor or "raw scan", quantity, scan.name, acquired),
    ).noting(f"corrected by {listed}", *notes)
    beside = [file for each in found.values() for file in (each.path, each.data)]
    return CalibratedSource(scan, Calibration(darkness.mean, gain, bad, ceiling), metadata, beside)


def _same(one: float | None, other: float | None) -> bool:
    """Whether two integration times are equal; True where one is not known."""
    return one is None or other is None or abs(one - other) <= _SAME_TIME * max(one, other)


def _shown(time: float | None) -> str:
    return "unknown length" if time is None else f"{time:g}"
