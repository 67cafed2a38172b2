"""What a study writes down about a run; ``docs/studies.md`` explains each field."""

from __future__ import annotations

import datetime
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import oddspec
from oddspec.execution.resources import machine
from oddspec.products.record import versions
from oddspec.study.row import Row

SCHEMA = 1
"""Raised when a field changes its meaning or goes away; new fields do not raise it."""

STATUSES = ("done", "failed", "refused", "timeout", "killed")

MEASURED: Mapping[str, Any] = {
    "status": "failed",
    "reason": None,
    "warnings": [],
    "converged": None,
    "iterations": None,
    "unscored": None,
    "seconds": {"wall": None, "cpu": None},
    "peak_memory": None,
    "memory_before": None,
    "peak_memory_exact": None,
    "metrics": {},
    "curves": {},
}
"""What a run that came to nothing leaves."""


def make_record(
    row: Row, result: Mapping[str, Any], started: datetime.datetime, map_file: str | None
) -> dict[str, Any]:
    """The record of a row from its child's result, which may lack anything."""
    done = result.get("status") == "done"
    return {
        "id": row.id,
        "schema": SCHEMA,
        "study": row.study,
        "detector": row.detector,
        "detector_sha256": row.detector_sha256,
        "column": row.column,
        "paper": row.paper,
        "settings": dict(row.settings),
        "varied": dict(row.varied),
        **with_origins(row),
        "seed": row.seed,
        "scene": row.scene.name,
        "scene_sha256": row.scene.sha256,
        "truth": row.scene.truth_file,
        "truth_sha256": row.scene.truth_sha256,
        "shape": list(row.scene.shape),
        "note": row.scene.note or None,
        "noise": row.noise,
        "noise_seed": row.noise_seed,
        **MEASURED,
        **result,
        "versions": _versions(),
        "commit": _commit(),
        "machine": _machine(),
        "started": started.isoformat(timespec="seconds"),
        "map": map_file if done else None,
        **({"reading": dict(row.scene.reading)} if row.scene.reading else {}),
    }


def copy_for(row: Row, record: Mapping[str, Any]) -> dict[str, Any]:
    """The record of the very same run under another column: it is not repeated."""
    return {
        **{name: value for name, value in record.items() if name != "origins"},
        **with_origins(row),
        "study": row.study,
        "column": row.column,
        "paper": row.paper,
        "copied_from": record["column"],
    }


def with_origins(row: Row) -> dict[str, Any]:
    """The field that says where settings come from; none where the plan does not say."""
    return {"origins": dict(row.origins)} if row.origins else {}


@cache
def _versions() -> dict[str, str]:
    return versions()


@cache
def _machine() -> dict[str, Any]:
    found = machine()
    return {
        "processor": found["processor"],
        "cores": found["cpus"],
        "memory": found["memory_bytes"],
        "system": found["system"],
    }


@cache
def _commit() -> str | None:
    """The commit of the checkout that runs, with ``+changes`` if files differ from it.

    None where the package was installed and is no checkout's own.
    """
    here = Path(oddspec.__file__).parent
    if _git(here, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit = _git(here, "rev-parse", "HEAD")
    changes = _git(here, "status", "--porcelain", "--", ".")
    return commit if commit is None or not changes else f"{commit}+changes"


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
