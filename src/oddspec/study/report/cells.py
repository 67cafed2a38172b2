"""Runs sorted into cells: scenes down, detectors and the origin of their settings across."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from oddspec.study.metric_names import TIMES, lower_is_better
from oddspec.study.report.run_settings import variant, varying
from oddspec.study.report.spread import Spread
from oddspec.study.results import DEFAULTS, NAMED_COLUMNS, PUBLISHED, TUNED, Run

__all__ = [
    "Cell",
    "Cells",
    "Heading",
    "Place",
    "arrange",
    "mixed",
    "scene_names",
    "sweeps",
    "without_repeats",
]


class Heading(NamedTuple):
    """What stands above a column of results: one detector with settings of one origin."""

    detector: str
    column: str
    paper: str = ""
    """Whose settings they are, where the column is *as published*."""
    variant: str = ""
    """Settings that tell the members of a sweep apart."""

    @property
    def origin(self) -> str:
        """Where the settings come from, in words."""
        words = f"{self.column} ({self.paper})" if self.paper else self.column
        return f"{words}: {self.variant}" if self.variant else words

    @property
    def order(self) -> tuple[int, str]:
        """Defaults first, then published and tuned settings, then ablations by name."""
        named = self.column in NAMED_COLUMNS
        place = NAMED_COLUMNS.index(self.column) if named else len(NAMED_COLUMNS)
        return place, self.origin

    def __str__(self) -> str:
        return f"{self.detector}, {self.origin}"


class Place(NamedTuple):
    """What stands beside a row of results."""

    scene: str
    truth: str
    noise: float = 0.0


@dataclass(frozen=True, eq=False)
class Cell:
    """All runs of one heading at one place: the seeds of a learned detector, else one run."""

    runs: tuple[Run, ...]

    @property
    def done(self) -> list[Run]:
        """Those that came to scores."""
        return [run for run in self.runs if run.done]

    @property
    def seeded(self) -> bool:
        """Whether the result depends on a seed, be it that of added noise drawn several times."""
        seeds = {run.noise_seed for run in self.runs}
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
        return [value for _, value in self._known(metric)]

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
        known = self._known(metric)
        if mapped:
            known = [pair for pair in known if pair[0].record.get("map")] or known
        sign = -1 if lower_is_better(metric) else 1
        return min(known, key=lambda pair: (abs(pair[1] - spread.median), -sign * pair[1]))[0]

    def _known(self, metric: str) -> list[tuple[Run, float]]:
        runs = self.timed if metric in TIMES else self.done
        return [(run, value) for run in runs if (value := run.value(metric)) is not None]


_ONE_ANSWER = (DEFAULTS, TUNED)
"""Columns that have one result per place, whatever number of settings was tried."""

Cells = dict[tuple[Place, Heading], Cell]


def arrange(runs: Iterable[Run], *, split: bool = True) -> Cells:
    """The runs by place and heading.

    Columns are never mixed, nor are settings: where one cell would hold runs with different
    settings (a sweep), each setting gets a heading of its own. Settings *as published* are kept
    apart by paper. Where settings were *tuned on the truth*, the cell is the one with the largest
    median area, which is what tuning means; they are the only cells chosen by their result. Of
    *defaults* that were changed between two versions the later ones count.

    Parameters
    ----------
    runs
        As `read_runs` gives them.
    split
        False leaves sweeps out altogether.
    """
    groups: dict[tuple[Place, Heading], dict[str, list[Run]]] = {}
    for run in without_repeats(runs):
        paper = run.paper if run.column == PUBLISHED and run.paper else ""
        key = Place(run.scene, run.truth, run.noise), Heading(run.detector, run.column, paper)
        groups.setdefault(key, {}).setdefault(run.unseeded, []).append(run)
    swept = {h for (_, h), by in groups.items() if len(by) > 1 and h.column not in _ONE_ANSWER}
    telling = {heading: _telling(groups, heading) for heading in swept}
    cells: Cells = {}
    for (place, heading), by_settings in groups.items():
        candidates = [Cell(tuple(found)) for found in by_settings.values()]
        if heading in swept:
            for cell in candidates if split else ():
                told = variant(cell.runs[0], telling[heading])
                cells[place, heading._replace(variant=told)] = cell
        elif heading.column == DEFAULTS:
            cells[place, heading] = candidates[-1]
        else:
            cells[place, heading] = max(candidates, key=_area)
    return cells


def mixed(runs: Iterable[Run]) -> list[str]:
    """A note if settings *as published* differ at some place: no table shows such a heading."""
    found = {h._replace(variant="") for _, h in arrange(runs) if h.variant}
    names = sorted(str(heading) for heading in found if heading.column == PUBLISHED)
    if not names:
        return []
    return [
        f"Left out, as a scene has several settings there: {'; '.join(names)}. Give each setting a "
        f"column of its own."
    ]


def sweeps(runs: Iterable[Run]) -> dict[Heading, list[Run]]:
    """Runs of every detector and column that holds more than one setting at some place."""
    groups: dict[Heading, list[Run]] = {}
    for run in without_repeats(runs):
        groups.setdefault(Heading(run.detector, run.column), []).append(run)
    return {
        heading: found
        for heading, found in groups.items()
        if heading.column not in (DEFAULTS, PUBLISHED)
        and any(len(settings) > 1 for settings in _settings_by_place(found).values())
    }


def _settings_by_place(runs: Sequence[Run]) -> dict[Place, set[str]]:
    found: dict[Place, set[str]] = {}
    for run in runs:
        place = Place(run.scene, run.truth, run.noise)
        found.setdefault(place, set()).add(run.unseeded)
    return found


def scene_names(places: Iterable[Place]) -> dict[Place, str]:
    """What to call the places of a table: the truth is named where a scene has several."""
    known = list(places)
    truths: dict[str, set[str]] = {}
    for place in known:
        truths.setdefault(place.scene, set()).add(place.truth)
    return {
        place: f"{place.scene} (truth {place.truth})"
        if len(truths[place.scene]) > 1
        else place.scene
        for place in known
    }


def without_repeats(runs: Iterable[Run]) -> list[Run]:
    """Of runs that differ in nothing but their study or their detector's file the last one done."""
    kept: dict[tuple[Any, ...], Run] = {}
    for run in runs:
        paper = run.paper if run.column == PUBLISHED else None
        place = (run.scene, run.truth, run.noise)
        drawn = (run.seed, run.noise_seed)
        key = (run.detector, run.column, paper, *place, *drawn, run.unseeded)
        if key not in kept or run.done or not kept[key].done:
            kept[key] = run
    return list(kept.values())


def _telling(
    groups: dict[tuple[Place, Heading], dict[str, list[Run]]], heading: Heading
) -> list[str]:
    """Names of the settings that differ among the runs of a heading."""
    every = [
        run
        for (_, h), by in groups.items()
        if h == heading
        for found in by.values()
        for run in found
    ]
    return varying(every)


def _area(cell: Cell) -> float:
    spread = cell.spread("auc_pd_pf")
    return float("-inf") if spread is None else spread.median
