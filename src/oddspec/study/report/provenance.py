"""Where a study's results come from: versions, machines, dates, scenes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from oddspec.study.report.cells import Cell
from oddspec.study.report.sheet import Entry, Row, Sheet, memory_text
from oddspec.study.results import Run

__all__ = ["dates", "processors", "provenance", "scene_sheet"]

_SHOWN_DIGITS = 16


def dates(runs: Sequence[Run]) -> str:
    """First and last day of the runs."""
    days = sorted({str(run.record["started"])[:10] for run in runs if run.record.get("started")})
    return " to ".join(dict.fromkeys((days[0], days[-1]))) if days else ""


def provenance(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Facts about how the records were made; where they differ, how many runs have which."""
    facts = [("Study", _counted(run.study or "unnamed" for run in runs)), ("Run", dates(runs))]
    facts.append(("Commit", _counted(str(run.record.get("commit") or "not known") for run in runs)))
    for name in dict.fromkeys(n for run in runs for n in run.record.get("versions") or {}):
        versions = [(run.record.get("versions") or {}).get(name) for run in runs]
        facts.append((name, _counted(str(v) for v in versions if v is not None)))
    machines = [_machine(run.record.get("machine")) for run in runs]
    facts.append(("Machine", _counted(machines)))
    return facts


def processors(cells: Iterable[Cell]) -> list[str]:
    """A note for tables of seconds, if those of some cells are of another processor."""
    found: dict[str, Counter[str]] = {}
    for run in (run for cell in cells for run in cell.timed):
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


def scene_sheet(runs: Sequence[Run]) -> Sheet:
    """Scenes with their sizes, truths and checksums."""
    rows: dict[tuple[str, ...], Row] = {}
    for run in runs:
        shape = " × ".join(str(n) for n in run.record.get("shape") or ())
        targets = run.value("targets")
        digest = str(run.record.get("scene_sha256") or "")
        names = (run.scene,)
        key = (run.scene, run.truth, digest)
        if key in rows and targets is None:
            continue
        rows[key] = Row(
            names,
            (
                Entry(str(run.record.get("truth") or "")),
                Entry(shape),
                Entry("–" if targets is None else f"{targets:.0f}", sort=targets),
                Entry(digest[:_SHOWN_DIGITS]),
                Entry(str(run.record.get("note") or "")),
            ),
        )
    heads = ("truth", "rows × columns × bands", "target pixels", "SHA-256 begins", "note")
    return Sheet(
        "Scenes",
        ("scene",),
        tuple((head, "") for head in heads),
        tuple(rows[key] for key in sorted(rows)),
    )


def _counted(values: Iterable[str]) -> str:
    counted = Counter(values)
    if len(counted) == 1:
        return next(iter(counted))
    return "; ".join(f"{value} ({count} runs)" for value, count in counted.most_common())


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
