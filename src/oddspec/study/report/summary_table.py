"""The short tables: one row for each detector and origin of its settings, with plain medians."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, median

from oddspec.study.metric_names import lower_is_better, metric_name
from oddspec.study.report.cells import Cell, Cells, Heading, Place, scene_names
from oddspec.study.report.comparison import Comparison
from oddspec.study.report.provenance import processors
from oddspec.study.report.score_table import UNSCORED, headings_of
from oddspec.study.report.sheet import Entry, Row, Sheet, amount, difference_text

__all__ = ["overview_sheet", "summary_sheet"]


def summary_sheet(
    cells: Cells, metric: str = "auc_pd_pf", comparisons: Sequence[Comparison] = ()
) -> Sheet:
    """Mean over scenes, worst scene, worst seed, processor time and memory of every heading.

    Where all settings have one origin, the best mean stands first (of those with the most scenes);
    else a detector's settings stand together.

    Parameters
    ----------
    cells
        What to show; results under added noise are left out.
    metric
        As in the records.
    comparisons
        Printed values; their mean is shown over the scenes that a heading has them for.
    """
    results = _in_order(cells, metric)
    rows = [
        Row((h.detector, h.origin), _entries(h, here, metric, comparisons)) for h, here in results
    ]
    heads = [f"mean {metric_name(metric)}", "scenes", "worst scene", "seeds", "worst seed − median"]
    heads += ["mean printed (scenes)", "difference"] if comparisons else []
    notes = [
        "Per scene the median over its seeds, then the mean over the scenes. The worst seed is the "
        "one farthest beyond the median of its scene."
    ]
    if len({len(here) for _, here in results}) > 1:
        notes.append("Means over different numbers of scenes do not compare.")
    if any(cell.unscored for _, here in results for cell in here.values()):
        notes.append(f"{UNSCORED} On some scene valid pixels were left without a score.")
    notes += processors(cell for _, here in results for cell in here.values())
    return Sheet(
        f"{metric_name(metric)}: summary",
        ("detector", "settings"),
        tuple((head, "") for head in (*heads, "CPU seconds", "peak memory")),
        tuple(rows),
        notes,
    )


def overview_sheet(cells: Cells, metric: str = "auc_pd_pf") -> Sheet:
    """Medians over the seeds of what the summary has: detectors down, scenes across."""
    results = _in_order(cells, metric)
    places = sorted({p for _, here in results for p in here}, key=lambda p: (p.scene, p.truth))
    names = scene_names(places)
    rows = []
    for heading, here in results:
        medians = _medians(here, metric)
        entries = [_number(medians.get(place, math.nan), metric) for place in places]
        mean = fmean(medians.values()) if len(medians) == len(places) else math.nan
        rows.append(Row((heading.detector, heading.origin), (*entries, _number(mean, metric))))
    return Sheet(
        f"{metric_name(metric)} by scene",
        ("detector", "settings"),
        (*((names[place], "") for place in places), ("mean", "")),
        tuple(rows),
        [f"{metric_name(metric)}, medians over the seeds where there are any."],
    )


def _in_order(cells: Cells, metric: str) -> list[tuple[Heading, dict[Place, Cell]]]:
    """Headings and their cells without added noise; the best mean first if all have one origin."""
    quiet = {key: cell for key, cell in cells.items() if not key[0].noise}
    results = [
        (heading, {place: cell for (place, h), cell in quiet.items() if h == heading})
        for heading in headings_of(quiet)
    ]
    if len({heading.origin for heading, _ in results}) == 1:
        results.sort(key=lambda result: _standing(result[1], metric))
    return results


def _standing(here: dict[Place, Cell], metric: str) -> tuple[int, float]:
    """What sorts the best first: scenes with a result, and the mean over them."""
    medians = _medians(here, metric)
    mean = fmean(medians.values()) if medians else math.nan
    return -len(medians), mean if lower_is_better(metric) else -mean


def _medians(here: dict[Place, Cell], metric: str) -> dict[Place, float]:
    return {place: s.median for place, cell in here.items() if (s := cell.spread(metric))}


def _entries(
    heading: Heading, here: dict[Place, Cell], metric: str, comparisons: Sequence[Comparison]
) -> tuple[Entry, ...]:
    medians = _medians(here, metric)
    if not medians:
        return Entry("no result", failed=True), *(Entry("–"),) * (6 + 2 * bool(comparisons))
    lower = lower_is_better(metric)
    worst = (max if lower else min)(medians, key=lambda place: medians[place])
    where = f"{amount(medians[worst], metric)} ({scene_names(here)[worst]})"
    mean = _number(fmean(medians.values()), metric)
    if any(cell.unscored for cell in here.values()):
        mean = replace(mean, text=f"{mean.text} {UNSCORED}")
    return (
        mean,
        Entry(str(len(medians)), sort=len(medians)),
        Entry(where, sort=medians[worst]),
        _count(here),
        _worst_seed(here, metric),
        *(_printed(heading, metric, comparisons) if comparisons else ()),
        _number(median(_values(here, "cpu_seconds")), "cpu_seconds"),
        _number(max(_values(here, "peak_memory")), "peak_memory"),
    )


def _values(here: dict[Place, Cell], metric: str) -> list[float]:
    return [value for cell in here.values() for value in cell.values(metric)] or [math.nan]


def _number(value: float, metric: str) -> Entry:
    return Entry("–") if math.isnan(value) else Entry(amount(value, metric), sort=value)


def _count(here: dict[Place, Cell]) -> Entry:
    """How many runs each scene has, of a detector with seeds."""
    if not any(cell.seeded for cell in here.values()):
        return Entry("–")
    counts = sorted({len(cell.done) for cell in here.values()})
    text = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return Entry(text, sort=counts[0])


def _worst_seed(here: dict[Place, Cell], metric: str) -> Entry:
    spreads = {p: s for p, cell in here.items() if (s := cell.spread(metric)) and s.count > 1}
    if not spreads:
        return Entry("–")
    place = max(spreads, key=lambda place: abs(spreads[place].worst_less_median))
    worst = spreads[place].worst_less_median
    text = f"{difference_text(worst, metric)} ({scene_names(here)[place]})"
    return Entry(text, sort=worst)


def _printed(
    heading: Heading, metric: str, comparisons: Sequence[Comparison]
) -> tuple[Entry, Entry]:
    """Mean of the printed values, and how far the measured ones lie from it, scene by scene."""
    pairs = {
        measured.place: (comparison.printed.value, measured.median)
        for comparison in comparisons
        if comparison.printed.metric == metric
        for measured in comparison.measured
        if measured.heading == heading and measured.place is not None and not measured.place.noise
    }
    if not pairs:
        return Entry("–"), Entry("–")
    printed = fmean(value for value, _ in pairs.values())
    difference = fmean(here for _, here in pairs.values()) - printed
    text = f"{amount(printed, metric)} ({len(pairs)})"
    return Entry(text, sort=printed), Entry(difference_text(difference, metric), sort=difference)
