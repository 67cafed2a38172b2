"""The script behind the figures of docs/thresholds.md."""

import runpy
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "thresholds_on_heavy_tails.py"


def test_figure_is_drawn_and_shows_the_failure(tmp_path, monkeypatch, capsys):
    arguments = ["--out", str(tmp_path), "--pixels", "30000", "--seeds", "2"]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    printed = capsys.readouterr().out
    assert "Gaussian: theory at 1e-3 1, at 1e-5 1 times" in printed
    assert "Student, 5 degrees of freedom: theory at 1e-3 118" in printed
    for kind in ("png", "svg"):
        assert (tmp_path / f"thresholds_on_heavy_tails.{kind}").stat().st_size > 10_000
