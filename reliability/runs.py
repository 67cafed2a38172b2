"""The runs that are disturbed, and what an undisturbed one leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PLAN = """\
scenes = ["hill.mat"]
keep_maps = true

[[runs]]
detector = ["rx", "pca_rx", "local_rx", "lsmad"]

[[runs]]
detector = ["lrr"]
seeds = 2
"""

PRODUCTS = ("scores.tif", "mask.tif", "detections.csv")
"""Those that hold no time of day: they must be equal to the byte."""


@dataclass(frozen=True)
class Command:
    """A command that can be interrupted and gone on with.

    Attributes
    ----------
    name
        For the table.
    words
        Its command line.
    resume
        What is added to go on.
    """

    name: str
    words: tuple[str, ...]
    resume: tuple[str, ...] = ("--resume",)

    def start(
        self,
        folder: Path,
        *,
        again: bool = False,
        retry: bool = False,
        before: str = "",
        variables: Mapping[str, str] = {},
    ) -> subprocess.Popen[str]:
        """Begin it in a folder of inputs.

        Parameters
        ----------
        folder
            Working folder; results go to ``out`` in it.
        again
            Go on with what is there.
        retry
            Repeat what failed (a study).
        before
            Python code that runs ahead of it.
        variables
            Environment variables beside those of this process.
        """
        words = [*self.words, *(self.resume if again else ()), *(["--retry"] if retry else [])]
        words += ["--progress", "none"]
        code = f"{before}\nimport sys\nfrom oddspec.command import main\nsys.exit(main({words!r}))"
        return subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=folder,
            env=os.environ | dict(variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def phase(self, folder: Path) -> str:
        """How far a run had come, by what it has left."""
        out = folder / "out"
        if self.name == "study":
            records = out / "records.jsonl"
            lines = records.read_bytes().count(b"\n") if records.exists() else 0
            return f"{lines} of {ROWS} rows" if lines else "before the first row"
        (partial,) = list(out.glob("*/.partial")) or [out]
        if list(out.glob("*/run.json")):
            return "after its end"
        if list(out.glob("*/*scores.tif*")) or list(out.glob("*/.partial-*")):
            return "products"
        if (partial / "mask.u8").exists():
            return "objects"
        if (partial / "journal.txt").exists() and (partial / "journal.txt").stat().st_size:
            return "scoring"
        return "first pass" if partial != out else "before the first pass"


DETECT = ("detect", "scene.npy", "--out", "out")
COMMANDS = (
    Command("rx", DETECT),
    Command("local_rx", (*DETECT, "--detector", "local_rx", "--workers", "1")),
    Command("lsmad", (*DETECT, "--detector", "lsmad")),
    Command("study", ("study", "plan.toml", "--out", "out"), ()),
)
ROWS = 6


def make_inputs(folder: Path) -> None:
    """A scene on which each detector takes a second or two, a smaller one and a plan."""
    from scipy.io import savemat

    rng = np.random.default_rng(0)
    ends = rng.uniform(0.1, 0.9, (4, 20))
    cube = rng.dirichlet(np.ones(4), (90, 100)) @ ends + rng.normal(0, 0.01, (90, 100, 20))
    cube[40, 30] += 0.3
    np.save(folder / "scene.npy", cube.astype(np.float32))
    truth = np.zeros((50, 40), np.uint8)
    truth[40, 30] = 1
    savemat(folder / "hill.mat", {"data": cube[:50, :40], "map": truth})
    (folder / "plan.toml").write_text(PLAN)


def difference(command: Command, folder: Path, reference: Path) -> str:
    """What differs from the results of an undisturbed run; empty where nothing does."""
    if command.name == "study":
        return _study_difference(folder, reference)
    (scene,) = (path.parent for path in (reference / "out").glob("*/run.json"))
    here = folder / "out" / scene.name
    for name in PRODUCTS:
        if not (here / name).is_file():
            return f"{name} is missing"
        if (here / name).read_bytes() != (scene / name).read_bytes():
            return f"{name} differs"
    found, wanted = ({path.name for path in place.iterdir()} for place in (here, scene))
    return "" if found == wanted else f"files differ: {sorted(found ^ wanted)}"


def _study_difference(folder: Path, reference: Path) -> str:
    found, wanted = _records(folder), _records(reference)
    if found != wanted:
        return f"records differ: {len(found)} of {len(wanted)} rows"
    for path in (reference / "out" / "maps").iterdir():
        if (folder / "out" / "maps" / path.name).read_bytes() != path.read_bytes():
            return f"map {path.name} differs"
    return ""


def _records(folder: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """Of each row its status and metrics, the last record where there are several."""
    found = {}
    for line in (folder / "out" / "records.jsonl").read_text().splitlines():
        record = json.loads(line)
        key = record["detector"], str(record.get("seed"))
        found[key] = record["status"], json.dumps(record.get("metrics"), sort_keys=True)
    return found
