import json

import numpy as np
import pytest
import scipy.io

from oddspec.detectors import load
from oddspec.detectors.statistical.rx import RX
from oddspec.errors import InputError
from oddspec.execution.resources import Resources
from oddspec.execution.run import run
from oddspec.execution.score_store import Partial, ScoreArray
from oddspec.execution.tiles import Region
from oddspec.io.source import ArraySource
from oddspec.pipeline import PipelineOptions, detect_scene
from oddspec.scene import Scene

IDENTITY = {"detector": "rx", "bands": [0, 1, 2]}


class CountingSource(ArraySource):
    """Counts the pixels that are read."""

    reads: list = []  # noqa: RUF012

    def read(self, rows, columns):
        self.reads.append((rows[1] - rows[0]) * (columns[1] - columns[0]))
        return super().read(rows, columns)


class Killed(BaseException):
    pass


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr("oddspec.execution.tiles.TILE_BYTES", 8e4)
    monkeypatch.setattr("oddspec.execution.tiles.BLOCK_PIXELS", 100)
    monkeypatch.setattr("oddspec.execution.score_store.SAVE_EVERY", 0.0)


@pytest.fixture
def scene(rng, small_tiles):
    CountingSource.reads.clear()
    return Scene.of(CountingSource(rng.normal(size=(200, 50, 6))))


def whole(scene):
    store = ScoreArray(200, 50)
    run(scene, RX(), store, Resources(workers=1))
    return store.scores


@pytest.mark.parametrize("stage", ["summarising", "scoring"])
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("at", [1, 7, 9])
def test_a_killed_run_goes_on_where_it_was(tmp_path, scene, stage, workers, at):
    expected = whole(scene)

    def kill(done, total, now):
        if now == stage and done >= at:
            raise Killed

    partial = Partial(tmp_path, (200, 50), IDENTITY, resume=False)
    with pytest.raises(Killed):
        run(scene, RX(), partial, Resources(workers=workers), kill, partial)
    partial.close()

    CountingSource.reads.clear()
    again = Partial(tmp_path, (200, 50), IDENTITY, resume=True)
    assert again.resumed
    run(scene, RX(), again, Resources(workers=1), checkpoint=again)
    np.testing.assert_array_equal(again.scores, expected.astype(np.float32))
    assert sum(CountingSource.reads) < 2 * 200 * 50
    again.discard()
    assert list(tmp_path.iterdir()) == []


def test_half_a_journal_line_does_not_count(tmp_path):
    partial = Partial(tmp_path, (20, 10), IDENTITY, resume=False)
    partial.write(Region((0, 5), (0, 10)), np.ones((5, 10)))
    partial.close()
    with open(tmp_path / ".partial" / "journal.txt", "a") as file:
        file.write("5 1")
    again = Partial(tmp_path, (20, 10), IDENTITY, resume=True)
    assert again.has(Region((0, 5), (0, 10)))
    again.write(Region((0, 0), (0, 10)), np.ones((0, 10)))
    again.close()
    text = (tmp_path / ".partial" / "journal.txt").read_text()
    assert [line.rsplit(" ", 1)[0] for line in text.splitlines()] == ["0 5 0 10", "0 0 0 10"]
    assert text.endswith("\n")


def test_narrow_regions_land_where_they_belong(tmp_path):
    partial = Partial(tmp_path, (6, 8), IDENTITY, resume=False)
    values = np.arange(6.0).reshape(2, 3)
    partial.write(Region((2, 4), (5, 8)), values)
    np.testing.assert_array_equal(partial.scores[2:4, 5:8], values)
    assert not partial.scores[:, :5].any()


def test_another_runs_leftovers_are_refused(tmp_path):
    Partial(tmp_path, (6, 8), IDENTITY, resume=False).close()
    with pytest.raises(InputError, match=r"detector = 'rx', this one has 'crd'.*--resume"):
        Partial(tmp_path, (6, 8), IDENTITY | {"detector": "crd"}, resume=True)
    fresh = Partial(tmp_path, (6, 8), IDENTITY | {"detector": "crd"}, resume=False)
    assert not fresh.resumed
    found = json.loads((tmp_path / ".partial" / "identity.json").read_text())
    assert found["detector"] == "crd"


OWN = """
from dataclasses import dataclass
from oddspec.detectors.statistical.rx import RX

@dataclass(frozen=True)
class Mine(RX):
    pass
"""


@pytest.fixture
def files(tmp_path, rng):
    """Scenes that can be read in two ways, and a detector in a file."""
    one, two = rng.normal(size=(2, 200, 50, 6)).astype(np.float32)
    scipy.io.savemat(tmp_path / "two.mat", {"one": one, "two": two})
    np.save(tmp_path / "cube.npy", rng.normal(size=(40, 40, 40)))
    one.tofile(tmp_path / "envi.img")
    fields = "samples = 50\nlines = 200\nbands = 6\ndata type = 4\nbyte order = 0\n"
    (tmp_path / "envi.hdr").write_text(f"ENVI\n{fields}interleave = bsq\n")
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "first", "then", "edited", "message"),
    [
        ("two.mat", {"variable": "one"}, {"variable": "two"}, None, "variable = 'one'"),
        ("cube.npy", {}, {"axes": "band,row,column"}, None, "axes = None"),
        ("envi.img", {}, {"allow_truncated": True}, None, "allow_truncated = False"),
        ("envi.img", {}, {}, ("envi.hdr", "bsq", "bil"), "header_sha256 = "),
        ("envi.img", {}, {}, ("envi.hdr", "data type = 4", "data type = 3"), "dtype = 'float32'"),
        ("envi.img", {}, {}, ("own.py", "pass", "seed: int = 0"), "code = 'oddspec_own_own_"),
    ],
)
def test_scores_of_other_inputs_are_not_taken_up(
    files, small_tiles, name, first, then, edited, message
):
    def kill(done, total, now):
        if now == "scoring" and done >= 1:
            raise Killed

    def detect(options, progress):
        own = str(files / "own.py")
        one = PipelineOptions(**options, resources=Resources(workers=1))
        detect_scene(files / name, files / "out", own, load(own)(), one, progress)

    with pytest.raises(Killed):
        detect(first, kill)
    if edited:
        path, old, new = edited
        path = files / path
        path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=f"{message}.*without --resume"):
        detect({**then, "resume": True}, lambda *_: None)
