"""All products of one scene, from Python."""

import json
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from oddspec.detections import find_detections
from oddspec.errors import OddspecError
from oddspec.io.source import ArraySource, Georeference, Metadata
from oddspec.products import write_products
from oddspec.scene import Scene
from oddspec.threshold import Threshold

NAMES = {
    "scores.tif",
    "mask.tif",
    "detections.gpkg",
    "detections.geojson",
    "detections.csv",
    "quicklook.png",
}


@pytest.fixture
def case(cube):
    place = Georeference(CRS.from_epsg(32633), Affine(3, 0, 4e5, 0, -3, 4e6))
    waves = np.linspace(400, 900, cube.shape[2])
    scene = Scene.of(ArraySource(cube, Metadata(georeference=place, wavelengths=waves), "a scene"))
    scores = np.abs(cube - cube.mean(axis=(0, 1))).sum(axis=2)
    value = float(np.quantile(scores, 0.99))
    threshold = Threshold(value, "top", None, None, scores.size)
    return scene, scores, threshold, find_detections(scores, scores > value, min_size=2)


def test_all_files_agree(tmp_path: Path, case):
    scene, scores, threshold, found = case
    products = write_products(
        tmp_path / "new" / "folder", scene, scores, threshold, found,
        detector="rx", settings={"ridge": np.float64(0)},
    )  # fmt: skip
    assert set(products.paths) == NAMES == {p.name for p in (tmp_path / "new/folder").iterdir()}
    with rasterio.open(products.paths["mask.tif"]) as layer:
        assert layer.read(1).sum() == found.sizes.sum()
        assert layer.tags()["detector"] == "rx"
        assert json.loads(layer.tags()["settings"]) == {"ridge": 0.0}
        assert float(layer.tags()["threshold"]) == threshold.value
    meta, _, _, fields = pyogrio.raw.read(products.paths["detections.gpkg"], layer="detections")
    values = dict(zip(meta["fields"], fields, strict=True))
    assert len(values["id"]) == len(found)
    mean = json.loads(values["mean_spectrum"][0])
    cube = scene.source.array
    assert mean == pytest.approx(cube[found[0].rows, found[0].columns].mean(axis=0), rel=1e-6)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path, case):
    scene, scores, threshold, found = case
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OddspecError, match=r"scores\.tif: cannot be written"):
        write_products(tmp_path / "file", scene, scores, threshold, found, detector="rx")
    assert (tmp_path / "file").read_text() == "in the way"


def test_an_older_geojson_does_not_stay_where_there_is_none(tmp_path: Path, case):
    scene, scores, threshold, found = case
    write_products(tmp_path, scene, scores, threshold, found, detector="rx")
    assert (tmp_path / "detections.geojson").exists()
    plain = Scene.of(ArraySource(scene.source.array))
    products = write_products(tmp_path, plain, scores, threshold, found, detector="rx")
    assert set(products.paths) == NAMES - {"detections.geojson"}
    assert set(products.paths) == {p.name for p in tmp_path.iterdir()}
