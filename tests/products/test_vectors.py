import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pyogrio
import pyogrio.raw
import pytest
import rasterio.features
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rasterio.crs import CRS
from rasterio.warp import transform as warp
from shapely.geometry import shape as from_mapping

from oddspec.detections import find_detections, flag_detections
from oddspec.errors import InputError, OddspecError
from oddspec.io.source import Georeference
from oddspec.products.outlines import longitude_latitude, outlines
from oddspec.products.rasters import write_mask
from oddspec.products.table import COLUMNS, tabulate
from oddspec.products.vectors import write_csv, write_geojson, write_geopackage

UTM = CRS.from_epsg(32633)
MOON = CRS.from_wkt(
    'GEOGCRS["Moon",DATUM["Moon",ELLIPSOID["Moon",1737400,0,LENGTHUNIT["metre",1]]],'
    'PRIMEM["Reference Meridian",0,ANGLEUNIT["degree",0.0174532925199433]],CS[ellipsoidal,2],'
    'AXIS["lat",north],AXIS["lon",east],ANGLEUNIT["degree",0.0174532925199433]]'
)
NORTH_UP = Affine(3.5, 0, 368000.25, 0, -3.5, 3280000.5)
ROTATED = Affine(3.1, 0.4, 500000.123, 0.4, -3.1, 3999000.7)
SOUTH_UP = Affine(3.5, 0, 368000.25, 0, 3.5, 3280000.5)


def found_in(mask, scores=None):
    mask = np.asarray(mask, dtype=bool)
    scores = np.arange(1.0, mask.size + 1).reshape(mask.shape) if scores is None else scores
    return flag_detections(find_detections(scores, mask), scores)


@pytest.fixture
def mask():
    """An object with a hole, a diagonal pair, a pixel in the last corner."""
    mask = np.zeros((20, 30), dtype=bool)
    mask[2:6, 3:8] = True
    mask[3:5, 4:6] = False
    mask[10, 12] = mask[11, 13] = True
    mask[19, 29] = True
    return mask


def on_map(transform: Affine, column: float, row: float) -> tuple[float, float]:
    a, b, c, d, e, f = transform[:6]
    return a * column + b * row + c, d * column + e * row + f


def read(path: Path):
    meta, _, wkb, fields = pyogrio.raw.read(path, layer="detections")
    return meta, shapely.from_wkb(wkb), dict(zip(meta["fields"], fields, strict=True))


@pytest.mark.parametrize("transform", [NORTH_UP, ROTATED, SOUTH_UP])
def test_corners_are_those_of_the_pixels(tmp_path: Path, mask, transform):
    """Pixel (19, 29), alone: its four corners on the map, to a millionth of a pixel."""
    found = found_in(mask)
    number = next(i for i, d in enumerate(found) if d.rows[0] == 19)
    table = tabulate(found, Georeference(UTM, transform))
    write_geopackage(tmp_path / "d.gpkg", table)
    _, polygons, _ = read(tmp_path / "d.gpkg")
    corners = {on_map(transform, 29 + i, 19 + j) for i in (0, 1) for j in (0, 1)}
    got = shapely.get_coordinates(polygons[number])[:-1]
    assert len(got) == 4
    for corner in corners:
        assert np.abs(got - corner).max(axis=1).min() < 1e-6 * 3


@given(mask=st.tuples(st.integers(1, 8), st.integers(1, 8)).flatmap(lambda s: arrays(np.bool_, s)))
@settings(max_examples=100, deadline=None)
def test_outlines_fill_exactly_the_pixels(mask):
    found = found_in(mask)
    polygons = outlines(found)
    assert shapely.is_valid(polygons).all()
    assert shapely.area(polygons).tolist() == found.sizes.tolist()
    for number, polygon in enumerate(polygons, start=1):
        burned = rasterio.features.rasterize([(polygon, 1)], mask.shape, dtype=np.uint8)
        own = np.zeros(mask.shape, dtype=bool)
        own[found[number - 1].rows, found[number - 1].columns] = True
        assert np.array_equal(burned == 1, own)
        assert (shapely.get_coordinates(polygon) % 1 == 0).all()


def test_same_outlines_as_gdal(mask):
    labels = np.zeros(mask.shape, dtype=np.int32)
    found = found_in(mask)
    for d in found:
        labels[d.rows, d.columns] = d.id
    parts: dict[int, list[shapely.Polygon]] = {}
    for geometry, value in rasterio.features.shapes(labels, labels > 0, connectivity=4):
        parts.setdefault(int(value), []).append(from_mapping(geometry))
    for number, polygon in enumerate(outlines(found), start=1):
        assert polygon.equals(shapely.union_all(parts[number]))


def test_diagonal_neighbours_are_parts_of_one_feature(mask):
    polygons = outlines(found_in(mask))
    diagonal = [p for p in polygons if p.geom_type == "MultiPolygon"]
    assert len(diagonal) == 1
    assert len(diagonal[0].geoms) == 2


def test_geopackage(tmp_path: Path, mask):
    table = tabulate(found_in(mask), Georeference(UTM, ROTATED), lambda s: 1 / s)
    write_geopackage(tmp_path / "d.gpkg", table, {"detector": "rx", "scene": "a\x1b[0m"})
    meta, polygons, fields = read(tmp_path / "d.gpkg")
    info = pyogrio.read_info(tmp_path / "d.gpkg", layer="detections")
    assert info["features"] == 3
    assert CRS.from_user_input(meta["crs"]) == UTM
    assert set(fields) == set(COLUMNS)
    assert fields["id"].tolist() == [1, 2, 3]
    assert fields["pixels"].tolist() == [1, 2, 16]
    assert fields["area"] == pytest.approx(np.array([1, 2, 16]) * (3.1**2 + 0.4**2))
    assert set(fields["area_unit"]) == {"m2"}
    assert fields["p_value"] == pytest.approx(1 / fields["peak_score"])
    assert fields["flags"].tolist() == ["on scene edge", "", ""]
    x, y = on_map(ROTATED, 29.5, 19.5)
    assert (fields["centroid_x"][0], fields["centroid_y"][0]) == pytest.approx((x, y), abs=1e-6)
    longitude, latitude = warp(UTM, CRS.from_epsg(4326), [x], [y])
    assert fields["longitude"][0] == pytest.approx(longitude[0], abs=1e-9)
    assert fields["latitude"][0] == pytest.approx(latitude[0], abs=1e-9)
    assert info["layer_metadata"]["detector"] == "rx"
    assert "\x1b" not in info["layer_metadata"]["scene"]
    assert shapely.area(polygons) == pytest.approx(fields["area"])


@pytest.mark.parametrize(
    "wkt", [MOON.to_wkt(), CRS.from_epsg(3035).to_wkt(), CRS.from_epsg(2263).to_wkt()]
)
def test_any_coordinate_system_comes_back(tmp_path: Path, mask, wkt):
    place = Georeference(CRS.from_wkt(wkt), Affine(1e-4, 0, 13, 0, -1e-4, 40))
    write_geopackage(tmp_path / "d.gpkg", tabulate(found_in(mask), place))
    assert CRS.from_user_input(read(tmp_path / "d.gpkg")[0]["crs"]) == place.crs


@pytest.mark.parametrize("epsg", [32633, 4326, 3035])
def test_geojson_is_longitude_latitude_and_counter_clockwise(tmp_path: Path, mask, epsg):
    corner = {32633: (4e5, 3e6), 4326: (13, 40), 3035: (4.3e6, 3e6)}[epsg]
    step = 1e-4 if epsg == 4326 else 3.5
    place = Georeference(CRS.from_epsg(epsg), Affine(step, 0, corner[0], 0, -step, corner[1]))
    table = tabulate(found_in(mask), place)
    write_geojson(tmp_path / "d.geojson", table)
    content = json.loads((tmp_path / "d.geojson").read_text(encoding="utf-8"))
    assert content["type"] == "FeatureCollection"
    assert "crs" not in content
    assert "longitude and latitude" in content["description"]
    assert len(content["features"]) == 3
    expected = longitude_latitude(table.geometries, place)
    for feature, polygon in zip(content["features"], expected, strict=True):
        geometry = from_mapping(feature["geometry"])
        assert geometry.equals_exact(polygon, 1e-8, normalize=True)
        for part in getattr(geometry, "geoms", [geometry]):
            assert part.exterior.is_ccw
            assert not any(ring.is_ccw for ring in part.interiors)
        assert set(feature["properties"]) >= set(COLUMNS) - {"mean_spectrum"}


def test_geojson_at_the_date_line_is_cut(tmp_path: Path):
    mask = np.zeros((10, 200), dtype=bool)
    mask[5, 10:190] = True
    place = Georeference(CRS.from_epsg(32601), Affine(10, 0, 166021.44 - 1000, 0, -10, 60))
    write_geojson(tmp_path / "d.geojson", tabulate(found_in(mask), place))
    content = json.loads((tmp_path / "d.geojson").read_text(encoding="utf-8"))
    parts = from_mapping(content["features"][0]["geometry"]).geoms
    assert sorted(np.sign(part.centroid.x) for part in parts) == [-1, 1]
    assert all(part.bounds[2] - part.bounds[0] < 1 for part in parts)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (None, "Coordinates are pixels"),
        (Georeference(None, NORTH_UP), "coordinate system is unknown"),
        (Georeference(MOON, Affine(1e-3, 0, 20, 0, -1e-3, 20)), "own coordinate system"),
    ],
)
def test_without_a_way_to_longitude_and_latitude_there_is_no_geojson(tmp_path, mask, place, words):
    """A GIS would take any other coordinates for longitude and latitude."""
    table = tabulate(found_in(mask), place)
    with pytest.raises(InputError, match="no coordinate system that leads to longitude"):
        write_geojson(tmp_path / "d.geojson", table)
    assert list(tmp_path.iterdir()) == []
    write_geopackage(tmp_path / "d.gpkg", table)
    with closing(sqlite3.connect(tmp_path / "d.gpkg")) as file:
        assert words in file.execute("SELECT description FROM gpkg_contents").fetchone()[0]
    assert read(tmp_path / "d.gpkg")[2]["longitude"] == pytest.approx(
        np.full(3, np.nan), nan_ok=True
    )


@pytest.mark.parametrize(
    "place",
    [
        None,
        Georeference(None, NORTH_UP),
        Georeference(UTM, NORTH_UP),
        Georeference(UTM, ROTATED),
        Georeference(UTM, SOUTH_UP),
        Georeference(MOON, Affine(1e-3, 0, 20, 0, -1e-3, 20)),
    ],
)
def test_layers_of_one_scene_lie_on_each_other(tmp_path: Path, mask, place):
    """Polygons burnt into the raster's pixels are the mask; each centroid lies on its object."""
    scores = np.arange(1.0, mask.size + 1).reshape(mask.shape)
    found = found_in(mask, scores)
    write_mask(tmp_path / "m.tif", found, scores, place)
    table = tabulate(found, place)
    write_geopackage(tmp_path / "d.gpkg", table)
    write_csv(tmp_path / "d.csv", table)
    meta, polygons, fields = read(tmp_path / "d.gpkg")
    with rasterio.open(tmp_path / "m.tif") as layer:
        band, transform, crs = layer.read(1), layer.transform, layer.crs
    if place is None:
        # GDAL gives (column, row) here; QGIS shows such a raster below the x axis, y = -row.
        assert transform.is_identity
        transform = Affine(1, 0, 0, 0, -1, 0)
    assert (meta["crs"] is None) == (crs is None)
    assert crs is None or CRS.from_user_input(meta["crs"]) == crs
    burnt = rasterio.features.rasterize(zip(polygons, fields["id"], strict=True), band.shape,
                                        transform=transform)  # fmt: skip
    assert np.array_equal(burnt > 0, band == 1)
    with open(tmp_path / "d.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    for row, polygon in zip(rows, polygons, strict=True):
        x, y = float(row["centroid_x"]), float(row["centroid_y"])
        assert polygon.convex_hull.buffer(1e-6).contains(shapely.Point(x, y))
        column, line = on_map(~transform, x, y)
        assert int(row["first_row"]) < line < int(row["last_row"]) + 1
        assert int(row["first_column"]) < column < int(row["last_column"]) + 1
        peak = on_map(transform, int(row["peak_column"]) + 0.5, int(row["peak_row"]) + 0.5)
        assert polygon.contains(shapely.Point(peak))


def test_units_of_area(mask):
    found = found_in(mask)

    def area(place):
        table = tabulate(found, place)
        return table.columns["area"][0], table.columns["area_unit"][0]

    assert area(None) == (1.0, "pixels")
    assert area(Georeference(None, NORTH_UP)) == (3.5**2, "square map units")
    assert area(Georeference(UTM, NORTH_UP)) == (3.5**2, "m2")
    feet = area(Georeference(CRS.from_epsg(2263), NORTH_UP))
    assert feet == (pytest.approx((3.5 * 1200 / 3937) ** 2), "m2")
    assert area(Georeference(MOON, Affine(1e-3, 0, 20, 0, -1e-3, 20))) == (1.0, "pixels")


@pytest.mark.parametrize("latitude", [0.0, 45.0, 80.0])
def test_geographic_area_is_the_ellipsoid_s(latitude):
    """Against the closed form for a quadrangle between parallels (Snyder 1987, eq. 3-12)."""
    step = 1e-4
    mask = np.ones((3, 4), dtype=bool)
    place = Georeference(CRS.from_epsg(4326), Affine(step, 0, 10, 0, -step, latitude))
    table = tabulate(found_in(mask), place)
    a, f = 6378137.0, 1 / 298.257223563
    e = np.sqrt(f * (2 - f))

    def q(degrees):
        s = np.sin(np.radians(degrees))
        return (1 - e**2) * (s / (1 - (e * s) ** 2) + np.arctanh(e * s) / e)

    expected = a**2 / 2 * np.radians(4 * step) * (q(latitude) - q(latitude - 3 * step))
    assert table.columns["area"][0] == pytest.approx(expected, rel=1e-6)


def test_csv_cells_are_no_formulas(tmp_path: Path, mask):
    for name in ("=HYPERLINK(1)", "+1", "-1", "@a", "\t=1", " =1", "\r=1"):
        write_csv(tmp_path / "d.csv", tabulate(found_in(mask)), name)
        with open(tmp_path / "d.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 3
        assert rows[0]["scene"].startswith("'")
    assert rows[0]["p_value"] == ""
    assert float(rows[0]["peak_score"]) == 600.0


def test_csv_keeps_negative_numbers(tmp_path: Path, mask):
    table = tabulate(found_in(mask), Georeference(UTM, Affine(3, 0, -9e5, 0, -3, 1e6)))
    write_csv(tmp_path / "d.csv", table, 'a "quoted", name')
    with open(tmp_path / "d.csv", newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert float(row["centroid_x"]) == -9e5 + 3 * 29.5
    assert row["scene"] == 'a "quoted", name'


def test_nothing_detected(tmp_path: Path):
    table = tabulate(found_in(np.zeros((4, 5))), Georeference(UTM, NORTH_UP))
    write_geopackage(tmp_path / "d.gpkg", table)
    write_geojson(tmp_path / "d.geojson", table)
    write_csv(tmp_path / "d.csv", table)
    assert pyogrio.read_info(tmp_path / "d.gpkg", layer="detections")["features"] == 0
    assert set(read(tmp_path / "d.gpkg")[0]["fields"]) == set(COLUMNS)
    assert json.loads((tmp_path / "d.geojson").read_text())["features"] == []
    assert len((tmp_path / "d.csv").read_text().splitlines()) == 1


def test_infinite_scores_become_null(tmp_path: Path):
    scores = np.zeros((3, 3))
    scores[1, 1] = np.inf
    place = Georeference(UTM, NORTH_UP)
    write_geojson(tmp_path / "d.geojson", tabulate(found_in(scores > 1, scores), place))
    content = json.loads((tmp_path / "d.geojson").read_text(), parse_constant=pytest.fail)
    assert content["features"][0]["properties"]["peak_score"] is None


@pytest.mark.parametrize("write", [write_geopackage, write_geojson])
def test_old_file_survives_a_failure(tmp_path: Path, mask, monkeypatch, write):
    path = tmp_path / ("d.gpkg" if write is write_geopackage else "d.geojson")
    table = tabulate(found_in(mask), Georeference(UTM, NORTH_UP))
    write(path, table)
    before = path.read_bytes()

    def full(path, *args, **options):
        path.write_bytes(b"half")
        raise pyogrio.errors.DataSourceError("disk I/O error")

    monkeypatch.setattr(pyogrio.raw, "write", full)
    with pytest.raises(OddspecError, match=r"cannot be written.*disk I/O error"):
        write(path, table)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_file_that_lacks_features_is_noticed(tmp_path: Path, mask, monkeypatch):
    table = tabulate(found_in(mask), Georeference(UTM, NORTH_UP))
    write = pyogrio.raw.write

    def shorter(path, geometry, data, fields, **options):
        write(path, geometry[:1], [column[:1] for column in data], fields, **options)

    monkeypatch.setattr(pyogrio.raw, "write", shorter)
    with pytest.raises(OddspecError, match="1 of 3 features"):
        write_geopackage(tmp_path / "d.gpkg", table)
    assert list(tmp_path.iterdir()) == []
