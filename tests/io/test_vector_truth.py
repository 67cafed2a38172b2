"""Truths that are polygons: GeoPackage, GeoJSON, shapefile."""

import json
import struct
import warnings
from contextlib import suppress

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

from oddspec.command import main
from oddspec.detections import find_detections
from oddspec.errors import BudgetError, DataWarning, InputError
from oddspec.io.source import Georeference
from oddspec.io.truth import read_truth
from oddspec.products.table import tabulate
from oddspec.products.vectors import write_geojson, write_geopackage

UTM = CRS.from_epsg(32611)
WGS84 = CRS.from_epsg(4326)
SCENE = Georeference(UTM, Affine(5, 0, 500000, 0, -5, 4000000))
ROTATED = Georeference(UTM, Affine(4, 3, 500000, 3, -4, 4000000))
SHAPE = (20, 30)

MASK = np.zeros(SHAPE, dtype=bool)
MASK[3:7, 4:9] = True
MASK[4:6, 5:7] = False  # a hole
MASK[12, 20] = MASK[13, 21] = True
MASK[19, 29] = True

FORMATS = {"t.gpkg": "GPKG", "t.shp": "ESRI Shapefile", "t.geojson": "GeoJSON"}


def polygons_of(mask, place=SCENE):
    scores = np.arange(1.0, mask.size + 1).reshape(mask.shape)
    return tabulate(find_detections(scores, mask), place).geometries


def moved(geometries, crs):
    def move(points):
        return np.column_stack(transform(UTM, crs, *points.T))

    return shapely.transform(geometries, move)


def save(path, geometries, crs, layer="truth", **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyogrio.raw.write(
            path, shapely.to_wkb(np.asarray(geometries, dtype=object)),
            [np.arange(len(geometries))], ["number"], driver=FORMATS[f"t{path.suffix}"],
            crs=None if crs is None else crs.to_wkt(), geometry_type="Unknown"
            if path.suffix != ".shp" else "Polygon", layer=layer, **options,
        )  # fmt: skip
    return path


def read(path, scene=SCENE, shape=SHAPE, variable=None):
    """The truth and what was told."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        truth = read_truth(path, shape, variable, georeference=scene)
    assert all(issubclass(warning.category, DataWarning) for warning in caught)
    return truth, " ".join(str(warning.message) for warning in caught)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("place", [SCENE, ROTATED])
@pytest.mark.parametrize("epsg", [32611, 4326, 32612])
def test_polygons_cover_their_pixels_in_any_system(tmp_path, name, place, epsg):
    crs = CRS.from_epsg(epsg)
    if name == "t.geojson" and epsg != 4326:
        pytest.skip("GeoJSON is in WGS 84")
    geometries = polygons_of(MASK, place)
    geometries = geometries if epsg == 32611 else moved(geometries, crs)
    truth, notes = read(save(tmp_path / name, geometries, crs), place)
    np.testing.assert_array_equal(truth > 0, MASK)
    assert truth.dtype == np.int32
    # Objects are told apart.
    assert len(np.unique(truth)) == 4
    assert "3 polygons, lines or points were burnt in as targets" in notes


@pytest.mark.parametrize("place", [SCENE, None, Georeference(None, SCENE.transform)])
def test_own_detections_come_back_as_a_truth(tmp_path, place):
    table = tabulate(find_detections(np.where(MASK, 2.0, 1.0), MASK), place)
    write_geopackage(tmp_path / "d.gpkg", table)
    np.testing.assert_array_equal(read(tmp_path / "d.gpkg", place)[0] > 0, MASK)
    if place is SCENE:
        write_geojson(tmp_path / "d.geojson", table)
        np.testing.assert_array_equal(read(tmp_path / "d.geojson")[0] > 0, MASK)


def test_what_covers_no_centre_marks_what_it_touches(tmp_path):
    pixel = [shapely.box(500010.1, 3999989.1, 500010.9, 3999989.9), shapely.Point(500051, 3999949)]
    line = shapely.LineString([(500076, 3999976), (500089, 3999976)])
    truth, _ = read(save(tmp_path / "t.gpkg", [*pixel, line], UTM))
    expected = np.zeros(SHAPE, dtype=bool)
    expected[2, 2] = expected[10, 10] = expected[4, 15:18] = True
    np.testing.assert_array_equal(truth > 0, expected)


def test_one_polygon_lies_above_another_and_some_outside(tmp_path):
    inner = shapely.box(500010, 3999980, 500020, 3999990)
    outer = shapely.box(500005, 3999975, 500030, 3999995)
    away = shapely.box(600000, 3999980, 600010, 3999990)
    truth, notes = read(save(tmp_path / "t.gpkg", [inner, outer, away], UTM))
    assert np.unique(truth).tolist() == [0, 2]
    assert (truth > 0).sum() == 20
    assert "2 of them lie outside or below others" in notes


def test_a_huge_polygon_is_cut_to_the_scene(tmp_path):
    huge = shapely.box(-1e20, -1e20, 500075, 1e20)
    truth, _ = read(save(tmp_path / "t.gpkg", [huge], UTM))
    assert truth[:, :15].all()
    assert not truth[:, 15:].any()


@pytest.mark.parametrize("name", FORMATS)
def test_polygons_elsewhere_are_refused(tmp_path, name):
    geometries = shapely.transform(polygons_of(MASK), lambda xy: np.add(xy, (5000, 0)))
    crs = WGS84 if name == "t.geojson" else UTM
    geometries = moved(geometries, crs) if crs is WGS84 else geometries
    with pytest.raises(InputError, match="lies in the scene: it is the truth of another place"):
        read(save(tmp_path / name, geometries, crs))


def test_without_a_system_the_scene_s_is_taken_and_told(tmp_path):
    for name in ("t.gpkg", "t.shp"):
        truth, notes = read(save(tmp_path / name, polygons_of(MASK), None))
        np.testing.assert_array_equal(truth > 0, MASK)
        assert "names no coordinate system" in notes


@pytest.mark.parametrize("name", FORMATS)
def test_polygons_on_the_ground_need_a_scene_with_a_georeference(tmp_path, name, capsys):
    path = save(tmp_path / name, moved(polygons_of(MASK), WGS84), WGS84)
    with pytest.raises(InputError, match="holds polygons in the coordinate system EPSG:4326, but"):
        read(path, scene=None)
    np.save(tmp_path / "s.npy", np.arange(600.0).reshape(SHAPE))
    assert main(["evaluate", str(tmp_path / "s.npy"), "--truth", str(path)]) == 2
    assert "polygons" in capsys.readouterr().err


def test_layers_are_chosen(tmp_path):
    path = save(tmp_path / "t.gpkg", polygons_of(MASK), UTM, layer="ours")
    save(path, polygons_of(~MASK), UTM, layer="theirs", append=True)
    with pytest.raises(InputError, match=r"several layers \(ours, theirs\); choose one with --tr"):
        read(path)
    np.testing.assert_array_equal(read(path, variable="ours")[0] > 0, MASK)
    np.testing.assert_array_equal(read(path, variable="theirs")[0] > 0, ~MASK)
    with pytest.raises(InputError, match=r"has no layer 'x'; it holds ours, theirs"):
        read(path, variable="x")


def feature(geometry):
    return {"type": "Feature", "properties": {}, "geometry": geometry}


def test_geojson_of_any_kind(tmp_path):
    box = json.loads(shapely.to_geojson(moved(polygons_of(MASK), WGS84)[0]))
    contents = [
        {"type": "FeatureCollection", "features": [feature(box), feature(None)]},
        feature(box),
        box,
        {"type": "GeometryCollection", "geometries": [box]},
    ]
    for content in contents:
        (tmp_path / "t.json").write_text(json.dumps(content), encoding="utf-8-sig")
        assert (read(tmp_path / "t.json")[0] > 0).sum() in (1, 2, 16)
    (tmp_path / "t.json").write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    truth, notes = read(tmp_path / "t.json")
    assert not truth.any()
    assert "holds no geometry" in notes


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("urn:ogc:def:crs:EPSG::32611", True),
        ("EPSG:32611", True),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", False),
        ("EPSG:999999", None),
        ("http://example.com/crs", None),
        ("/etc/passwd", None),
        ("+proj=utm +zone=11", None),
    ],
)
def test_systems_that_older_geojson_names(tmp_path, name, fits):
    """Whatever is no plain code is not looked up."""
    content = json.loads(shapely.to_geojson(shapely.geometrycollections(polygons_of(MASK))))
    content["crs"] = {"type": "name", "properties": {"name": name}}
    (tmp_path / "t.json").write_text(json.dumps(content))
    if fits:
        np.testing.assert_array_equal(read(tmp_path / "t.json")[0] > 0, MASK)
    else:
        what = "cannot be understood" if fits is None else "cannot be brought|another place"
        with pytest.raises(InputError, match=what):
            read(tmp_path / "t.json")


DAMAGED = {
    "cut.json": b'{"type": "FeatureCollection", "features": [',
    "deep.json": b'{"type":' + b"[" * 200_000,
    "list.json": b'{"type": "FeatureCollection", "features": [1, 2]}',
    "other.json": b'{"a": 1}',
    "kind.json": b'{"type": "Polygon", "coordinates": "no"}',
    "nan.json": b'{"type": "Point", "coordinates": [NaN, 1e999]}',
    "latin.json": b'{"type": "\xff"}',
    "t.gpkg": b"SQLite format 3\0" + bytes(2000),
    "u.gpkg": b"SQLite format 3\0",
    "t.shp": b"\0\0\x27\x0a" + bytes(200),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_one_sentence(tmp_path, name):
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(InputError) as caught:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert len(str(caught.value)) < 400


def test_damaged_geopackages_raise_nothing_else(tmp_path):
    whole = save(tmp_path / "t.gpkg", polygons_of(MASK), UTM).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(15):
        damaged = np.frombuffer(whole, dtype=np.uint8).copy()
        places = rng.integers(16, len(damaged), 200)
        damaged[places] = rng.integers(0, 256, 200)
        (tmp_path / "d.gpkg").write_bytes(damaged.tobytes())
        with suppress(InputError):
            read(tmp_path / "d.gpkg")


def test_memory_is_limited(tmp_path):
    path = save(tmp_path / "t.gpkg", polygons_of(MASK), UTM)
    with pytest.raises(BudgetError, match="reading the truth"):
        read_truth(path, (10_000, 10_000), georeference=SCENE, max_memory=100_000_000)


def test_metrics_of_polygons_are_those_of_their_pixels(tmp_path, capsys):
    scores = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32) + MASK
    form = {"driver": "GTiff", "height": 20, "width": 30, "count": 1, "dtype": "float32"}
    with rasterio.open(tmp_path / "s.tif", "w", crs=UTM, transform=SCENE.transform, **form) as file:
        file.write(scores, 1)
    save(tmp_path / "t.gpkg", moved(polygons_of(MASK), WGS84), WGS84)
    np.save(tmp_path / "t.npy", MASK)
    found = []
    for name in ("t.gpkg", "t.npy"):
        words = ["evaluate", str(tmp_path / "s.tif"), "--truth", str(tmp_path / name), "--json"]
        assert main(words) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]


def test_a_ring_that_is_not_closed_is_told(tmp_path):
    """GDAL hands it out as it is; only the making of a polygon finds it."""
    path = save(tmp_path / "t.shp", [shapely.box(2, -5, 4, -3)], None)
    content = bytearray(path.read_bytes())
    content[156:164] = struct.pack("<d", 3.0)  # x of the first point
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"t.shp: is no shapefile that can be read .*closed"):
        read(path, None)
