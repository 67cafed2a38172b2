"""What tells the settings of runs apart, and where they stand to the defaults."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from oddspec.study.results import Run

__all__ = ["at_default", "kept_settings", "variant", "varying"]


def varying(runs: Sequence[Run]) -> list[str]:
    """Names of the settings that differ among runs, the seed left out."""
    names = {name for run in runs for name in run.settings if name != "seed"}
    return sorted(n for n in names if len({_text(run.settings.get(n)) for run in runs}) > 1)


def at_default(run: Run, name: str) -> bool:
    """Whether a run has a setting's default, and in its unit, which another setting may tell."""
    return name in run.settings and not {name, f"{name}_unit"} & set(run.varied)


def kept_settings(runs: Sequence[Run], names: Sequence[str]) -> str:
    """What a sweep keeps for its settings apart from those that it varies, in words."""
    kept = {n: v for run in runs for n, v in run.varied.items() if n not in names}
    if not kept:
        return "other settings are the defaults"
    return f"with {variant(runs[0], sorted(kept))}; other settings are the defaults"


def variant(run: Run, names: Sequence[str]) -> str:
    """These settings of a run, in words."""
    return ", ".join(f"{name}={_short(run.settings.get(name))}" for name in names)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value, default=str)
