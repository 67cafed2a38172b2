"""CONTRIBUTING.md's example, followed to the letter in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import oddspec

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def block(heading, language="python"):
    """The first block of code after these words."""
    _, _, after = TEXT.partition(heading)
    found = re.search(rf"^```{language}\n(.*?)^```", after, re.MULTILINE | re.DOTALL)
    assert found, f"CONTRIBUTING.md has no {language} after {heading!r}"
    return found[1]


DETECTOR = block("**2. Write `src/oddspec/detectors/statistical/mean_angle.py`")
TEST = block("**3. Write `tests/detectors/test_mean_angle.py`")
SECTION = block("**4. Write a section `## mean_angle`", "markdown")


def test_the_example_is_a_detector_with_the_known_answer(tmp_path, rng):
    path = tmp_path / "mean_angle.py"
    path.write_text(DETECTOR)
    known = {}
    exec(TEST.replace('"mean_angle"', repr(str(path))), known)
    known["test_brightness_does_not_matter"](rng)


def test_a_sample_detector_with_the_two_fields_of_the_example(tmp_path, cube):
    path = tmp_path / "sampled.py"
    path.write_text(
        "from dataclasses import dataclass\n"
        "from oddspec.detectors._sampled import SampleDetector\n"
        "from oddspec.progress import silent\n"
        "from oddspec.statistics.gaussian import Gaussian\n"
        "from oddspec.statistics.summary import Moments\n\n\n"
        "@dataclass(frozen=True)\n"
        "class Sampled(SampleDetector):\n"
        '    """RX of a sample."""\n\n'
        + block("A `SampleDetector` declares two fields")
        + "\n    def fit(self, summary, progress=silent):\n"
        "        return Gaussian.of(Moments.of(summary.pixels))\n"
    )
    found = oddspec.detect(cube, str(path))
    np.testing.assert_allclose(found, oddspec.detect(cube, "rx"), rtol=1e-9)


@pytest.mark.slow
def test_in_a_copy_of_the_project(tmp_path):
    copied = ("src", "tests", "docs", "studies", "pyproject.toml", "CONTRIBUTING.md")
    for name in copied:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    # Without its section one test fails, with it all pass.
    (tmp_path / "src/oddspec/detectors/statistical/mean_angle.py").write_text(DETECTOR)
    (tmp_path / "tests/detectors/test_mean_angle.py").write_text(TEST)
    assert "test_the_docs_have_a_section_on_it[mean_angle]" in _failures(tmp_path, expected=1)
    with open(tmp_path / "docs/detectors/statistical.md", "a", encoding="utf-8") as page:
        page.write(f"\n{SECTION}")
    assert _failures(tmp_path, expected=0) == ""


# Not all of the tests: to collect them takes longer than to run these.
WHERE = ["tests/test_every_detector.py", "tests/detectors/test_mean_angle.py", "tests/house"]


def _failures(folder, expected):
    """What ``pytest -k mean_angle`` complains of there."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-k",
            "mean_angle",
            *WHERE,
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expected, done.stdout
    return "\n".join(line for line in done.stdout.splitlines() if line.startswith("FAILED"))
