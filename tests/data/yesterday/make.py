"""Makes models, interrupted runs and a study as oddspec 0.1.0 wrote them before its modules moved.

It was run once, with the package as it stood at commit 6e894f9, from the root of this checkout::

    PYTHONPATH=OLD/src python tests/data/yesterday/make.py

It is kept to show what the files are; the package of today would write others. These are never to
be made anew: that today's package reads these is what ``tests/test_yesterday.py`` tests.
"""

import json
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np

import oddspec
from oddspec import resume, tiles, two_passes
from oddspec.budget import Resources
from oddspec.detectors import load
from oddspec.job import Options, detect_scene

HERE = Path(__file__).parent

FITTED = {
    "rx": {},
    "pca_rx": {"components": 4},
    "frfe": {},
    "lrr": {"atoms": 8, "rank": 4},
    "lrr_net": {"atoms": 8, "rank": 4, "stages": 4, "epochs": 2},
    "lrr_net_plus": {"atoms": 8, "rank": 4, "stages": 4, "epochs": 2},
    "lren": {"runs": 2, "steps": 40, "hidden": 8, "latent": 4, "components": 3},
    "sparsehad": {"runs": 2, "steps": 60, "hidden": 8, "latent": 4},
    "aae": {"hidden": 12, "critic": 8, "steps": 40},
    "safl_rx": {"hidden": 12, "critic": 8, "steps": 40},
    "rednmf": {"rank": 3, "guard": 3, "outer": 9, "components": 4, "scene_components": 6},
}

PLAN = """\
name = "yesterday"
scenes = ["scenes"]

[[runs]]
detector = ["rx", "own.py"]
keep_maps = true

[[runs]]
detector = "pca_rx"
column = "swept"
grid = {components = [2, 4]}
noise = [0.0, 0.05]

[[runs]]
detector = "lrr"
column = "small"
settings = {atoms = 8, rank = 4}
seeds = 2
"""

OWN = '''\
"""A user's detector, written when the modules had their old names."""

from dataclasses import dataclass
from typing import ClassVar

from oddspec.families.sampled import SampleDetector
from oddspec.linalg import Gaussian
from oddspec.progress import Progress, silent
from oddspec.summary import Moments, Sample


@dataclass(frozen=True)
class Own(SampleDetector):
    """RX with the statistics of a sample.

    Parameters
    ----------
    sample, seed
        Of the sample.
    """

    sample: int = 200
    seed: int = 0
    unit: ClassVar[str] = "squared Mahalanobis distance"

    def fit(self, summary: Sample, progress: Progress = silent) -> Gaussian:
        """The Gaussian of the sample."""
        return Gaussian.of(Moments.of(summary.pixels))
'''


def make_cube(seed, height=16, width=18, bands=8):
    rng = np.random.default_rng(seed)
    materials = rng.uniform(100, 1000, (3, bands))
    cube = rng.dirichlet(np.ones(3), (height, width)) @ materials
    cube += rng.normal(0, 5, cube.shape)
    cube[9, 13] = rng.uniform(100, 1000, bands)
    return cube.round().astype(np.int16)


def make_models():
    """A model of each detector that leaves one, and its scores of the cube."""
    folder = HERE / "models"
    folder.mkdir()
    cube = make_cube(1)
    scores = {"cube": cube}
    for name, settings in FITTED.items():
        model = oddspec.fit(cube, name, **settings)
        model.save(folder / f"{name}.npz")
        scores[name] = oddspec.detect(cube, model).astype(np.float32)
    np.savez_compressed(folder / "scores.npz", **scores)
    _describe_bsdm(folder, cube)


def _describe_bsdm(folder, cube):
    """BSDM's network is of a fixed size, megabytes: the parts of its file, and their shapes."""
    path = folder / "bsdm.npz"
    oddspec.fit(cube, "bsdm", steps=2, removals=1).save(path)
    with zipfile.ZipFile(path) as file:
        head = json.loads(file.read("settings.json"))
    with np.load(path) as file:
        shapes = {k: [list(v.shape), str(v.dtype)] for k, v in file.items() if k != "settings.json"}
    path.unlink()
    (folder / "bsdm.json").write_text(json.dumps({"head": head, "arrays": shapes}) + "\n")


class Killed(BaseException):
    pass


def make_interrupted(name, stage, settings):
    """A folder of products that a killed run left: its partial results, and the true scores."""
    scene = HERE / "interrupted" / "scene.npy"
    folder = HERE / "interrupted" / name
    folder.mkdir(parents=True)
    np.save(scene, make_cube(2, 64, 20, 6))
    two_passes.TILE_BYTES, tiles.BLOCK_PIXELS, resume.SAVE_EVERY = 4e4, 100, 0.0

    def kill(done, total, now):
        if now == stage and done >= total // 2:
            raise Killed

    options = Options(resources=Resources(workers=1))
    run = scene, folder, name, load(name)(**settings), options
    with suppress(Killed):
        detect_scene(*run, kill)
    # Where the scene lies and when it was written is of the machine; the test says it anew.
    identity = folder / "scene" / ".partial" / "identity.json"
    content = json.loads(identity.read_text())
    identity.write_text(json.dumps(content | {"input": "", "modified": 0}))
    scores = oddspec.detect(np.load(scene), name, **settings)
    np.save(folder / "scores.npy", scores.astype(np.float32))


def make_study():
    """A study that was told to do a part of its plan only."""
    folder = HERE / "study"
    (folder / "scenes").mkdir(parents=True)
    truth = np.zeros((16, 18), dtype=np.uint8)
    truth[9, 13] = truth[3, 4] = truth[12, 7] = 1
    for seed, name in enumerate(("hill", "lake"), 3):
        np.save(folder / "scenes" / f"{name}.npy", make_cube(seed))
        np.save(folder / "scenes" / f"{name}-truth.npy", truth)
    (folder / "own.py").write_text(OWN)
    (folder / "plan.toml").write_text(PLAN)
    words = ["rx,own,pca_rx"]
    oddspec.study(folder / "plan.toml", out=folder / "out", only=words, workers=1)
    from oddspec.study_report import table

    (folder / "table.md").write_text(table(folder / "out"))


if __name__ == "__main__":
    for made in ("models", "interrupted", "study"):
        shutil.rmtree(HERE / made, ignore_errors=True)
    make_models()
    make_interrupted("rx", "scoring", {})
    make_interrupted("frfe", "summarising", {"sample": 400})
    make_study()
