"""Runs sorted into results: scenes down, detectors and the origin of their settings across."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from oddspec.study.runs import (
    DEFAULTS,
    NAMED_COLUMNS,
    PUBLISHED,
    TIMES,
    TUNED,
    Run,
    SceneKey,
    lower_is_better,
)

MOST_COLUMNS = 48
"""More cannot be told apart in one figure."""


class Column(NamedTuple):
    """What stands above a column of results: one detector with settings of one origin."""

    detector: str
    name: str
    paper: str = ""
    """Whose settings they are, where the column is *as published*."""

    @property
    def origin(self) -> str:
        """Where the settings come from, in words."""
        return f"{self.name} ({self.paper})" if self.paper else self.name

    @property
    def order(self) -> tuple[int, str]:
        """Defaults first, then published and tuned settings, then ablations by name."""
        named = self.name in NAMED_COLUMNS
        return NAMED_COLUMNS.index(self.name) if named else len(NAMED_COLUMNS), self.origin

    def __str__(self) -> str:
        return f"{self.detector}, {self.origin}"


@dataclass(frozen=True)
class Spread:
    """Quantiles of a few values, interpolated linearly; the worst is the bad end of the metric."""

    count: int
    least: float
    low_quartile: float
    median: float
    high_quartile: float
    most: float
    worst: float

    @classmethod
    def of(cls, values: Sequence[float], *, lower: bool = False) -> Spread:
        """Of at least one value; ``lower`` says that small ones are good."""
        quantiles = np.quantile(np.asarray(values, dtype=np.float64), [0, 0.25, 0.5, 0.75, 1])
        least, low, median, high, most = (float(q) for q in quantiles)
        return cls(len(values), least, low, median, high, most, most if lower else least)

    @property
    def worst_less_median(self) -> float:
        """How much the worst value lies beside the median, with its sign."""
        return self.worst - self.median


@dataclass(frozen=True, eq=False)
class Result:
    """All runs of one column on one scene: the seeds of a learned detector, else one run."""

    runs: tuple[Run, ...]

    @property
    def done(self) -> list[Run]:
        """Those that came to scores."""
        return [run for run in self.runs if run.done]

    @property
    def seeded(self) -> bool:
        """Whether it depends on a seed, be it that of added noise drawn several times."""
        seeds = {run.record.get("noise_seed") for run in self.runs}
        return len(seeds) > 1 or any(run.seed is not None for run in self.runs)

    @property
    def unscored(self) -> int:
        """Valid pixels that a run left without a score, most of all runs."""
        return max((int(run.record.get("unscored") or 0) for run in self.done), default=0)

    @property
    def failures(self) -> list[str]:
        """Reasons of the runs that came to nothing, each once."""
        return list(dict.fromkeys(run.failure for run in self.runs if not run.done))

    @property
    def timed(self) -> list[Run]:
        """Those whose seconds compare: on the processor of most of them, or of the first ones."""
        most = Counter(run.processor for run in self.done).most_common(1)
        return [run for run in self.done if run.processor == most[0][0]]

    def values(self, metric: str) -> list[float]:
        """The metric of every run that has it; seconds are of one processor."""
        return [value for _, value in self._with_values(metric)]

    def spread(self, metric: str) -> Spread | None:
        """Of the metric over the runs; None if none has it."""
        values = self.values(metric)
        return Spread.of(values, lower=lower_is_better(metric)) if values else None

    def typical(self, metric: str = "auc_pd_pf", *, mapped: bool = False) -> Run | None:
        """The run nearest to the median, the better one of two that are as near.

        ``mapped`` asks for one whose score map was kept, if there is any.
        """
        spread = self.spread(metric)
        if spread is None:
            return None
        pairs = self._with_values(metric)
        if mapped:
            pairs = [pair for pair in pairs if pair[0].record.get("map")] or pairs
        sign = -1 if lower_is_better(metric) else 1
        return min(pairs, key=lambda pair: (abs(pair[1] - spread.median), -sign * pair[1]))[0]

    def _with_values(self, metric: str) -> list[tuple[Run, float]]:
        runs = self.timed if metric in TIMES else self.done
        return [(run, value) for run in runs if (value := run.value(metric)) is not None]


Results = dict[tuple[SceneKey, Column], Result]


def group_results(runs: Iterable[Run]) -> tuple[Results, list[str]]:
    """The results without sweeps, and a note on published settings that stand nowhere.

    Columns are never mixed, nor are settings: a column with several settings on a scene is a sweep.
    Settings *as published* are grouped by paper, and never meant as a sweep. Where settings were
    *tuned on the truth*, the result is the one with the largest median area, which is what tuning
    means; it is the only one chosen by its value. Of *defaults* that were changed between two
    versions the later ones count.
    """
    groups: dict[tuple[SceneKey, Column], dict[str, list[Run]]] = {}
    for run in runs:
        column = Column(run.detector, run.column, run.paper if run.column == PUBLISHED else "")
        by_settings = groups.setdefault((run.key, column), {})
        by_settings.setdefault(run.unseeded, []).append(run)
    swept = {
        column
        for (_, column), by_settings in groups.items()
        if len(by_settings) > 1 and column.name not in (DEFAULTS, TUNED)
    }
    results: Results = {}
    for (scene, column), by_settings in groups.items():
        candidates = [Result(tuple(runs)) for runs in by_settings.values()]
        if column.name == DEFAULTS:
            results[scene, column] = candidates[-1]
        elif column not in swept:
            results[scene, column] = max(candidates, key=_area)
    mixed = sorted(str(column) for column in swept if column.name == PUBLISHED)
    note = (
        f"Left out, as a scene has several settings there: {'; '.join(mixed)}. Give each setting a "
        f"column of its own."
    )
    return results, [note] if mixed else []


def without_noise(results: Results) -> Results:
    """The results on the scenes as they are."""
    return {key: result for key, result in results.items() if not key[0].noise}


def columns_of(results: Iterable[tuple[SceneKey, Column]]) -> list[Column]:
    """Detectors in the order in which they first appear, each with its columns together."""
    every = [column for _, column in results]
    detectors = list(dict.fromkeys(column.detector for column in every))
    return sorted(set(every), key=lambda c: (detectors.index(c.detector), c.order))


def sweeps_of(runs: Iterable[Run]) -> dict[Column, list[Run]]:
    """Runs of every detector and column that holds more than one setting on some scene."""
    groups: dict[Column, list[Run]] = {}
    for run in runs:
        groups.setdefault(Column(run.detector, run.column), []).append(run)
    return {
        column: own
        for column, own in groups.items()
        if column.name not in (DEFAULTS, PUBLISHED)
        and len({(run.key, run.unseeded) for run in own}) > len({run.key for run in own})
    }


def scene_names(scenes: Iterable[SceneKey]) -> dict[SceneKey, str]:
    """What to call scenes; the truth is named where a scene has several."""
    every = list(scenes)
    several = Counter(name for name, _ in {(scene.name, scene.truth) for scene in every})
    return {
        scene: f"{scene.name} (truth {scene.truth})" if several[scene.name] > 1 else scene.name
        for scene in every
    }


@dataclass(frozen=True)
class Group:
    """Columns that may be compared in one figure: settings of one origin, or one ablation."""

    name: str
    columns: tuple[Column, ...]

    def label(self, column: Column) -> str:
        """What tells a column from the others of its group."""
        if self.name.startswith("ablation"):
            return column.origin
        return f"{column.detector} ({column.paper})" if column.paper else column.detector


def groups_of(results: Results) -> list[Group]:
    """Columns that have a result without added noise, by the origin of their settings."""
    columns = columns_of(key for key, result in without_noise(results).items() if result.done)
    found = [Group(name, tuple(c for c in columns if c.name == name)) for name in NAMED_COLUMNS]
    for detector in dict.fromkeys(column.detector for column in columns):
        own = [column for column in columns if column.detector == detector]
        ablation = [column for column in own if column.name not in NAMED_COLUMNS]
        if ablation:
            whole = [column for column in own if column.name == DEFAULTS]
            found.append(Group(f"ablation of {detector}", (*whole, *ablation)))
    return [Group(group.name, group.columns[:MOST_COLUMNS]) for group in found if group.columns]


def _area(result: Result) -> float:
    spread = result.spread("auc_pd_pf")
    return float("-inf") if spread is None else spread.median
