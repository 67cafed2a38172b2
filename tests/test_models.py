"""Fitted models: a file that is not trusted, and scenes that do not fit."""

import json
import zipfile

import numpy as np
import pytest

import oddspec
from oddspec.errors import InputError, SettingError
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
    ],
)
def test_a_damaged_file_is_named(saved, change):
    _changed(saved, change)
    with pytest.raises(InputError, match=r"model\.npz: this saved model is damaged"):
        oddspec.load_model(saved)


def test_other_files_are_named(tmp_path):
    archive.save(tmp_path / "other.npz", "something", {}, {})
    with pytest.raises(InputError, match="kind 'something'"):
        oddspec.load_model(tmp_path / "other.npz")
