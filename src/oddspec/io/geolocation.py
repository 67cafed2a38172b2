"""Where the pixels of a scene in sensor geometry lie on the map.

A sensor's rows and columns are no map: lines bend, pixels overlap. Detection goes on where pixels
were measured, each once; a table then says for each pixel of the map which of them lies there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from oddspec.errors import InputError
from oddspec.io.source import Georeference, Source

VOID = -1
"""In place of a row and a column, where nothing was measured."""


@dataclass(frozen=True, eq=False)
class LookupTable:
    """For each pixel of a map, the pixel of the sensor that lies there.

    Attributes
    ----------
    rows, columns
        Of the sensor ``(H, W)``, int32, from 0; `VOID` where nothing was measured.
    georeference
        Of the map.
    """

    rows: np.ndarray
    columns: np.ndarray
    georeference: Georeference

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the map."""
        h, w = self.rows.shape
        return h, w

    @property
    def valid(self) -> np.ndarray:
        """Where the map has a pixel ``(H, W)``, bool."""
        return np.asarray(self.rows != VOID)

    def to_map(self, values: np.ndarray, fill: float) -> np.ndarray:
        """Values ``(h, w, ...)`` of the sensor on the map: each map pixel's own, no mean."""
        return OnMap(values, self, fill)[:, :]

    def to_sensor(self, image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Pixels ``(h, w)`` of the sensor that some set pixel of a map image ``(H, W)`` shows."""
        found = np.zeros(shape, dtype=bool)
        shown = image & self.valid
        found[self.rows[shown], self.columns[shown]] = True
        return found

    @classmethod
    def checked(
        cls,
        path: Path,
        rows: np.ndarray,
        columns: np.ndarray,
        shape: tuple[int, int],
        georeference: Georeference,
    ) -> LookupTable:
        """A table whose places all lie within a sensor's rows and columns.

        Parameters
        ----------
        path
            The file, for messages.
        rows, columns
            As in the attributes, of any type of whole numbers; negative ones are void.
        shape
            Rows and columns of the sensor.
        georeference
            Of the map.

        Raises
        ------
        InputError
            If they are of different sizes, if one lies outside, or if none lies inside.
        """
        if rows.shape != columns.shape or rows.ndim != 2:
            raise InputError(
                f"{path}: its lookup table has {rows.shape} rows but {columns.shape} columns, "
                f"where two arrays of one size were expected; the file is damaged"
            )
        void = (rows < 0) | (columns < 0)
        for what, found, most in zip(("row", "column"), (rows, columns), shape, strict=True):
            largest = int(found[~void].max(initial=-1))
            if largest >= most:
                raise InputError(
                    f"{path}: its lookup table leads to {what} {largest + 1}, but the scene has "
                    f"{most}; table and scene do not belong together"
                )
        if void.all():
            raise InputError(
                f"{path}: its lookup table is empty: no pixel of the scene has a place on the map"
            )
        return cls(
            np.where(void, VOID, rows).astype(np.int32),
            np.where(void, VOID, columns).astype(np.int32),
            georeference,
        )


@dataclass(frozen=True, eq=False)
class OnMap:
    """Values of a scene in sensor geometry, seen on the map: indexed by slices of the map.

    Attributes
    ----------
    values
        ``(h, w, ...)``, may be a ``numpy.memmap``; only what a window shows is read.
    table
        The way to the sensor.
    fill
        Where the map has no pixel.
    """

    values: np.ndarray
    table: LookupTable
    fill: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns of the map, and what else a pixel has."""
        return (*self.table.shape, *self.values.shape[2:])

    def __getitem__(self, window: slice | tuple[slice, slice]) -> np.ndarray:
        rows, columns = self.table.rows[window], self.table.columns[window]
        # Void places lead to the first pixel, and are filled after.
        found = np.array(self.values[np.maximum(rows, 0), np.maximum(columns, 0)])
        found[rows == VOID] = self.fill
        return found


@runtime_checkable
class HasGeolocation(Protocol):
    """A source in sensor geometry that knows where its pixels lie."""

    def geolocation(self) -> LookupTable | None:
        """The way to the map; None where the product does not tell it."""


def lookup_table(source: Source) -> LookupTable | None:
    """The way from a scene to the map, where its own pixels are none of a map.

    Raises
    ------
    InputError
        If it is damaged.
    """
    if source.metadata.georeference is not None or not isinstance(source, HasGeolocation):
        return None
    return source.geolocation()


def table_of_coordinates(
    longitudes: np.ndarray, latitudes: np.ndarray, spacing: float | None = None
) -> LookupTable:
    """The nearest measured pixel for each pixel of a regular grid of longitude and latitude.

    The grid is as fine as the pixels lie apart in the median; a grid pixel without a measured one
    within a pixel and a half is void.

    Parameters
    ----------
    longitudes, latitudes
        Degrees ``(h, w)`` of the centres of the sensor's pixels; NaN where unknown.
    spacing
        Degrees between the grid's pixels.

    Raises
    ------
    InputError
        If no pixel has a place, or they cross the 180th meridian.
    """
    from affine import Affine
    from rasterio.crs import CRS
    from scipy.spatial import cKDTree

    known = np.isfinite(longitudes) & np.isfinite(latitudes)
    known &= (np.abs(longitudes) <= 180) & (np.abs(latitudes) <= 90)
    if not known.any():
        raise InputError("longitudes and latitudes: no pixel has any that are on the globe")
    x, y = longitudes[known].astype(np.float64), latitudes[known].astype(np.float64)
    if np.ptp(x) > 180:
        raise InputError("longitudes: the scene crosses the 180th meridian, which is not supported")
    # Near the poles a degree of longitude is short: distances are taken in degrees of latitude.
    shrink = max(np.cos(np.radians(y.mean())), 1e-3)
    if spacing is None:
        steps = [
            np.hypot(np.diff(longitudes, axis=axis) * shrink, np.diff(latitudes, axis=axis))
            for axis in (0, 1)
        ]
        lengths = [np.nanmedian(step) for step in steps if np.isfinite(step).any()]
        spacing = float(np.mean(lengths)) if lengths else 1e-3
    across = spacing / shrink
    left, top = x.min() - across / 2, y.max() + spacing / 2
    width = int(np.ceil((x.max() + across / 2 - left) / across - 1e-9))
    height = int(np.ceil((top - (y.min() - spacing / 2)) / spacing - 1e-9))
    if width * height > 16 * known.size + 10_000:
        raise InputError(
            f"longitudes and latitudes: a grid of {height} x {width} pixels would be needed for "
            f"{known.size} pixels, so the coordinates are damaged"
        )
    centres_x = left + (np.arange(width) + 0.5) * across
    centres_y = top - (np.arange(height) + 0.5) * spacing
    tree = cKDTree(np.column_stack([x * shrink, y]))
    grid = np.stack(np.meshgrid(centres_x * shrink, centres_y), axis=-1).reshape(-1, 2)
    distance, nearest = tree.query(grid, distance_upper_bound=1.5 * spacing)
    rows, columns = np.nonzero(known)
    found = np.isfinite(distance)
    place = np.where(found, nearest, 0)
    transform = Affine(across, 0.0, left, 0.0, -spacing, top)
    return LookupTable(
        np.where(found, rows[place], VOID).astype(np.int32).reshape(height, width),
        np.where(found, columns[place], VOID).astype(np.int32).reshape(height, width),
        Georeference(CRS.from_epsg(4326), transform),
    )
