"""Files that users wrote against yesterday's module names still work, and say what has moved."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import oddspec
from oddspec._moved import MOVED

SOURCE = Path(oddspec.__file__).parents[1]
ROOT = Path(__file__).parents[1]

# The building blocks of a detector, each under the module where it was documented or used.
YESTERDAY = {
    "arrays": "Cube Index Mask PixelScores Pixels Scores Spectrum",
    "brad": "brad leading score_residual",
    "detector": "Background BackgroundDetector Examined Insight SceneDetector WindowDetector",
    "device": "to_numpy",
    "errors": "DataWarning InputError NotConverged SettingError",
    "families.in_memory": "scores_in_memory working_bytes",
    "families.losses": "losses_insight",
    "families.sampled": "SampleDetector",
    "learning.images": "as_image convolution squared_errors",
    "learning.networks": "Network activate",
    "learning.threads": "one_thread",
    "learning.train": "Training check_spread epochs_of fused_adam train",
    "linalg": "Gaussian Health",
    "local_mahalanobis": "local_distance local_distances local_scratch",
    "pixels": "background_pixels on_map score_map valid_pixels",
    "progress": "Progress silent",
    "ranges": "above_zero at_least",
    "scaling": "Scaling band01 bandz global01 globalz max1 unit",
    "solvers.balance": "balance",
    "solvers.clusters": "assign cluster",
    "solvers.columns": "beside by_columns inner times",
    "solvers.iterate": "converge iterate",
    "solvers.prox": "nuclear_norm row_norms shrink_rows soft svt svt_factor",
    "solvers.spectral": "matrix_functions",
    "summary": "Moments Sample enough",
    "windows": "Ring RingGrams Tile Window",
}


def python(code, *words):
    """What a fresh Python prints that runs this code, and what it warns of."""
    done = subprocess.run(
        [sys.executable, *words, "-c", code],
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


IMPORT_ALL = """
import importlib, json, warnings
from oddspec._moved import MOVED
found = {}
for old, new in MOVED.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        same = importlib.import_module(old) is importlib.import_module(new)
    told = [str(w.message) for w in caught if issubclass(w.category, DeprecationWarning)]
    found[old] = [same, told]
print(json.dumps(found))
"""


def test_every_old_name_is_the_new_module_and_says_so():
    found = json.loads(python(IMPORT_ALL)[0])
    assert found.keys() == MOVED.keys()
    for old, (same, told) in found.items():
        assert same, old
        assert f"{old} is now {MOVED[old]}; the old name will go away" in told


def test_no_module_has_taken_an_old_name():
    for old in MOVED:
        path = SOURCE.joinpath(*old.split("."))
        assert not path.with_suffix(".py").exists()
        assert not (path / "__init__.py").exists()


def test_new_names_warn_of_nothing():
    code = "import warnings; warnings.simplefilter('error', DeprecationWarning)\n"
    python(code + "\n".join(f"import {new}" for new in sorted(set(MOVED.values()))))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("module", YESTERDAY)
def test_building_blocks_are_where_they_were(module):
    names = YESTERDAY[module].split()
    found = __import__(f"oddspec.{module}", fromlist=names)
    assert [name for name in names if not hasattr(found, name)] == []


def test_files_of_a_moved_folder_are_not_loaded_twice():
    code = """
import oddspec.files.limits
import oddspec.io.limits
assert oddspec.files.limits is oddspec.io.limits
try:
    import oddspec.files.no_such
except ModuleNotFoundError:
    print("refused")
"""
    assert python(code)[0] == "refused\n"


def test_each_way_to_import_works():
    code = """
import oddspec.families.sampled
from oddspec.families import sampled
from oddspec import summary
import oddspec.files.open as opened
assert oddspec.families.sampled is sampled
from oddspec.detectors._sampled import SampleDetector
assert sampled.SampleDetector is SampleDetector
assert summary.__name__ == "oddspec.statistics.summary"
assert opened.__name__ == "oddspec.io.open"
"""
    _, warned = python(code, "-W", "always::DeprecationWarning")
    assert "oddspec.families.sampled is now oddspec.detectors._sampled" in warned
    assert "oddspec.summary is now oddspec.statistics.summary" in warned


DETECTORS = ROOT / "data" / "yesterday" / "detectors"
"""Users' detector files; ``mean_angle.py`` is the example that CONTRIBUTING.md had."""

OWN = {
    "sampled": {"families.sampled", "linalg", "ranges", "summary"},
    "mean_angle": {"summary"},
    "whole": {"pixels", "scaling"},
}


@pytest.fixture(params=OWN)
def own(request, tmp_path):
    """A user's detector file, and the old names that it imports."""
    path = Path(shutil.copy(DETECTORS / f"{request.param}.py", tmp_path))
    return path, {f"oddspec.{name}" for name in OWN[request.param]}


@pytest.fixture
def forget():
    """Python warns on each import only while a module is not yet loaded under its old name."""
    before = {name: sys.modules.pop(name) for name in MOVED if name in sys.modules}
    yield
    sys.modules.update(before)


def expected(name, cube):
    if name == "sampled":
        return oddspec.detect(cube, "rx")
    pixels = cube.reshape(-1, cube.shape[2])
    if name == "mean_angle":
        mean = pixels.mean(axis=0)
        cosine = pixels @ mean / np.linalg.norm(pixels, axis=1) / np.linalg.norm(mean)
        return np.arccos(cosine).reshape(cube.shape[:2])
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    return abs((cube - low) / (high - low) - 0.5).sum(axis=2)


@pytest.mark.usefixtures("forget")
def test_a_users_detector_works_and_warns(own, cube):
    path, old = own
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scores = oddspec.detect(cube, str(path))
    told = {str(w.message) for w in caught if w.category is DeprecationWarning}
    now = {name: MOVED[name] for name in old}
    if "Examined" in path.read_text():
        now["oddspec.detector.Examined"] = "SceneResult"
    assert told == {f"{name} is now {new}; the old name will go away" for name, new in now.items()}
    np.testing.assert_allclose(scores, expected(path.stem, cube), rtol=1e-9)


def test_on_the_command_line_too(own, cube, tmp_path):
    """In a process of its own, for the warnings that Python shows by default."""
    path, old = own
    np.save(tmp_path / "scene.npy", cube)
    words = ["detect", "scene.npy", "--detector", path.name, "--out", "out", "--progress", "none"]
    here = f"import os; os.chdir({str(tmp_path)!r})"
    _, warned = python(f"{here}\nfrom oddspec.command import main\nmain({words})")
    for name in old:
        assert f"{path.name}:{_line(path, name)}: DeprecationWarning: {name} is now" in warned
    assert (tmp_path / "out" / "scene" / "scores.tif").exists()


def test_a_user_may_silence_it():
    path = str(DETECTORS / "mean_angle.py")
    code = f"from oddspec import detectors\ndetectors.load({path!r})"
    assert "oddspec.summary is now" in python(code)[1]
    assert python(code, "-W", "ignore")[1] == ""


def _line(path, name):
    lines = path.read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.startswith(f"from {name} "))
