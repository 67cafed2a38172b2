"""The short tables: detectors down with plain medians, and the table of a sweep."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean, median
from typing import Any

from oddspec.study.grouping import (
    Column,
    Result,
    Results,
    columns_of,
    scene_names,
    sweeps_of,
    without_noise,
)
from oddspec.study.report.comparison import Comparison
from oddspec.study.report.run_tables import processor_notes
from oddspec.study.report.score_tables import UNSCORED, result_cell
from oddspec.study.report.sweeps import at_default, in_order, setting_text, varying
from oddspec.study.report.table import (
    DASH,
    NOT_RUN,
    Cell,
    StudyTable,
    TableRow,
    amount,
    difference_text,
    number_cell,
)
from oddspec.study.runs import Run, SceneKey, lower_is_better, metric_name


def summary_table(
    results: Results, metric: str = "auc_pd_pf", comparisons: Sequence[Comparison] = ()
) -> StudyTable:
    """Mean over scenes, worst scene, worst seed, processor time and memory of every column.

    Where all settings have one origin, the best mean stands first (of those with the most scenes);
    else a detector's settings stand together. Of published values the mean is shown, over the
    scenes that a column has them for.
    """
    columns = _best_first(results, metric)
    rows = [
        TableRow((c.detector, c.origin), _summary(c, own, metric, comparisons))
        for c, own in columns
    ]
    heads = [f"mean {metric_name(metric)}", "scenes", "worst scene", "seeds", "worst seed − median"]
    heads += ["mean printed (scenes)", "difference"] if comparisons else []
    notes = [
        "Per scene the median over its seeds, then the mean over the scenes. The worst seed is the "
        "one farthest beyond the median of its scene."
    ]
    if len({len(own) for _, own in columns}) > 1:
        notes.append("Means over different numbers of scenes do not compare.")
    every = [result for _, own in columns for result in own.values()]
    if any(result.unscored for result in every):
        notes.append(f"{UNSCORED} On some scene valid pixels were left without a score.")
    return StudyTable.of(
        f"{metric_name(metric)}: summary",
        ("detector", "settings"),
        [*heads, "CPU seconds", "peak memory"],
        rows,
        notes + processor_notes(every),
    )


def overview_table(results: Results, metric: str = "auc_pd_pf") -> StudyTable:
    """Medians over the seeds of what the summary has: detectors down, scenes across."""
    columns = _best_first(results, metric)
    scenes = sorted({s for _, own in columns for s in own}, key=lambda s: (s.name, s.truth))
    names = scene_names(scenes)
    rows = []
    for column, own in columns:
        medians = _own_medians(own, metric)
        cells = [number_cell(medians.get(scene, math.nan), metric) for scene in scenes]
        mean = fmean(medians.values()) if len(medians) == len(scenes) else math.nan
        rows.append(TableRow((column.detector, column.origin), (*cells, number_cell(mean, metric))))
    return StudyTable.of(
        f"{metric_name(metric)} by scene",
        ("detector", "settings"),
        [*(names[scene] for scene in scenes), "mean"],
        rows,
        [f"{metric_name(metric)}, medians over the seeds where there are any."],
    )


OwnResults = dict[SceneKey, Result]
"""The results of one column without added noise."""


def _best_first(results: Results, metric: str) -> list[tuple[Column, OwnResults]]:
    """Columns and their results; the best mean first if all have one origin."""
    quiet = without_noise(results)
    columns = [
        (column, {scene: result for (scene, c), result in quiet.items() if c == column})
        for column in columns_of(quiet)
    ]

    def standing(entry: tuple[Column, OwnResults]) -> tuple[int, float]:
        medians = _own_medians(entry[1], metric)
        mean = fmean(medians.values()) if medians else math.nan
        return -len(medians), mean if lower_is_better(metric) else -mean

    one_origin = len({column.origin for column, _ in columns}) == 1
    return sorted(columns, key=standing) if one_origin else columns


def _own_medians(own: OwnResults, metric: str) -> dict[SceneKey, float]:
    return {scene: s.median for scene, result in own.items() if (s := result.spread(metric))}


def _summary(
    column: Column, own: OwnResults, metric: str, comparisons: Sequence[Comparison]
) -> tuple[Cell, ...]:
    medians = _own_medians(own, metric)
    if not medians:
        return Cell("no result", failed=True), *(DASH,) * (6 + 2 * bool(comparisons))
    worst = (max if lower_is_better(metric) else min)(medians, key=lambda scene: medians[scene])
    where = f"{amount(medians[worst], metric)} ({scene_names(own)[worst]})"
    mean = number_cell(fmean(medians.values()), metric)
    if any(result.unscored for result in own.values()):
        mean = replace(mean, text=f"{mean.text} {UNSCORED}")

    def total(of: Callable[[list[float]], float], metric: str) -> Cell:
        values = [value for result in own.values() for value in result.values(metric)]
        return number_cell(of(values or [math.nan]), metric)

    return (
        mean,
        Cell(str(len(medians)), sort=len(medians)),
        Cell(where, sort=medians[worst]),
        _seeds(own),
        _worst_seed(own, metric),
        *(_published(column, metric, comparisons) if comparisons else ()),
        total(median, "cpu_seconds"),
        total(max, "peak_memory"),
    )


def _seeds(own: OwnResults) -> Cell:
    """How many runs each scene has, of a detector with seeds."""
    if not any(result.seeded for result in own.values()):
        return DASH
    counts = sorted({len(result.done) for result in own.values()})
    text = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return Cell(text, sort=counts[0])


def _worst_seed(own: OwnResults, metric: str) -> Cell:
    spreads = {k: s for k, result in own.items() if (s := result.spread(metric)) and s.count > 1}
    if not spreads:
        return DASH
    scene = max(spreads, key=lambda scene: abs(spreads[scene].worst_less_median))
    worst = spreads[scene].worst_less_median
    return Cell(f"{difference_text(worst, metric)} ({scene_names(own)[scene]})", sort=worst)


def _published(column: Column, metric: str, comparisons: Sequence[Comparison]) -> tuple[Cell, Cell]:
    """Mean of the published values, and how far the measured ones lie from it, scene by scene."""
    pairs = {
        measured.scene: (comparison.published.value, measured.median)
        for comparison in comparisons
        if comparison.published.metric == metric
        for measured in comparison.measured
        if measured.column == column and measured.scene is not None and not measured.scene.noise
    }
    if not pairs:
        return DASH, DASH
    mean = fmean(value for value, _ in pairs.values())
    difference = fmean(here for _, here in pairs.values()) - mean
    text = f"{amount(mean, metric)} ({len(pairs)})"
    return Cell(text, sort=mean), Cell(difference_text(difference, metric), sort=difference)


def parameter_tables(runs: Sequence[Run], metric: str = "auc_pd_pf") -> Iterator[StudyTable]:
    """A table for each sweep: its settings down, scenes across, the mean over them last.

    There is a mean where no scene lacks. Rows with all of the swept settings at their defaults say
    so.
    """
    for column, swept in sweeps_of(runs).items():
        names = varying(swept)
        groups: dict[tuple[tuple[str, ...], SceneKey], list[Run]] = {}
        points: dict[tuple[str, ...], list[Any]] = {}
        for run in swept:
            values = [run.settings.get(name) for name in names]
            point = tuple(setting_text(value) for value in values)
            points[point] = values
            groups.setdefault((point, run.key), []).append(run)
        scenes = sorted({scene for _, scene in groups})
        rows = []
        for point in sorted(points, key=lambda point: [in_order(v) for v in points[point]]):
            found = [groups.get((point, scene)) for scene in scenes]
            cells = [result_cell(Result(tuple(f)), metric) if f else NOT_RUN for f in found]
            first = next(f for f in found if f)[0]
            note = "default" if all(at_default(first, name) for name in names) else ""
            rows.append(TableRow((*point, note), (*cells, _mean_of_all(cells, metric))))
        shown = scene_names(scenes)
        heads = [shown[s] + (f", σ = {s.noise:g}" if s.noise else "") for s in scenes]
        title = f"{column.detector}, {column.name}: {metric_name(metric)}"
        yield StudyTable.of(title, (*names, ""), [*heads, "mean"], rows)


def _mean_of_all(cells: Sequence[Cell], metric: str) -> Cell:
    """Over all scenes; none where one lacks, as it would compare with nothing."""
    values = [cell.sort for cell in cells if cell.sort is not None]
    return number_cell(sum(values) / len(values) if len(values) == len(cells) else math.nan, metric)
