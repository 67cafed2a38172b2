"""An input that is written to while it is read: an error, and no products."""

import os
import shutil

import numpy as np
import pytest

from oddspec.command import main
from oddspec.detectors import load
from oddspec.errors import InputError
from oddspec.execution.resources import Resources
from oddspec.io.checksum import FileTimes, InputChanged, WatchedInputs, sha256
from oddspec.pipeline import PipelineOptions, detect_scene
from oddspec.scenes import make_scene
from oddspec.study.perform import perform


@pytest.fixture
def made(tmp_path):
    return make_scene(tmp_path / "field.img", rows=40, columns=40, bands=8, seed=3)


def old(path):
    """Give a file times of a minute ago, as most files have."""
    times = os.stat(path).st_mtime_ns - 60 * 10**9
    os.utime(path, ns=(times, times))
    return path


def overwrite(path, back=False):
    """Other bytes, as many as before; ``back``: with the time that the file had."""
    stat = os.stat(path)
    with open(path, "r+b") as file:
        file.write(bytes(stat.st_size))
    if back:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def replace(path, back=False):
    """Another file under its name."""
    stat = os.stat(path)
    shutil.copyfile(path, path.with_name("new"))
    overwrite(path.with_name("new"))
    os.utime(path.with_name("new"), ns=(stat.st_atime_ns, stat.st_mtime_ns))
    os.replace(path.with_name("new"), path)


def detect(made, out, change, stage, detector="rx", **options):
    """Run, and change the inputs when that stage begins."""
    begun = []

    def progress(done, total, now):
        if now == stage and not begun:
            begun.append(now)
            change()

    options = PipelineOptions(resources=Resources(workers=1), **options)
    result = detect_scene(made.data, out, detector, load(detector)(), options, progress)
    assert begun
    return result


@pytest.mark.parametrize(
    ("stage", "how", "back"),
    [
        *(("scoring", how, back) for how in (overwrite, replace) for back in (False, True)),
        ("finding detections", replace, True),
    ],
)
def test_a_scene_is_refused_and_nothing_left(made, tmp_path, stage, how, back):
    old(made.data)
    with pytest.raises(InputChanged, match=r"field\.img: was written to after this run had begun"):
        detect(made, tmp_path / "out", lambda: how(made.data, back), stage)
    assert not (tmp_path / "out" / "field").exists()


def test_what_a_change_has_led_to_is_told_as_the_change(made, tmp_path):
    """Here all pixels have become equal, which a detector refuses."""
    with pytest.raises(InputChanged):
        detect(made, tmp_path / "out", lambda: overwrite(made.data), "summarising")
    assert not (tmp_path / "out" / "field").exists()


def test_products_of_an_earlier_run_stay_where_it_is_found_in_time(made, tmp_path):
    old(made.data)
    result = detect(made, tmp_path / "out", lambda: None, "scoring")
    before = {name: (result.folder / name).read_bytes() for name in result.files}
    with pytest.raises(InputChanged):
        detect(made, tmp_path / "out", lambda: overwrite(made.data), "scoring")
    assert {path.name for path in result.folder.iterdir()} == before.keys()
    assert {name: (result.folder / name).read_bytes() for name in before} == before


@pytest.mark.parametrize("back", [False, True])
def test_products_go_where_it_is_found_after_they_were_written(made, tmp_path, back):
    old(made.data)
    with pytest.raises(InputChanged):
        detect(made, tmp_path / "out", lambda: overwrite(made.data, back), "writing products")
    assert not (tmp_path / "out" / "field").exists()


def test_a_header_and_a_truth_are_watched_too(made, tmp_path):
    for path in (made.data.with_suffix(".hdr"), made.truth):
        content = path.read_bytes()
        with pytest.raises(InputChanged, match=path.name):
            detect(made, tmp_path / "out", lambda p=path: overwrite(p), "scoring", truth=made.truth)
        path.write_bytes(content)


def test_a_scene_that_is_taken_away_is_told(made, tmp_path):
    with pytest.raises(InputChanged, match=r"field\.img: cannot be opened any more"):
        detect(made, tmp_path / "out", made.data.unlink, "scoring")


def test_new_permissions_and_links_are_no_change(made, tmp_path):
    def touch():
        os.chmod(made.data, 0o600)
        os.link(made.data, tmp_path / "backup")

    result = detect(made, tmp_path / "out", touch, "scoring")
    assert result.sha256 == sha256(made.data)


def test_the_command_ends_with_status_2(made, tmp_path, capsys, monkeypatch):
    from oddspec.pipeline import scene_run

    def run(*arguments):
        outcome = original(*arguments)
        overwrite(made.data)
        return outcome

    original = scene_run.run
    monkeypatch.setattr(scene_run, "run", run)
    assert main(["detect", str(made.data), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "run again when the file is complete" in error
    assert "Traceback" not in error


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(made, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for files in ((made.data, tmp_path / "pipe"), (tmp_path / "pipe", made.truth)):
        with pytest.raises(InputError, match="pipe: is no regular file"):
            detect_scene(
                files[0], tmp_path / "out", "rx", load("rx")(), PipelineOptions(truth=files[1])
            )


def test_a_change_that_the_times_miss_is_seen_in_small_files(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    inputs, digest = WatchedInputs(), sha256(path)
    inputs.watch(path)
    path.write_bytes(b"two")
    # As where times are coarse: nothing but the bytes differs.
    inputs._times[path] = FileTimes.of(path)
    inputs.check()
    with pytest.raises(InputChanged):
        inputs.check_bytes(path, digest)


def test_large_files_are_read_again_only_where_something_was_changed(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    inputs = WatchedInputs()
    inputs.watch(path)
    monkeypatch.setattr("oddspec.io.checksum.READ_AGAIN", 2)
    inputs.check_bytes(path, "another")
    os.chmod(path, 0o600)
    inputs.check()
    inputs.check_bytes(path, sha256(path))
    with pytest.raises(InputChanged):
        inputs.check_bytes(path, "another")


def test_a_row_of_a_study_fails_where_its_scene_has_changed_since_the_plan_was_read(tmp_path):
    from oddspec.study.scene_files import opened

    rng = np.random.default_rng(0)
    np.save(tmp_path / "hill.npy", rng.normal(size=(20, 20, 4)))
    truth = np.zeros((20, 20), np.uint8)
    truth[3, 4] = 1
    np.save(tmp_path / "truth.npy", truth)
    paths = (tmp_path / "hill.npy", None), (tmp_path / "truth.npy", None)
    scene = opened("hill", "hill", *paths, "truth.npy", ("", ""))
    task = {
        "source": "rx", "settings": {}, "detector_sha256": None, "noise": 0, "noise_seed": 0,
        "cube": str(paths[0][0]), "cube_variable": None, "thresholds": [], "map": None,
        "truth": str(paths[1][0]), "truth_variable": None, "max_memory": 2 * 10**9,
        "times": {path: list(times) for path, times in scene.times.items()},
    }  # fmt: skip
    assert perform(task)["status"] == "done"
    for path, _ in paths:
        content = path.read_bytes()
        path.write_bytes(content[:-1] + b"\1")
        result = perform(task)
        assert result["status"] == "failed"
        assert f"{path.name}: was written to" in result["reason"]
        assert not result.get("metrics")
        path.write_bytes(content)
        os.utime(path, ns=(0, scene.times[str(path)].modified))
