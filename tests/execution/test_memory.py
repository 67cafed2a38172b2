"""The budgets that ``oddspec info`` states against what runs within them take at the most."""

import json
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from oddspec.detectors import list_detectors

ALLOWED = 0.1, 50_000_000
"""Part of the budget, or bytes, by which a run may exceed it: the larger counts."""

PEAK = Path(__file__).with_name("peak.py")

QUICK = {"rx", "nmf", "crd"}
"""One of each kind; the others are measured by `make test-all`."""


NOT_MEASURED = {"adlr"}
"""Cut to two rounds it represents this scene without error and refuses to score it."""


def marks(name):
    skipped = [pytest.mark.skip(reason="no short run")] if name in NOT_MEASURED else []
    return skipped + ([] if name in QUICK else [pytest.mark.slow])


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    rng = np.random.default_rng(0)
    cube = rng.dirichlet(np.ones(6), (128, 128)) @ rng.uniform(100, 1000, (6, 100))
    path = tmp_path_factory.mktemp("scene") / "cube.npy"
    np.save(path, (cube + rng.normal(0, 5, cube.shape)).astype(np.float32))
    return path


def oddspec(*words):
    return subprocess.run([sys.executable, "-m", "oddspec", *words], capture_output=True, text=True)


def stated(path):
    done = oddspec("info", path, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["memory_bytes"]


@pytest.fixture(scope="module")
def budgets(scene):
    return stated(scene)


def measured(name, scene, out, budget):
    done = subprocess.run(
        [sys.executable, PEAK, name, scene, out, str(budget)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    if not found:
        pytest.skip("this system does not tell the largest memory of a process")
    print(f"{name} {scene.suffix} {budget / 1e6:.0f} MB: {found / 1e6:.0f} MB")
    return found


@pytest.mark.parametrize("name", [pytest.param(n, marks=marks(n)) for n in list_detectors()])
@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_keeps_to_the_least_budget(scene, budgets, tmp_path, name, times):
    budget = times * budgets[name]
    assert measured(name, scene, tmp_path, budget) < budget + max(ALLOWED[0] * budget, ALLOWED[1])


@pytest.mark.parametrize("kind", ["h5", pytest.param("mat", marks=pytest.mark.slow)])
def test_children_that_read_the_file_count(scene, tmp_path, kind):
    cube, path = np.load(scene), tmp_path / f"cube.{kind}"
    if kind == "mat":
        scipy.io.savemat(path, {"cube": cube})
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("cube", data=cube, chunks=(32, 32, 100), compression=1)
    budget = stated(path)["rx"]
    assert measured("rx", path, tmp_path, budget) < budget + max(ALLOWED[0] * budget, ALLOWED[1])


def test_what_cannot_run_is_refused_with_the_budget_that_info_states(scene, budgets, tmp_path):
    least = budgets["rpca"]
    too_little = f"{least // 10**6 - 30}MB"
    words = ("detect", scene, "--detector", "rpca", "--out", tmp_path / "out")
    done = oddspec(*words, "--max-memory", too_little)
    assert done.returncode == 2
    # Both processes are the same but for a page here and there.
    said = int(re.search(r"say --max-memory (\d+)MB", done.stderr)[1])
    assert abs(said - least // 10**6) <= 10
    assert not (tmp_path / "out").exists(), "refused before anything was written"
