"""``info``, ``evaluate``, ``detectors`` and ``scenes``."""

import json
import re

import numpy as np
import pytest
import scipy.io

from oddspec.command import main
from oddspec.command.demo import demo


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_info_tells_what_a_file_holds(shared, capsys):
    assert run("info", shared / "data" / "lhdata" / "LHData.hdr") == 0
    text = capsys.readouterr().out
    for fact in ("ENVI, bil, uint16", "100 rows x 100 columns x 186 bands", "rank 186 of 186"):
        assert fact in text
    assert "georeference  none" in text


def test_info_as_json_and_with_oddities(tmp_path, rng, capsys):
    cube = rng.normal(1000, 30, (40, 50, 8)).astype(np.int16)
    cube[:2] = -9999
    path = tmp_path / "scene.mat"
    scipy.io.savemat(path, {"cube": cube})
    assert run("info", path, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["shape"] == [40, 50, 8]
    assert facts["survey"]["border_value"] == -9999
    assert any("--nodata=-9999" in note for note in facts["notes"])
    assert facts["memory_bytes"]["rx"] > 1000
    assert run("info", path, "--nodata", "-9999", "--bands", "2-5") == 0
    text = capsys.readouterr().out
    assert "bands used    4; 4 left out" in text
    assert "100 nodata" in text


@pytest.mark.parametrize("words", [["--nodata", "-9999.9"], ["--nodata=-9999.9"]])
def test_nodata_is_compared_as_the_data_have_it(tmp_path, rng, capsys, words):
    cube = rng.normal(size=(30, 40, 12)).astype(np.float32)
    cube[:, :3] = -9999.9
    np.save(tmp_path / "f.npy", cube)
    assert run("info", tmp_path / "f.npy", *words) == 0
    assert "1,110; 90 nodata" in capsys.readouterr().out
    np.save(tmp_path / "f.npy", np.ones((30, 40, 12), np.int16))
    assert run("info", tmp_path / "f.npy", *words) == 0
    assert "note: the nodata value -9999.9 cannot occur in int16 data" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_suggested_nodata_can_be_typed(tmp_path, rng, capsys, dtype):
    cube = rng.normal(size=(30, 40, 12)).astype(dtype)
    cube[:, :3] = np.finfo("f4").min
    np.save(tmp_path / "f.npy", cube)
    assert run("info", tmp_path / "f.npy", "--json") == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    suggested = re.search(r"say (--nodata)=(\S+)$", "\n".join(notes), re.M)
    for words in ([f"{suggested[1]}={suggested[2]}"], [suggested[1], suggested[2]]):
        assert run("info", tmp_path / "f.npy", *words, "--json") == 0
        assert json.loads(capsys.readouterr().out)["survey"]["nodata"] == 90


def test_evaluate_prints_every_metric(tmp_path, rng, capsys):
    truth = np.zeros((20, 30), np.uint8)
    truth[3:5, 4:6] = 1
    scores = rng.normal(size=(20, 30)) + 3 * truth
    scipy.io.savemat(tmp_path / "scores.mat", {"scores": scores})
    np.save(tmp_path / "truth.npy", truth)
    arguments = (tmp_path / "scores.mat", "--truth", tmp_path / "truth.npy", "--pf", "0.05")
    assert run("evaluate", *arguments, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert 0.9 < found["auc_pd_pf"] <= 1
    assert found["objects"] == 1
    assert "pd_at_pf_0.05" in found
    assert run("evaluate", *arguments) == 0
    assert f"{found['auc_pd_pf']:.6g}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        (np.zeros((30, 20), np.uint8), "transposed"),
        (np.full((20, 30), 7.5), "7.5"),
    ],
)
def test_truths_that_do_not_fit_are_refused(tmp_path, rng, capsys, truth, message):
    np.save(tmp_path / "scores.npy", rng.normal(size=(20, 30)))
    np.save(tmp_path / "truth.npy", truth)
    assert run("evaluate", tmp_path / "scores.npy", "--truth", tmp_path / "truth.npy") == 2
    assert message in capsys.readouterr().err


def test_empty_truths_leave_metrics_undefined(tmp_path, rng, capsys):
    np.save(tmp_path / "scores.npy", rng.normal(size=(20, 30)))
    np.save(tmp_path / "truth.npy", np.zeros((20, 30), np.uint8))
    assert run("evaluate", tmp_path / "scores.npy", "--truth", tmp_path / "truth.npy") == 0
    assert "auc_pd_pf is undefined" in capsys.readouterr().out


def test_the_table_of_detectors_and_one_in_full(capsys):
    assert run("detectors") == 0
    table = capsys.readouterr().out
    assert "doi:10.1109/29.60107" in table
    assert run("detectors", "local_rx") == 0
    full = capsys.readouterr().out
    assert "References" in full
    assert "ridge = 0.0001" in full
    assert run("detectors", "--json") == 0
    assert {row["name"] for row in json.loads(capsys.readouterr().out)} >= {"rx", "crd"}
    assert run("detectors", "nonsense") == 2


def test_help_of_detect_shows_the_detectors_settings(capsys):
    with pytest.raises(SystemExit) as stop:
        run("detect", "--detector", "crd", "--help")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "settings of crd" in text
    assert "sum_to_one (bool, default False)" in text


def test_the_catalogue(shared, tmp_path, capsys):
    assert run("scenes", "list") == 0
    assert "abu-airport-1" in capsys.readouterr().out
    assert run("scenes", "show", "sandiego-1") == 0
    assert "sha256" in capsys.readouterr().out
    renamed = tmp_path / "renamed.bin"
    renamed.write_bytes((shared / "data" / "abu-beach-3.mat").read_bytes())
    assert run("scenes", "verify", tmp_path) == 0
    text = capsys.readouterr().out
    assert "abu-beach-3" in text
    assert "1 of 1 files are in the catalogue" in text
    assert run("scenes", "show", "nowhere") == 2


def test_the_scene_maker_takes_every_option(tmp_path, capsys):
    path = tmp_path / "s.img"
    options = ["--rows", 30, "--columns", 40, "--bands", 12, "--crs", "none", "--stripes", "0.02"]
    more = ["--wavelength-range", "500,900", "--targets", 3, "--nodata-border", 2]
    more += ["--origin", "-5e5,-4.1e6"]
    assert run("scenes", "make", path, *options, *more, "--progress", "none") == 0
    assert "3 targets" in capsys.readouterr().out
    facts = json.loads((tmp_path / "s.json").read_text())
    assert run("scenes", "make", path, *options) == 2
    assert "s.img" in capsys.readouterr().err
    assert json.dumps(facts).count("500") >= 1
    assert facts["origin"] == [-5e5, -4.1e6]
    assert run("scenes", "make", path, *options[:6], "--overwrite", "--stripes", "false") == 0
    assert json.loads((tmp_path / "s.json").read_text())["stripes"] is False


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--stripes", "some"], "'some': expected true, false or a number"),
        (["--origin", "5"], "'5': expected two numbers"),
        (["--origin", "5,x"], "'5,x': expected two numbers"),
    ],
)
def test_options_of_the_scene_maker_that_cannot_be_read(tmp_path, capsys, words, message):
    with pytest.raises(SystemExit):
        run("scenes", "make", tmp_path / "s.img", *words)
    assert message in capsys.readouterr().err


def test_the_demo_names_the_report_of_a_scene(tmp_path, capsys, monkeypatch):
    path, out = tmp_path / "my.img", tmp_path / "demo"
    assert run("scenes", "make", path, "--rows", 30, "--columns", 40, "--bands", 12) == 0
    header = path.with_suffix(".hdr").rename(tmp_path / "my.img.hdr")
    words = ["demo", "--out", str(out), "--scene", str(header)]
    monkeypatch.setattr("sys.argv", words)
    assert demo() == 0
    assert f"Open {out / 'my' / 'report.html'} in a browser" in capsys.readouterr().out


def test_files_that_cannot_be_written_are_told(tmp_path, capsys, monkeypatch):
    # The name that is written to until all is well is longer, and then too long.
    path = tmp_path / f"{'x' * 243}.img"
    assert run("scenes", "make", path, "--rows", 30, "--columns", 40, "--bands", 12) == 2
    assert f"{path.name}: cannot be written (File name too long)" in capsys.readouterr().err
    assert run("scenes", "make", tmp_path / "sz\udcfcen.img") == 2
    assert "is not valid UTF-8" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []

    def full(*_):
        raise OSError(28, "No space left on device", "results")

    monkeypatch.setattr("oddspec.command.scenes.catalogue", full)
    assert run("scenes", "list") == 2
    assert "error: [Errno 28] No space left on device: 'results'" in capsys.readouterr().err


def test_no_command_and_unknown_commands_are_mistakes():
    for words in ([], ["undetect"], ["detect"]):
        with pytest.raises(SystemExit) as stop:
            run(*words)
        assert stop.value.code == 2
