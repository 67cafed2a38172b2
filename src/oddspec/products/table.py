"""The detections as a table: one row per object, the same columns in every product."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from oddspec.detections import Detections
from oddspec.io.geolocation import LookupTable
from oddspec.io.source import Georeference
from oddspec.products.on_map import detections_on_map
from oddspec.products.outlines import ground_areas, longitude_latitude, outlines, to_map
from oddspec.products.spectra import Spectra

PValue = Callable[[np.ndarray], np.ndarray]
"""Probability that a background pixel has a score at least as large, one per given score."""

COLUMNS = {
    "id": "rank by peak score, 1 is the highest",
    "pixels": "number of pixels",
    "area": "area on the ground, in area_unit",
    "area_unit": "m2, square map units, or pixels where nothing is known about the ground",
    "peak_score": "largest score",
    "mean_score": "mean score",
    "p_value": "probability that one background pixel scores as high as the peak; empty if unknown",
    "centroid_x": "mean of the pixel centres, in map units (column without a georeference)",
    "centroid_y": "mean of the pixel centres, in map units (minus row without a georeference)",
    "longitude": "of the centroid, WGS 84; empty without a coordinate system",
    "latitude": "of the centroid, WGS 84; empty without a coordinate system",
    "peak_row": "row of the pixel with the largest score, the first row is 0",
    "peak_column": "column of the pixel with the largest score, the first column is 0",
    "first_row": "first row of the object",
    "last_row": "last row of the object",
    "first_column": "first column of the object",
    "last_column": "last column of the object",
    "flags": "reasons for a second look, separated by semicolons",
    "mean_spectrum": "mean of the object's spectra over the used bands, as the detector saw them",
}
"""Name of every column and what it holds."""


@dataclass(frozen=True, eq=False)
class Table:
    """Columns by name (see `COLUMNS`), one value per detection, and their outlines.

    Attributes
    ----------
    columns
        Arrays of one length; NaN or None where there is no value.
    outlines
        In pixels, ``(x, y) = (column, row)``, of the map where there is a lookup table; Shapely
        geometries.
    geometries
        The same in map coordinates; without a georeference ``(column, -row)``, see `to_map`.
    georeference
        Of the scene, or of the map that its lookup table leads to.
    has_longitude_latitude
        Whether the coordinate system leads to WGS 84.
    """

    columns: dict[str, np.ndarray]
    outlines: np.ndarray
    geometries: np.ndarray
    georeference: Georeference | None
    has_longitude_latitude: bool

    def __len__(self) -> int:
        return len(self.geometries)

    def rows(self, count: int | None = None) -> list[dict[str, Any]]:
        """The first ``count`` rows (all by default) as plain Python values."""
        lists = {name: values[:count].tolist() for name, values in self.columns.items()}
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def tabulate(
    detections: Detections,
    georeference: Georeference | None = None,
    p_value: PValue | None = None,
    spectra: Spectra | None = None,
    lookup: LookupTable | None = None,
) -> Table:
    """Measure the detections on the ground.

    Parameters
    ----------
    detections
        See `oddspec.detections.find_detections` and `flag_detections`.
    georeference
        Of the scene; None if it has none. Without effect where there is a lookup table.
    p_value
        Takes scores, gives probabilities; None leaves the column empty.
    spectra
        Mean spectra of the first detections; None leaves the column empty.
    lookup
        Of a scene in sensor geometry: outlines, centroids and areas are those on the map, rows and
        columns stay the sensor's.
    """
    import shapely

    placed = detections
    if lookup is not None:
        placed, georeference = detections_on_map(detections, lookup), lookup.georeference
    in_pixels = outlines(placed)
    geometries = to_map(in_pixels, georeference)
    x, y = _centroids(placed)
    centres = to_map(shapely.points(x, y), georeference)
    lonlat = longitude_latitude(centres, georeference)
    lon, lat = np.full((2, len(detections)), np.nan) if lonlat is None else _xy(lonlat)
    area, unit = ground_areas(placed, geometries, georeference)
    peak_rows, peak_columns = np.divmod(detections.peak_index, max(detections.shape[1], 1))
    p = np.full(len(detections), np.nan) if p_value is None else p_value(detections.peak)
    columns = {
        "id": np.arange(1, len(detections) + 1),
        "pixels": detections.sizes,
        "area": area,
        "area_unit": np.full(len(detections), unit, dtype=object),
        "peak_score": detections.peak,
        "mean_score": detections.mean_score,
        "p_value": np.asarray(p, dtype=np.float64),
        "centroid_x": _xy(centres)[0],
        "centroid_y": _xy(centres)[1],
        "longitude": lon,
        "latitude": lat,
        "peak_row": peak_rows,
        "peak_column": peak_columns,
        **_extents(detections),
        "flags": _objects(["; ".join(f) for f in detections.flags] or [""] * len(detections)),
        "mean_spectrum": _objects(_spectrum_texts(len(detections), spectra)),
    }
    return Table(columns, in_pixels, geometries, georeference, lonlat is not None)


def _centroids(detections: Detections) -> tuple[np.ndarray, np.ndarray]:
    if not len(detections):
        return np.zeros(0), np.zeros(0)
    starts, sizes = detections.starts[:-1], detections.sizes
    x = np.add.reduceat(detections.columns, starts) / sizes + 0.5
    y = np.add.reduceat(detections.rows, starts) / sizes + 0.5
    return x, y


def _extents(detections: Detections) -> dict[str, np.ndarray]:
    if not len(detections):
        names = ("first_row", "last_row", "first_column", "last_column")
        return {name: np.zeros(0, dtype=np.int64) for name in names}
    starts, rows, columns = detections.starts[:-1], detections.rows, detections.columns
    return {
        "first_row": np.minimum.reduceat(rows, starts),
        "last_row": np.maximum.reduceat(rows, starts),
        "first_column": np.minimum.reduceat(columns, starts),
        "last_column": np.maximum.reduceat(columns, starts),
    }


def _xy(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import shapely

    return shapely.get_x(points), shapely.get_y(points)


def _objects(values: list[str | None]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _spectrum_texts(count: int, spectra: Spectra | None) -> list[str | None]:
    """JSON lists, seven digits being more than any sensor has."""
    texts: list[str | None] = [None] * count
    if spectra is not None:
        for i, mean in enumerate(spectra.means):
            values = [float(f"{value:.7g}") if np.isfinite(value) else None for value in mean]
            texts[i] = json.dumps(values)
    return texts
