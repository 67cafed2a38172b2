"""A study's plan: a short TOML file that says which detectors run on which scenes, and how."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tomli_w

from oddspec.detectors import names
from oddspec.errors import InputError, SettingError
from oddspec.io.axes import parse_axes
from oddspec.io.reading import reading
from oddspec.study.plan_fields import (
    Fields,
    as_counts,
    as_duration,
    as_flag,
    as_lists,
    as_noise,
    as_origins,
    as_seeds,
    as_table,
    as_table_of_tables,
    as_tables,
    as_text,
    as_texts,
)
from oddspec.study.scene_files import expanded

LARGEST = 10_000_000
"""Characters of a plan."""

DATA_VARIABLE = "ODDSPEC_DATA"
"""Environment variable with the folder of public scenes."""

DEFAULTS = "defaults"
"""Name of the column that may hold default settings only."""

OTHERS = "others"
"""Stands for every detector of oddspec that no entry of the plan names."""

HOUR = 3600.0

Base = tuple[dict[str, Any], dict[str, dict[str, Any]], dict[str, str]]
"""Settings, settings by scene, and where they come from."""


@dataclass(frozen=True)
class PlanEntry:
    """One entry ``[[runs]]``: detectors with certain settings, on scenes."""

    where: str
    """For messages: file, line and number of the entry."""
    detectors: tuple[str, ...]
    column: str
    paper: str | None
    settings: Mapping[str, Any]
    per_scene: Mapping[str, Mapping[str, Any]]
    grid: Mapping[str, Sequence[Any]]
    origins: Mapping[str, str]
    """Of settings that a paper's readers should know it of: stated, inferred from ..., ours."""
    scenes: tuple[str, ...]
    seeds: tuple[int, ...]
    noise: tuple[float, ...]
    noise_seeds: tuple[int, ...]
    time_limit: float
    """Seconds."""
    keep_maps: bool
    thresholds: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """What a study is to do."""

    name: str
    about: str
    folder: Path
    """Where relative paths start."""
    data: Path | None
    runs: tuple[PlanEntry, ...]
    text: str
    """The plan as written."""
    reading: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By scene of the user's own: its ``variable``, ``axes`` and ``truth_variable``."""


def read_plan(path: str | Path, data: str | Path | None = None) -> Plan:
    """The plan in a TOML file; ``data`` stands for its own folder of public scenes.

    Raises
    ------
    InputError
        If the file cannot be read or is no TOML.
    SettingError
        If an entry is unknown, lacks or has a value that does not serve; the message names file,
        line and entry.
    """
    path = Path(path)
    with reading(path, "is no UTF-8 text; expected a plan in TOML"):
        with open(path, encoding="utf-8") as file:
            text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise InputError(f"{path}: has more than {LARGEST} characters, as no plan has")
        folder = path.resolve().parent
    return make_plan(text, path.name, folder, path.stem, data)


def make_plan(
    text: str,
    where: str,
    folder: Path,
    name: str = "study",
    data: str | Path | None = None,
    *,
    written: bool = True,
) -> Plan:
    """The plan in a TOML text; see `read_plan`. Messages give the lines of one that was written."""
    # Tables nested a thousand deep fail not while they are parsed but when they are shown.
    with reading(where, "is no TOML that can be read"):
        return _plan_of(tomllib.loads(text), text, where, folder, name, data, written)


def _plan_of(
    table: dict[str, Any],
    text: str,
    where: str,
    folder: Path,
    name: str,
    data: str | Path | None,
    written: bool,
) -> Plan:
    """The plan in a table that TOML has given; the other parameters are `make_plan`'s."""
    fields = Fields(table, where)
    shared = _shared(fields, {})
    named = fields.take("data", as_text, None)
    own = None if named is None else folder / expanded(named)
    chosen = data or own or os.environ.get(DATA_VARIABLE) or None
    if data is not None and not os.path.isdir(expanded(data)):
        raise InputError(f"{data}: is no folder; name the one with your public scenes")
    bases = {
        key: _base(base, f"{where}: [base.{key}]")
        for key, base in fields.take("base", as_table_of_tables, {}).items()
    }
    said = {
        scene: _reading(words, f"{where}: [reading.{scene}]")
        for scene, words in fields.take("reading", as_table_of_tables, {}).items()
    }
    runs = fields.take("runs", as_tables, None)
    if not runs:
        raise SettingError(f"{where}: has no [[runs]], so there is nothing to do")
    name, about = fields.take("name", as_text, name), fields.take("about", as_text, "")
    fields.finish()
    starts = re.compile(r"\s*\[\[\s*runs")
    lines = [n for n, line in enumerate(text.split("\n"), 1) if written and starts.match(line)]
    wheres = [_where(where, number, run, lines) for number, run in enumerate(runs, 1)]
    entries = [_entry(run, at, shared, bases) for run, at in zip(runs, wheres, strict=True)]
    return Plan(
        name,
        about,
        folder,
        None if chosen is None else expanded(chosen).resolve(),
        _with_others(entries),
        text,
        said,
    )


def _with_others(entries: Sequence[PlanEntry]) -> tuple[PlanEntry, ...]:
    """The entries, with names in the place of `OTHERS`: a new detector is run by itself."""
    named = {detector for entry in entries for detector in entry.detectors}
    if OTHERS not in named:
        return tuple(entries)
    others = [name for name in names() if name not in named]
    return tuple(
        replace(
            entry,
            detectors=tuple(
                name
                for detector in entry.detectors
                for name in (others if detector == OTHERS else [detector])
            ),
        )
        for entry in entries
    )


def as_toml(table: Mapping[str, Any]) -> str:
    """A plan given as a dictionary, in TOML.

    Raises
    ------
    SettingError
        If a value cannot be written: TOML has no null, write "none".
    """
    return tomli_w.dumps({key: _plain(value, key) for key, value in table.items()})


def _plain(value: Any, key: str) -> Any:
    """The value in the types that TOML has."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return {name: _plain(item, name) for name, item in value.items()}
    if isinstance(value, (Sequence, range)):
        return [_plain(item, key) for item in value]
    raise SettingError(f'plan: {key} is {value!r}, which TOML cannot hold (for None write "none")')


def _where(where: str, number: int, run: Mapping[str, Any], lines: Sequence[int]) -> str:
    line = f" line {lines[number - 1]}," if number <= len(lines) else ""
    called = ", ".join(str(run[key]) for key in ("detector", "column") if key in run)
    return f"{where},{line} [[runs]] number {number}" + (f" ({called})" if called else "")


def _base(table: Mapping[str, Any], where: str) -> Base:
    """Settings, settings by scene and their origins that several runs share."""
    fields = Fields(table, where)
    found = (
        fields.take("settings", as_table, {}),
        fields.take("per_scene", as_table_of_tables, {}),
        fields.take("origins", as_origins, {}),
    )
    fields.finish()
    return found


def _reading(table: Mapping[str, Any], where: str) -> dict[str, str]:
    """How the files of a scene are read."""
    fields = Fields(table, where)
    names = ("variable", "axes", "truth_variable")
    found = {name: fields.take(name, as_text, None) for name in names}
    fields.finish()
    parse_axes(found["axes"])
    return {name: text for name, text in found.items() if text is not None}


def _entry(
    table: Mapping[str, Any], where: str, shared: Mapping[str, Any], bases: Mapping[str, Base]
) -> PlanEntry:
    fields = Fields(table, where)
    detectors = fields.take("detector", as_texts, ())
    if not detectors:
        raise SettingError(f'{where}: names no detector; write detector = "rx"')
    base = fields.take("base", as_text, None)
    if base is not None and base not in bases:
        raise SettingError(f"{where}: base = {base!r}: the plan has no [base.{base}]")
    common, common_per_scene, common_origins = bases.get(base, ({}, {}, {}))
    settings = common | fields.take("settings", as_table, {})
    own_per_scene = fields.take("per_scene", as_table_of_tables, {})
    per_scene = {
        scene: common_per_scene.get(scene, {}) | own_per_scene.get(scene, {})
        for scene in (common_per_scene | own_per_scene)
    }
    grid = fields.take("grid", as_lists, {})
    origins = common_origins | fields.take("origins", as_origins, {})
    column = fields.take("column", as_text, DEFAULTS)
    if column == DEFAULTS and (settings or per_scene or grid):
        raise SettingError(
            f"{where}: the column {DEFAULTS!r} holds default settings only, so give the column of "
            f'these settings another name, as column = "as published"'
        )
    own = _shared(fields, shared)
    fields.finish()
    if not own["scenes"]:
        raise SettingError(f'{where}: has no scenes; write scenes = ["thirteen"]')
    fixed = set(settings).union(*per_scene.values())
    if "seed" in fixed | grid.keys():
        raise SettingError(f"{where}: a seed is no setting of a column; write seeds = [0, 1]")
    for name in origins:
        if name not in fixed | grid.keys():
            raise SettingError(f"{where}: origins names {name!r}, which has no value here")
    both = sorted(fixed & grid.keys())
    if both:
        raise SettingError(f"{where}: {both[0]} is both in settings and in grid; leave one out")
    given = {"settings": settings, "per_scene": per_scene, "grid": grid, "origins": origins}
    return PlanEntry(where, detectors, column, **given, **own)


def _shared(fields: Fields, above: Mapping[str, Any]) -> dict[str, Any]:
    """What may stand at the top of a plan, for all runs, and in a run for itself."""
    return {
        "paper": fields.take("paper", as_text, above.get("paper")),
        "scenes": fields.take("scenes", as_texts, above.get("scenes", ())),
        "seeds": fields.take("seeds", as_seeds, above.get("seeds", (0,))),
        "noise": fields.take("noise", as_noise, above.get("noise", (0.0,))),
        "noise_seeds": fields.take("noise_seeds", as_seeds, above.get("noise_seeds", (0,))),
        "time_limit": fields.take("time_limit", as_duration, above.get("time_limit", HOUR)),
        "keep_maps": fields.take("keep_maps", as_flag, above.get("keep_maps", False)),
        "thresholds": fields.take("thresholds", as_counts, above.get("thresholds", ())),
    }
