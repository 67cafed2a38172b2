"""The table of a sweep: its settings down, scenes across."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from oddspec.study.metric_names import metric_name
from oddspec.study.report.cells import Cell, Heading, Place, scene_names, sweeps
from oddspec.study.report.run_settings import at_default, varying
from oddspec.study.report.score_table import entry_of
from oddspec.study.report.sheet import MISSING, Entry, Row, Sheet, amount
from oddspec.study.results import Run

__all__ = ["parameter_sheets", "setting_text", "settings_in_order"]


def parameter_sheets(runs: Sequence[Run], metric: str = "auc_pd_pf") -> Iterator[Sheet]:
    """A table for each sweep, with the mean over scenes that all settings have in the last column.

    Rows that have all of the swept settings at their defaults say so.
    """
    for heading, swept in sweeps(runs).items():
        yield _sheet(heading, swept, metric)


def _sheet(heading: Heading, runs: list[Run], metric: str) -> Sheet:
    names = varying(runs)
    cells: dict[tuple[tuple[str, ...], Place], list[Run]] = {}
    points: dict[tuple[str, ...], list[Any]] = {}
    for run in runs:
        values = [run.settings.get(name) for name in names]
        point = tuple(setting_text(value) for value in values)
        points[point] = values
        cells.setdefault((point, Place(run.scene, run.truth, run.noise)), []).append(run)
    places = sorted({place for _, place in cells})
    scenes = scene_names(places)
    rows = []
    for point in sorted(points, key=lambda p: [_order(value) for value in points[p]]):
        found = [cells.get((point, place)) for place in places]
        entries = [entry_of(Cell(tuple(f)), metric) if f else MISSING for f in found]
        first = next(f for f in found if f)[0]
        note = "default" if all(at_default(first, name) for name in names) else ""
        rows.append(Row((*point, note), (*entries, _mean(entries, metric))))
    heads = [(scenes[p] + (f", σ = {p.noise:g}" if p.noise else ""), "") for p in places]
    return Sheet(
        f"{heading.detector}, {heading.column}: {metric_name(metric)}",
        (*names, ""),
        (*heads, ("mean", "")),
        tuple(rows),
    )


def _mean(entries: Sequence[Entry], metric: str) -> Entry:
    """Over all scenes; none where one lacks, as it would compare with nothing."""
    known = [entry.sort for entry in entries if entry.sort is not None]
    if len(known) < len(entries):
        return Entry("–")
    mean = sum(known) / len(known)
    return Entry(amount(mean, metric), sort=mean)


def setting_text(value: Any) -> str:
    """A setting's value for reading."""
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)


def settings_in_order(values: Sequence[Any]) -> list[Any]:
    """Values of a setting: nothing first, then numbers in ascending order, then texts."""
    return sorted(values, key=_order)


def _order(value: Any) -> tuple[int, float, str]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return 1, float(value), ""
    return (0, 0.0, "") if value is None else (2, 0.0, str(value))
