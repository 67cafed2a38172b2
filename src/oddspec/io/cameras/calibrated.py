"""A raw scan of a push-broom camera as physical values.

Every column and band of such a scan is one element of the detector, with its own dark level and
sensitivity: ``value = (raw - offset) * gain`` with one offset and gain for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube
from oddspec.io.quality import QUALITY_FLAGS
from oddspec.io.source import Metadata, Source
from oddspec.text import counted

_FEW = 0.1
"""Part of a column's bands that may be interpolated; a column with more bad ones is masked."""

_CEILINGS = (4095.0, 16383.0, 65535.0)
"""Largest numbers of cameras with 12, 14 and 16 bits."""

_LOOK_ROWS = 16
"""Rows of a scan that are looked at for the largest number."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """How the raw numbers of each detector element become values.

    Attributes
    ----------
    offset, gain
        ``(columns, bands)``, float64.
    bad
        True for elements that give nothing of use, ``(columns, bands)``.
    ceiling
        The raw number of a saturated pixel.
    drift
        What the offset has grown by at the end of the scan, ``(columns, bands)``; None for nothing.
    """

    offset: np.ndarray
    gain: np.ndarray
    bad: np.ndarray
    ceiling: float
    drift: np.ndarray | None = None


class CalibratedSource:
    """A raw scan as calibrated values, float32, by windows.

    Single bad elements are interpolated linearly from the bands beside them; columns with many are
    NaN, and bands that are bad in most columns are called bad.

    Parameters
    ----------
    scan
        The raw numbers.
    calibration
        Of its columns and bands.
    metadata
        Of the values; its nodata value is that of the raw numbers, and becomes NaN.
    beside
        Files that the values depend on too.
    """

    def __init__(
        self,
        scan: Source,
        calibration: Calibration,
        metadata: Metadata,
        beside: Sequence[Path] = (),
    ) -> None:
        self.path, self.name, self.shape = scan.path, scan.name, scan.shape
        self.format = str(metadata.product or scan.format)
        self.dtype: np.dtype[Any] = np.result_type(scan.dtype, np.float32)
        self.beside = tuple(beside)
        self.quality: tuple[str, ...] = ("saturated", "bad-detector")
        self.header = getattr(scan, "header", None)
        self._scan, self._nodata = scan, metadata.nodata
        self._ceiling = calibration.ceiling
        bad = calibration.bad
        bad_bands = bad.mean(axis=0) > 0.5
        usable = bad[:, ~bad_bands]
        dead = usable.mean(axis=1) > _FEW if usable.size else np.ones(len(bad), dtype=bool)
        self._flagged = np.asarray(usable.any(axis=1))
        gain = np.where(bad | dead[:, None], np.nan, calibration.gain)
        # In the order in which pixels lie in memory: four times as fast for lines of bands.
        order: Any = "C" if scan.metadata.interleave == "bip" else "F"
        self._gain = gain.astype(self.dtype, order)
        self._offset = calibration.offset.astype(self.dtype, order)
        drift = calibration.drift
        self._drift = None if drift is None else drift.astype(self.dtype, order)
        self._repairs = _neighbours(bad & ~bad_bands & ~dead[:, None], ~bad & ~bad_bands)
        given = metadata.bad_bands
        self.metadata = replace(
            metadata.noting(*_notes(dead, len(self._repairs[0]), bad_bands)),
            bad_bands=(given if given is not None else False) | bad_bands
            if bad_bands.any()
            else given,
            nodata=None,
            gains=None,
        )

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Values of the half-open window, all bands; NaN where a column gives none."""
        raw = self._scan.read(rows, columns)
        inside = slice(*columns)
        values = raw.astype(self.dtype, order="K")
        values -= self._offset[inside]
        if self._drift is not None:
            part = np.arange(*rows, dtype=self.dtype) / self.shape[0]
            for line, along in zip(values, part, strict=True):
                line -= along * self._drift[inside]
        values *= self._gain[inside]
        column, band, low, high, weight = (
            each[slice(*np.searchsorted(self._repairs[0], columns))] for each in self._repairs
        )
        at = column - columns[0]
        values[:, at, band] = values[:, at, low] * (1 - weight) + values[:, at, high] * weight
        if self._nodata is not None:
            values[raw == self._nodata] = np.nan
        return values

    def read_quality(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """Flags ``(h, w)``, uint16, of the pixels of a half-open window."""
        full: np.ndarray = self._scan.read(rows, columns) == self._ceiling
        return np.asarray(
            np.where(full.any(axis=2), QUALITY_FLAGS["saturated"], 0)
            | np.where(self._flagged[slice(*columns)], QUALITY_FLAGS["bad-detector"], 0),
            np.uint16,
        )

    def close(self) -> None:
        """Release the scan."""
        self._scan.close()


def _neighbours(wanted: np.ndarray, good: np.ndarray) -> tuple[np.ndarray, ...]:
    """How wanted elements follow from good ones of their column.

    Returns
    -------
    columns, bands, low, high, weight
        Of each wanted element, by ascending column: its place, the good bands beside it, and how
        much of the value of ``high`` it has.
    """
    columns, bands = np.nonzero(wanted)
    low, high = np.empty_like(bands), np.empty_like(bands)
    for index, (column, band) in enumerate(zip(columns.tolist(), bands.tolist(), strict=True)):
        there = np.flatnonzero(good[column])
        after = int(np.searchsorted(there, band))
        low[index] = there[max(after - 1, 0)]
        high[index] = there[min(after, len(there) - 1)]
    apart = high - low
    weight = np.where(apart > 0, (bands - low) / np.maximum(apart, 1), 0.0).astype(np.float32)
    return columns, bands, low, high, weight


def _notes(dead: np.ndarray, repaired: int, bad_bands: np.ndarray) -> list[str]:
    notes = []
    if dead.any():
        notes.append(
            f"columns whose detector elements are dead in more than {_FEW:.0%} of the bands, "
            f"masked: {int(dead.sum())}"
        )
    if repaired:
        notes.append(
            f"{counted(repaired, 'dead detector element')} interpolated from the bands beside; "
            f"their columns are flagged bad-detector"
        )
    if bad_bands.any():
        notes.append(f"bands that are dead in most columns, called bad: {int(bad_bands.sum())}")
    return notes


def ceiling_of(scan: Source, largest: float = 0.0) -> float:
    """The raw number at which a scan saturates, if its header does not tell.

    That of the fewest bits that hold all numbers seen, of at least 12: 4095 for most cameras of
    the visible range, 65535 for most of the infrared.

    Parameters
    ----------
    scan
        Some of its rows are looked at.
    largest
        The largest number of other scans of the same camera.
    """
    height, width, _ = scan.shape
    rows = np.unique(np.linspace(0, height - 1, min(_LOOK_ROWS, height)).round().astype(np.intp))
    for row in rows.tolist():
        values = scan.read((row, row + 1), (0, width))
        largest = max(largest, float(np.nanmax(values, initial=0.0)))
    return next((ceiling for ceiling in _CEILINGS if largest <= ceiling), np.inf)
