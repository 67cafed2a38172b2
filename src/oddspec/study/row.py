"""A study's rows: each is one run of one detector with all its settings on one scene."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from oddspec.detector import Detector
from oddspec.detectors import is_file, load, short_name
from oddspec.errors import OddspecError, SettingError
from oddspec.io.checksum import sha256
from oddspec.products.record import as_json
from oddspec.settings import build, describe, kept
from oddspec.study.plan import Plan, PlanEntry
from oddspec.study.scene_files import Missing, StudyScene
from oddspec.study.scenes import Library

Key = tuple[str, str, str | None]
"""What a row is known by in a study: id, column, paper."""


@dataclass(frozen=True)
class Row:
    """One run to do.

    Attributes
    ----------
    detector, source
        Its short name, and what `oddspec.detectors.load` takes: the name, or a file's path.
    detector_sha256
        Of a detector's own file, None for others.
    settings
        All of them, seed included.
    varied
        Those that differ from the defaults, seed apart.
    origins
        Where settings come from, as far as the plan says.
    """

    study: str
    detector: str
    source: str
    detector_sha256: str | None
    column: str
    paper: str | None
    settings: Mapping[str, Any]
    varied: Mapping[str, Any]
    seed: int | None
    scene: StudyScene
    noise: float
    noise_seed: int | None
    time_limit: float
    keep_map: bool
    thresholds: tuple[int, ...]
    origins: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """16 hexadecimal digits that stand for what is computed, whatever the column is called."""
        what = {
            "detector": self.detector,
            "settings": self.settings,
            "scene": self.scene.name,
            "truth": self.scene.truth_file,
            "noise": self.noise,
            "seed": self.seed,
        }
        if self.noise_seed is not None:
            what["noise_seed"] = self.noise_seed
        if self.detector_sha256 is not None:
            what["detector_sha256"] = self.detector_sha256
        if self.scene.reading:
            what["reading"] = dict(self.scene.reading)
        text = json.dumps(what, sort_keys=True, ensure_ascii=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def key(self) -> Key:
        """Id, column and paper: one row of a table."""
        return self.id, self.column, self.paper

    @property
    def unseeded(self) -> str:
        """The settings as text, without the seed."""
        kept = {name: value for name, value in self.settings.items() if name != "seed"}
        return json.dumps(kept, sort_keys=True)

    @property
    def title(self) -> str:
        """For messages."""
        seed = "" if self.seed is None else f", seed {self.seed}"
        noise = f", noise {self.noise:g}" if self.noise else ""
        varied = ", ".join(f"{name}={self.varied[name]}" for name in sorted(self.varied))
        origin = f"{self.column}: {varied}" if varied else self.column
        return f"{self.detector} ({origin}) on {self.scene.key}{noise}{seed}"

    def build(self) -> Detector:
        """The detector with these settings."""
        detector = build(load(self.source), self.settings)
        assert isinstance(detector, Detector)
        return detector


def expand(plan: Plan, library: Library) -> tuple[list[Row], list[Missing]]:
    """All rows of a plan, first seeds first, and the scenes that are not at hand.

    Raises
    ------
    SettingError
        If a detector, setting or scene is unknown or does not serve; the message names the entry.
    """
    rows: list[tuple[int, Row]] = []
    missing: dict[str, Missing] = {}
    for entry in plan.runs:
        try:
            scenes = library.resolve(entry.scenes)
            _check_scene_names(entry, scenes)
            missing |= {scene.key: scene for scene in scenes if isinstance(scene, Missing)}
            present = [scene for scene in scenes if isinstance(scene, StudyScene)]
            for detector in entry.detectors:
                rows += _rows(plan, entry, detector, present)
        except OddspecError as error:
            raise SettingError(f"{entry.where}: {error}") from None
    _check_names(row for _, row in rows)
    _check_reading(plan, [row.scene for _, row in rows], missing)
    # A study that is cut short has all detectors and scenes with fewer seeds.
    rows.sort(key=lambda item: item[0])
    return list({row.key: row for _, row in rows}.values()), list(missing.values())


def _rows(
    plan: Plan, entry: PlanEntry, detector: str, scenes: list[StudyScene]
) -> Iterator[tuple[int, Row]]:
    """Rows of one detector, each with the place of its seed."""
    source = str((plan.folder / detector).resolve()) if is_file(detector) else detector
    cls = load(source)
    defaults = {setting.name: setting.default for setting in describe(cls)}
    digest = sha256(Path(source)) if is_file(source) else None
    seeds: tuple[int | None, ...] = entry.seeds if "seed" in defaults else (None,)
    if not scenes:
        # A plan's mistakes are reported also where no scene is at hand.
        for here in ({}, *entry.per_scene.values()):
            _settings(cls, entry, here, seeds[0])
    for scene, (place, seed) in itertools.product(scenes, enumerate(seeds)):
        for settings in _settings(cls, entry, _here(entry, scene), seed):
            varied = {
                name: value
                for name, value in settings.items()
                if name != "seed" and value != as_json(defaults[name])
            }
            for noise, noise_seed in _noises(entry):
                row = Row(
                    plan.name,
                    short_name(detector),
                    source,
                    digest,
                    entry.column,
                    entry.paper,
                    settings,
                    varied,
                    seed,
                    scene,
                    noise,
                    noise_seed,
                    entry.time_limit,
                    entry.keep_maps,
                    entry.thresholds,
                    entry.origins,
                )
                yield place, row


def _settings(
    cls: type[Detector], entry: PlanEntry, here: Mapping[str, Any], seed: int | None
) -> list[dict[str, Any]]:
    """Full settings at every point of the run's grid."""
    seeded = {} if seed is None else {"seed": seed}
    return [
        _full(cls, {**entry.settings, **here, **point, **seeded}) for point in _points(entry.grid)
    ]


def _full(cls: type[Detector], given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings in terms of JSON, as records keep them."""
    return {name: as_json(value) for name, value in kept(build(cls, given)).items()}


def _points(grid: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every combination of a grid's values; a single empty one without a grid."""
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def _noises(entry: PlanEntry) -> Iterator[tuple[float, int | None]]:
    for noise in entry.noise:
        for seed in entry.noise_seeds if noise else (None,):
            yield noise, seed


def _here(entry: PlanEntry, scene: StudyScene) -> Mapping[str, Any]:
    """Settings for that scene alone; those for one of its truths go before those for all."""
    return {**entry.per_scene.get(scene.name, {}), **entry.per_scene.get(scene.key, {})}


def _check_scene_names(entry: PlanEntry, scenes: list[StudyScene | Missing]) -> None:
    known = {scene.key for scene in scenes} | {scene.key.partition("/")[0] for scene in scenes}
    for name in entry.per_scene:
        if name not in known:
            raise SettingError(
                f"per_scene names {name!r}, which is none of this run's scenes "
                f"({', '.join(scene.key for scene in scenes)})"
            )


def _check_names(rows: Iterator[Row]) -> None:
    """Two detectors of one short name could not be told apart in a table."""
    seen: dict[str, str] = {}
    for row in rows:
        if seen.setdefault(row.detector, row.source) != row.source:
            raise SettingError(
                f"two detectors are called {row.detector}: {seen[row.detector]} and {row.source}; "
                f"rename one file"
            )


def _check_reading(
    plan: Plan, scenes: Sequence[StudyScene], missing: Mapping[str, Missing]
) -> None:
    """Refuse words on reading a scene that the plan does not have, or that the catalogue knows."""
    own = {scene.key for scene in scenes if scene.reading} | missing.keys()
    for name in plan.reading:
        if name not in own:
            raise SettingError(
                f"{plan.name}: [reading.{name}] is of no scene of your own in this plan; scenes of "
                f"the catalogue are read as they are"
            )


def select(rows: Sequence[Row], words: Sequence[str]) -> list[Row]:
    """The rows that every word fits.

    A word fits a row if it is its detector, column, paper, scene or truth, or ``seed=3``,
    ``noise=0.05``. ``*`` stands for any characters, and a comma for *or*: ``rx,lren``; a column
    with a comma in its name is found by its whole name.

    Raises
    ------
    SettingError
        If a word fits no row at all, or no row is fitted by all.
    """
    chosen = list(rows)
    for word in words:
        options = [option.strip() for option in word.split(",") if option.strip()]
        if any(_fits(row, word) for row in rows):
            options = [word]
        for option in options:
            if not any(_fits(row, option) for row in rows):
                raise SettingError(f"--only {option}: fits no row of the plan; {_known(rows)}")
        chosen = [row for row in chosen if any(_fits(row, option) for option in options)]
    if words and not chosen:
        raise SettingError(f"--only {' '.join(words)}: no row of the plan fits all of these")
    return chosen


def _fits(row: Row, word: str) -> bool:
    name, equals, value = word.partition("=")
    if equals and name in ("seed", "noise", "noise_seed"):
        try:
            return getattr(row, name) == float(value)
        except ValueError:
            return False
    texts = (row.detector, row.column, row.paper or "", row.scene.key, row.scene.name, row.id)
    # A bracket is itself: columns are called "ten [code]".
    pattern = word.casefold().replace("[", "[[]")
    return any(fnmatchcase(text.casefold(), pattern) for text in texts)


def _known(rows: Sequence[Row]) -> str:
    parts = {
        "detectors": dict.fromkeys(row.detector for row in rows),
        "columns": dict.fromkeys(row.column for row in rows),
        "scenes": dict.fromkeys(row.scene.key for row in rows),
    }
    return "; ".join(f"its {name}: {', '.join(found) or 'none'}" for name, found in parts.items())
