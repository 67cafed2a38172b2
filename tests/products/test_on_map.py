"""Scenes in sensor geometry: what is found lies at the right place on the map."""

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.crs import CRS

from oddspec.detections import find_detections
from oddspec.io.geolocation import LookupTable
from oddspec.io.source import ArraySource, Georeference
from oddspec.products import write_products
from oddspec.products.on_map import detections_on_map
from oddspec.products.table import tabulate
from oddspec.scene import Scene
from oddspec.threshold import Threshold

PLACE = Georeference(CRS.from_epsg(32633), Affine(10, 0, 4e5, 0, -10, 4e6))


@pytest.fixture
def turned():
    """A sensor of 12 x 16 pixels whose rows run from south to north; a frame of 2 is void."""
    rows, columns = np.full((2, 16, 20), -1, np.int32)
    rows[2:14, 2:18] = np.arange(12)[::-1, None]
    columns[2:14, 2:18] = np.arange(16)
    return LookupTable(rows, columns, PLACE)


@pytest.fixture
def found():
    scores = np.ones((12, 16))
    scores[0, 3:5] = 9  # the map's last row with data, y = 13
    scores[11, 15] = 8  # and its first, y = 2
    return scores, find_detections(scores, scores > 5)


def test_pixels_of_the_map(turned, found):
    moved = detections_on_map(found[1], turned)
    assert moved.shape == (16, 20)
    assert [np.divmod(moved.pixels, 20)[i].tolist() for i in (0, 1)] == [[13, 13, 2], [5, 6, 17]]
    assert moved.starts.tolist() == [0, 2, 3]
    assert moved.scores.tolist() == [9, 9, 8]


def test_what_no_map_pixel_shows_lies_at_its_nearest_neighbour(turned, found):
    columns = turned.columns.copy()
    columns[columns == 15] = 14
    moved = detections_on_map(found[1], LookupTable(turned.rows, columns, PLACE))
    assert moved.starts.tolist() == [0, 2, 3]
    assert divmod(int(moved.pixels[2]), 20) in [(2, 16), (2, 17)]


def test_table_is_of_the_ground_and_of_the_sensor(turned, found):
    table = tabulate(found[1], lookup=turned)
    row = table.rows()[0]
    # Columns 5 and 6 of the map, row 13: 20 m x 10 m.
    assert (row["centroid_x"], row["centroid_y"]) == (4e5 + 60, 4e6 - 135)
    assert (row["area"], row["area_unit"]) == (200, "m2")
    assert (row["peak_row"], row["peak_column"], row["pixels"]) == (0, 3, 2)
    assert shapely.bounds(table.geometries[0]).tolist() == [
        4e5 + 50,
        4e6 - 140,
        4e5 + 70,
        4e6 - 130,
    ]


def test_products_lie_on_each_other(tmp_path, rng, turned, found):
    scores, detections = found
    scores[5, 5] = np.nan
    scene = Scene.of(ArraySource(rng.normal(size=(12, 16, 5)), name="line"))
    threshold = Threshold(5.0, "top", None, None, scores.size)
    products = write_products(
        tmp_path, scene, scores, threshold, detections, detector="rx", lookup=turned
    )
    assert {"scores_sensor.tif", "mask_sensor.tif"} <= products.paths.keys()
    with rasterio.open(tmp_path / "scores.tif") as layer:
        assert (layer.crs.to_epsg(), layer.transform[:6]) == (32633, (10, 0, 4e5, 0, -10, 4e6))
        np.testing.assert_array_equal(
            layer.read(1), turned.to_map(scores, np.nan).astype(np.float32)
        )
    with rasterio.open(tmp_path / "scores_sensor.tif") as layer:
        assert layer.crs is None
        np.testing.assert_array_equal(layer.read(1), scores.astype(np.float32))
    with rasterio.open(tmp_path / "mask.tif") as layer:
        mask = layer.read(1)
        assert np.argwhere(mask == 1).tolist() == [[2, 17], [13, 5], [13, 6]]
        assert (mask[0] == 255).all()
        assert mask[8, 7] == 255  # row 5, column 5 of the sensor
        _, _, geometry, _ = pyogrio.raw.read(tmp_path / "detections.gpkg")
        burnt = rasterio.features.geometry_mask(
            shapely.from_wkb(geometry), mask.shape, layer.transform, invert=True
        )
    np.testing.assert_array_equal(burnt, mask == 1)
