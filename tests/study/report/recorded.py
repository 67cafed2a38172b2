"""Small made-up records with known results."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.study.runs import Run

NAMES = Path(__file__).parents[3] / "studies" / "published_names.toml"


def a_record(
    detector: str,
    scene: str,
    area: float | None,
    *,
    column: str = "defaults",
    seed: int | None = None,
    varied: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    **others: Any,
) -> dict[str, Any]:
    """A record as `oddspec study` writes it; one without an area has failed."""
    full = {**(settings or {}), **(varied or {})} | ({} if seed is None else {"seed": seed})
    noise = others.get("noise", 0)
    done = area is not None
    return {
        "id": "/".join(
            map(str, (detector, scene, others.get("truth"), noise, sorted(full.items())))
        ),
        "study": "made up",
        "detector": detector,
        "column": column,
        "paper": None,
        "settings": full,
        "varied": varied or {},
        "seed": seed,
        "scene": scene,
        "scene_sha256": "0" * 64,
        "truth": f"{scene}.mat",
        "shape": [10, 12, 5],
        "noise": noise,
        "status": "done" if done else "failed",
        "reason": None if done else "ValueError: no luck",
        "warnings": [],
        "converged": None,
        "iterations": None,
        "seconds": {"wall": 2.0, "cpu": 1.0},
        "peak_memory": 50_000_000,
        "metrics": {"auc_pd_pf": area, **(metrics or {})} if done else {},
        "curves": {},
        "versions": {"oddspec": "0.1.0", "numpy": "2.0"},
        "commit": "abc",
        "machine": {"processor": "a processor", "cores": 2, "memory": 8e9, "system": "Linux"},
        "started": "2026-01-02T03:04:05",
        "map": None,
        **others,
    }


def write(folder: Path, *records: dict[str, Any], torn: str = "") -> Path:
    """A study's folder with these records, and half a line at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "records.jsonl").write_text(text + torn, encoding="utf-8")
    return folder


def with_map(
    folder: Path, record: dict[str, Any], scores: np.ndarray, truth: np.ndarray
) -> dict[str, Any]:
    """The record with its scores kept in the folder, and the truth where `truth_of` looks."""
    name = f"{abs(hash(record['id']))}.npy"
    (folder / "maps").mkdir(parents=True, exist_ok=True)
    np.save(folder / "maps" / name, scores)
    np.save(folder / f"truth of {record['scene']}.npy", truth)
    return {**record, "map": f"maps/{name}"}


def truth_of(run: Run) -> np.ndarray | None:
    """What `with_map` was given for that scene."""
    path = run.folder / f"truth of {run.scene}.npy"
    return np.load(path) if path.is_file() else None


def write_printed(
    path: Path, *rows: tuple[str, str, str, str, str, object], names: bool = True
) -> Path:
    """A file of printed values: paper, table, metric, method, scene, value; names beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if names:
        shutil.copy(NAMES, path.parent)
    lines = ["paper,table,metric,method,scene,value,note"]
    lines += [",".join(map(str, row)) + "," for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
