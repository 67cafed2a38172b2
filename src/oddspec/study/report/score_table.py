"""The table of a metric: scenes down, detectors and the origin of their settings across."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from oddspec.study.metric_names import TIMES, lower_is_better, metric_name
from oddspec.study.report.cells import Cell, Cells, Heading, Place, scene_names
from oddspec.study.report.comparison import Comparison, Measured
from oddspec.study.report.provenance import processors
from oddspec.study.report.ranking import rank_headings
from oddspec.study.report.sheet import MISSING, Entry, Row, Sheet, amount, difference_text
from oddspec.text import counted

__all__ = ["UNSCORED", "entry_of", "headings_of", "score_sheet"]

UNSCORED = "†"
"""Marks a result that is not over all valid pixels."""

_LONGEST_REASON = 60
Beside = dict[tuple[Place | None, Heading], list[tuple[Comparison, Measured]]]


def headings_of(cells: Cells) -> list[Heading]:
    """Detectors in the order in which they first appear, each with its columns together."""
    detectors = list(dict.fromkeys(heading.detector for _, heading in cells))
    return sorted({h for _, h in cells}, key=lambda h: (detectors.index(h.detector), h.order))


def score_sheet(
    cells: Cells,
    metric: str = "auc_pd_pf",
    comparisons: Sequence[Comparison] = (),
    *,
    by_noise: bool = False,
) -> Sheet:
    """The table of a metric, with printed values below the measured ones.

    Parameters
    ----------
    cells
        What to show.
    metric
        As in the records, or ``seconds``, ``cpu_seconds``, ``peak_memory``, ``iterations``.
    comparisons
        Printed values and what was measured for them.
    by_noise
        Give each noise level a row; otherwise the scenes as they are, without added noise.
    """
    shown = _noisy(cells) if by_noise else {key: c for key, c in cells.items() if not key[0].noise}
    headings = headings_of(shown)
    places = sorted({place for place, _ in shown}, key=lambda p: (p.noise, p.scene, p.truth))
    names = scene_names(places)
    beside = _beside(comparisons, metric)
    rows = []
    for noise, group in groupby(places, key=lambda p: p.noise):
        here = list(group)
        end = (f"{noise:g}",) if by_noise else ()
        for place in here:
            entries = [_entry(shown.get((place, h)), place, h, metric, beside) for h in headings]
            rows.append(Row((names[place], *end), tuple(entries)))
        rows += _totals(shown, headings, here, metric, beside, end)
    title = metric_name(metric) + (" under added noise" if by_noise else "")
    return Sheet(
        title=title,
        corner=("scene", "σ") if by_noise else ("scene",),
        headings=tuple((h.detector, h.origin) for h in headings),
        rows=tuple(rows),
        notes=_notes(shown, metric, any(key[1] in headings for key in beside), by_noise),
        measured=True,
    )


def entry_of(cell: Cell, metric: str) -> Entry:
    """Median and spread of a cell, or the reason why it has none."""
    spread = cell.spread(metric)
    failed = [run for run in cell.runs if not run.done]
    parts: dict[str, Any] = {"runs": len(cell.done), "failed": len(failed)}
    parts["reason"] = "; ".join(cell.failures)
    if spread is None:
        reason = "; ".join(cell.failures) or _undefined(cell, metric)
        parts["reason"] = reason
        return Entry(_shorten(reason), parts=parts, failed=True)
    parts |= {"median": spread.median, "least": spread.least, "most": spread.most}
    parts |= {"worst_less_median": spread.worst_less_median}
    run = cell.typical(metric)
    if metric == "auc_pd_pf" and run is not None:
        ends = {"ci_low": run.value("auc_ci_low"), "ci_high": run.value("auc_ci_high")}
        parts |= {name: value for name, value in ends.items() if value is not None}
    text = amount(spread.median, metric)
    if cell.seeded and len(cell.runs) == 1:
        text += " (1 seed)"
    elif cell.seeded:
        text += f" ({_range(spread.least, spread.most, metric)}; {counted(spread.count, 'seed')}"
        text += f", {len(failed)} failed)" if failed else ")"
    if cell.unscored:
        parts["unscored"] = cell.unscored
        text += f" {UNSCORED}"
    return Entry(text, parts=parts, sort=spread.median)


def _entry(cell: Cell | None, place: Place, heading: Heading, metric: str, beside: Beside) -> Entry:
    if cell is None:
        return MISSING
    entry = entry_of(cell, metric)
    return _with_printed(entry, beside.get((place, heading), []), metric)


def _with_printed(entry: Entry, found: list[tuple[Comparison, Measured]], metric: str) -> Entry:
    sources: dict[tuple[float, str], list[str]] = {}
    beside = []
    for comparison, measured in found:
        printed = comparison.printed
        difference = comparison.difference(measured)
        beside.append(
            {"printed": printed.value, "difference": difference, "source": printed.source}
        )
        line = (
            f"{difference_text(difference, metric)} beside {amount(printed.value, metric)} "
            f"({printed.paper}, "
        )
        where = printed.place_in_paper + (f", {printed.machine}" if printed.machine else "")
        where += "" if not printed.columns else f" {printed.method}"
        # Papers print one value in several tables.
        sources.setdefault((difference, line), []).append(where)
    below = tuple(f"{line}{'; '.join(places)})" for (_, line), places in sources.items())
    return replace(entry, below=below, printed=tuple(beside))


def _noisy(cells: Cells) -> Cells:
    """Headings and scenes that were run with added noise, and the same without it."""
    headings = {heading for place, heading in cells if place.noise}
    scenes = {place.scene for place, _ in cells if place.noise}
    return {(p, h): c for (p, h), c in cells.items() if h in headings and p.scene in scenes}


def _beside(comparisons: Iterable[Comparison], metric: str) -> Beside:
    found: Beside = {}
    for comparison in comparisons:
        if comparison.printed.metric == metric:
            for measured in comparison.measured:
                key = measured.place, measured.heading
                found.setdefault(key, []).append((comparison, measured))
    return found


def _totals(
    cells: Cells,
    headings: Sequence[Heading],
    places: Sequence[Place],
    metric: str,
    beside: Beside,
    end: tuple[str, ...],
) -> list[Row]:
    """Mean and mean rank."""
    if len(places) < 2:
        return []
    means = []
    for heading in headings:
        known = {
            place: spread.median
            for place in places
            if (place, heading) in cells and (spread := cells[place, heading].spread(metric))
        }
        means.append(_mean(known, places, heading, metric, beside))
    ranks = _ranks(cells, headings, places, metric)
    average = [
        Entry(f"{ranks[h]:.2f}", parts={"median": ranks[h]}, sort=ranks[h])
        if h in ranks
        else Entry("–")
        for h in headings
    ]
    rows = [Row(("mean", *end), tuple(means), total=True)]
    return [*rows, Row(("mean rank", *end), tuple(average), total=True)] if ranks else rows


def _mean(
    known: dict[Place, float],
    places: Sequence[Place],
    heading: Heading,
    metric: str,
    beside: Beside,
) -> Entry:
    if not known:
        return Entry("–")
    mean = sum(known.values()) / len(known)
    text = amount(mean, metric)
    if len(known) < len(places):
        text += f" (of {len(known)})"
    entry = Entry(text, parts={"median": mean, "scenes": len(known)}, sort=mean)
    # A printed mean over scenes belongs here only if it is over these very scenes.
    names = sorted(place.scene for place in known)
    same = [
        (comparison, measured)
        for comparison, measured in beside.get((None, heading), [])
        if sorted(place.scene for place in comparison.printed.places) == names
    ]
    return _with_printed(entry, same, metric)


def _ranks(
    cells: Cells, headings: Sequence[Heading], places: Sequence[Place], metric: str
) -> dict[Heading, float]:
    """Average ranks, each column's among its own."""
    here = {(p, h): c for (p, h), c in cells.items() if p in places}
    found: dict[Heading, float] = {}
    for column in dict.fromkeys(h.column for h in headings):
        ranking = rank_headings(here, [h for h in headings if h.column == column], metric)
        if ranking is not None:
            found |= dict(zip(ranking.headings, ranking.average, strict=True))
    return found


def _notes(cells: Cells, metric: str, printed: bool, by_noise: bool) -> list[str]:
    notes = []
    if any(cell.seeded and len(cell.runs) > 1 for cell in cells.values()):
        notes.append(
            "Results that depend on a seed are medians, with the least and the most beside them."
        )
    if printed:
        notes.append("A second line gives the difference to the value that a paper prints.")
    counts = {len(by) for by in _places_by_heading(cells, metric).values()}
    if len(counts) > 1:
        notes.append(
            "A mean over fewer scenes than the table has says over how many; it is not comparable "
            "with the others."
        )
    notes.append(
        "Mean ranks are taken among results whose settings have the same origin, over the scenes "
        "that these have in common; rank 1 has the "
        + ("least value." if lower_is_better(metric) else "largest value.")
    )
    if any(cell.unscored for cell in cells.values()):
        notes.append(
            f"{UNSCORED} Valid pixels were left without a score, and the result is over the others."
        )
    if by_noise:
        notes.append("σ is the noise's standard deviation as the records state it.")
    if metric in TIMES:
        notes += processors(cells.values())
    return notes


def _places_by_heading(cells: Cells, metric: str) -> dict[Heading, set[Place]]:
    found: dict[Heading, set[Place]] = {}
    for (place, heading), cell in cells.items():
        if cell.spread(metric):
            found.setdefault(heading, set()).add(place)
    return found


def _undefined(cell: Cell, metric: str) -> str:
    for run in cell.done:
        reason = (run.metrics.get("undefined") or {}).get(metric)
        if reason:
            return f"undefined: {reason}"
    return f"no {metric_name(metric)} in the record"


def _range(least: float, most: float, metric: str) -> str:
    return f"{amount(least, metric)} to {amount(most, metric)}"


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1].rstrip() + "…"
