import json

import numpy as np
import pytest

from oddspec.budget import Resources
from oddspec.detectors.statistical.rx import RX
from oddspec.errors import InputError
from oddspec.files.source import ArraySource
from oddspec.resume import Partial
from oddspec.run import run
from oddspec.scene import Scene
from oddspec.sink import ScoreArray
from oddspec.tiles import Region

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
def scene(rng, monkeypatch):
    monkeypatch.setattr("oddspec.two_passes.TILE_BYTES", 8e4)
    monkeypatch.setattr("oddspec.tiles.BLOCK_PIXELS", 100)
    monkeypatch.setattr("oddspec.resume.SAVE_EVERY", 0.0)
    CountingSource.reads.clear()
    return Scene.of(CountingSource(rng.normal(size=(200, 50, 6))))


def whole(scene):
    sink = ScoreArray(200, 50)
    run(scene, RX(), sink, Resources(workers=1))
    return sink.scores


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
    assert text == "0 5 0 10\n0 0 0 10\n"


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
