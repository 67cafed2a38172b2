"""What tells the settings of a sweep's runs apart, and where they stand to the defaults."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from oddspec.study.runs import Run


def varying(runs: Sequence[Run]) -> list[str]:
    """Names of the settings that differ among runs, the seed left out."""
    names = {name for run in runs for name in run.settings if name != "seed"}
    return sorted(n for n in names if len({_text(run.settings.get(n)) for run in runs}) > 1)


def at_default(run: Run, name: str) -> bool:
    """Whether a run has a setting's default, and in its unit, which another setting may tell."""
    return name in run.settings and not {name, f"{name}_unit"} & set(run.varied)


def other_settings(runs: Sequence[Run], names: Sequence[str]) -> str:
    """What a sweep has for its settings apart from those that it varies, in words."""
    fixed = {n for run in runs for n in run.varied if n not in names}
    if not fixed:
        return "other settings are the defaults"
    return f"with {variant(runs[0], sorted(fixed))}; other settings are the defaults"


def variant(run: Run, names: Sequence[str]) -> str:
    """These settings of a run, in words."""
    return ", ".join(f"{name}={_short(run.settings.get(name))}" for name in names)


def setting_text(value: Any) -> str:
    """A setting's value for reading."""
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)


def in_order(value: Any) -> tuple[int, float, str]:
    """What sorts values of a setting: nothing first, then ascending numbers, then texts."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return 1, float(value), ""
    return (0, 0.0, "") if value is None else (2, 0.0, str(value))


def same_value(one: Any, other: Any) -> bool:
    """Whether two values of a setting are the same: 1 and 1.0 are."""
    numbers = isinstance(one, (int, float)) and isinstance(other, (int, float))
    return _text(one) == _text(other) or (numbers and one == other)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value, default=str)
