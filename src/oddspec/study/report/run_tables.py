"""Tables about the runs themselves: seeds, convergence, failures, scenes, and where they ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from oddspec.study.grouping import Column, Result, Results, columns_of, scene_names
from oddspec.study.report.sweeps import variant
from oddspec.study.report.table import (
    DASH,
    Cell,
    StudyTable,
    TableRow,
    difference_text,
    memory_text,
    number_cell,
)
from oddspec.study.runs import PUBLISHED, Run, metric_name

_CORNER = ("detector", "settings", "scene", "σ")
_SHOWN_DIGITS = 16

ORIGINS = ("stated", "inferred", "ours")
"""How a setting as published is known: the first words of what a plan says of it."""


def stability_table(results: Results, metric: str = "auc_pd_pf") -> StudyTable:
    """Median, quartiles and worst over the seeds, one row for each detector and scene."""
    rows = []
    for names, result in _by_column(results):
        spread = result.spread(metric)
        if not result.seeded or spread is None:
            continue
        failed = len(result.runs) - len(result.done)
        quantiles = (
            *(spread.least, spread.low_quartile, spread.median, spread.high_quartile, spread.most),
        )
        worst = difference_text(spread.worst_less_median, metric)
        cells = (
            Cell(str(spread.count), sort=spread.count),
            *(number_cell(value, metric) for value in quantiles),
            Cell(worst, sort=spread.worst_less_median),
            Cell(str(failed), sort=failed),
        )
        rows.append(TableRow(names, cells))
    heads = ("seeds", "least", "low quartile", "median", "high quartile", "most")
    return StudyTable.of(
        f"{metric_name(metric)} over seeds",
        _CORNER,
        (*heads, "worst − median", "failed"),
        rows,
        ["Quartiles are interpolated linearly; worst is the bad end of the metric."],
    )


def convergence_table(results: Results) -> StudyTable:
    """Iterations and whether they sufficed, of detectors that record it."""
    rows = []
    for names, result in _by_column(results):
        known = [run for run in result.done if run.record.get("converged") is not None]
        spread = result.spread("iterations")
        if not known and spread is None:
            continue
        converged = sum(bool(run.record["converged"]) for run in known)
        warned = [text for run in result.done for text in run.record.get("warnings") or ()]
        of = Cell("not told")
        if known:
            of = Cell(
                f"{converged} of {len(known)}",
                sort=converged / len(known),
                failed=converged < len(known),
            )
        iterations = DASH
        if spread is not None:
            text = f"{spread.median:,.0f}"
            if spread.least != spread.most:
                text += f" ({spread.least:,.0f} to {spread.most:,.0f})"
            iterations = Cell(text, sort=spread.median)
        rows.append(TableRow(names, (of, iterations, Cell(" ".join(dict.fromkeys(warned))))))
    note = "Runs that did not converge are results like others; their scores are shown too."
    heads = ("converged", "iterations", "warnings")
    return StudyTable.of("Convergence", _CORNER, heads, rows, [note])


def origin_table(results: Results) -> StudyTable:
    """Settings of published columns whose plan says where they come from, by what it says."""
    rows = []
    for column, settings, origins in _with_origins(results):
        cells = []
        for kind in ORIGINS:
            sources: dict[str, list[str]] = {}
            for name, origin in origins.items():
                if origin.startswith(kind):
                    source = origin.removeprefix(kind).removeprefix(" from ")
                    sources.setdefault(source, []).append(f"{name} = {settings[name]}")
            texts = [", ".join(n) + (f" ({s})" if s else "") for s, n in sources.items()]
            cells.append(Cell("; ".join(texts) or "–"))
        rows.append(TableRow((column.detector, column.origin), tuple(cells)))
    note = "Settings that are not named here have their defaults, or bear on nothing."
    return StudyTable.of("Where settings come from", _CORNER[:2], ORIGINS, rows, [note])


def origin_notes(results: Results) -> list[str]:
    """A line for each published column whose plan says where its settings come from."""
    notes = []
    for column, _, origins in _with_origins(results):
        names = {
            kind: ", ".join(n for n, origin in origins.items() if origin.startswith(kind))
            for kind in ORIGINS
        }
        told = "; ".join(f"{kind} are {found}" for kind, found in names.items() if found)
        notes.append(f"Of the settings of {column}: {told}.")
    return notes


def _with_origins(results: Results) -> Iterator[tuple[Column, dict[str, str], Mapping[str, str]]]:
    """Published columns, the values of their settings as text, and the origins."""
    runs: dict[Column, list[Run]] = {}
    for (_, column), result in results.items():
        runs.setdefault(column, []).extend(result.runs)
    for column in (c for c in columns_of(results) if c.name == PUBLISHED):
        origins = runs[column][0].origins
        values = {
            name: list(
                dict.fromkeys(str(run.settings.get(name, "its default")) for run in runs[column])
            )
            for name in origins
        }
        if origins:
            shown = {n: v[0] if len(v) == 1 else "by scene" for n, v in values.items()}
            yield column, shown, origins


def failure_table(runs: Iterable[Run]) -> StudyTable:
    """Every run without a result, with its reason."""
    rows = []
    for run in runs:
        if run.done:
            continue
        # The settings tell a point of a grid from the others.
        varied = variant(run, sorted(run.varied))
        origin = f"{run.column}: {varied}" if varied else run.column
        cells = (
            DASH if run.seed is None else Cell(str(run.seed), sort=run.seed),
            Cell(str(run.record["status"]), failed=True),
            Cell(run.reason or "no reason recorded"),
        )
        names = run.detector, origin, run.scene, f"{run.key.noise:g}"
        rows.append(TableRow(names, cells))
    return StudyTable.of("Runs without a result", _CORNER, ("seed", "status", "reason"), rows)


def scene_table(runs: Sequence[Run]) -> StudyTable:
    """Scenes with their sizes, truths and checksums."""
    rows: dict[tuple[str, ...], TableRow] = {}
    for run in runs:
        targets = run.value("targets")
        digest = str(run.record.get("scene_sha256") or "")
        key = (run.scene, run.key.truth, digest)
        if key in rows and targets is None:
            continue
        cells = (
            Cell(str(run.record.get("truth") or "")),
            Cell(" × ".join(str(n) for n in run.record.get("shape") or ())),
            DASH if targets is None else Cell(f"{targets:.0f}", sort=targets),
            Cell(digest[:_SHOWN_DIGITS]),
            Cell(str(run.record.get("note") or "")),
        )
        rows[key] = TableRow((run.scene,), cells)
    heads = ("truth", "rows × columns × bands", "target pixels", "SHA-256 begins", "note")
    return StudyTable.of("Scenes", ("scene",), heads, [rows[key] for key in sorted(rows)])


def _by_column(results: Results) -> list[tuple[tuple[str, ...], Result]]:
    """Results in the order of their columns, with the names of their rows."""
    names = scene_names(scene for scene, _ in results)
    return [
        ((column.detector, column.origin, names[scene], f"{scene.noise:g}"), results[scene, column])
        for column in columns_of(results)
        for scene in sorted(scene for scene, other in results if other == column)
    ]


def processor_notes(results: Iterable[Result]) -> list[str]:
    """A note for tables of seconds, if those of some results are of another processor."""
    found: dict[str, Counter[str]] = {}
    for run in (run for result in results for run in result.timed):
        if run.processor:
            found.setdefault(run.processor, Counter())[run.detector] += 1
    if len(found) < 2:
        return []
    most, *others = sorted(found, key=lambda name: -found[name].total())
    where = "; ".join(
        f"on {name} those of " + ", ".join(f"{d} ({n})" for d, n in sorted(found[name].items()))
        for name in others
    )
    return [f"Seconds of different processors do not compare: most runs were on {most}, {where}."]


def dates(runs: Sequence[Run]) -> str:
    """First and last day of the runs."""
    days = sorted({str(run.record["started"])[:10] for run in runs if run.record.get("started")})
    return " to ".join(dict.fromkeys((days[0], days[-1]))) if days else ""


def provenance(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Facts about how the records were made; where they differ, how many runs have which."""
    records = [run.record for run in runs]
    facts = [
        ("Study", _counted(str(record.get("study") or "unnamed") for record in records)),
        ("Run", dates(runs)),
        ("Commit", _counted(str(record.get("commit") or "not known") for record in records)),
    ]
    versions = [record.get("versions") or {} for record in records]
    for name in dict.fromkeys(name for each in versions for name in each):
        facts.append((name, _counted(str(v[name]) for v in versions if v.get(name) is not None)))
    return [*facts, ("Machine", _counted(_machine(record.get("machine")) for record in records))]


def _counted(values: Iterable[str]) -> str:
    counts = Counter(values)
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{value} ({count} runs)" for value, count in counts.most_common())


def _machine(machine: Any) -> str:
    if not isinstance(machine, dict):
        return str(machine or "not known")
    cores = machine.get("cores") or machine.get("cpus")
    memory = machine.get("memory") or machine.get("memory_bytes")
    parts = [str(machine.get("processor") or "unknown processor")]
    parts += [f"{cores} cores"] if cores else []
    parts += [memory_text(float(memory))] if memory else []
    parts += [str(machine["system"])] if machine.get("system") else []
    return ", ".join(parts)
