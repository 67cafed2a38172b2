"""The table of a metric: scenes down, detectors and the origin of their settings across."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from oddspec.study.grouping import (
    Column,
    Result,
    Results,
    columns_of,
    scene_names,
    without_noise,
)
from oddspec.study.ranking import ranked
from oddspec.study.report.comparison import Comparison, Measured
from oddspec.study.report.run_tables import origin_notes, processor_notes
from oddspec.study.report.table import (
    DASH,
    MEDIANS,
    NOT_RUN,
    Cell,
    StudyTable,
    TableRow,
    amount,
    difference_text,
)
from oddspec.study.runs import TIMES, SceneKey, lower_is_better, metric_name
from oddspec.text import counted

UNSCORED = "†"
"""Marks a result that is not over all valid pixels."""
_LONGEST_REASON = 60

Beside = dict[tuple[SceneKey | None, Column], list[tuple[Comparison, Measured]]]
"""Published and measured values, by the scene (None for a mean over scenes) and column measured."""


def score_table(
    results: Results,
    metric: str = "auc_pd_pf",
    comparisons: Sequence[Comparison] = (),
    *,
    by_noise: bool = False,
) -> StudyTable:
    """The table of a metric: scenes down, detectors and the origin of their settings across.

    Parameters
    ----------
    results
        What to show.
    metric
        As in the records, or ``seconds``, ``cpu_seconds``, ``peak_memory``, ``iterations``.
    comparisons
        Published values, to stand below the measured ones.
    by_noise
        Give each noise level a row; otherwise the scenes as they are, without added noise.
    """
    shown = _noisy(results) if by_noise else without_noise(results)
    columns = columns_of(shown)
    scenes = sorted({scene for scene, _ in shown}, key=lambda s: (s.noise, s.name, s.truth))
    names = scene_names(scenes)
    beside: Beside = {}
    for comparison in comparisons:
        if comparison.published.metric == metric:
            for measured in comparison.measured:
                key = measured.scene, measured.column
                beside.setdefault(key, []).append((comparison, measured))
    rows = []
    for noise, group in groupby(scenes, key=lambda scene: scene.noise):
        here = list(group)
        end = (f"{noise:g}",) if by_noise else ()
        for scene in here:
            cells = []
            for column in columns:
                result = shown.get((scene, column))
                cell = NOT_RUN if result is None else result_cell(result, metric)
                found = [] if result is None else beside.get((scene, column), [])
                cells.append(_with_published(cell, found, metric))
            lower = lower_is_better(metric)
            rows.append(TableRow((names[scene], *end), tuple(cells), lower=lower))
        rows += _totals(shown, columns, here, metric, beside, end)
    title = metric_name(metric) + (" under added noise" if by_noise else "")
    notes = _notes(shown, metric, any(key[1] in columns for key in beside), by_noise)
    corner = ("scene", "σ") if by_noise else ("scene",)
    heads = tuple((column.detector, column.origin) for column in columns)
    return StudyTable(title, corner, heads, tuple(rows), notes, measured=True)


def result_cell(result: Result, metric: str) -> Cell:
    """Median and spread of a result, or the reason why it has none."""
    spread = result.spread(metric)
    failed = len(result.runs) - len(result.done)
    reason = "; ".join(result.failures)
    if spread is None:
        reason = reason or _undefined(result, metric)
        parts = {"runs": len(result.done), "failed": failed, "reason": reason}
        return Cell(_shortened(reason), parts=parts, failed=True)
    parts = {
        "runs": len(result.done),
        "failed": failed,
        "reason": reason,
        "median": spread.median,
        "least": spread.least,
        "most": spread.most,
        "worst_less_median": spread.worst_less_median,
    }
    run = result.typical(metric)
    if metric == "auc_pd_pf" and run is not None:
        ends = {"ci_low": run.value("auc_ci_low"), "ci_high": run.value("auc_ci_high")}
        parts |= {name: value for name, value in ends.items() if value is not None}
    text = latex = amount(spread.median, metric)
    if result.seeded and len(result.runs) == 1:
        text += " (1 seed)"
    elif result.seeded:
        ends_text = f"{amount(spread.least, metric)} to {amount(spread.most, metric)}"
        failures = f", {failed} failed" if failed else ""
        text += f" ({ends_text}; {counted(spread.count, 'seed')}{failures})"
        latex += f" ± {amount((spread.high_quartile - spread.low_quartile) / 2, metric)}"
        latex += f" ({failed} failed)" if failed else ""
    if result.unscored:
        parts["unscored"] = result.unscored
        text, latex = f"{text} {UNSCORED}", f"{latex} {UNSCORED}"
    return Cell(text, parts=parts, sort=spread.median, latex=latex)


def _undefined(result: Result, metric: str) -> str:
    for run in result.done:
        reason = ((run.record.get("metrics") or {}).get("undefined") or {}).get(metric)
        if reason:
            return f"undefined: {reason}"
    return f"no {metric_name(metric)} in the record"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1].rstrip() + "…"


def _with_published(cell: Cell, found: list[tuple[Comparison, Measured]], metric: str) -> Cell:
    """The cell with lines of published values; papers print one value in several tables."""
    sources: dict[tuple[float, str], list[str]] = {}
    beside = []
    for comparison, measured in found:
        value = comparison.published
        difference = comparison.difference(measured)
        beside.append({"printed": value.value, "difference": difference, "source": value.source})
        line = f"{difference_text(difference, metric)} beside {amount(value.value, metric)} "
        where = value.place_in_paper + (f", {value.machine}" if value.machine else "")
        where += f" {value.method}" if value.columns else ""
        sources.setdefault((difference, f"{line}({value.paper}, "), []).append(where)
    below = tuple(f"{line}{'; '.join(places)})" for (_, line), places in sources.items())
    return replace(cell, below=below, published=tuple(beside)) if found else cell


def _noisy(results: Results) -> Results:
    """Columns and scenes that were run with added noise, and the same without it."""
    columns = {column for scene, column in results if scene.noise}
    names = {scene.name for scene, _ in results if scene.noise}
    return {(s, c): r for (s, c), r in results.items() if c in columns and s.name in names}


def _totals(
    results: Results, columns: Sequence[Column], scenes: Sequence[SceneKey], metric: str,
    beside: Beside, end: tuple[str, ...],
) -> list[TableRow]:  # fmt: skip
    """Rows of means and of mean ranks, the latter of each origin among its own."""
    if len(scenes) < 2:
        return []
    here = {(s, c): result for (s, c), result in results.items() if s in scenes}
    means = [_mean(_medians(here, c, scenes, metric), scenes, c, metric, beside) for c in columns]
    rows = [TableRow(("mean", *end), tuple(means), total=True, lower=lower_is_better(metric))]
    ranks: dict[Column, float] = {}
    for name in dict.fromkeys(column.name for column in columns):
        ranking = ranked(here, [column for column in columns if column.name == name], metric)
        ranks |= ranking.average if ranking else {}
    if not ranks:
        return rows
    cells = [
        Cell(f"{ranks[c]:.2f}", parts={"median": ranks[c]}, sort=ranks[c]) if c in ranks else DASH
        for c in columns
    ]
    return [*rows, TableRow(("mean rank", *end), tuple(cells), total=True, lower=True)]


def _medians(
    results: Results, column: Column, scenes: Iterable[SceneKey], metric: str
) -> dict[SceneKey, float]:
    return {
        scene: spread.median
        for scene in scenes
        if (scene, column) in results and (spread := results[scene, column].spread(metric))
    }


def _mean(
    medians: dict[SceneKey, float], scenes: Sequence[SceneKey], column: Column, metric: str,
    beside: Beside,
) -> Cell:  # fmt: skip
    if not medians:
        return DASH
    mean = sum(medians.values()) / len(medians)
    text = amount(mean, metric)
    if len(medians) < len(scenes):
        text += f" (of {len(medians)})"
    cell = Cell(text, parts={"median": mean, "scenes": len(medians)}, sort=mean)
    # A published mean over scenes belongs here only if it is over these very scenes.
    names = sorted(scene.name for scene in medians)
    same = [
        (comparison, measured)
        for comparison, measured in beside.get((None, column), [])
        if sorted(scene.name for scene in comparison.published.scenes) == names
    ]
    return _with_published(cell, same, metric)


def _notes(results: Results, metric: str, published: bool, by_noise: bool) -> list[str]:
    notes = []
    if any(result.seeded and len(result.runs) > 1 for result in results.values()):
        notes.append(MEDIANS)
    if published:
        notes.append("A second line gives the difference to the value that a paper prints.")
    having: dict[Column, set[SceneKey]] = {}
    for (scene, column), result in results.items():
        if result.spread(metric):
            having.setdefault(column, set()).add(scene)
    if len({len(scenes) for scenes in having.values()}) > 1:
        notes.append(
            "A mean over fewer scenes than the table has says over how many; it is not comparable "
            "with the others."
        )
    notes.append(
        "Mean ranks are taken among results whose settings have the same origin, over the scenes "
        "that these have in common; rank 1 has the "
        + ("least value." if lower_is_better(metric) else "largest value.")
    )
    if any(result.unscored for result in results.values()):
        notes.append(
            f"{UNSCORED} Valid pixels were left without a score, and the result is over the others."
        )
    if by_noise:
        notes.append("σ is the noise's standard deviation as the records state it.")
    notes += origin_notes(results)
    return notes + (processor_notes(results.values()) if metric in TIMES else [])
