"""Records as JSON: any value in terms of JSON, and with which versions on which machine."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.execution.resources import machine
from oddspec.io.atomic import write_text

RECORD_SCHEMA = 1
"""Raised when a key of run.json changes its meaning or goes away; new keys do not raise it."""


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write a record as JSON with sorted keys, adding schema number, versions and machine.

    Values may be dataclasses, NumPy arrays and scalars, paths, dates and plain Python values; what
    is not a number becomes null.

    Raises
    ------
    OddspecError
        If the file cannot be written; the older one is kept.
    """
    record = {**content, "schema": RECORD_SCHEMA, "versions": versions(), "machine": machine()}
    text = json.dumps(
        as_json(record), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False
    )
    write_text(path, text + "\n")


def as_json(value: Any) -> Any:
    """The value in terms of JSON; numbers that are not finite become null, others text."""
    if value is None or isinstance(value, (bool, int, str)):
        return int(value) if isinstance(value, enum.IntEnum) else value
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (np.bool_, np.integer)):
        return value.item()
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [as_json(item) for item in items]
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return str(value)


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of the libraries that results depend on."""
    found = {"python": platform.python_version()}
    for name in ("oddspec", "numpy", "scipy", "rasterio", "h5py", "pyogrio", "shapely", "torch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
