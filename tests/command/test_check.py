"""``oddspec info --check``: what is odd is named, with its severity and what would be done."""

import json

import h5py
import numpy as np
import pytest

from oddspec.command import main
from oddspec.command.check import check_scene
from oddspec.io.source import ArraySource, Metadata
from oddspec.scene import Scene
from oddspec.scenes.products import make_product


@pytest.fixture
def check(capsys):
    def run(*words):
        status = main(["info", "--check", "--json", *map(str, words)])
        odd = json.loads(capsys.readouterr().out)["odd"]
        return status, {(each["severity"], each["found"]): each["done"] for each in odd}

    return run


def test_plain_scene(tmp_path, rng, check, capsys):
    path = tmp_path / "a.npy"
    np.save(path, rng.normal(size=(30, 25, 8)))
    status, found = check(path)
    assert status == 0
    assert set(found) == {("note", "has no wavelengths"), ("note", "has no georeference")}
    assert main(["info", "--check", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    done = "bands are counted; the picture takes three of them for colours"
    assert lines[1:3] == ["note     has no wavelengths", f"{'':<8} -> {done}"]


def test_what_stops_a_detection(tmp_path, rng, check):
    (tmp_path / "a.nc").write_bytes(b"x")
    status, found = check(tmp_path / "a.nc")
    ((severity, sentence),) = found
    assert (status, severity) == (2, "error")
    assert "of no known format" in sentence
    np.save(tmp_path / "b.npy", np.full((30, 25, 8), np.nan))
    status, found = check(tmp_path / "b.npy")
    assert status == 2
    assert any(severity == "error" and "no pixel" in text for severity, text in found)


def test_product(tmp_path, check):
    path, mask, *_ = make_product(tmp_path / "p", "emit", rows=40, columns=36)
    status, found = check(path)
    assert status == 0
    assert found["warning", "pixels masked: cloud 72"] == "masked, as it says"
    assert found["note", "the file calls 41 of 285 bands bad"] == "they are left out"
    with h5py.File(mask, "a") as file:
        file["mask"][2:, :, 0] = 1
    _, found = check(path)
    assert any("of the pixels looked at are left out (cloud" in text for _, text in found)
    mask.unlink()
    with h5py.File(path, "a") as file:
        file["location/glt_x"][20, 20] = 999
    status, found = check(path)
    assert status == 2
    assert any(s == "error" and "leads to column 999" in text for s, text in found)
    assert any("clouds are not masked" in text for _, text in found)


def test_wavelengths_that_step_back_or_stand_twice():
    waves = np.array([500.0, 400.0, 600.0, 600.0])
    source = ArraySource(np.zeros((5, 5, 4)), Metadata(wavelengths=waves))
    found = [each.found for each in check_scene(lambda: Scene.of(source), bands_chosen=False)]
    assert "wavelengths step back at 1 of 4 bands" in found
    assert "some wavelengths stand twice" in found
