"""Detectors that are not part of the project."""

import json
import subprocess
import sys
import types
from importlib.metadata import EntryPoint

import numpy as np
import pytest

import oddspec
from oddspec import detectors
from oddspec.errors import SettingError

OWN = '''
from dataclasses import dataclass
from oddspec.detector import BackgroundDetector
from oddspec.detectors.statistical.rx import RX
from oddspec.statistics.summary import Moments


@dataclass(frozen=True)
class Brightness:
    weight: float

    def score(self, pixels):
        return self.weight * pixels.sum(axis=1)


@dataclass(frozen=True)
class Bright(BackgroundDetector[Moments]):
    """The brighter, the odder.

    Parameters
    ----------
    weight
        Any number.
    """

    weight: float = 1.0

    def summarise(self, pixels, index):
        return Moments.of(pixels)

    def fit(self, summary, progress=None):
        return Brightness(self.weight)
'''


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "bright.py"
    path.write_text(OWN)
    return path


def test_a_file_with_a_detector_is_named_by_its_path(own, cube):
    scores = oddspec.detect(cube, str(own), weight=2)
    np.testing.assert_allclose(scores, 2 * cube.sum(axis=2))
    assert detectors.short_name(str(own)) == "bright"
    assert detectors.family_of(str(own)) == "own"
    assert "bright" not in detectors.names()


def test_a_changed_file_is_read_again(own, cube):
    before = oddspec.detect(cube, str(own))
    own.write_text(OWN.replace("self.weight *", "3 * self.weight *"))
    np.testing.assert_allclose(oddspec.detect(cube, str(own)), 3 * before)


def test_the_command_line_takes_a_file(own, cube, tmp_path):
    from oddspec.command import main

    np.save(tmp_path / "scene.npy", cube)
    words = ["detect", "--detector", str(own), "--set", "weight=3", "--progress", "none"]
    assert main([*words, "--out", str(tmp_path / "out"), str(tmp_path / "scene.npy")]) == 0
    told = json.loads((tmp_path / "out" / "scene" / "run.json").read_text())
    assert told["detector"] == str(own)
    assert told["settings"]["weight"] == 3.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class Bright(BackgroundDetector[Moments])", "class Bright", "but defines none"),
        (OWN, OWN + OWN.replace("Bright", "Dark"), "but defines Bright, Dark"),
        ("def fit", "def refit", "Bright lacks fit"),
        ("@dataclass(frozen=True)\nclass Bright(", "class Bright(", "Bright is no dataclass"),
        (
            "from oddspec.statistics.summary",
            "from nowhere",
            r"cannot be imported \(ModuleNotFoundError",
        ),
        ("class Bright(", "class Bright(((", r"cannot be imported \(SyntaxError"),
        (OWN, "raise SystemExit(3)", r"cannot be imported \(SystemExit: 3"),
        ("weight: float = 1.0", "weight: float", "Bright has no default for weight; give every"),
    ],
)
def test_a_file_that_does_not_serve_is_told(own, old, new, message):
    assert old in OWN
    own.write_text(OWN.replace(old, new))
    with pytest.raises(SettingError, match=f"bright.py: .*{message}"):
        detectors.load(str(own))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SettingError, match=r"none.py: cannot be read \(No such file"):
        detectors.load(str(tmp_path / "none.py"))


@pytest.fixture
def installed(monkeypatch):
    """A package that declares a class, a module, something else, and a name of ours."""
    module = types.ModuleType("guest_package")
    exec(OWN, vars(module))
    monkeypatch.setitem(__import__("sys").modules, "guest_package", module)
    declared = {
        "bright": "guest_package:Bright",
        "whole_module": "guest_package",
        "Odd-Name": "guest_package:Brightness",
        "gone": "guest_package_that_is_not_there",
        "rx": "guest_package:Bright",
    }
    entries = [EntryPoint(name, value, detectors.GROUP) for name, value in declared.items()]
    monkeypatch.setattr(detectors, "entry_points", lambda group: entries)


def test_an_installed_package_declares_its_detectors(installed, cube):
    assert detectors.names()[-4:] == ["Odd-Name", "bright", "gone", "whole_module"]
    assert detectors.load("bright").__name__ == "Bright"
    assert detectors.load("whole-module").__name__ == "Bright"
    assert detectors.load("rx").__name__ == "RX"
    assert detectors.family_of("bright") == "installed"
    np.testing.assert_allclose(oddspec.detect(cube, "bright"), cube.sum(axis=2))


def test_a_package_that_does_not_serve_is_told(installed):
    with pytest.raises(SettingError, match=r"Odd-Name \(guest.*\): is no detector"):
        detectors.load("Odd-Name")
    with pytest.raises(SettingError, match=r"gone .*cannot be imported \(ModuleNotFoundError"):
        detectors.load("gone")


def test_a_broken_package_does_not_hide_the_other_detectors(installed, capsys):
    from oddspec.command import main

    assert main(["detectors"]) == 0
    shown = capsys.readouterr().out
    assert "pca_rx" in shown
    assert next(line for line in shown.splitlines() if "gone" in line).count("cannot be loaded")


def test_a_detector_that_was_built_is_not_a_name():
    # In a process of its own: here types are checked, and say so first.
    code = """
import numpy as np, oddspec
from oddspec.detectors import load
oddspec.detect(np.zeros((5, 5, 3)), load("rx")())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "given by its name, such as 'rx', and its settings beside it; got a RX" in done.stderr
