import datetime
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from oddspec.errors import OddspecError
from oddspec.execution.resources import peak_memory
from oddspec.products.record import RECORD_SCHEMA, as_json, write_record


@dataclass(frozen=True)
class Fit:
    shape: float
    level: np.float32


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64("nan"), None),
        (float("-inf"), None),
        (np.float32(0.5), 0.5),
        (np.int16(3), 3),
        (np.bool_(True), True),
        (True, True),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        ({1: {"b", "a"}}, {"1": ["a", "b"]}),
        (Path("a") / "b", str(Path("a") / "b")),
        (datetime.datetime(2025, 1, 2, tzinfo=datetime.UTC), "2025-01-02T00:00:00+00:00"),
        (Fit(float("nan"), np.float32(2)), {"shape": None, "level": 2.0}),
        (1 + 2j, "(1+2j)"),
    ],
)
def test_values_in_terms_of_json(value, expected):
    assert as_json(value) == expected


def record(**more):
    return {
        "scene": {"name": "s", "sha256": "0" * 64},
        "detector": "rx",
        "settings": {"ridge": 0.0},
        "threshold": Fit(0.1, np.float32(9)),
        "detections": {"objects": 3},
        "metrics": {"auc_pd_pf": np.float64(0.9), "undefined": float("nan")},
        **more,
    }


def test_file_is_strict_json_with_versions_and_machine(tmp_path: Path):
    write_record(tmp_path / "run.json", record(timings={"read": 1.5}, warnings=["Grüße"]))
    text = (tmp_path / "run.json").read_text(encoding="utf-8")
    content = json.loads(text, parse_constant=pytest.fail)
    assert content["schema"] == RECORD_SCHEMA
    assert content["metrics"] == {"auc_pd_pf": 0.9, "undefined": None}
    assert content["threshold"] == {"shape": 0.1, "level": 9.0}
    assert content["warnings"] == ["Grüße"]
    assert set(content["versions"]) >= {"python", "numpy", "scipy"}
    assert content["machine"]["cpus"] >= 1
    assert list(content) == sorted(content)


def test_old_record_survives_a_failure(tmp_path: Path, monkeypatch):
    path = tmp_path / "run.json"
    write_record(path, record())
    before = path.read_text()

    def full(self, text, **options):
        self.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OddspecError, match="No space left"):
        write_record(path, record())
    monkeypatch.undo()
    assert path.read_text() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.json"]


def test_peak_memory_is_that_of_a_python_process():
    assert 2e7 < peak_memory() < 1e12
