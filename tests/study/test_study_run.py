import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from bad_detectors import write

import oddspec
import oddspec.study
from oddspec.errors import DataWarning, InputError
from oddspec.io.truth import read_truth
from oddspec.study import overview, read_records, with_noise
from oddspec.study.plan import as_toml
from oddspec.study.report import table


@pytest.fixture(scope="module")
def finished(lasting_scenes):
    """A study of everything that can go wrong: its folder, and its records by detector."""
    folder = lasting_scenes.parent
    deeds = ("raises", "exits", "crashes", "hoards", "overreaches", "unconverged", "good")
    deeds += ("picks", "mute", "bare", "narrow")
    for deed in ("hangs", *deeds):
        write(folder, deed)
    plan = {
        "name": "bad",
        "scenes": ["scenes/hill.mat"],
        "keep_maps": True,
        "runs": [
            {"detector": "hangs.py", "time_limit": "1.5 s"},
            {"detector": [f"{deed}.py" for deed in deeds]},
        ],
    }
    (folder / "plan.toml").write_text(as_toml(plan))
    records = oddspec.study(
        folder / "plan.toml", out=folder / "out", workers=2, max_memory=1_500_000_000
    )
    return folder, {record["detector"]: record for record in records}


@pytest.mark.parametrize(
    ("detector", "status", "reason"),
    [
        ("raises", "failed", "ZeroDivisionError: no luck (raises.py, line"),
        ("hangs", "timeout", "time limit of 1.5 s"),
        ("exits", "killed", "ended by itself with status 7"),
        ("crashes", "killed", "signal 11 (SIGSEGV)"),
        ("hoards", "killed", "exceeded the study's 1.50 GB"),
        ("overreaches", "failed", "MemoryError"),
        ("unconverged", "done", None),
        ("good", "done", None),
        ("picks", "done", None),
        ("mute", "failed", "gave no pixel a score"),
        ("bare", "failed", "Mine.examine returned ndarray: expected oddspec.detector.SceneResult"),
        ("narrow", "failed", "Mine gave scores of shape (24, 1): expected (24, 26)"),
    ],
)
def test_whatever_a_detector_does_becomes_a_row(finished, detector, status, reason):
    record = finished[1][detector]
    assert record["status"] == status
    assert record["reason"] is None if reason is None else reason in record["reason"]
    assert record["settings"] == {"weight": 1.0, "seed": 0, "log": ""}
    assert record["detector_sha256"]
    assert record["scene"] == "hill"
    assert bool(record["metrics"]) == (status == "done")


def test_a_record_tells_how_it_went(finished):
    folder, records = finished
    good, unconverged = records["good"], records["unconverged"]
    assert (good["converged"], unconverged["converged"]) == (True, False)
    assert unconverged["warnings"] == ["the gap is 0.3"]
    assert good["iterations"] == 1200
    curve = good["curves"]["objective"]
    assert (len(curve), curve[0], curve[-1]) == (500, 1.0, pytest.approx(1 / 1200, rel=1e-5))
    assert 0 <= good["seconds"]["cpu"] <= good["seconds"]["wall"] + 0.1
    assert good["memory_before"] <= good["peak_memory"] < 1e9
    assert good["machine"]["cores"] == os.cpu_count()
    assert good["versions"]["oddspec"] == oddspec.__version__
    scores = np.load(folder / "out" / good["map"])
    found = oddspec.evaluate(scores, read_truth(folder / "scenes" / "hill.mat", (24, 26)) > 0)
    assert found == good["metrics"]
    assert records["raises"]["map"] is None


def test_pixels_that_a_detector_passes_over_are_counted_and_told(finished):
    folder, records = finished
    assert records["good"]["unscored"] == 0
    assert records["raises"]["unscored"] is None
    record = records["picks"]
    assert record["unscored"] == record["metrics"]["invalid"] == 63
    assert record["warnings"] == [
        "63 of 624 valid pixels have no score (NaN): areas and rates are over the others only"
    ]
    shown = table(folder / "out", detectors=["picks", "good"])
    assert re.search(r"\| hill \| [\d.]+ \(1 seed\) \| [\d.]+ \(1 seed\) † \|", shown)
    assert "† Valid pixels were left without a score" in shown
    assert "†" not in table(folder / "out", what="summary", detectors=["good"])
    assert "† On some scene" in table(folder / "out", what="summary")


def test_the_list_tells_what_failed_and_what_is_missing(finished, capsys):
    from oddspec.command import main

    folder, _ = finished
    assert main(["study", "list", str(folder / "out")]) == 0
    shown = capsys.readouterr().out
    assert "failed 1 times: ZeroDivisionError: no luck" in shown
    assert "bad: 3 done, 5 failed, 1 timeout, 3 killed, 0 scenes missing" in shown
    assert main(["study", "list", "--json", str(folder / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["to do"] == 0


def test_nothing_is_repeated_but_what_is_to_be_retried(finished, capsys):
    from oddspec.command import main

    folder, _ = finished
    before = (folder / "out" / "records.jsonl").read_text()
    words = ["study", str(folder / "plan.toml"), "--out", str(folder / "out"), "--progress", "none"]
    assert main([*words, "--resume"]) == 0
    assert (folder / "out" / "records.jsonl").read_text() == before
    assert "3 done, 5 failed" in capsys.readouterr().out
    assert main([*words, "--dry-run"]) == 0
    assert "bad: 12 runs on 1 scene, 0 of them to do" in capsys.readouterr().out
    assert main([*words[:-4], "--dry-run", "--out", str(folder / "other")]) == 0
    assert "12 of them to do" in capsys.readouterr().out
    assert not (folder / "other").exists()
    assert main([*words, "--retry", "--only", "raises,good"]) == 0
    added = (folder / "out" / "records.jsonl").read_text().removeprefix(before)
    assert [json.loads(line)["detector"] for line in added.splitlines()] == ["raises"]


def small(scenes, *runs, **more):
    return {"scenes": [str(scenes)], "runs": list(runs), **more}


def test_refusals_are_rows(scenes, tmp_path):
    path = write(tmp_path, "good", memory="50e9")
    (record,) = oddspec.study(
        small(scenes / "hill.mat", {"detector": str(path)}), max_memory=2_000_000_000
    )
    assert record["status"] == "refused"
    assert "--max-memory allows 2,000 MB: say --max-memory 50" in record["reason"]


@pytest.mark.filterwarnings("ignore::oddspec.errors.NotConverged")
@pytest.mark.filterwarnings("ignore::oddspec.errors.DataWarning")
def test_a_record_run_again_from_its_own_settings_gives_the_same_scores(scenes):
    runs = (
        {"detector": "rx"},
        {"detector": "rednmf", "column": "short", "settings": {"iterations": 5, "outer": 13}},
    )
    records = oddspec.study(
        small(scenes, *runs, seeds=[3], noise=[0.0, 0.05], noise_seeds=[4], thresholds=[100])
    )
    assert [record["status"] for record in records] == ["done"] * 8
    for record in records:
        file = "hill.mat" if record["scene"] == "hill" else "lake.npy"
        opened = oddspec.open(scenes / file)
        truth = read_truth(scenes / record["truth"], (24, 26)) > 0
        cube, valid = opened.read((0, 24), (0, 26))
        if record["noise"]:
            cube = with_noise(cube, valid, record["noise"], record["noise_seed"])
        scores = oddspec.detect(cube, record["detector"], workers=1, **record["settings"])
        again = oddspec.evaluate(scores, truth)
        assert again["auc_pd_pf"] == record["metrics"]["auc_pd_pf"]
        grid = oddspec.evaluate(scores, truth, grid=100)
        assert grid["auc_pf_tau"] == pytest.approx(record["metrics"]["auc_pf_tau_100"], abs=1e-12)
        assert grid["auc_pf_tau"] > again["auc_pf_tau"]
        assert again["auc_ci_low"] == pytest.approx(record["metrics"]["auc_ci_low"], rel=1e-9)


def test_the_same_run_in_two_columns_is_done_once(scenes, tmp_path):
    log = tmp_path / "log"
    path = str(write(tmp_path, "good"))
    settings = {"log": str(log)}
    plan = small(
        scenes / "hill.mat",
        {"detector": path, "column": "a", "settings": settings},
        {"detector": path, "column": "sweep", "settings": settings, "grid": {"weight": [1, 2]}},
    )
    records = oddspec.study(plan, workers=2)
    assert sorted(log.read_text().split()) == ["0", "0", "1.0", "2.0"]
    assert [record["column"] for record in records] == ["a", "sweep", "sweep"]
    assert records[1]["copied_from"] == "a"
    assert records[1]["metrics"] == records[0]["metrics"]
    assert "copied_from" not in records[2]


def test_scenes_that_are_not_at_hand_are_told_and_the_rest_runs(scenes):
    plan = small(scenes / "hill.mat", {"detector": "rx"})
    plan["scenes"].append("hydice-162")
    with pytest.warns(DataWarning, match="hydice-162 is missing"):
        records = oddspec.study(plan, data=scenes)
    assert [record["scene"] for record in records] == ["hill"]


def test_a_scene_that_has_changed_is_run_again(scenes, tmp_path):
    plan = small(scenes, {"detector": "rx"})
    oddspec.study(plan, out=tmp_path / "out")
    lines = len((tmp_path / "out" / "records.jsonl").read_text().splitlines())
    cube = np.load(scenes / "lake.npy")
    cube[0, 0] *= 2
    np.save(scenes / "lake.npy", cube)
    assert overview(tmp_path / "out").counts["to do"] == 1
    oddspec.study(plan, out=tmp_path / "out")
    assert len((tmp_path / "out" / "records.jsonl").read_text().splitlines()) == lines + 1
    assert overview(tmp_path / "out").counts["done"] == 2


def test_tables_follow_a_corrected_plan(scenes, tmp_path):
    for count in (3, 4):
        run = {"detector": "pca_rx", "column": "as published", "settings": {"components": count}}
        plan = small(scenes, run, {"detector": "rx"})
        plan["scenes"].append("hydice-162")
        plan["runs"][1]["scenes"] = str(scenes / "hill.mat")
        only = [] if count == 3 else ["pca_rx"]
        with pytest.warns(DataWarning, match="hydice-162 is missing"):
            records = oddspec.study(plan, out=tmp_path / "out", data=scenes, only=only)
    assert {record["settings"]["components"] for record in records} == {4}
    shown = table(tmp_path / "out")
    assert "`pca_rx`" in shown
    assert "`rx`" in shown
    assert "2 records that are of no row of the plan are left out." in shown
    assert json.loads((tmp_path / "out" / "rows.json").read_text())["missing"] == ["hydice-162"]
    assert overview(tmp_path / "out", scenes).others == 2


def test_a_folder_holds_one_study(scenes, tmp_path):
    plan = small(scenes / "hill.mat", {"detector": "rx"}, name="first")
    oddspec.study(plan, out=tmp_path / "out")
    with pytest.raises(InputError, match="holds the study 'first', this one is 'second'"):
        oddspec.study(plan | {"name": "second"}, out=tmp_path / "out")


def begin(plan, out):
    """A study in a process of its own, as from a terminal."""
    words = [sys.executable, "-m", "oddspec", "study", str(plan), "--out", str(out)]
    source = str(Path(oddspec.__file__).parents[1])
    return subprocess.Popen(
        [*words, "--workers", "2"],
        env=os.environ | {"PYTHONPATH": source},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def lines_in(out):
    path = out / "records.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_lines(out, count):
    deadline = time.monotonic() + 60
    while lines_in(out) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    assert lines_in(out) >= count


def test_kills_at_random_moments_lose_and_repeat_nothing(scenes, tmp_path):
    log, out = tmp_path / "log", tmp_path / "out"
    run = {"detector": str(write(tmp_path, "slow")), "column": "a", "settings": {"log": str(log)}}
    plan = tmp_path / "plan.toml"
    plan.write_text(as_toml(small(scenes, run, seeds=15)))
    kept: list[dict] = []
    for kill in range(3):
        process = begin(plan, out)
        wait_for_lines(out, len(kept) + 1)
        if kill == 0:
            process.send_signal(signal.SIGSTOP)  # lest it be done before the second has begun
            second = begin(plan, out)
            _, said = second.communicate(timeout=60)
            process.send_signal(signal.SIGCONT)
            assert second.returncode == 2
            assert "another study is writing there" in said
        time.sleep(0.3 * random.random())
        process.kill()
        process.communicate()
        now = read_records(out)
        # What was there is there still, word for word.
        assert now[: len(kept)] == kept
        kept = now
    assert 3 <= len(kept) < 30
    process = begin(plan, out)
    process.communicate(timeout=60)
    assert process.returncode == 0
    lines = [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]
    assert len(lines) == len({line["id"] for line in lines}) == 30
    assert lines[: len(kept)] == kept
    assert {line["status"] for line in lines} == {"done"}
    # Only what was in the midst of it when a kill came was begun again: two children, three kills.
    assert 30 <= len(log.read_text().splitlines()) <= 36


def test_no_child_outlives_its_study(scenes, tmp_path):
    log, out = tmp_path / "log", tmp_path / "out"
    run = {"detector": str(write(tmp_path, "hangs")), "column": "a", "settings": {"log": str(log)}}
    plan = tmp_path / "plan.toml"
    plan.write_text(as_toml(small(scenes / "hill.mat", run)))
    process = begin(plan, out)
    for _ in itertools.takewhile(lambda _: not log.exists(), range(600)):
        time.sleep(0.05)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    process.kill()
    process.communicate()
    gone = [child for child in children for _ in range(100) if not _lives(child)]
    assert {*gone} == {*children}


def _lives(child):
    time.sleep(0.02)
    try:
        return Path(f"/proc/{child}/stat").read_text().split(") ")[1][0] not in "ZX"
    except OSError:
        return False


def test_rx_gives_every_fingerprint_of_the_catalogue(shared):
    from oddspec.scenes import find

    with pytest.warns(DataWarning, match="is missing"):
        records = oddspec.study(
            {"scenes": ["open"], "runs": [{"detector": "rx"}]}, data=shared / "data"
        )
    assert len(records) >= 20
    for record in records:
        truths = {truth.file: truth.rx_auc for truth in find(record["scene"]).truths}
        area = record["metrics"]["auc_pd_pf"]
        assert area == pytest.approx(truths[record["truth"]], abs=1e-6), record["scene"]


def test_without_pandas_a_study_runs_and_tables_say_what_they_need(scenes, tmp_path):
    code = f"""
import sys
sys.modules["pandas"] = None
import oddspec
from oddspec.command import main
plan = {{"scenes": [{str(scenes / "lake.npy")!r}], "runs": [{{"detector": "rx"}}]}}
records = oddspec.study(plan, out={str(tmp_path / "out")!r}, workers=1)
assert records[0]["status"] == "done"
sys.exit(main(["study", "table", {str(tmp_path / "out")!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.endswith("need pandas: pip install 'oddspec[study]'\n")


def test_records_are_a_list_and_a_table(scenes):
    plan = small(scenes / "lake.npy", {"detector": ["rx", "pca_rx"]})
    records = oddspec.study(plan, workers=1)
    assert isinstance(records, list)
    frame = records.frame
    assert frame["detector"].tolist() == ["rx", "pca_rx"]
    assert frame["metrics.auc_pd_pf"].tolist() == [r["metrics"]["auc_pd_pf"] for r in records]
    assert frame["seconds.wall"].min() >= 0
