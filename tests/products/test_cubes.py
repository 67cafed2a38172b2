"""Background and anomaly of each pixel as files: what they add up to, and where they lie."""

import json

import numpy as np
import pytest
import rasterio

import oddspec
from oddspec.command import main
from oddspec.detectors import load, names
from oddspec.detectors._separated import LinearCube
from oddspec.execution.resources import Resources
from oddspec.execution.run import run
from oddspec.execution.score_store import ScoreArray
from oddspec.io.open import open_source
from oddspec.products.cubes import cubes_of
from oddspec.scenes import make_scene
from oddspec.settings import build

SEPARATING = (
    *("rpca", "lsmad", "lsdm_mog", "lrr", "lrasr", "adlr"),
    *("nmf", "l1nmf", "rnmf", "ewnmf", "rednmf"),
)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    path = tmp_path_factory.mktemp("cubes") / "made.img"
    size = {"rows": 26, "columns": 24, "bands": 12, "wavelength_range": (450.0, 900.0)}
    return make_scene(path, **size, targets=2, nodata_border=1).data


@pytest.fixture
def write(scene, tmp_path):
    def run(detector, *more):
        words = ["detect", scene, "--detector", detector, "--out", tmp_path, "--progress", "none"]
        status = main([str(word) for word in (*words, *more)])
        return status, tmp_path / "made"

    return run


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("detector", SEPARATING)
def test_background_and_anomaly(scene, detector):
    settings = {"rank": 3} if detector == "lsmad" else {}
    with oddspec.open(scene) as opened:
        chosen = build(load(detector), settings)
        outcome = run(opened, chosen, ScoreArray(*opened.shape[:2]), Resources(workers=1))
        cubes = cubes_of(opened, outcome.insights, outcome.fitted)
        background, anomaly = (cubes[name].values[0:26] for name in ("background", "anomaly"))
        cube, valid = opened.read((0, 26), (0, 24))
    np.testing.assert_array_equal(np.isfinite(background).all(axis=2), valid)
    rest = (cube - background)[valid]
    # The background takes most of the scene, and what is set apart is in the scene's units.
    size = np.linalg.norm(cube[valid])
    assert np.linalg.norm(rest) < 0.35 * size
    assert np.linalg.norm(rest - anomaly[valid]) < 0.35 * size
    if not any(each.name == "anomaly" and each.kind == "cube" for each in outcome.insights):
        np.testing.assert_allclose(anomaly[valid], rest)


def test_files(write, scene):
    status, folder = write("rednmf", "--write", "background,anomaly")
    assert status == 0
    source, original = open_source(folder / "background.img"), open_source(scene)
    found = source.read((0, 26), (0, 24))
    assert np.isfinite(found).all(axis=2).sum() == 24 * 22
    assert source.metadata.georeference.transform == original.metadata.georeference.transform
    waves = original.metadata.wavelengths
    np.testing.assert_allclose(source.metadata.wavelengths, waves, atol=1e-3)
    assert {"background", "anomaly"} <= {path.stem for path in (folder / "insights").glob("*.png")}
    record = json.loads((folder / "run.json").read_text())
    assert {"background.img", "background.hdr", "anomaly.img"} <= set(record["products"])


def test_maps_as_geotiff(write):
    status, folder = write("nmf", "--write", "abundances,background", "--cube-format", "geotiff")
    assert status == 0
    with rasterio.open(folder / "abundances.tif") as layer:
        assert (layer.count, layer.shape, layer.crs.to_epsg()) == (5, (26, 24), 32611)
    with rasterio.open(folder / "background.tif") as layer:
        waves = [float(layer.tags(band + 1)["wavelength"]) for band in range(layer.count)]
    assert waves == sorted(waves)
    assert 400 <= waves[0] < waves[-1] <= 2500


def test_names_that_a_detector_has_not(write, capsys):
    assert write("nmf", "--write", "backgrund")[0] == 2
    told = capsys.readouterr().err
    assert "--write backgrund: the detector has abundances, background, anomaly" in told
    assert "did you mean background?" in told
    assert write("rx", "--write", "background")[0] == 2
    assert "rx does not take pixels apart into background and anomaly" in capsys.readouterr().err
    assert write("rx", "--write", "abundances", "--overwrite")[0] == 2
    assert "the detector has nothing of the kind" in capsys.readouterr().err


def test_detectors_say_whether_they_separate():
    assert {name for name in names() if load(name).separates} == set(SEPARATING)


def test_linear_cube(rng):
    valid = rng.random((6, 5)) < 0.6
    coefficients, spectra = rng.normal(size=(int(valid.sum()), 3)), rng.normal(size=(3, 4))
    scale, offset = rng.uniform(1, 2, 4), rng.normal(size=4)
    cube = LinearCube(coefficients, spectra, valid, scale, offset)
    whole = np.full((6, 5, 4), np.nan)
    whole[valid] = coefficients @ spectra * scale + offset
    assert cube.shape == whole.shape
    for rows in (slice(0, 6), slice(2, 3), slice(4, 6)):
        np.testing.assert_allclose(cube[rows], whole[rows], rtol=1e-12)
