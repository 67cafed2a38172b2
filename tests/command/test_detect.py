"""The main job through the command line."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyogrio
import pytest
import rasterio
import scipy.io

from oddspec.command import main
from oddspec.scenes import make_scene

PRODUCTS = {
    "scores.tif",
    "mask.tif",
    "detections.gpkg",
    "detections.geojson",
    "detections.csv",
    "quicklook.png",
    "model.npz",
    "report.html",
    "run.json",
}


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return make_scene(folder / "field.img", rows=90, columns=70, bands=40, seed=3, rotation=20.0)


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_all_products_are_written_and_agree(made, tmp_path, capsys):
    arguments = ["--truth", made.truth, "--pfa", 1e-3, "--json"]
    assert run("detect", made.data, "--out", tmp_path, *arguments) == 0
    folder = tmp_path / "field"
    assert {p.name for p in folder.iterdir()} == PRODUCTS
    out = capsys.readouterr()
    (report,) = json.loads(out.out)
    record = json.loads((folder / "run.json").read_text())
    assert report["detections"] == record["detections"]["objects"] > 0
    assert record["metrics"]["auc_pd_pf"] > 0.9
    assert record["scene"]["sha256"]
    assert record["peak_memory_bytes"] > 1e6
    with rasterio.open(folder / "scores.tif") as scores, rasterio.open(made.data) as scene:
        assert scores.crs == scene.crs
        assert scores.transform.almost_equals(scene.transform, 1e-9)
        values = scores.read(1)
    found = pyogrio.read_info(folder / "detections.gpkg")
    assert found["features"] == report["detections"]
    threshold = record["threshold"]["value"]
    with rasterio.open(folder / "mask.tif") as mask:
        np.testing.assert_array_equal(mask.read(1) == 1, values > threshold)


def test_progress_goes_to_standard_error_and_results_to_standard_output(made, tmp_path, capsys):
    assert run("detect", made.data, "--out", tmp_path, "--progress", "json") == 0
    out = capsys.readouterr()
    lines = [json.loads(line) for line in out.err.splitlines() if line.startswith("{")]
    assert {"summarising", "scoring"} <= {line["stage"] for line in lines}
    assert out.out.startswith("field: ")
    assert "report.html" in out.out


def test_what_is_unusual_about_a_file_is_printed(tmp_path, capsys):
    cube = np.random.default_rng(0).normal(size=(30, 40, 8))
    cube[3, 4, 5] = np.nan
    np.save(tmp_path / "holes.npy", cube)
    assert run("detect", tmp_path / "holes.npy", "--out", tmp_path / "out", "--json") == 0
    out = capsys.readouterr()
    (report,) = json.loads(out.out)
    record = json.loads((tmp_path / "out" / "holes" / "run.json").read_text())
    assert report["notes"] == record["notes"]
    (note,) = report["notes"]
    assert note == "pixels with NaN or infinity: 1, masked"
    assert f"oddspec: note: holes.npy: {note}\n" in out.err


def test_one_scenes_failure_does_not_stop_the_others(made, tmp_path, capsys):
    missing = tmp_path / "missing.img"
    assert run("detect", missing, made.data, "--out", tmp_path / "out", "--progress", "none") == 2
    out = capsys.readouterr()
    assert "missing.img" in out.err
    assert "1 of 2 scenes failed" in out.err
    assert (tmp_path / "out" / "field" / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--detector", "rxx"], "did you mean rx?"),
        (["--detector", ""], "there is no detector ''"),
        (["--set", "guard=3"], "RX has no setting 'guard'"),
        (["--detector", "pca_rx", "--set", "components=0"], "components=0: expected at least 1"),
        (["--bands", "1-400"], "the scene has bands 1 to 40"),
        (["--bands", "5"], "at least 2 are needed"),
        (["--bands", "nm"], "cannot read 'nm'"),
        (["--bands", "1..50"], "cannot read '1..50'"),
        (["--bands", "1.2.3"], "cannot read '1.2.3'"),
        (["--bands", "."], "cannot read '.'"),
        (["--bands", "30-20"], "30-20 goes backwards; write the lower end first"),
        (["--bands", "9" * 400 + "-5"], "the scene has bands 1 to 40"),
        (["--min-size", "0"], "--min-size 0"),
        (["--min-size", "3", "--max-size", "2"], "nothing could be detected"),
        (["--truth", "no.tif"], "no.tif"),
        (["--max-memory", "1MB"], "say --max-memory"),
        (["--workers", "0"], "workers=0: expected at least 1"),
    ],
)
def test_mistakes_get_one_sentence_and_status_2(made, tmp_path, capsys, arguments, message):
    assert run("detect", made.data, "--out", tmp_path, "--progress", "none", *arguments) == 2
    out = capsys.readouterr()
    assert out.out == ""
    (line,) = [line for line in out.err.splitlines() if line.startswith("oddspec: error: ")]
    assert message in line


@pytest.mark.parametrize(
    ("scene", "out", "more"),
    [
        ("sz\udcfcen.npy", "out", []),
        ("f\udcfcr/scene.npy", "out", []),
        ("scene.npy", "\udcfc", []),
        ("scene.npy", "out", ["--truth", "tr\udcfcth.npy"]),
    ],
)
def test_names_that_are_no_text_are_refused_before_any_work(tmp_path, capsys, scene, out, more):
    path = tmp_path / scene
    try:
        path.parent.mkdir(exist_ok=True)
        np.save(path, np.ones((9, 9, 4)))
    except OSError:
        pytest.skip("this file system has names in UTF-8 only")
    assert run("detect", path, "--out", tmp_path / out, *more) == 2
    assert "is not valid UTF-8" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_bands_by_wavelength_and_sizes(made, tmp_path):
    assert (
        run("detect", made.data, "--out", tmp_path, "--bands", "450-900nm,2000-2200nm",
            "--min-size", 2, "--progress", "none", "--detector", "pca_rx", "--set", "components=5")
        == 0
    )  # fmt: skip
    record = json.loads((tmp_path / "field" / "run.json").read_text())
    assert record["settings"]["components"] == 5
    assert 5 < len(record["scene"]["bands"]) < 20
    assert record["detections"]["too_small"] >= 0


def test_another_scenes_folder_is_not_overwritten(made, tmp_path, capsys):
    other = make_scene(tmp_path / "b" / "field.img", rows=40, columns=30, bands=10, seed=4)
    assert run("detect", made.data, "--out", tmp_path / "out", "--progress", "none") == 0
    assert run("detect", other.data, "--out", tmp_path / "out", "--progress", "none") == 2
    assert "another scene of the same name" in capsys.readouterr().err
    assert run("detect", made.data, "--out", tmp_path / "out", "--progress", "none") == 0


def test_every_scene_needs_its_own_truth(made, tmp_path, capsys):
    other = make_scene(tmp_path / "b" / "other.img", rows=40, columns=30, bands=10, seed=4)
    scenes = (made.data, other.data, "--out", tmp_path / "out", "--progress", "none")
    assert run("detect", *scenes, "--truth", made.truth) == 2
    assert "1 times for 2 scenes" in capsys.readouterr().err
    assert run("detect", *scenes, "--truth", made.truth, "--truth", other.truth) == 0
    assert capsys.readouterr().out.count("AUC(PD,PF)") == 2


def test_two_scenes_of_one_name_are_refused(made, tmp_path, capsys):
    other = make_scene(tmp_path / "b" / "field.img", rows=40, columns=30, bands=10, seed=4)
    arguments = ["--out", tmp_path / "out", "--progress", "none"]
    assert run("detect", made.data, other.data, *arguments) == 2
    assert "same name" in capsys.readouterr().err


def start(made, out, *more):
    return subprocess.Popen(
        [sys.executable, "-m", "oddspec", "detect", str(made.data), "--out", str(out),
         "--detector", "crd", "--set", "guard=5", "--set", "outer=11", "--workers", "1",
         "--progress", "json", *more],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        # Where these tests are a shell's background job, Ctrl-C would be ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_resumes_with_the_same_result(tmp_path, how):
    made = make_scene(tmp_path / "field.img", rows=110, columns=120, bands=20, seed=5)
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert start(made, whole).wait() == 0
    process = start(made, out)
    for line in process.stderr:
        if '"scoring"' in line and json.loads(line)["done"] >= 1:
            break
        time.sleep(0.01)
    os.kill(process.pid, how)
    status = process.wait()
    assert status == (-signal.SIGKILL if how == signal.SIGKILL else 130)
    assert not (out / "field" / "scores.tif").exists()
    again = start(made, out, "--resume")
    report = again.stderr.read()
    assert again.wait() == 0
    first = json.loads(report.splitlines()[0])
    assert first["done"] >= 1
    with (
        rasterio.open(whole / "field/scores.tif") as a,
        rasterio.open(out / "field/scores.tif") as b,
    ):
        np.testing.assert_array_equal(a.read(1), b.read(1))
    assert {p.name for p in (out / "field").iterdir()} == PRODUCTS - {
        "model.npz"
    }  # a window detector fits none


def test_two_runs_into_one_folder_are_refused(made, tmp_path, capsys):
    from filelock import FileLock

    (tmp_path / "field").mkdir()
    with FileLock(tmp_path / "field" / ".lock"):
        assert run("detect", made.data, "--out", tmp_path, "--progress", "none") == 2
    assert "another run is writing there" in capsys.readouterr().err


def test_a_refused_scene_leaves_no_folder(tmp_path, rng, capsys):
    path = tmp_path / "small.npy"
    np.save(path, rng.normal(size=(9, 9, 4)))
    assert run("detect", path, "--out", tmp_path, "--detector", "local_rx") == 2
    assert "too few for outer=" in capsys.readouterr().err
    assert not (tmp_path / "small").exists()


def test_what_a_detector_refuses_names_the_scenes_path(tmp_path, capsys):
    equal, single = tmp_path / "equal.npy", tmp_path / "single.npy"
    np.save(equal, np.ones((9, 9, 4)))
    cube = np.full((9, 9, 4), np.nan)
    cube[2, 3] = 1.0
    np.save(single, cube)
    assert run("detect", equal, single, "--out", tmp_path / "out", "--progress", "none") == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert lines[0].startswith(f"oddspec: error: {equal}: all valid pixels are equal")
    assert lines[1].startswith(f"oddspec: error: {single}: 1 valid pixels: ")
    np.save(equal, np.full((9, 9, 4), np.nan))
    assert run("detect", equal, "--out", tmp_path / "out", "--progress", "none") == 2
    assert capsys.readouterr().err.count("equal.npy") == 1


def test_a_read_only_folder_is_refused(made, tmp_path, capsys):
    (tmp_path / "field").write_text("a file where the folder should be")
    assert run("detect", made.data, "--out", tmp_path, "--progress", "none") == 2
    assert "choose another --out" in capsys.readouterr().err


def test_an_envi_file_as_people_have_them(shared, tmp_path):
    data = shared / "data" / "lhdata"
    assert (
        run("detect", data / "LHData", "--truth", data / "LHDataGt.bmp", "--out", tmp_path,
            "--progress", "none") == 0
    )  # fmt: skip
    record = json.loads((tmp_path / "LHData" / "run.json").read_text())
    assert record["metrics"]["auc_pd_pf"] == pytest.approx(0.991006, abs=1e-5)
    assert record["scene"]["crs"] is None


def test_a_matlab_file_with_its_truth(shared, tmp_path):
    path = shared / "data" / "abu-urban-2.mat"
    assert run("detect", path, "--truth", path, "--out", tmp_path, "--progress", "none") == 0
    record = json.loads((tmp_path / "abu-urban-2" / "run.json").read_text())
    assert record["metrics"]["auc_pd_pf"] == pytest.approx(0.994626, abs=1e-5)


def test_a_cube_with_nodata_and_html_in_its_name(tmp_path, rng):
    cube = rng.normal(1000, 50, (40, 50, 8)).astype(np.float32)
    cube[:5] = -9999
    path = tmp_path / "<b>scene&.mat"
    scipy.io.savemat(path, {"cube": cube})
    assert run("detect", path, "--nodata", "-9999", "--out", tmp_path, "--progress", "none") == 0
    folder = tmp_path / "<b>scene&"
    assert "<b>scene" not in (folder / "report.html").read_text()
    with rasterio.open(folder / "scores.tif") as scores:
        assert np.isnan(scores.read(1)[:5]).all()


def test_a_model_is_applied_to_another_scene(made, tmp_path, capsys):
    assert run("detect", made.data, "--detector", "pca_rx", "--set", "components=4",
               "--out", tmp_path / "first", "--progress", "none") == 0  # fmt: skip
    model = tmp_path / "first" / made.data.stem / "model.npz"
    assert run("detect", made.data, "--model", model, "--out", tmp_path / "again") == 0
    first, again = (
        json.loads((tmp_path / name / made.data.stem / "run.json").read_text())
        for name in ("first", "again")
    )
    assert again["detector"] == "pca_rx"
    assert again["settings"]["components"] == 4
    assert again["threshold"]["value"] == first["threshold"]["value"]
    page = (tmp_path / "again" / made.data.stem / "report.html").read_text()
    assert "fitted to another scene" in page
    assert (
        run("detect", made.data, "--model", model, "--bands", "1-5", "--out", tmp_path / "x") == 2
    )
    assert "5 bands are used here" in capsys.readouterr().err
    assert run("detect", made.data, "--model", model, "--detector", "rx", "--out", tmp_path) == 2
    assert "leave out --detector and --set" in capsys.readouterr().err


def test_what_a_model_found_is_in_the_report(made, tmp_path):
    quick = ("--set", "iterations=5", "--set", "warmup=5", "--set", "score=norm")
    arguments = ("--detector", "rednmf", *quick, "--out", tmp_path, "--progress", "none")
    assert run("detect", made.data, *arguments) == 0
    folder = tmp_path / made.data.stem
    assert (folder / "insights" / "abundances.png").is_file()
    page = (folder / "report.html").read_text()
    assert "What the model found" in page
    assert "how much of each spectrum a pixel holds" in page
    again = ("--out", tmp_path, "--progress", "none", "--overwrite")
    assert run("detect", made.data, *again) == 0
    assert not (folder / "insights").exists() or not list((folder / "insights").iterdir())
