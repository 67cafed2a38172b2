"""Where the pixels of a made product lie, whose lines of flight are turned against the map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oddspec.io.geolocation import table_of_coordinates
from oddspec.io.source import Georeference
from oddspec.scenes.products.content import write_truth_image

_TURN = np.radians(12.0)
"""Of the flight direction against the map."""


@dataclass(frozen=True, eq=False)
class Flight:
    """Places of a sensor's pixels, and the way to them from a map.

    Attributes
    ----------
    place
        Of the map.
    lines, samples
        For each pixel of the map ``(H, W)``, int32, the row and the column of the sensor, counted
        from 1; 0 where nothing was measured.
    x, y
        On the map ``(h, w)``, float64, of the centres of the sensor's pixels.
    """

    place: Georeference
    lines: np.ndarray
    samples: np.ndarray
    x: np.ndarray
    y: np.ndarray

    @property
    def wkt(self) -> str:
        """The map's coordinate system as text."""
        return self.place.crs.to_wkt() if self.place.crs else ""

    def to_map(self, truth: np.ndarray) -> np.ndarray:
        """A truth ``(h, w)`` on the map ``(H, W)``; 255 where nothing was measured."""
        return np.where(self.samples > 0, truth[self.lines - 1, self.samples - 1], 255)

    def write_truths(self, folder: Path, truth: np.ndarray, coordinates: type | None) -> list[Path]:
        """Write a truth in the sensor's geometry and on the map.

        Parameters
        ----------
        folder
            Where to.
        truth
            Target pixels ``(h, w)``, bool.
        coordinates
            Type of the longitudes and latitudes, for a product that has nothing else: its map is
            that of `table_of_coordinates`. None for a product with a lookup table.
        """
        place, on_map = self.place, self.to_map(truth)
        if coordinates is not None:
            table = table_of_coordinates(self.x.astype(coordinates), self.y.astype(coordinates))
            place, on_map = table.georeference, table.to_map(truth.astype(np.uint8), 255)
        return [
            write_truth_image(folder / "truth_sensor.tif", truth, None),
            write_truth_image(folder / "truth_map.tif", on_map, place),
        ]


def turned_flight(
    rows: int, columns: int, *, pixel: float, corner: tuple[float, float], epsg: int = 4326
) -> Flight:
    """Lines of flight that are turned by 12 degrees.

    Parameters
    ----------
    rows, columns
        Of the sensor.
    pixel
        Length of the side of a pixel, in units of the map.
    corner
        Upper left one of the map.
    epsg
        Its coordinate system.
    """
    from affine import Affine
    from rasterio.crs import CRS
    from scipy.spatial import cKDTree

    cos, sin = np.cos(_TURN), np.sin(_TURN)
    i, j = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    # Right and down on the map, in its pixels, of the centres of the sensor's pixels.
    right, down = cos * j + sin * i, -sin * j + cos * i
    right, down = right - right.min() + 1, down - down.min() + 1
    height, width = int(np.ceil(down.max())) + 1, int(np.ceil(right.max())) + 1
    transform = Affine(pixel, 0.0, corner[0], 0.0, -pixel, corner[1])
    y, x = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
    distance, nearest = cKDTree(np.column_stack([right.ravel(), down.ravel()])).query(
        np.column_stack([x.ravel(), y.ravel()]), distance_upper_bound=0.75
    )
    found = np.isfinite(distance).reshape(height, width)
    at = np.where(found.ravel(), nearest, 0)
    return Flight(
        Georeference(CRS.from_epsg(epsg), transform),
        np.where(found, (at // columns + 1).reshape(height, width), 0).astype(np.int32),
        np.where(found, (at % columns + 1).reshape(height, width), 0).astype(np.int32),
        corner[0] + pixel * right,
        corner[1] - pixel * down,
    )
