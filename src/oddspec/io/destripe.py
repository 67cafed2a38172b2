"""Stripes of push-broom scanners: offsets and gains of columns, taken out of a scene.

Each column (and band) of such a scene was seen by one detector element; where the calibration is
off, the column stands out along the whole scene. What a column differs by from its neighbours in
the median over the rows is taken for its stripe: a target takes few of the rows, and moves no
median. What is real and a few columns wide along most of the scene is taken out, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube
from oddspec.errors import SettingError
from oddspec.io.geolocation import HasGeolocation, LookupTable
from oddspec.io.quality import HasQuality
from oddspec.io.source import Source

_VALUES = 4e7
"""Numbers of evenly spread rows that are searched: 280 rows of 640 columns and 224 bands."""

_REACH = 4
"""Columns on each side that a column is compared with: half of them may be striped themselves."""

_LEAST_ROWS = 16
_LEAST_CONTRAST = 0.5
"""Of a band between dark and bright rows, in its standard deviations; where there is less, a gain
cannot be told from noise, and only an offset is taken out."""

_GAINS = (0.5, 2.0)
_STANDS_OUT = 6.0
"""T2 per band from which a column is striped; columns of scenes without stripes have up to 3.5."""

_KEPT = 0.8
"""Part of the rows that a stripe is measured in: those that differ most are left out."""

_PIXELS, _BEYOND_NOISE, _ROUNDS = 20_000, 10.0, 4

_SURE = 8.0
"""Standard errors by which gain and offset must both be there to be told apart."""


class DestripedSource:
    """A scene with offset and gain of each column and band: float32, NaN where it had no data.

    Parameters
    ----------
    inner
        The scene as it is.
    gain, offset
        ``(columns, bands)``: values become ``value * gain + offset``.
    nodata
        The scene's value of missing pixels; None for what it declares.
    """

    def __init__(
        self, inner: Source, gain: np.ndarray, offset: np.ndarray, nodata: float | None
    ) -> None:
        self.inner = inner
        self.path, self.name, self.format, self.shape = (
            inner.path, inner.name, inner.format, inner.shape,
        )  # fmt: skip
        self.dtype: np.dtype[Any] = np.result_type(inner.dtype, np.float32)
        self.block = getattr(inner, "block", None)
        self.header: Path | None = getattr(inner, "header", None)
        self.beside: tuple[Path, ...] = getattr(inner, "beside", ())
        self.quality: tuple[str, ...] = inner.quality if isinstance(inner, HasQuality) else ()
        self._nodata = inner.metadata.nodata if nodata is None else nodata
        order: Any = "C" if inner.metadata.interleave == "bip" else "F"
        self._gain, self._offset = gain.astype(self.dtype, order), offset.astype(self.dtype, order)
        change = np.abs(gain - 1).max(axis=1)
        note = (
            f"stripes of columns were taken out: gains of up to {change.max():.2g} in column "
            f"{int(change.argmax()) + 1}, {change.mean():.2g} in the mean"
        )
        self.metadata = replace(inner.metadata, nodata=None).noting(note)

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands."""
        raw = self.inner.read(rows, columns)
        inside = slice(*columns)
        values = raw.astype(self.dtype, order="K")
        values *= self._gain[inside]
        values += self._offset[inside]
        if self._nodata is not None:
            values[raw == self._nodata] = np.nan
        return values

    def read_quality(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """Flags ``(h, w)``, uint16, of the pixels of a half-open window."""
        if isinstance(self.inner, HasQuality):
            return self.inner.read_quality(rows, columns)
        return np.zeros((rows[1] - rows[0], columns[1] - columns[0]), np.uint16)

    def geolocation(self) -> LookupTable | None:
        """The way from the sensor's pixels to the map, if the scene knows it."""
        return self.inner.geolocation() if isinstance(self.inner, HasGeolocation) else None

    def close(self) -> None:
        """Release the scene."""
        self.inner.close()


def without_stripes(
    source: Source, nodata: float | None = None, max_memory: int | None = None
) -> DestripedSource:
    """The scene without the stripes of its columns.

    Parameters
    ----------
    source
        In the sensor's geometry: every column was seen by the same detector elements throughout.
    nodata
        Value of missing pixels; None for what the scene declares.
    max_memory
        Bytes that the search may take about a tenth of; None for 160 MB.

    Raises
    ------
    SettingError
        If it is on a map that is turned, or has fewer than 16 rows or 3 columns.
    """
    height, width, bands = source.shape
    place = source.metadata.georeference
    if place is not None and (place.transform.b or place.transform.d):
        raise SettingError(
            f"{source.path or source.name}: is on a map that is turned against the flight, where "
            f"columns are no lines of the detector; leave out --destripe"
        )
    if height < _LEAST_ROWS or width < 3:
        raise SettingError(
            f"{source.path or source.name}: has {height} rows and {width} columns, too few to tell "
            f"stripes from what is there; leave out --destripe"
        )
    values = _VALUES if max_memory is None else min(_VALUES, max_memory / 40)
    count = int(np.clip(values // (width * bands), _LEAST_ROWS, height))
    rows = np.unique(np.linspace(0, height - 1, count).round().astype(np.intp)).tolist()
    sample = np.empty((len(rows), width, bands), np.float32)
    for index, row in enumerate(rows):
        sample[index] = source.read((row, row + 1), (0, width))[0]
    missing = source.metadata.nodata if nodata is None else nodata
    if missing is not None:
        sample[sample == missing] = np.nan
    gain, offset = column_stripes(sample)
    return DestripedSource(source, gain, offset, nodata)


def column_stripes(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset that bring each column to its neighbours.

    Rows are parted by their brightness around a column, so that both halves of a column and of its
    neighbours show the same ground; the difference in the dark half and that in the bright one give
    offset and gain.

    Parameters
    ----------
    sample
        Rows ``(r, w, b)``, float; NaN where there is no value.

    Returns
    -------
    gain, offset
        ``(w, b)``, float64: ``value * gain + offset`` has no stripes.
    """
    _, width, bands = sample.shape
    gain, offset = np.ones((width, bands)), np.zeros((width, bands))
    # Bands without any value tell nothing, and would take all pixels with them.
    alive = np.isfinite(sample).any(axis=(0, 1))
    sample = sample[:, :, alive]
    striped, poor = _striped(sample)
    scene = _Background.of(sample[:, ~poor])
    for column in np.flatnonzero(striped).tolist():
        near = [other for other in _around(column, 2 * _REACH, width) if not poor[other]]
        rows = np.isfinite(sample[:, [column, *near]]).all(axis=(1, 2))
        if near and rows.sum() >= _LEAST_ROWS:
            own = sample[rows, column].astype(np.float64)
            found = _stripe(own, sample[rows][:, near].mean(axis=1))
            gain[column, alive], offset[column, alive] = scene.refined(own, *found)
    return gain, offset


def _around(column: int, reach: int, width: int) -> list[int]:
    return [c for c in range(max(column - reach, 0), min(column + reach + 1, width)) if c != column]


def _striped(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which columns ``(w,)`` stand out, and which are no measure for the others."""
    width = sample.shape[1]
    none = np.zeros(width, dtype=bool)
    strength = np.array([_strength(sample, column, none) for column in range(width)])
    striped = strength > _STANDS_OUT
    if striped.mean() > 0.5:
        # No column is like its neighbours: the better half of them is the measure.
        return striped, strength > np.median(strength)
    found = none.copy()
    # The strongest first: a stripe makes its neighbours look striped, until it is known.
    while strength.max() > _STANDS_OUT:
        strongest = int(strength.argmax())
        found[strongest], strength[strongest] = True, 0.0
        for column in _around(strongest, _REACH, width):
            if strength[column] > _STANDS_OUT:
                strength[column] = _strength(sample, column, found)
    return found, found


def _strength(sample: np.ndarray, column: int, without: np.ndarray) -> float:
    """How far a column's mean is from its neighbours', in the differences that are usual there.

    It is Hotelling's T2 per band, around 1 to 3 where there is no stripe: unlike the differences of
    single bands it does not drown in those of the ground, which few spectra can tell.
    """
    bands = sample.shape[2]
    others = [other for other in _around(column, _REACH, sample.shape[1]) if not without[other]]
    if not others:
        return 0.0
    near = sample[:, [column, *others]]
    near = near[np.isfinite(near).all(axis=(1, 2))].astype(np.float64)
    if len(near) < max(_LEAST_ROWS, 2 * bands):
        # Too few rows for a covariance: no band counts for more than its own difference.
        if len(near) < _LEAST_ROWS:
            return 0.0
        apart = _usual(near[:, 0] - np.median(near[:, 1:], axis=1))
        return float(np.mean(apart.mean(axis=0) ** 2 * len(apart) / (apart.var(axis=0) + 1e-30)))
    # Most neighbours are not striped, so that their median is not.
    apart = _usual(near[:, 0] - np.median(near[:, 1:], axis=1))
    mean = apart.mean(axis=0)
    covariance = np.cov(apart.T) + 1e-9 * np.eye(bands) * apart.var(axis=0).mean()
    return float(len(apart) * mean @ np.linalg.lstsq(covariance, mean, rcond=None)[0] / bands)


def _usual(apart: np.ndarray) -> np.ndarray:
    """The rows of differences ``(r, b)`` that are not far out, as those with a target are."""
    return apart[_usual_rows(apart)]


def _usual_rows(apart: np.ndarray) -> np.ndarray:
    away = np.abs(apart - np.median(apart, axis=0))
    spread = np.median(away, axis=0) + 1e-30
    order = np.argsort(np.median(away / spread, axis=1), kind="stable")
    return order[: max(int(_KEPT * len(order)), 2)]


def _stripe(own: np.ndarray, around: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset of one column, per band, by means over the same rows in all bands.

    Parameters
    ----------
    own, around
        Values ``(r, b)`` of the column, and the means of its neighbours.
    """
    apart = own - around
    kept = _usual_rows(apart)
    apart, own, around = apart[kept], own[kept], around[kept]
    both = own + around
    level = np.abs(np.median(both, axis=0))
    order = np.argsort((both / np.where(level == 0, 1, level)).mean(axis=1))
    half = len(order) // 2
    dark, bright = (
        (own[part].mean(axis=0), apart[part].mean(axis=0)) for part in (order[:half], order[half:])
    )
    mean, middle = (dark[1] + bright[1]) / 2, (dark[0] + bright[0]) / 2
    contrast = bright[0] - dark[0]
    width = own.std(axis=0) + 1e-30
    # A stripe is a gain, unless the dark rows and the bright ones say otherwise.
    slope = np.divide(mean, middle, out=np.zeros_like(mean), where=middle > width)
    told = np.abs(contrast) > _LEAST_CONTRAST * width
    contrast = np.where(told, contrast, 1.0)
    stated = np.where(told, (bright[1] - dark[1]) / contrast, 0.0)
    error = (apart.std(axis=0) + 1e-30) * np.sqrt(4 / len(kept)) / np.abs(contrast)
    if told.any() and np.median((np.abs(stated - slope) / error)[told]) > _SURE:
        slope = stated
    gain = np.clip(1 - slope, *_GAINS)
    return gain, (1 - gain) * middle - mean


@dataclass(frozen=True, eq=False)
class _Background:
    """The spectra of a scene: their mean ``(b,)`` and directions ``(b, k)`` beyond the noise."""

    mean: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, sample: np.ndarray) -> _Background:
        pixels = sample[np.isfinite(sample).all(axis=2)].astype(np.float64)
        pixels = pixels[:: max(1, len(pixels) // _PIXELS)]
        values, vectors = np.linalg.eigh(np.cov(pixels.T))
        beyond = values > _BEYOND_NOISE * np.median(values)
        # The largest come last; half of the directions at least must be left to see a stripe in.
        beyond[: (len(values) + 1) // 2] = False
        return cls(pixels.mean(axis=0), vectors[:, beyond])

    def refined(
        self, own: np.ndarray, gain: np.ndarray, offset: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gain and offset by which a column's values ``(r, b)`` become spectra of the scene.

        The ground below a column is not its neighbours', but of the same kind: what is left in a
        band beside the scene's directions is left of the stripe.
        """
        for _ in range(_ROUNDS):
            apart = own * gain + offset - self.mean
            # Without the column's own noise, which would look like a gain.
            scene = apart @ self.directions @ self.directions.T
            rest = apart - scene
            kept = _usual_rows(rest)
            scene, rest = scene[kept], rest[kept]
            middle = scene.mean(axis=0)
            scene -= middle
            slope = (scene * rest).mean(axis=0) / ((scene**2).mean(axis=0) + 1e-30)
            slope = np.clip(slope, -0.5, 0.5)
            gain, offset = gain * (1 - slope), offset * (1 - slope)
            offset = offset + slope * (middle + self.mean) - rest.mean(axis=0)
        return np.clip(gain, *_GAINS), offset
