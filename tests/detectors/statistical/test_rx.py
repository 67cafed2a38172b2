"""RX against its fingerprints on real scenes, an oracle, and Spectral Python."""

import numpy as np
import pytest
import scipy.io

import oddspec
import oddspec.errors
from oddspec.io.truth import read_truth
from oddspec.scene import Scene

FINGERPRINTS = {
    "abu-airport-1": 0.822085,
    "abu-airport-2": 0.840381,
    "abu-airport-4": 0.952599,
    "abu-beach-1": 0.980721,
    "abu-beach-3": 0.999845,
    "abu-urban-1": 0.990655,
    "abu-urban-2": 0.994626,
    "abu-urban-3": 0.951282,
    "abu-urban-5": 0.969206,
    "pavia-crop": 0.988666,
    "sandiego-2": 0.940292,
    "sandiego-1-truth58b": 0.873605,
    "sandiego-1-sunlight": 0.859067,
    "sandiego-1-raw224": 0.921857,
    "hydice-162": 0.976279,
    "hydice-175": 0.985689,
    "hydice-162-v73": 0.993236,
    "xiongan-sub": 0.958633,
}


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_fingerprints_of_real_scenes(shared, name):
    path = shared / "data" / f"{name}.mat"
    scores = oddspec.detect(path, "rx")
    variable = "mask" if name in ("hydice-162-v73", "xiongan-sub") else "map"
    found = oddspec.evaluate(scores, read_truth(path, scores.shape, variable=variable))
    assert found["auc_pd_pf"] == pytest.approx(FINGERPRINTS[name], abs=1e-5)


@pytest.mark.parametrize(("truth", "area"), [("truth58", 0.888536), ("truth57", 0.905471)])
def test_one_cube_with_several_truths(shared, truth, area):
    scores = oddspec.detect(shared / "data" / "sandiego-1.mat")
    marked = read_truth(shared / "data" / f"sandiego-1-{truth}.mat", scores.shape)
    assert oddspec.evaluate(scores, marked)["auc_pd_pf"] == pytest.approx(area, abs=1e-5)


def test_a_singular_covariance_is_reported(shared):
    from oddspec.survey import survey

    with oddspec.open(shared / "data" / "sandiego-1-raw224.mat") as opened:
        assert opened.shape == (100, 100, 202)
        health = survey(Scene.of(opened.source)).health
    assert (health.bands, health.rank) == (224, 202)
    assert any("22 of 224 bands are constant" in note for note in health.notes)


def test_oracle_of_another_implementation(shared):
    cube = scipy.io.loadmat(shared / "data" / "sandiego-1.mat")["hsi"][:99, :99]
    oracle = scipy.io.loadmat(shared / "oracles" / "sandiego-1-maps" / "RXD_AVIRIS1.mat")
    expected = oracle["detection"].reshape(99, 99, order="F")
    scores = oddspec.detect(cube)
    # Some codes divide by n and some by n - 1.
    scale = (expected / scores).mean()
    assert scale == pytest.approx(1, abs=2e-4)
    np.testing.assert_allclose(scores * scale, expected, rtol=1e-8)


def test_equals_spectral_python(rng):
    spectral = pytest.importorskip("spectral")
    cube = rng.normal(1000, 30, (30, 40, 20)).astype(np.int16)
    np.testing.assert_allclose(oddspec.detect(cube), spectral.rx(cube), rtol=1e-8)


def test_one_row_and_one_pixel(rng):
    row = rng.normal(size=(1, 50, 4))
    scores = oddspec.detect(row)
    assert scores.sum() == pytest.approx(49 * 4)
    with pytest.raises(oddspec.errors.InputError, match="at least 2"):
        oddspec.detect(row[:, :1])


def test_a_data_array_comes_back_as_one(rng):
    xarray = pytest.importorskip("xarray")
    cube = rng.normal(size=(6, 9, 7))
    array = xarray.DataArray(
        cube,
        dims=("band", "y", "x"),
        coords={
            "y": np.arange(9.0, 0, -1),
            "x": np.arange(7.0),
            "band": np.arange(6),
            "wavelength": ("band", np.linspace(400, 900, 6)),
        },
    )
    scores = oddspec.detect(array)
    assert scores.dims == ("y", "x")
    assert set(scores.coords) == {"y", "x"}
    np.testing.assert_array_equal(scores.values, oddspec.detect(cube.transpose(1, 2, 0)))
    np.testing.assert_array_equal(scores.y, array.y)
    chunked = oddspec.detect(array.chunk({"y": 4, "x": 3}))
    np.testing.assert_array_equal(chunked, scores)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((3, 4)), "three axes"),
        (np.zeros((3, 4, 5), complex), "real numbers"),
        (np.zeros((3, 4, 5), bool), "real numbers"),
        (np.full((3, 4, 5), np.nan), "no pixel is valid"),
        (np.zeros((3, 4, 1)), "at least 2 are needed"),
    ],
)
def test_arrays_that_are_no_scenes_are_refused(given, message):
    with pytest.raises(oddspec.errors.InputError, match=message):
        oddspec.detect(given)


def test_unknown_device_and_missing_gpu(cube):
    with pytest.raises(oddspec.errors.SettingError, match="expected cpu, cuda or auto"):
        oddspec.detect(cube, device="gpu")
    np.testing.assert_array_equal(oddspec.detect(cube, device="auto"), oddspec.detect(cube))
