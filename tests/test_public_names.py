"""The names that other programs rely on."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import oddspec
import oddspec.detector
import oddspec.errors


def test_public_names():
    functions = {"detect", "detectors", "evaluate", "fit", "load_model", "open", "study"}
    functions |= {"list_detectors", "run_study"}
    assert set(oddspec.__all__) == {"__version__", "Model"} | functions
    for name in oddspec.__all__:
        assert getattr(oddspec, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'undetect'"):
        oddspec.undetect  # noqa: B018


def test_detectors_lists_names_and_is_the_folder():
    names = oddspec.detectors()
    assert {"rx", "pca_rx", "local_rx", "crd"} <= set(names)
    assert oddspec.list_detectors() == names
    assert oddspec.detectors.load("rx").__name__ == "RX"


def test_unknown_detectors_are_named_with_a_suggestion():
    with pytest.raises(oddspec.errors.SettingError, match="did you mean pca_rx"):
        oddspec.detectors.load("pca-rxx")
    with pytest.raises(oddspec.errors.SettingError, match=r"no detector 'zzzz' \(there are frfe,"):
        oddspec.detectors.load("zzzz")


@pytest.mark.parametrize(("old", "new"), [("Examined", "SceneResult"), ("Examiner", "SceneModel")])
def test_older_names_of_the_contract_still_import_and_name_the_new_ones(old, new):
    with pytest.warns(DeprecationWarning, match=f"oddspec.detector.{old} is now {new}"):
        found = getattr(oddspec.detector, old)
    assert found is getattr(oddspec.detector, new)


USER = """
import numpy as np

import oddspec
from oddspec import detect, fit, list_detectors, run_study
from oddspec.detectors import load
from oddspec.study import read_plan

names: list[str] = oddspec.detectors() + list_detectors()
units: list[str] = [load(name).unit for name in names] + [oddspec.detectors.load("rx").unit]
plan = {"scenes": ["thirteen"], "runs": [{"detector": ["rx"]}]}
statuses = [record["status"] for record in oddspec.study(plan) + run_study(plan)]
title: str = read_plan("plan.toml").name + oddspec.study.read_plan("plan.toml").name
model: oddspec.Model = fit(np.zeros((3, 4, 5)))
scores = detect(np.zeros((3, 4, 5)), model)

# Strict: an ignored error that is none would be one, so these are known to be wrong.
oddspec.detectors.load(7)  # type: ignore[arg-type]
oddspec.study(plan, workers="two")  # type: ignore[arg-type]
"""


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_a_users_file_passes_the_type_checker(tmp_path):
    (tmp_path / "user.py").write_text(USER)
    # As when the package is installed: what it imports is looked at, but not judged.
    options = ["--strict", "--follow-imports=silent", f"--cache-dir={tmp_path / 'cache'}"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "user.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(Path(oddspec.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
