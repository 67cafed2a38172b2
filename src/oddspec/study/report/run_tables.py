"""Tables about the runs themselves: seeds, convergence, parameters, failures, printed values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from oddspec.study.metric_names import metric_name
from oddspec.study.report.cells import Cell, Cells, Place, scene_names
from oddspec.study.report.comparison import Comparison, State
from oddspec.study.report.run_settings import variant
from oddspec.study.report.score_table import headings_of
from oddspec.study.report.sheet import Entry, Row, Sheet, amount, difference_text
from oddspec.study.results import Run

__all__ = ["convergence_sheet", "failure_sheet", "printed_sheet", "stability_sheet"]

_PRINTED_HEADS = ("printed", "measured", "difference", "settings", "list", "reason")


def stability_sheet(cells: Cells, metric: str = "auc_pd_pf") -> Sheet:
    """Median, quartiles and worst over the seeds, one row for each detector and scene."""
    rows = []
    for names, cell in _by_heading(cells):
        spread = cell.spread(metric)
        if not cell.seeded or spread is None:
            continue
        failed = len(cell.runs) - len(cell.done)
        numbers = {
            "seeds": Entry(str(spread.count), sort=spread.count),
            **{
                name: Entry(amount(value, metric), sort=value)
                for name, value in (
                    ("least", spread.least), ("low quartile", spread.low_quartile),
                    ("median", spread.median), ("high quartile", spread.high_quartile),
                    ("most", spread.most),
                )
            },
            "worst − median": Entry(
                difference_text(spread.worst_less_median, metric), sort=spread.worst_less_median
            ),
            "failed": Entry(str(failed), sort=failed),
        }  # fmt: skip
        rows.append(Row(names, tuple(numbers.values())))
    heads = ("seeds", "least", "low quartile", "median", "high quartile", "most")
    return Sheet(
        f"{metric_name(metric)} over seeds",
        ("detector", "settings", "scene", "σ"),
        tuple((head, "") for head in (*heads, "worst − median", "failed")),
        tuple(rows),
        ["Quartiles are interpolated linearly; worst is the bad end of the metric."],
    )


def convergence_sheet(cells: Cells) -> Sheet:
    """Iterations and whether they sufficed, of detectors that tell."""
    rows = []
    for names, cell in _by_heading(cells):
        told = [run for run in cell.done if run.record.get("converged") is not None]
        spread = cell.spread("iterations")
        if not told and spread is None:
            continue
        converged = sum(bool(run.record["converged"]) for run in told)
        warned = [text for run in cell.done for text in run.record.get("warnings") or ()]
        of = f"{converged} of {len(told)}" if told else "not told"
        share = converged / len(told) if told else None
        iterations = "–"
        if spread is not None:
            iterations = f"{spread.median:,.0f}"
            if spread.least != spread.most:
                iterations += f" ({spread.least:,.0f} to {spread.most:,.0f})"
        rows.append(
            Row(
                names,
                (
                    Entry(of, sort=share, failed=bool(told) and converged < len(told)),
                    Entry(iterations, sort=None if spread is None else spread.median),
                    Entry(" ".join(dict.fromkeys(warned))),
                ),
            )
        )
    return Sheet(
        "Convergence",
        ("detector", "settings", "scene", "σ"),
        (("converged", ""), ("iterations", ""), ("warnings", "")),
        tuple(rows),
        ["Runs that did not converge are results like others; their scores are shown too."],
    )


def failure_sheet(runs: Iterable[Run]) -> Sheet:
    """Every run that came to nothing, with its reason."""
    rows = [
        Row(
            (run.detector, _origin(run), run.scene, f"{run.noise:g}"),
            (
                Entry("–" if run.seed is None else str(run.seed), sort=run.seed),
                Entry(run.status, failed=True),
                Entry(run.reason or "no reason recorded"),
            ),
        )
        for run in runs
        if not run.done
    ]
    return Sheet(
        "Runs without a result",
        ("detector", "settings", "scene", "σ"),
        (("seed", ""), ("status", ""), ("reason", "")),
        tuple(rows),
    )


def _origin(run: Run) -> str:
    """The column, and the settings that tell a point of a grid from the others."""
    varied = variant(run, sorted(run.varied))
    return f"{run.column}: {varied}" if varied else run.column


def printed_sheet(comparisons: Sequence[Comparison], state: State | None = None) -> Sheet:
    """Printed values in the file's order, each with what was measured for it or why nothing was.

    ``state`` selects one list. A value that was measured in several columns has several rows.
    """
    rows: list[Row] = []
    for comparison in comparisons:
        if state is None or comparison.state is state:
            rows += _printed_rows(comparison)
    # Within one list its name is known, and so is what its rows cannot have.
    left_out = set() if state is None else {"list"}
    if state is State.MEASURED:
        left_out.add("reason")
    elif state is not None:
        left_out |= {"measured", "difference", "settings"}
    kept = [i for i, name in enumerate(_PRINTED_HEADS) if name not in left_out]
    return Sheet(
        "Printed values" + ("" if state is None else f": {state.value}"),
        ("paper", "table", "metric", "method", "scene"),
        tuple((_PRINTED_HEADS[i], "") for i in kept),
        tuple(Row(row.names, tuple(row.entries[i] for i in kept)) for row in rows),
    )


def _printed_rows(comparison: Comparison) -> list[Row]:
    printed = comparison.printed
    metric = metric_name(printed.metric)
    metric += f", σ = {printed.noise:g}" if printed.noise else ""
    metric += f" ({printed.machine})" if printed.machine else ""
    names = (printed.paper, printed.table, metric, printed.method, printed.scene)
    first = Entry(amount(printed.value, printed.metric), sort=printed.value)
    if not comparison.measured:
        failed = comparison.state is State.FAILED
        state = Entry(comparison.state.value, failed=failed)
        dash = Entry("–")
        return [Row(names, (first, dash, dash, dash, state, Entry(comparison.reason)))]
    rows = []
    for measured in comparison.measured:
        difference = comparison.difference(measured)
        text = amount(measured.median, printed.metric)
        if measured.spread is not None and measured.spread.count > 1:
            text += f" ({amount(measured.spread.least, printed.metric)} to "
            text += f"{amount(measured.spread.most, printed.metric)})"
        entries = (
            first,
            Entry(text, sort=measured.median),
            Entry(difference_text(difference, printed.metric), sort=difference),
            Entry(measured.heading.origin),
            Entry(comparison.state.value),
            Entry(""),
        )
        rows.append(Row(names, entries))
    return rows


def _by_heading(cells: Cells) -> list[tuple[tuple[str, ...], Cell]]:
    """Cells in the order of their headings, with the names of their rows."""
    scenes = scene_names(place for place, _ in cells)
    found: list[tuple[tuple[str, ...], Cell]] = []
    for heading in headings_of(cells):
        places: list[Place] = sorted(place for place, h in cells if h == heading)
        for place in places:
            names: tuple[Any, ...] = (heading.detector, heading.origin, scenes[place])
            found.append(((*names, f"{place.noise:g}"), cells[place, heading]))
    return found
