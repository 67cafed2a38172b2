"""What reaches a person: one sentence each, whatever happens, and work that goes on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import oddspec.command.detect as detect_command
from oddspec.command import COMMANDS, FAULT, MISTAKE, _options, main, parser_of


@pytest.fixture
def scenes(tmp_path, cube):
    paths = [tmp_path / f"{name}.npy" for name in "abc"]
    for path in paths:
        np.save(path, cube)
    return paths


def run(*words):
    return main([str(word) for word in words])


def detect(scenes, out, *words):
    return run("detect", *scenes, "--out", out, "--progress", "none", *words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["detect", "a.npy", "--out", "out", "--mask-def"], "did you mean --mask-defects?"),
        (["detect", "a.npy", "--ou", "out"], "the following arguments are required: --out"),
        (["detect", "a.npy", "--out", "out", "--pf", "1e-3"], "did you mean --pfa"),
        (["info", "a.npy", "--js"], "unrecognized arguments: --js; did you mean --json?"),
        (["scenes", "make", "a.img", "--row", "3"], "did you mean --rows"),
        (["study", "p.toml", "--dry"], "did you mean --dry-run"),
        (["study", "table", "p", "--metr", "x"], "did you mean --metric"),
        (["detect", "a.npy", "--out", "x", "--out", "y"], "--out was given twice"),
        (["detect", "a.npy", "--out", "x", "--pfa=1e-3", "--pfa", "1e-4"], "--pfa was given twice"),
        (["detect", "a", "--out", "x", "--progress", "none", "--progress", "json"], "given twice"),
        (["evaluate", "a", "--truth", "x", "--truth", "y"], "--truth was given twice"),
        (["scenes", "make", "a.img", "--seed", "1", "--seed", "2"], "--seed was given twice"),
        (["study", "report", "p", "--out", "a", "--out", "b"], "--out was given twice"),
    ],
)
def test_ambiguous_options_are_refused(capsys, words, message):
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == MISTAKE
    assert message in capsys.readouterr().err


def test_a_setting_given_twice_is_refused(scenes, tmp_path, capsys):
    twice = ["--detector", "local_rx", "--set", "guard=3", "--set", "guard=5"]
    assert detect(scenes[:1], tmp_path / "out", *twice) == MISTAKE
    assert "--set guard was given twice" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_no_option_is_known_by_its_beginning(command):
    for words in ([command], [command, "make"], [command, "table"]):
        for option in _options(parser_of(words)):
            assert option.startswith("--") or option == "-h"


def test_another_detectors_results_are_kept(scenes, tmp_path, capsys):
    out = tmp_path / "out"
    assert detect(scenes[:1], out) == 0
    before = {path: path.read_bytes() for path in (out / "a").iterdir()}
    assert detect(scenes[:1], out, "--detector", "pca_rx") == MISTAKE
    message = capsys.readouterr().err
    assert "holds the results of the detector rx, this run is of pca_rx" in message
    assert "--overwrite" in message
    assert before == {path: path.read_bytes() for path in (out / "a").iterdir()}
    assert detect(scenes[:1], out, "--detector", "pca_rx", "--overwrite") == 0
    assert json.loads((out / "a" / "run.json").read_text())["detector"] == "pca_rx"
    # The same detector again, with whatever settings, is the same run corrected.
    assert detect(scenes[:1], out, "--detector", "PCA-RX", "--set", "components=3") == 0


def test_another_detectors_interrupted_run_is_kept(scenes, tmp_path, capsys, monkeypatch, cube):
    """Hours of work may lie in it; it has the same rights as finished results."""
    out = tmp_path / "out"

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("oddspec.pipeline.scene_run.choose", interrupted)
        detect(scenes[:1], out)
    partial = out / "a" / ".partial"
    before = {path: path.read_bytes() for path in partial.iterdir()}
    capsys.readouterr()
    for more in ([], ["--resume"]):
        assert detect(scenes[:1], out, "--detector", "pca_rx", *more) == MISTAKE
        message = capsys.readouterr().err
        assert "holds the interrupted run of the detector rx, this run is of pca_rx" in message
        assert "--overwrite" in message
        assert before == {path: path.read_bytes() for path in partial.iterdir()}
    (tmp_path / "other").mkdir()
    np.save(tmp_path / "other" / "a.npy", cube)
    assert detect([tmp_path / "other" / "a.npy"], out, "--overwrite") == MISTAKE
    assert "interrupted run of" in capsys.readouterr().err
    assert detect(scenes[:1], out, "--detector", "pca_rx", "--overwrite") == 0
    assert json.loads((out / "a" / "run.json").read_text())["detector"] == "pca_rx"
    assert not partial.exists()


def test_overwrite_does_not_reach_another_scene(scenes, tmp_path, capsys, cube):
    out = tmp_path / "out"
    assert detect(scenes[:1], out) == 0
    (tmp_path / "other").mkdir()
    np.save(tmp_path / "other" / "a.npy", cube)
    assert detect([tmp_path / "other" / "a.npy"], out, "--overwrite") == MISTAKE
    assert "another scene of the same name" in capsys.readouterr().err


def test_what_nobody_foresaw_is_a_sentence_and_stops_no_other_scene(
    scenes, tmp_path, capsys, monkeypatch
):
    whole = detect_command.detect_scene

    def failing(path, *more):
        if path.stem == "b":
            raise ZeroDivisionError("of\nnothing" * 100)
        return whole(path, *more)

    monkeypatch.setattr(detect_command, "detect_scene", failing)
    assert detect(scenes, tmp_path / "out") == MISTAKE
    lines = capsys.readouterr().err.splitlines()
    (first,), last = [line for line in lines if "error:" in line], lines[-1]
    assert f"error: {scenes[1]}: ZeroDivisionError: of nothing" in first
    assert "1 of 3 scenes failed" in last
    details = Path(first.rpartition(" in ")[2])
    assert details.parent == tmp_path / "out"
    assert "in failing\n" in details.read_text()
    assert (tmp_path / "out" / "c" / "report.html").is_file()


def test_what_nobody_foresaw_elsewhere(scenes, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("oddspec.command.info.survey", lambda scene: {}["lost"])
    assert run("info", scenes[0]) == FAULT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("oddspec: error: KeyError: 'lost': this should not happen")
    details = Path(line.rpartition(" in ")[2])
    assert details.parent == tmp_path
    assert f"command: info {scenes[0]}" in details.read_text()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    assert run("info", scenes[0]) == FAULT
    assert "the details could not be written" in capsys.readouterr().err


def test_too_little_memory_is_a_sentence(scenes, capsys, monkeypatch):
    def failing(scene):
        raise MemoryError

    monkeypatch.setattr("oddspec.command.info.survey", failing)
    assert run("info", scenes[0]) == MISTAKE
    assert "error: there was not enough memory" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(
    "size",
    [1, 700, 20_000]
    + [
        pytest.param(size, marks=pytest.mark.slow)
        for size in (0, 100, 2500, 4000, 5500, 7000, 10_000, 80_000, 110_000, 150_000)
    ],
)
def test_a_file_that_cannot_be_written_whole_is_a_sentence(scenes, tmp_path, capsys, size):
    import resource

    out = tmp_path / "out"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        status = detect(scenes[:1], out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert status == MISTAKE
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert "cannot be written" in said or "make room" in said
    assert detect(scenes[:1], out, "--resume") == 0


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_closed_streams_lead_to_nowhere(scenes, tmp_path, monkeypatch, closed):
    monkeypatch.setattr(sys, closed, None)
    assert run("info", scenes[0]) == 0
    assert run("info", tmp_path / "nowhere") == MISTAKE
    assert detect(scenes[:1], tmp_path / "out") == 0


def started(words, **streams):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "oddspec", *map(str, words)]
    return subprocess.Popen(command, env=environment, **streams)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise on Windows")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_closed_pipe_does_not_end_the_work(scenes, tmp_path, stream):
    out = tmp_path / "out"
    words = ["detect", *scenes, tmp_path / "missing.npy", "--out", out, "--progress", "plain"]
    reading, writing = os.pipe()
    os.close(reading)  # the reader has left
    other = "stderr" if stream == "stdout" else "stdout"
    process = started(words, **{stream: writing, other: subprocess.PIPE}, text=True)
    os.close(writing)
    said = "".join(filter(None, process.communicate(timeout=300)))
    # The missing scene is told by the status: nobody hears of it otherwise.
    assert process.returncode == MISTAKE
    assert "Traceback" not in said
    assert "BrokenPipe" not in said
    assert sorted(path.parent.name for path in out.glob("*/report.html")) == ["a", "b", "c"]
    process = started(["detectors"], **{stream: subprocess.DEVNULL})
    assert process.wait(300) == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no full device")
def test_results_that_cannot_be_printed_are_told():
    with open("/dev/full", "w") as full:
        process = started(["detectors"], stdout=full, stderr=subprocess.PIPE, text=True)
        said = process.communicate(timeout=300)[1]
    assert process.returncode == MISTAKE
    (line,) = said.splitlines()
    assert line.startswith("oddspec: error: results could not be written to standard output (No")


def test_letters_that_a_terminal_lacks_are_written_out(tmp_path, cube):
    np.save(tmp_path / "Köln.npy", cube)
    ascii_only = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONIOENCODING": "ascii",
        "PYTHONUTF8": "0",
    }
    command = [sys.executable, "-m", "oddspec", "info", str(tmp_path / "Köln.npy")]
    done = subprocess.run(command, env=ascii_only, capture_output=True, timeout=300)
    assert done.returncode == 0
    assert rb"K\xf6ln.npy" in done.stdout
