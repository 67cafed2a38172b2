"""Scenes of the user's own in a study: opened as `oddspec.detect` opens them."""

import json
import warnings

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from scipy import io

import oddspec
from cubes import make_cube
from oddspec.errors import DataWarning, SettingError
from oddspec.study import as_plan
from oddspec.study.perform import perform
from oddspec.study.row import expand
from oddspec.study.scenes import Library
from oddspec.study.schedule import Scheduler

TRUTH = np.zeros((24, 26), np.uint8)
TRUTH[9, 13] = TRUTH[3, 4] = 1


def rows_of(folder, **plan):
    made = as_plan({"scenes": [str(folder)], "runs": [{"detector": "rx"}], **plan})
    return expand(made, Library(made.data, folder, reading=made.reading))


def performed(row, tmp_path):
    scheduler = Scheduler(1, 2 * 10**9, tmp_path / "maps", lambda *_: None)
    (tmp_path / "maps").mkdir(exist_ok=True)
    task = json.loads(json.dumps(scheduler._message(row)))
    return perform({**task, "map": str(tmp_path / "maps" / "map.npy")})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "scenes").mkdir()
    return tmp_path / "scenes"


@pytest.fixture
def cube():
    cube = make_cube(np.random.default_rng(3))
    cube[9, 13] += 40
    return cube


def save_tif(path, cube, **profile):
    h, w, b = cube.shape
    profile |= {"driver": "GTiff", "height": h, "width": w, "count": b, "dtype": str(cube.dtype)}
    with rasterio.open(path, "w", **profile) as file:
        file.write(cube.transpose(2, 0, 1))


PLACE = {"crs": "EPSG:32611", "transform": from_origin(500000, 4e6, 5, 5)}


@pytest.mark.parametrize("kind", ["nodata", "nan", "flat"])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_bands_that_hold_nothing_are_left_out_as_detect_does(folder, tmp_path, cube, kind, noise):
    cube[:, :, 4:6] = {"nodata": -9999.0, "nan": np.nan, "flat": 7.0}[kind]
    save_tif(folder / "hill.tif", cube, nodata=-9999.0)
    np.save(folder / "hill-truth.npy", TRUTH)
    (row,), missing = rows_of(folder, noise=noise)
    assert not missing
    result = performed(row, tmp_path)
    assert result["status"] == "done", result["reason"]
    assert any("5-6" in text and "left out" in text for text in result["warnings"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        expected = oddspec.detect(folder / "hill.tif")
    found = np.load(tmp_path / "maps" / "map.npy")
    if not noise:
        np.testing.assert_array_equal(found, expected)
    assert np.isfinite(found).all()
    assert np.unravel_index(found.argmax(), found.shape) == (9, 13)


def test_what_is_odd_about_its_pixels_is_a_note_of_the_scene(folder, cube):
    cube[12:, :] = np.arange(12.0)
    np.save(folder / "hill.npy", cube)
    np.save(folder / "hill-truth.npy", TRUTH)
    (row,), _ = rows_of(folder)
    assert "one and the same spectrum (filled): 312, 50% of them" in row.scene.note


@pytest.mark.parametrize("kind", ["gpkg", "geojson", "shp"])
def test_polygons_beside_a_scene_are_its_truth(folder, tmp_path, cube, kind):
    import pyogrio.raw
    import shapely

    save_tif(folder / "hill.tif", cube, **PLACE)
    squares = [shapely.box(x, y, x + 5, y + 5) for x, y in ((500065, 3999950), (500020, 3999980))]
    driver = {"gpkg": "GPKG", "geojson": "GeoJSON", "shp": "ESRI Shapefile"}[kind]
    pyogrio.raw.write(
        folder / f"hill-truth.{kind}",
        np.array(shapely.to_wkb(squares), dtype=object),
        field_data=[np.array([1, 2])],
        fields=["number"],
        geometry_type="Polygon",
        crs="EPSG:32611",
        driver=driver,
    )
    (row,), missing = rows_of(folder)
    assert not missing
    assert row.scene.truth_file == f"hill-truth.{kind}"
    with row.scene.open() as scene:
        np.testing.assert_array_equal(row.scene.labels(scene) > 0, TRUTH > 0)
    result = performed(row, tmp_path)
    assert result["status"] == "done", result["reason"]
    assert result["metrics"]["targets"] == 2
    # The coordinate system of a shapefile lies in a file of its own.
    if kind == "shp":
        (folder / "hill-truth.prj").write_text("LOCAL_CS[]")
        (again,), _ = rows_of(folder)
        assert again.scene.truth_sha256 != row.scene.truth_sha256


def test_a_truth_of_another_place_is_found_before_anything_runs(folder, cube):
    save_tif(folder / "hill.tif", cube, **PLACE)
    elsewhere = from_origin(501000, 4e6, 5, 5)
    save_tif(folder / "hill-truth.tif", TRUTH[:, :, None], crs="EPSG:32611", transform=elsewhere)
    rows, (missing,) = rows_of(folder)
    assert not rows
    assert "lies elsewhere than the scene" in missing.reason


def test_a_plan_says_how_a_scene_is_read(folder, tmp_path, cube):
    turned = cube.transpose(2, 1, 0)
    io.savemat(folder / "hill.mat", {"hsi": {"Data": turned, "Raw": turned + 1}})
    io.savemat(folder / "hill-truth.mat", {"one": TRUTH, "two": 0 * TRUTH})
    _, (missing,) = rows_of(folder)
    assert "hsi.Data" in missing.reason
    said = {"variable": "hsi.Data", "axes": "band,column,row", "truth_variable": "one"}
    (row,), missing = rows_of(folder, reading={"hill": said})
    assert not missing
    assert row.scene.shape == cube.shape
    assert performed(row, tmp_path)["metrics"]["targets"] == 2
    np.testing.assert_array_equal(np.load(tmp_path / "maps" / "map.npy"), oddspec.detect(cube))
    # Read otherwise it is another result.
    (other,), _ = rows_of(folder, reading={"hill": {**said, "variable": "hsi.Raw"}})
    assert other.id != row.id


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"lake": {"variable": "a"}}, r"\[reading.lake\] is of no scene of your own"),
        ({"hill": {"axes": "x,y"}}, "expected row, column and band"),
        ({"hill": {"axis": "x"}}, "'axis' is unknown; did you mean axes"),
        ({"hill": "a"}, "expected tables by name"),
    ],
)
def test_words_on_reading_are_checked(folder, cube, said, message):
    np.savez(folder / "hill.npz", data=cube, map=TRUTH)
    with pytest.raises(SettingError, match=message):
        rows_of(folder, reading=said)
