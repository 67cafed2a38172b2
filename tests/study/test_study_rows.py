import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
from bad_detectors import write

from oddspec.errors import SettingError
from oddspec.scenes import make_scene
from oddspec.scenes.public import catalogue, scene_sets
from oddspec.study.plan import as_toml, make_plan
from oddspec.study.row import expand, select
from oddspec.study.scene_files import Missing
from oddspec.study.scenes import Library


def rows_of(folder, *runs, **more):
    plan = make_plan(as_toml({"scenes": [str(folder)], "runs": list(runs), **more}), "p", folder)
    return expand(plan, Library(plan.data, plan.folder))


def test_one_row_per_scene_and_seed_first_seeds_first(scenes):
    rows, missing = rows_of(scenes, {"detector": ["rx", "rednmf"]}, seeds=2)
    assert missing == []
    assert [(row.detector, row.scene.key, row.seed) for row in rows] == [
        ("rx", "hill", None),
        ("rx", "lake", None),
        ("rednmf", "hill", 0),
        ("rednmf", "lake", 0),
        ("rednmf", "hill", 1),
        ("rednmf", "lake", 1),
    ]
    assert len({row.id for row in rows}) == len(rows)
    assert rows[0].scene.truth_file == "hill.mat"
    assert rows[1].scene.truth_file == "lake-truth.npy"


def test_settings_are_full_and_what_varies_is_told(scenes):
    run = {
        "detector": "rednmf",
        "column": "sweep",
        "settings": {"iterations": 7, "penalty": 1},
        "per_scene": {"lake": {"iterations": 9}},
        "grid": {"rank": [3, 5], "beta": [1.0, 2.0]},
    }
    rows, _ = rows_of(scenes, run)
    assert len(rows) == 8
    lake = [row.varied for row in rows if row.scene.key == "lake"]
    # The penalty is the default's, though written as a whole number.
    assert lake == [
        {"rank": 3, "iterations": 9},
        {"rank": 3, "beta": 2.0, "iterations": 9},
        {"iterations": 9},
        {"beta": 2.0, "iterations": 9},
    ]
    assert rows[0].settings["seed"] == 0
    assert rows[0].settings["tolerance"] == 1e-3


def test_what_is_computed_gives_the_id_whatever_the_column_is_called(scenes):
    first, second = (
        rows_of(scenes, {"detector": "rednmf", "column": name, "settings": {"rank": rank}})[0][0]
        for name, rank in (("a", 5), ("b", 5))
    )
    plain = rows_of(scenes, {"detector": "rednmf"})[0][0]
    assert first.id == second.id == plain.id
    assert first.key != second.key
    noisy = rows_of(scenes, {"detector": "rednmf"}, noise=[0.1], noise_seeds=[0, 1])[0]
    assert len({row.id for row in noisy} | {first.id}) == 5


def test_noise_has_seeds_of_its_own(scenes):
    rows, _ = rows_of(scenes, {"detector": "rx"}, noise=[0.0, 0.1], noise_seeds=2)
    assert [(row.noise, row.noise_seed) for row in rows if row.scene.key == "hill"] == [
        (0.0, None),
        (0.1, 0),
        (0.1, 1),
    ]


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"detector": "rxx"}, r"p, \[\[runs\]\] number 1 \(rxx\): there is no detector 'rxx'"),
        (
            {"detector": "rednmf", "column": "x", "settings": {"penality": 3}},
            r"REDNMF has no setting 'penality'; did you mean penalty",
        ),
        (
            {"detector": "rednmf", "column": "x", "grid": {"rank": [3, 0]}},
            r"\(rednmf, x\): rank=0: expected at least 1",
        ),
        ({"detector": "rx", "scenes": "nowhere"}, r"or folder 'nowhere' \(sets: "),
        ({"detector": "rx", "scenes": "abu-airprt-1"}, r"did you mean abu-airport-1"),
        ({"detector": "rx", "scenes": "sandiego-1"}, r"several truths.*sandiego-1/57"),
        (
            {"detector": "rednmf", "column": "x", "per_scene": {"hil": {"rank": 3}}},
            r"per_scene names 'hil', which is none of this run's scenes \(hill, lake\)",
        ),
        ({"detector": "mine.py"}, r"mine.py: cannot be read"),
        ({"detector": "rx", "scenes": "~nobody_of_that_name/x"}, r"no such user's home folder"),
        ({"detector": "rx", "scenes": "long" * 75}, r"there is no scene, set or folder 'long"),
    ],
)
def test_mistakes_are_told_with_their_entry(scenes, run, message):
    with pytest.raises(SettingError, match=message):
        rows_of(scenes, run)


def test_two_scenes_of_one_name_are_refused_across_runs_too(scenes, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    np.save(other / "hill.npy", np.load(scenes / "lake.npy"))
    np.save(other / "hill-truth.npy", np.load(scenes / "lake-truth.npy"))
    runs = [{"detector": "rx", "scenes": str(folder)} for folder in (scenes, other)]
    with pytest.raises(SettingError, match=r"number 2.*two scenes are called hill; rename one"):
        rows_of(scenes, *runs)
    with pytest.raises(SettingError, match="two scenes are called hill"):
        rows_of(scenes, {"detector": "rx", "scenes": [str(scenes), str(other)]})
    same = {"detector": "pca_rx", "scenes": str(scenes / "hill.mat")}
    assert len(rows_of(scenes, runs[0], same)[0]) == 3


def test_mistakes_are_told_though_no_scene_is_at_hand(scenes):
    run = {"detector": "rednmf", "column": "x", "settings": {"rank": 0}, "scenes": "abu"}
    with pytest.raises(SettingError, match="rank=0"):
        rows_of(scenes, run)


def test_a_detector_of_ones_own_is_another_when_its_file_changes(scenes, tmp_path):
    path = write(tmp_path, "good")
    first = rows_of(scenes, {"detector": str(path)})[0][0]
    assert first.detector == "good"
    path.write_text(path.read_text() + "\n# another\n")
    assert rows_of(scenes, {"detector": str(path)})[0][0].id != first.id
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / "good.py"
    twin.write_text(path.read_text())
    with pytest.raises(SettingError, match="two detectors are called good"):
        rows_of(scenes, {"detector": [str(path), str(twin)]})


def test_scenes_without_a_truth_or_with_two_are_missing(scenes):
    (scenes / "lake_gt.npy").write_bytes((scenes / "lake-truth.npy").read_bytes())
    (scenes / "pond.npy").write_bytes((scenes / "lake.npy").read_bytes())
    (scenes / "notes.txt").write_text("nothing")
    rows, missing = rows_of(scenes, {"detector": "rx"})
    assert [row.scene.key for row in rows] == ["hill"]
    assert {scene.key: scene.reason.split(": ")[1] for scene in missing} == {
        "lake": "has several truths (lake-truth.npy, lake_gt.npy); leave one",
        "pond": "has no truth; put one beside it called pond-truth.tif (or .png, .mat, .npy)",
    }


def test_files_that_should_be_scenes_and_cannot_be_read_are_missing_with_the_reason(scenes):
    (scenes / "half.npy").touch()
    (scenes / "z.npz").write_bytes(b"\x1f\x8b and so on")
    (scenes / "hill.dat").write_text("notes that share a scene's name")
    (scenes / "lake-truth.npy").write_bytes(b"")
    (scenes / "notes.txt").touch()
    (scenes / "broken.png").touch()
    Path(os.fsdecode(bytes(scenes) + b"/sz\xfcen.npy")).write_bytes(
        (scenes / "lake.npy").read_bytes()
    )
    rows, missing = rows_of(scenes, {"detector": "rx"})
    assert [row.scene.key for row in rows] == ["hill"]
    reasons = {scene.key: scene.reason for scene in missing}
    assert reasons.keys() == {"half", "z", "hill.dat", "lake", "sz\\udcfcen.npy"}
    assert reasons["half"].endswith("half.npy: is empty")
    assert "is compressed (gzip); unpack it first" in reasons["z"]
    assert "is of no known format" in reasons["hill.dat"]
    assert reasons["lake"].endswith("lake-truth.npy: is empty")
    assert "no UTF-8 text; rename it" in reasons["sz\\udcfcen.npy"]


def test_a_folder_that_cannot_be_listed_is_told(scenes, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(SettingError, match=r"scenes: cannot be listed \(Permission denied\)"):
        rows_of(scenes, {"detector": "rx"})


@pytest.mark.parametrize("by_header", [False, True])
@pytest.mark.parametrize("changed", ["valley.hdr", "valley.img"])
def test_a_changed_header_or_data_file_makes_another_scene(tmp_path, by_header, changed):
    folder = tmp_path / "mine"
    make_scene(folder / "valley.img", rows=30, columns=30, bands=20, targets=2)
    named = folder / "valley.hdr" if by_header else folder
    before = rows_of(named, {"detector": "rx"})[0][0].scene
    assert before.cube.name == "valley.img"
    content = bytearray((folder / changed).read_bytes())
    content[-1:] = b"\n\n" if changed == "valley.hdr" else bytes([content[-1] ^ 1])
    (folder / changed).write_bytes(content)
    after = rows_of(named, {"detector": "rx"})[0][0].scene
    assert after.sha256 != before.sha256
    assert after.truth_sha256 == before.truth_sha256


def test_a_header_whose_data_have_another_name_is_one_scene(tmp_path):
    folder = tmp_path / "mine"
    make_scene(folder / "valley.img", rows=30, columns=30, bands=20, targets=2)
    (folder / "valley.img").rename(folder / "other.raw")
    header = folder / "valley.hdr"
    header.write_text(header.read_text() + "\ndata file = other.raw\n")
    rows, missing = rows_of(folder, {"detector": "rx"})
    assert [row.scene.cube.name for row in rows] == ["valley.hdr"]
    assert missing == []


def test_a_made_scene_and_what_lies_beside_it_is_one_scene(tmp_path):
    make_scene(tmp_path / "mine" / "valley.img", rows=30, columns=30, bands=20, targets=2)
    (tmp_path / "mine" / "broken.hdr").write_text("ENVI\nsamples = many\n")
    rows, missing = rows_of(tmp_path / "mine", {"detector": "rx"})
    assert [(row.scene.key, row.scene.cube.name) for row in rows] == [("valley", "valley.img")]
    assert rows[0].scene.truth_file == "valley_truth.tif"
    assert [scene.key for scene in missing] == ["broken"]


def test_public_scenes_are_missing_without_their_files(tmp_path):
    found = Library(None, tmp_path).resolve(["hydice"])
    assert all(isinstance(scene, Missing) for scene in found)
    assert "give --data" in found[0].reason
    found = Library(tmp_path, tmp_path).resolve(["hydice-162", "abu-airport-3"])
    assert "hydice-162.mat is not in" in found[0].reason
    assert "abu-airport-3.mat is not in" in found[1].reason


def test_sets_are_of_the_catalogue():
    sets = scene_sets()
    assert len(sets["thirteen"]) == 13
    assert len(sets["abu"]) == 13
    assert {"sandiego-1/57", "sandiego-1/58", "sandiego-1/58b"} < set(sets["san-diego"])
    assert len(sets["open"]) == sum(max(1, len(scene.truths)) for scene in catalogue())


def test_rows_are_chosen_by_words(scenes):
    rows, _ = rows_of(scenes, {"detector": ["rx", "pca_rx", "rednmf"]}, seeds=2, noise=[0, 0.1])
    assert {row.detector for row in select(rows, ["*rx"])} == {"rx", "pca_rx"}
    chosen = select(rows, ["rx,rednmf", "lake", "noise=0.1"])
    assert [(row.detector, row.seed) for row in chosen] == [
        ("rx", None),
        ("rednmf", 0),
        ("rednmf", 1),
    ]
    assert {row.seed for row in select(rows, ["seed=1"])} == {1}
    with pytest.raises(SettingError, match=r"--only lakes: fits no row.*its scenes: hill, lake"):
        select(rows, ["lakes"])
    with pytest.raises(SettingError, match="no row of the plan fits all"):
        select(rows, ["rx", "seed=1"])


def test_a_column_with_a_comma_is_chosen_by_its_whole_name(scenes):
    run = {"detector": "rednmf", "settings": {"rank": 10}, "column": "published, rank 10"}
    rows, _ = rows_of(scenes, {"detector": "rx"}, run)
    assert {row.detector for row in select(rows, ["published, rank 10"])} == {"rednmf"}


def test_a_column_with_brackets_is_chosen_by_its_name(scenes):
    run = {"detector": "pca_rx", "settings": {"components": 10}, "column": "ten [code]"}
    rows, _ = rows_of(scenes, {"detector": "rx"}, run)
    for word in ("ten [code]", "ten [c*"):
        assert {row.detector for row in select(rows, [word])} == {"pca_rx"}


def test_the_title_of_a_row_tells_the_point_of_a_grid(scenes):
    run = {"detector": "rednmf", "column": "sweep", "grid": {"rank": [3, 5], "beta": [1.0, 2.0]}}
    titles = [row.title for row in rows_of(scenes, run)[0] if row.scene.key == "lake"]
    assert titles[:2] == [
        "rednmf (sweep: rank=3) on lake, seed 0",
        "rednmf (sweep: beta=2.0, rank=3) on lake, seed 0",
    ]
    assert rows_of(scenes, {"detector": "rx"})[0][0].title == "rx (defaults) on hill"


def test_the_plans_of_the_project_are_sound(shared):
    for path in sorted((Path(__file__).parents[2] / "studies").glob("*.toml")):
        if path.name == "published_names.toml":
            continue
        assert tomllib.loads(path.read_text())
        from oddspec.study.plan import read_plan

        rows, _ = expand(
            plan := read_plan(path, shared / "data"), Library(shared / "data", plan.folder)
        )
        assert len({row.key for row in rows}) == len(rows) > 0
