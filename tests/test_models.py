"""Fitted models: a file that is not trusted, and scenes that do not fit."""

import json
import sys
import zipfile

import numpy as np
import pytest

import oddspec
from oddspec.command import main
from oddspec.errors import BudgetError, InputError, SettingError
from oddspec.execution.resources import held
from oddspec.io import npz as archive
from oddspec.io.source import ArraySource, Metadata
from oddspec.scene import Scene


@pytest.fixture
def saved(cube, tmp_path):
    path = tmp_path / "model.npz"
    oddspec.fit(cube, "pca_rx", components=5).save(path)
    return path


def _changed(path, change):
    """The file with its JSON changed."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    head = json.loads(members["settings.json"])
    change(head["settings"])
    members["settings.json"] = json.dumps(head).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


def test_a_model_keeps_its_settings(cube, saved):
    model = oddspec.load_model(saved)
    assert model.name == "pca_rx"
    assert model.detector.components == 5
    expected = oddspec.detect(cube, "pca_rx", components=5)
    np.testing.assert_array_equal(oddspec.detect(cube, model), expected)


def test_a_scene_with_other_bands_is_refused(cube, saved):
    with pytest.raises(InputError, match=r"11 bands are used here.*fitted in 12"):
        oddspec.detect(cube[..., 1:], oddspec.load_model(saved))


def _at(cube, wavelengths):
    return Scene.of(ArraySource(cube, metadata=Metadata(wavelengths=np.asarray(wavelengths))))


def test_a_scene_with_other_wavelengths_is_refused(cube):
    model = oddspec.fit(_at(cube, np.linspace(400, 950, 12)), "rx")
    assert oddspec.detect(_at(cube, np.linspace(401, 951, 12)), model).shape == (24, 26)
    with pytest.raises(InputError, match="nm, in the model of rx at"):
        oddspec.detect(_at(cube, np.linspace(400, 1100, 12)), model)


def test_settings_belong_to_the_fit(cube, saved):
    with pytest.raises(SettingError, match="components: a fitted model has its settings"):
        oddspec.detect(cube, oddspec.load_model(saved), components=3)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("detector"),
        lambda content: content.update(detector="no_such_detector"),
        lambda content: content.update(settings={"components": -1}),
        lambda content: content.update(fitted=[1, 2]),
        lambda content: content["fitted"].update(mean={"array": "fitted.whitening"}),
        lambda content: content["fitted"].update(count="many"),
        lambda content: content["fitted"].update(mean={"array": "elsewhere"}),
        lambda content: content.update(bands=7),
        # Detectors that leave nothing to be applied to another scene.
        lambda content: content.update(detector="local_rx", settings={}),
        lambda content: content.update(detector="ensemble", settings={}),
    ],
)
def test_a_damaged_file_is_named(saved, change):
    _changed(saved, change)
    with pytest.raises(InputError, match=r"model\.npz: this saved model is damaged"):
        oddspec.load_model(saved)


def test_other_files_are_named(tmp_path):
    archive.save_npz(tmp_path / "other.npz", "something", {}, {})
    with pytest.raises(InputError, match="kind 'something'"):
        oddspec.load_model(tmp_path / "other.npz")
    with zipfile.ZipFile(tmp_path / "bare.npz", "w") as file:
        head = {"format": "oddspec-model-1", "kind": "detector", "settings": None}
        file.writestr("settings.json", json.dumps(head))
    with pytest.raises(InputError, match=r"bare\.npz: its settings.json holds no settings"):
        oddspec.load_model(tmp_path / "bare.npz")


OWN = '''
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from oddspec.detector import BackgroundDetector
from oddspec.statistics.summary import Moments

Path(__file__).with_suffix(".ran").touch()


@dataclass(frozen=True)
class Mean:
    mean: np.ndarray

    def score(self, pixels):
        return np.abs(pixels - self.mean).sum(axis=1)


@dataclass(frozen=True)
class Own(BackgroundDetector[Moments]):
    """An own detector."""

    power: float = 1.0

    reference = "none"
    cost = "n b"

    def summarise(self, pixels, index):
        return Moments.of(pixels)

    def fit(self, summary, progress=None) -> Mean:
        return Mean(summary.mean)
'''


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    return path


def _forgotten(path):
    """The file as if nobody had imported it in this process."""
    for name in [name for name in sys.modules if name.startswith(f"oddspec_own_{path.stem}_")]:
        del sys.modules[name]
    path.with_suffix(".ran").unlink(missing_ok=True)


def test_a_model_never_runs_the_file_it_names(cube, saved, own):
    _changed(saved, lambda content: content.update(detector=str(own)))
    with pytest.raises(InputError, match=r"detector of your own, mine\.py.*--detector mine\.py"):
        oddspec.load_model(saved)
    assert main(["detect", "none.npy", "--model", str(saved), "--out", str(own.parent / "o")]) == 2
    assert not own.with_suffix(".ran").exists()


def test_nor_one_named_by_a_setting(saved, own):
    settings = {"members": f"rx, {own}", "combine": "tail", "seed": 0}
    _changed(saved, lambda content: content.update(detector="ensemble", settings=settings))
    with pytest.raises(InputError, match="runs only where a user names it"):
        oddspec.load_model(saved)
    assert not own.with_suffix(".ran").exists()


def test_an_own_detector_is_named_again(cube, own, tmp_path, capsys):
    path = tmp_path / "own.npz"
    fitted = oddspec.fit(cube, str(own), power=2)
    fitted.save(path)
    expected = oddspec.detect(cube, fitted)
    _forgotten(own)
    model = oddspec.load_model(path, str(own))
    assert model.detector.power == 2
    assert model.digest == fitted.digest
    np.testing.assert_array_equal(oddspec.detect(cube, model), expected)
    scene = tmp_path / "scene.npy"
    np.save(scene, cube)
    words = ["detect", str(scene), "--out", str(tmp_path / "o"), "--progress", "none"]
    assert main([*words, "--model", str(path)]) == 2
    assert "name that file again: --detector mine.py" in capsys.readouterr().err
    assert main([*words, "--model", str(path), "--detector", str(own)]) == 0


def test_another_detector_is_not_the_models(saved, own):
    with pytest.raises(InputError, match=r"was fitted by pca_rx, not by .*mine\.py"):
        oddspec.load_model(saved, str(own))
    copy = own.rename(own.with_name("pca_rx.py"))
    with pytest.raises(InputError, match=r"was fitted by pca_rx, not by .*pca_rx\.py"):
        oddspec.load_model(saved, str(copy))
    assert oddspec.load_model(saved, "pca_rx").name == "pca_rx"


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(bands=10**13),
        lambda content: content.update(bands=float("inf")),
        lambda content: content.update(settings=[1]),
        lambda content: content.update(detector=["rx"]),
    ],
)
def test_what_no_model_holds_is_named(saved, change):
    _changed(saved, change)
    with pytest.raises(InputError, match=r"model\.npz: this saved model is damaged"):
        oddspec.load_model(saved)


def _bomb(path, saved, size):
    """A model with an array of zeros that packs to a thousandth of its size."""
    with zipfile.ZipFile(saved) as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
        with file.open("zeros.npy", "w") as stream:
            np.lib.format.write_array(stream, np.zeros(size // 8))
    return path


def test_a_model_that_unpacks_to_far_more_is_refused(saved, tmp_path):
    bomb = _bomb(tmp_path / "bomb.npz", saved, 200_000_000)
    assert bomb.stat().st_size < 1_000_000
    with pytest.raises(InputError, match=r"claims 200 MB but the file stores only"):
        oddspec.load_model(bomb)


def test_a_model_is_held_to_the_budget(saved, tmp_path):
    large = _bomb(tmp_path / "large.npz", saved, 50_000_000)
    budget = held() + 60_000_000
    with pytest.raises(BudgetError, match=r"unpacks to 50 MB, but at most \d+\.?\d* MB"):
        oddspec.load_model(large, max_memory=budget)
    oddspec.load_model(large, max_memory=budget + 200_000_000)
    oddspec.load_model(saved, max_memory=1)
