"""``oddspec study table|figure|report`` on a study that was really run."""

from pathlib import Path

import numpy as np
import pytest

import oddspec
from cubes import make_cube
from oddspec.command import main


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studied")
    scenes = folder / "scenes"
    scenes.mkdir()
    truth = np.zeros((24, 26), dtype=np.uint8)
    for name in ("field", "shore"):
        cube = make_cube(np.random.default_rng(len(name)))
        truth = np.zeros(cube.shape[:2], dtype=np.uint8)
        truth[9, 13] = 1
        np.save(scenes / f"{name}.npy", cube)
        np.save(scenes / f"{name}_truth.npy", truth)
    oddspec.study(
        {
            "name": "two scenes",
            "scenes": [str(scenes)],
            "runs": [{"detector": ["rx", "pca_rx"], "keep_maps": True}],
        },
        out=folder / "out",
        workers=1,
    )
    return folder / "out"


def test_a_table_is_printed_or_written(studied, tmp_path, capsys):
    assert main(["study", "table", str(studied)]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == "| scene | `rx`<br>*defaults* | `pca_rx`<br>*defaults* |"
    path = tmp_path / "table.tex"
    assert main(["study", "table", str(studied), "--as", "latex", "--out", str(path)]) == 0
    assert r"\toprule" in path.read_text()


def test_figures_find_truths_and_pictures_by_the_plan(studied, tmp_path, capsys):
    words = ["study", "figure", str(studied), "maps", "roc", "--format", "png"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["maps-defaults.png", "roc-defaults.png"]
    assert capsys.readouterr().out.count("\n") == 2


def test_the_report_lies_in_the_folder(studied, capsys):
    assert main(["study", "report", str(studied)]) == 0
    assert (studied / "report.html").read_text(encoding="utf-8").count("<img ") > 3


def test_mistakes_are_told(studied, tmp_path, capsys):
    assert main(["study", "table", str(tmp_path)]) == 2
    assert "records.jsonl" in capsys.readouterr().err
    assert main(["study", "figure", str(studied), "noise"]) == 2
    assert "no run has added noise" in capsys.readouterr().err
