"""Files that oddspec 0.1.0 wrote before its modules were moved (``data/yesterday``) still serve."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

import oddspec
from oddspec import detectors
from oddspec.command import main
from oddspec.detectors import load
from oddspec.errors import InputError
from oddspec.execution.resources import Resources
from oddspec.models import fitted_class
from oddspec.pipeline import PipelineOptions, detect_scene
from oddspec.study import overview
from oddspec.study.report import table

YESTERDAY = Path(__file__).parent / "data" / "yesterday"
MODELS = YESTERDAY / "models"
NAMES = sorted(path.stem for path in MODELS.glob("*.npz") if path.stem != "scores")

# Scores are kept in float32, and another processor rounds otherwise; networks compute in float32.
RTOL = 1e-6
NETWORKS_RTOL = 1e-4


def kept(name):
    with np.load(MODELS / "scores.npz") as file:
        return file[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_gives_its_scores(name):
    model = oddspec.load_model(MODELS / f"{name}.npz")
    assert model.name == name
    assert isinstance(model.fitted, fitted_class(load(name)))
    rtol = NETWORKS_RTOL if detectors.family_of(name) == "learned" else RTOL
    np.testing.assert_allclose(oddspec.detect(kept("cube"), model), kept(name), rtol=rtol)


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_is_written_again_as_it_was(name, tmp_path):
    """The same arrays under the same names: today's files are yesterday's."""
    oddspec.load_model(MODELS / f"{name}.npz").save(tmp_path / "again.npz")
    with (
        zipfile.ZipFile(MODELS / f"{name}.npz") as old,
        zipfile.ZipFile(tmp_path / "again.npz") as new,
    ):
        assert set(new.namelist()) == set(old.namelist())
        for member in old.namelist():
            assert new.read(member) == old.read(member), member


def test_every_detector_that_fits_something_has_a_model_here():
    fitting = {name for name in detectors.names() if fitted_class(load(name)) is not None}
    assert fitting == {*NAMES, "bsdm"}


def test_a_model_of_bsdm_loads_too(tmp_path):
    """Its network takes megabytes: only the parts of its file are kept, and filled anew here."""
    parts = json.loads((MODELS / "bsdm.json").read_text())
    with zipfile.ZipFile(tmp_path / "bsdm.npz", "w") as file:
        file.writestr("settings.json", json.dumps(parts["head"]))
        for seed, (name, (shape, kind)) in enumerate(parts["arrays"].items()):
            values = np.random.default_rng(seed).uniform(0.01, 0.05, shape).astype(kind)
            with file.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, values)
    model = oddspec.load_model(tmp_path / "bsdm.npz")
    assert np.isfinite(oddspec.detect(kept("cube"), model)).all()


class Interrupted:
    """A copy of the folder that a killed run left, and its scene."""

    def __init__(self, name, folder):
        self.name = name
        self.scene = folder / "scene.npy"
        shutil.copy(YESTERDAY / "interrupted" / "scene.npy", self.scene)
        self.out = folder / "out"
        shutil.copytree(YESTERDAY / "interrupted" / name, self.out)
        self.scores = np.load(self.out / "scores.npy")
        # What is of the machine is said anew: where the scene lies, and when it was written.
        self.identity = self.out / "scene" / ".partial" / "identity.json"
        self.change(input=str(self.scene.resolve()), modified=os.stat(self.scene).st_mtime_ns)

    def change(self, **values):
        content = json.loads(self.identity.read_text())
        assert values.keys() <= content.keys()
        self.identity.write_text(json.dumps(content | values))

    def go_on(self, resume=True, **settings):
        """Run to the end; how far each stage was when it began."""
        began = {}
        detect_scene(
            self.scene,
            self.out,
            self.name,
            load(self.name)(**settings),
            PipelineOptions(resume=resume, resources=Resources(workers=1)),
            lambda done, total, stage: began.setdefault(stage, done / total),
        )
        return began

    def found(self):
        import rasterio

        with rasterio.open(self.out / "scene" / "scores.tif") as file:
            return file.read(1)


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    # Tiles as small as those that the killed runs had.
    monkeypatch.setattr("oddspec.execution.tiles.TILE_BYTES", 4e4)
    monkeypatch.setattr("oddspec.execution.tiles.BLOCK_PIXELS", 100)
    return lambda name: Interrupted(name, tmp_path)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("name", "settings", "stage"), [("rx", {}, "scoring"), ("frfe", {"sample": 400}, "summarising")]
)
def test_an_interrupted_run_goes_on(interrupted, name, settings, stage):
    run = interrupted(name)
    began = run.go_on(**settings)
    assert 0.3 < began[stage] < 0.7, "half of that stage was done"
    np.testing.assert_allclose(run.found(), run.scores, rtol=RTOL)
    assert not run.identity.exists()


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_what_it_had_scored_is_taken_as_it_is(interrupted):
    """So the run above has not simply computed everything again."""
    run = interrupted("rx")
    path = run.identity.with_name("scores.f32")
    marked = np.memmap(path, np.float32, "r+", shape=(64, 20))
    marked[:5] = 7.0
    marked.flush()
    run.go_on()
    assert (run.found()[:5] == 7.0).all()
    np.testing.assert_allclose(run.found()[5:], run.scores[5:], rtol=RTOL)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_without_resume_or_with_other_settings_it_does_not_go_on(interrupted):
    run = interrupted("frfe")
    with pytest.raises(InputError, match="settings = "):
        run.go_on(sample=300)
    assert run.go_on(resume=False, sample=400)["summarising"] < 0.2
    np.testing.assert_allclose(run.found(), run.scores, rtol=RTOL)


@pytest.fixture
def study(tmp_path):
    """A study that had been told to leave the runs of lrr to another day."""
    return Path(shutil.copytree(YESTERDAY / "study", tmp_path / "study"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_study_is_listed_and_its_table_is_the_same(study, capsys):
    assert overview(study / "out").counts["done"] == 12
    assert overview(study / "out").counts["to do"] == 4
    assert overview(study / "out").others == 0
    assert main(["study", "list", str(study / "out")]) == 0
    assert "yesterday: 12 done" in capsys.readouterr().out
    assert table(study / "out") == (study / "table.md").read_text()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_study_goes_on_where_it_was(study):
    path = study / "out" / "records.jsonl"
    before = path.read_text()
    records = oddspec.study(study / "plan.toml", out=study / "out", workers=1)
    after = path.read_text()
    assert after.startswith(before), "nothing is written anew or run again"
    added = [json.loads(line) for line in after.removeprefix(before).splitlines()]
    assert [record["detector"] for record in added] == ["lrr"] * 4
    assert [record["status"] for record in records] == ["done"] * 16
    old = json.loads(before.splitlines()[0])
    assert set(added[0]) == set(old), "and the records have the same fields"
    assert set(added[0]["metrics"]) - set(old["metrics"]) == {"not_judged"}, "which is new"
    assert set(old["metrics"]) <= set(added[0]["metrics"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_run_repeated_today_has_yesterdays_numbers(study, tmp_path):
    """Among them a user's detector that imports from the old names."""
    old = [json.loads(line) for line in (study / "out" / "records.jsonl").read_text().splitlines()]
    new = oddspec.study(study / "plan.toml", out=tmp_path / "new", only=["rx,own,pca_rx"])
    known = {(record["id"], record["column"]): record for record in old}
    assert {(record["id"], record["column"]) for record in new} == known.keys()
    for record in new:
        expected = known[record["id"], record["column"]]["metrics"]
        assert record["metrics"]["auc_pd_pf"] == expected["auc_pd_pf"]
        assert record["metrics"]["auc_odp"] == pytest.approx(expected["auc_odp"], rel=1e-6)
