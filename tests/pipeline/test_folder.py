"""Where a scene's products go: inside the given folder, whatever the scene is called."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddspec.command import main
from oddspec.pipeline import folder_name


@pytest.mark.parametrize(
    ("scene", "folder"),
    [
        ("field", "field"), ("a.b", "a.b"), (".hidden", ".hidden"), ("<b>é 1:2", "<b>é 1:2"),
        ("..", "__"), (".", "_"), ("", "_"), ("a.", "a_"), ("a. .", "a___"),
        ("a\nb\x1b[1m", "a_b_[1m"), ("../up", ".._up"), ("a\\b", "a_b"), ("\u2028x", "_x"),
        ("CON", "CON_"), ("nul.img", "nul_.img"), ("com1 .a", "com1 _.a"), ("console", "console"),
    ],
)  # fmt: skip
def test_a_name_for_every_system(scene, folder):
    assert folder_name(scene) == folder


@given(st.text())
def test_no_name_leads_elsewhere(name):
    made = folder_name(name)
    assert Path("out", made).parent == Path("out")
    assert Path(made).name == made
    assert made not in ("", ".", "..")
    assert made.isprintable()
    assert folder_name(made) == made


@pytest.fixture
def detect(tmp_path, cube):
    """Makes files of these names and detects in all of them, into ``out``."""

    def run(*names, data=cube):
        for name in names:
            (tmp_path / "in").mkdir(exist_ok=True)
            with open(tmp_path / "in" / name, "wb") as file:
                np.save(file, data)
        scenes = [str(tmp_path / "in" / name) for name in names]
        return main(["detect", *scenes, "--out", str(tmp_path / "out"), "--progress", "none"])

    return run


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["...npy", "..npy", "a..npy", "NUL.npy", "a\nb.npy", " .npy"])
def test_products_stay_inside_out(detect, tmp_path, capsys, name):
    assert detect(name) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]
    (folder,) = (tmp_path / "out").iterdir()
    assert folder.name == folder_name(Path(name).stem)
    assert (folder / "scores.tif").is_file()
    written = capsys.readouterr()
    assert not [line for line in written.out.splitlines() if line.startswith("b")]
    assert "\x1b" not in written.out + written.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_line_breaks_in_names_are_shown(detect, tmp_path, capsys):
    name = "a\nfield: 0 objects \x1b[2J.npy"
    assert detect(name) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(r"a\nfield: 0 objects ")
    assert main(["info", str(tmp_path / "in" / name)]) == 0
    assert r"a\nfield: 0 objects" in capsys.readouterr().out.splitlines()[0]
    assert main(["info", str(tmp_path / "x\ny.npy")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("names", [("Field.npy", "field.npy"), ("é.npy", "e\u0301.npy")])
def test_names_that_some_systems_take_for_one_are_refused(detect, tmp_path, capsys, names):
    assert detect(*names) == 2
    assert "is named almost as" in capsys.readouterr().err
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize("planted", ["", "report.html", ".partial", ".lock", "insights"])
def test_products_are_not_written_through_links(detect, tmp_path, capsys, planted):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    precious = elsewhere / "precious.png"
    precious.write_text("precious")
    (tmp_path / "out").mkdir()
    place = tmp_path / "out" / "field"
    if planted:
        place.mkdir()
    target = precious if "." in planted[1:] or planted == ".lock" else elsewhere
    os.symlink(target, place / planted if planted else place)
    assert detect("field.npy") == 2
    assert "is a link, and products are never written through one" in capsys.readouterr().err
    assert [path.name for path in elsewhere.iterdir()] == ["precious.png"]
    assert precious.read_text() == "precious"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this system's folders")
def test_a_pipe_does_not_hold_a_run_up(detect, tmp_path, capsys):
    (tmp_path / "out" / "field").mkdir(parents=True)
    os.mkfifo(tmp_path / "out" / "field" / "run.json")
    assert detect("field.npy") == 2
    assert "run.json: is no plain file" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["[1]", "[" * 100_000, '"elsewhere"'])
def test_a_strange_record_is_no_traceback(detect, tmp_path, path):
    (tmp_path / "out" / "field").mkdir(parents=True)
    record = tmp_path / "out" / "field" / "run.json"
    record.write_text(f'{{"scene": {{"path": {path}}}}}')
    assert detect("field.npy") == (0 if len(path) > 100 else 2)
