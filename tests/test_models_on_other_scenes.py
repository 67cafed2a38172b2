"""A model applied to a scene in other units or of another range says so."""

import json
import warnings
import zipfile

import numpy as np
import pytest

import oddspec
from oddspec.command import main
from oddspec.errors import DataWarning, InputError
from oddspec.models import Model
from oddspec.statistics.band_statistics import BandStatistics


def told(work):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()
    return [str(w.message) for w in caught if issubclass(w.category, DataWarning)]


@pytest.fixture
def model(cube):
    return oddspec.fit(cube, "rx")


@pytest.mark.parametrize(
    "change",
    [lambda c: c, lambda c: 1.8 * c, lambda c: 0.6 * c + 100, lambda c: c[::-1, :24]],
)
def test_nothing_is_said_of_a_scene_that_fits(cube, model, change):
    assert told(lambda: oddspec.detect(change(cube), model)) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: 10 * c, "10 times as large and spread 10 times as widely"),
        (lambda c: c / 10, "0.1 times as large and spread 0.1 times as widely"),
        (lambda c: c + 1e5, "spread 1 times as widely, and the means lie .* deviations apart"),
        (lambda c: c.mean() + 0.01 * (c - c.mean()), "spread 0.01 times as widely"),
    ],
)
def test_another_range_is_told(cube, model, change, says):
    with pytest.warns(DataWarning, match=says):
        oddspec.detect(change(cube), model)


@pytest.mark.parametrize("factor", [1e-4, 1e-2, 1e2, 1e4, 1e10])
def test_other_units_are_refused(cube, model, factor):
    with pytest.raises(InputError, match=r"compared with the scene that the model of rx was fit"):
        oddspec.detect(factor * cube, model)


@pytest.mark.parametrize("name", ["rednmf", "lrr"])
def test_models_that_look_at_whole_scenes_are_compared_too(cube, name):
    small = {"guard": 1, "outer": 5} if name == "rednmf" else {}
    fitted = oddspec.fit(cube, name, **small)
    assert any("times as large" in text for text in told(lambda: oddspec.detect(9 * cube, fitted)))


def test_masked_pixels_and_left_out_bands_take_no_part(cube, model):
    frame = cube.copy()
    frame[:4] = np.nan
    frame[4:8] = -9999.0
    said = told(lambda: oddspec.detect(frame, model, nodata=-9999.0))
    assert [text for text in said if "masked" not in text] == []
    wide = np.concatenate([1e6 * cube[..., :1], cube], axis=2)
    assert told(lambda: oddspec.detect(wide, model, bands=range(1, 13))) == []


def test_statistics_are_kept_in_the_file_and_in_the_digest(cube, model, tmp_path):
    model.save(tmp_path / "model.npz")
    again = oddspec.load_model(tmp_path / "model.npz")
    pixels = cube.reshape(-1, 12)
    assert again.statistics.count == len(pixels)
    np.testing.assert_allclose(again.statistics.mean, pixels.mean(axis=0))
    np.testing.assert_allclose(again.statistics.deviation, pixels.std(axis=0))
    assert again.digest == model.digest
    with pytest.raises(InputError, match="bring the scene to the units"):
        oddspec.detect(1e4 * cube, again)


def _changed(path, change):
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    head = json.loads(members["settings.json"])
    change(head["settings"])
    members["settings.json"] = json.dumps(head).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


def _as_yesterday(content):
    del content["statistics"]
    assert "shrinkage" not in content["fitted"]["health"]


def test_a_model_from_before_is_applied_without_comparison(cube, model, tmp_path):
    model.save(tmp_path / "model.npz")
    _changed(tmp_path / "model.npz", _as_yesterday)
    again = oddspec.load_model(tmp_path / "model.npz")
    assert again.statistics is None
    assert told(lambda: oddspec.detect(1e4 * cube, again)) == []
    np.testing.assert_array_equal(oddspec.detect(cube, again), oddspec.detect(cube, model))


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(statistics=3),
        lambda content: content["statistics"].update(count="many"),
        lambda content: content["statistics"].update(mean={"array": "fitted.whitening"}),
        lambda content: content["statistics"].pop("deviation"),
    ],
)
def test_damaged_statistics_are_named(model, tmp_path, change):
    model.save(tmp_path / "model.npz")
    _changed(tmp_path / "model.npz", change)
    with pytest.raises(InputError, match=r"model\.npz: this saved model is damaged"):
        oddspec.load_model(tmp_path / "model.npz")


def test_the_command_line_tells_and_keeps_the_statistics_of_the_training(cube, tmp_path, capsys):
    for name, scene in (("one", cube), ("ten", 10 * cube), ("far", 1e4 * cube)):
        np.save(tmp_path / f"{name}.npy", scene)
    out = tmp_path / "out"

    def detect(name, *more):
        paths = [str(tmp_path / f"{name}.npy"), "--out", str(out), "--progress", "none"]
        return main(["detect", *paths, *more]), capsys.readouterr().err

    assert detect("one")[0] == 0
    first = out / "one" / "model.npz"
    code, said = detect("ten", "--model", str(first))
    assert code == 0
    assert "warning: ten.npy: compared with the scene that the model of rx was fitted to" in said
    kept = oddspec.load_model(out / "ten" / "model.npz").statistics
    np.testing.assert_array_equal(kept.mean, oddspec.load_model(first).statistics.mean)
    code, said = detect("far", "--model", str(first))
    assert code == 2
    assert "error: " in said
    assert "1e+04 times as large" in said


def test_large_scenes_are_looked_at_by_rows(rng, monkeypatch):
    monkeypatch.setattr(oddspec.models, "LOOK_VALUES", 3_000)
    cube = rng.normal(size=(40, 20, 10)) + 5
    model = oddspec.fit(cube)
    assert isinstance(model, Model)
    assert model.statistics.count == 15 * 20
    np.testing.assert_allclose(model.statistics.mean, 5, atol=0.3)


def test_comparing_takes_medians_and_leaves_out_what_is_constant():
    one = BandStatistics(9, np.array([1.0, 2.0, 0.0]), np.array([1.0, 1.0, 0.0]))
    found = one.compare(BandStatistics(9, np.array([3.0, 6.0, 0.0]), np.array([3.0, 3.0, 0.0])))
    assert (found.level, found.spread) == pytest.approx((3, 3))
    assert found.shift == pytest.approx((2 / 3 + 4 / 3) / 2)
    assert not found.far
    empty = BandStatistics(9, np.zeros(3), np.zeros(3))
    assert not empty.compare(one).other_units
