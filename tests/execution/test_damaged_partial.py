"""Whatever became of an interrupted run's files, the next run has the scores of a whole one."""

import io
import json
import random
import shutil
import warnings

import numpy as np
import pytest

from oddspec.detectors import load
from oddspec.errors import DataWarning, InputError, OddspecError
from oddspec.execution.resources import Resources
from oddspec.execution.run import run
from oddspec.execution.score_store import Partial, ScoreArray
from oddspec.execution.tiles import Region
from oddspec.io.source import ArraySource
from oddspec.scene import Scene

IDENTITY = {"detector": "rx", "bands": [0, 1, 2], "settings": {"rank": None}}
FILES = ("identity.json", "journal.txt", "scores.f32", "summaries.npz")
SHAPE = (40, 20)
DETECTORS = {"rx": load("rx")(), "local_rx": load("local_rx")(guard=3, outer=9)}


class Killed(BaseException):
    pass


@pytest.fixture(scope="module", autouse=True)
def small_tiles():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("oddspec.execution.tiles.TILE_BYTES", 1.6e4)
        patch.setattr("oddspec.execution.tiles.BLOCK_PIXELS", 80)
        patch.setattr("oddspec.execution.tiles.WINDOW_SIDES", (16,))
        patch.setattr("oddspec.execution.score_store.SAVE_EVERY", 0.0)
        yield


@pytest.fixture(scope="module")
def scene():
    return Scene.of(ArraySource(np.random.default_rng(0).normal(size=(*SHAPE, 3))))


@pytest.fixture(scope="module")
def wholes(scene):
    return {name: whole(scene, DETECTORS[name]) for name in DETECTORS}


@pytest.fixture(scope="module")
def left(scene, tmp_path_factory):
    """Folders that killed runs have left."""
    folder = tmp_path_factory.mktemp("left")
    for name, stage in (("rx", "summarising"), ("rx", "scoring"), ("local_rx", "scoring")):
        interrupted(folder / f"{name}-{stage}", scene, DETECTORS[name], stage)
    return folder


def whole(scene, detector):
    store = ScoreArray(*SHAPE)
    run(scene, detector, store, Resources(workers=1))
    return store.scores.astype(np.float32)


def interrupted(folder, scene, detector, stage, at=3):
    """The partial results of a run that was killed in that stage."""

    def kill(done, total, now):
        if now == stage and done >= at:
            raise Killed

    partial = Partial(folder, SHAPE, IDENTITY, resume=False)
    with pytest.raises(Killed):
        run(scene, detector, partial, Resources(workers=1), kill, partial)
    partial.close()
    return partial.folder


def gone_on(folder, scene, detector):
    """The scores of a run that goes on there; how many regions it took up; what it warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        partial = Partial(folder, SHAPE, IDENTITY, resume=True)
        kept = len(partial._regions)
        run(scene, detector, partial, Resources(workers=1), checkpoint=partial)
        scores = np.array(partial.scores)
    partial.discard()
    assert not partial.folder.exists()
    return scores, kept, [str(w.message) for w in caught if w.category is DataWarning]


def emptied(path):
    path.write_bytes(b"")


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scrambled(path):
    path.write_bytes(random.Random(0).randbytes(path.stat().st_size))


def one_bit(path):
    content = bytearray(path.read_bytes() or b" ")
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def zeros(path):
    path.write_bytes(bytes(path.stat().st_size))


def end_only(path):
    """What may be left where pages reach the disk out of order."""
    half = path.stat().st_size // 2
    path.write_bytes(bytes(half) + path.read_bytes()[half:])


def shuffled(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(reversed(lines)))


def longer(path):
    path.write_bytes(path.read_bytes() + b"\n0 40 0 20\n0 40 0 20 00000000\n-1 5 0 20\nx\n")


def missing(path):
    path.unlink()


def a_folder(path):
    path.unlink()
    path.mkdir()
    (path / "file").write_text("in the way")


def json_list(path):
    path.write_text("[1, 2]")


def json_object(path):
    path.write_text("{}")


def json_deep(path):
    path.write_text("[" * 100_000)


def an_array(path):
    content = io.BytesIO()
    np.save(content, np.zeros(3))
    path.write_bytes(content.getvalue())


def another_archive(path):
    with open(path, "wb") as file:
        np.savez(file, covered=np.arange(3), nodes=np.array([[0, 1]]))


def pickled(path):
    with open(path, "wb") as file:
        np.savez(file, covered=np.array([{}], dtype=object))


DAMAGES = (
    emptied, cut, scrambled, one_bit, zeros, end_only, shuffled, longer, missing, a_folder,
    json_list, json_object, json_deep, an_array, another_archive, pickled,
)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "case",
    [
        "rx-summarising",
        "rx-scoring",
        "local_rx-scoring",  # regions narrower than the scene, and no summaries
    ],
)
def test_a_damaged_file_costs_time_and_no_more(tmp_path, scene, left, wholes, name, damage, case):
    detector = case.partition("-")[0]
    shutil.copytree(left / case, tmp_path, dirs_exist_ok=True)
    path = tmp_path / ".partial" / name
    if path.exists():
        damage(path)
    scores, _, _ = gone_on(tmp_path, scene, DETECTORS[detector])
    np.testing.assert_array_equal(scores, wholes[detector])


def test_what_is_intact_is_taken_up_without_a_word(tmp_path, scene):
    detector = load("rx")()
    interrupted(tmp_path, scene, detector, "scoring")
    scores, kept, warned = gone_on(tmp_path, scene, detector)
    assert kept >= 3
    assert not warned
    np.testing.assert_array_equal(scores, whole(scene, detector))


def test_only_what_is_damaged_is_computed_again_and_that_is_told(tmp_path, scene):
    detector = load("rx")()
    folder = interrupted(tmp_path, scene, detector, "scoring", at=5)
    marked = np.memmap(folder / "scores.f32", np.float32, "r+", shape=SHAPE)
    marked[0, 0] = 7.0
    marked.flush()
    scores, kept, warned = gone_on(tmp_path, scene, detector)
    assert kept >= 4
    assert len(warned) == 1
    assert "scores of 1 regions are damaged and are computed again" in warned[0]
    np.testing.assert_array_equal(scores, whole(scene, detector))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("identity.json", "identity.json is damaged: everything is computed anew"),
        ("summaries.npz", "summaries.npz is damaged: the first pass is done again"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, scene, name, said):
    detector = load("rx")()
    one_bit(interrupted(tmp_path, scene, detector, "scoring") / name)
    _, _, warned = gone_on(tmp_path, scene, detector)
    assert any(said in text for text in warned)


@pytest.mark.parametrize("name", ["journal.txt", "summaries.npz", "scores.f32"])
def test_nothing_of_another_run_agrees(tmp_path, scene, name):
    """After a power cut, an old run's file may stand beside a new run's identity."""
    detector = load("rx")()
    other = Scene.of(ArraySource(3 * np.asarray(scene.source.array)[::-1] ** 3))
    interrupted(tmp_path / "one", scene, detector, "scoring")
    partial = Partial(tmp_path / "two", SHAPE, IDENTITY | {"bands": [1]}, resume=False)
    run(other, detector, partial, Resources(workers=1), checkpoint=partial)
    partial.close()
    shutil.copy(tmp_path / "two/.partial" / name, tmp_path / "one/.partial" / name)
    scores, _, _ = gone_on(tmp_path / "one", scene, detector)
    np.testing.assert_array_equal(scores, whole(scene, detector))


def test_a_file_in_the_folders_place(tmp_path, scene):
    (tmp_path / ".partial").write_text("a file")
    scores, kept, _ = gone_on(tmp_path, scene, load("rx")())
    assert not kept
    np.testing.assert_array_equal(scores, whole(scene, load("rx")()))


def test_without_checksums_scores_count_only_in_a_file_of_the_right_length(tmp_path):
    """Interrupted runs of version 0.1.0."""
    region = Region((0, 5), (0, 20))
    for size, known in ((4 * 40 * 20, True), (4 * 40 * 20 - 4, False), (0, False)):
        folder = tmp_path / str(size) / ".partial"
        folder.mkdir(parents=True)
        (folder / "identity.json").write_text(json.dumps(IDENTITY))
        (folder / "journal.txt").write_text("0 5 0 20\n")
        (folder / "scores.f32").write_bytes(bytes(size))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            partial = Partial(folder.parent, SHAPE, IDENTITY, resume=True)
        assert partial.has(region) == known
        # What is added has a checksum, and counts beside what has none.
        partial.write(Region((5, 9), (0, 20)), np.ones((4, 20)))
        partial.close()
        again = Partial(folder.parent, SHAPE, IDENTITY, resume=True)
        assert again.has(Region((5, 9), (0, 20)))
        again.close()


def test_a_full_disk_is_a_sentence_and_half_a_line_does_not_stay(tmp_path, monkeypatch):
    partial = Partial(tmp_path, SHAPE, IDENTITY, resume=False)
    file = partial._journal._file

    class Full:
        def write(self, data):
            return file.write(data[: len(data) // 2])

        def __getattr__(self, name):
            return getattr(file, name)

    monkeypatch.setattr(partial._journal, "_file", Full())
    with pytest.raises(OddspecError, match=r"\.partial: cannot be written \(No space left"):
        partial.write(Region((0, 5), (0, 20)), np.ones((5, 20)))
    assert not partial.has(Region((0, 5), (0, 20)))
    monkeypatch.undo()
    partial.write(Region((5, 9), (0, 20)), np.ones((4, 20)))
    partial.close()
    again = Partial(tmp_path, SHAPE, IDENTITY, resume=True)
    assert again.has(Region((5, 9), (0, 20)))
    again.close()


def test_a_damaged_identity_never_refuses(tmp_path, scene):
    """One bit may turn a setting into another: that is no other run."""
    detector = load("rx")()
    path = interrupted(tmp_path, scene, detector, "scoring") / "identity.json"
    path.write_text(path.read_text().replace("[0, 1, 2]", "[0, 1, 3]"))
    gone_on(tmp_path, scene, detector)
    Partial(tmp_path / "x", SHAPE, IDENTITY, resume=False).close()
    with pytest.raises(InputError, match="bands"):
        Partial(tmp_path / "x", SHAPE, IDENTITY | {"bands": [3]}, resume=True)
