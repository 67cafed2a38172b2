"""The way from a sensor's pixels to the map and back."""

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from oddspec.errors import InputError
from oddspec.io.geolocation import LookupTable, OnMap, table_of_coordinates
from oddspec.io.source import Georeference

PLACE = Georeference(CRS.from_epsg(32633), Affine(10, 0, 4e5, 0, -10, 4e6))


@pytest.fixture
def table():
    """A sensor of 2 x 3 pixels on a map of 3 x 4: pixel (1, 2) is shown twice, (0, 0) nowhere."""
    rows = np.array([[-1, 0, 0, -1], [1, 1, 1, 1], [-1, -1, -1, -1]], np.int32)
    columns = np.array([[-1, 1, 2, -1], [0, 1, 2, 2], [-1, -1, -1, -1]], np.int32)
    return LookupTable(rows, columns, PLACE)


def test_values_on_the_map(table):
    values = np.array([[1.0, 2, 3], [4, 5, 6]])
    expected = [[0, 2, 3, 0], [4, 5, 6, 6], [0, 0, 0, 0]]
    assert table.to_map(values, 0).tolist() == expected
    seen = OnMap(values, table, 0)
    assert seen.shape == (3, 4)
    assert seen[1:3, 2:4].tolist() == [[6, 6], [0, 0]]
    assert seen[0:1].tolist() == [expected[0]]
    colours = np.stack([values, values * 10], axis=-1)
    assert table.to_map(colours, -1)[1, 3].tolist() == [6, 60]


def test_marks_of_the_map_at_the_sensor(table):
    image = np.zeros((3, 4), bool)
    image[1, 3] = image[2, 0] = True  # the second has no pixel
    assert np.argwhere(table.to_sensor(image, (2, 3))).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ([[0, 2]], [[0, 0]], "leads to row 3, but the scene has 2"),
        ([[0, 1]], [[0, 3]], "leads to column 4, but the scene has 3"),
        ([[-1, -1]], [[0, 0]], "is empty"),
        ([[0, 1]], [[0]], "two arrays of one size"),
    ],
)
def test_damaged_tables_are_refused(rows, columns, message):
    with pytest.raises(InputError, match=message):
        LookupTable.checked(Path("x.nc"), np.array(rows), np.array(columns), (2, 3), PLACE)


def test_coordinates_give_the_nearest_pixel():
    # North is at the bottom of this sensor, and its columns run from east to west.
    latitudes = np.linspace(10.0, 10.05, 6)[:, None] + np.zeros(4)
    longitudes = np.linspace(20.03, 20.0, 4) + np.zeros((6, 1))
    found = table_of_coordinates(longitudes, latitudes)
    transform = found.georeference.transform
    assert found.georeference.crs.to_epsg() == 4326
    for row in range(6):
        for column in range(4):
            x, y = ~transform @ (longitudes[row, column], latitudes[row, column])
            at = int(y), int(x)
            assert (found.rows[at], found.columns[at]) == (row, column)
    assert found.valid.mean() > 0.8


def test_unknown_coordinates_are_no_pixels():
    latitudes, longitudes = np.meshgrid(np.arange(5) * 0.1, np.arange(5) * 0.1, indexing="ij")
    latitudes[2, 2] = np.nan
    longitudes[3, 3] = -9999
    found = table_of_coordinates(longitudes, latitudes)
    seen = set(zip(found.rows.ravel().tolist(), found.columns.ravel().tolist(), strict=True))
    assert (2, 2) not in seen
    assert (3, 3) not in seen
    assert (1, 1) in seen


def test_coordinates_that_cannot_be():
    with pytest.raises(InputError, match="180th meridian"):
        table_of_coordinates(np.array([[179.9, -179.9]]), np.zeros((1, 2)))
    with pytest.raises(InputError, match="no pixel has any"):
        table_of_coordinates(np.full((2, 2), np.nan), np.zeros((2, 2)))
    far = np.zeros((3, 3))
    far[0, 0] = 80
    near = np.arange(9).reshape(3, 3) * 1e-4
    with pytest.raises(InputError, match="coordinates are damaged"):
        table_of_coordinates(near, near.T + far)
