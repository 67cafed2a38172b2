"""The examples and the benchmarks run, so that they cannot rot."""

import subprocess
import sys
from pathlib import Path

import pytest

import oddspec

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))
BENCHMARKS = sorted(
    path.stem
    for path in (ROOT / "speed").glob("*.py")
    if path.stem[0] != "_" and path.stem != "machine"
)


def run(*arguments):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name):
    assert run(f"examples/{name}")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_benchmarks_run(name):
    assert "GFLOP/s" in run("-m", "speed", name, "--small")


def test_every_detector_is_measured_without_being_listed_anywhere():
    code = "import speed.detectors as d; d.every_detector(30, 12, 0.0)"
    _, *rows = run("-c", code).splitlines()
    assert [row.split(":")[0].strip() for row in rows] == oddspec.list_detectors()
