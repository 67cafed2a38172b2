"""``oddspec study table``: any table of a study's folder as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from oddspec.errors import InputError, SettingError
from oddspec.study.report.comparison import compare_file, published_table
from oddspec.study.report.formats import TABLE_FORMATS
from oddspec.study.report.run_tables import (
    convergence_table,
    failure_table,
    origin_table,
    stability_table,
)
from oddspec.study.report.score_tables import score_table
from oddspec.study.report.summary_tables import overview_table, parameter_tables, summary_table
from oddspec.study.report.table import StudyTable
from oddspec.study.results import StudyResults

TABLES = {
    "summary": "one row for each detector: mean over scenes, worst scene and seed, time, memory",
    "overview": "medians alone: detectors down, scenes across",
    "scores": "a metric: scenes down, detectors and the origin of their settings across",
    "noise": "the same with a row for each noise level",
    "parameters": "a metric over the settings of each sweep: settings down, scenes across",
    "time": "seconds of wall clock",
    "memory": "peak memory",
    "stability": "median, quartiles and worst over the seeds",
    "origins": "which settings a paper states, which are inferred from elsewhere, which are ours",
    "convergence": "iterations, and whether they sufficed",
    "failures": "runs without a result, and why",
    "printed": "every printed value with what was measured for it, or why nothing was",
}
"""What `table` can make."""


def table(
    folder: str | Path,
    *,
    kind: str = "markdown",
    metric: str = "auc_pd_pf",
    printed: Path | None = None,
    names: Path | None = None,
    what: str = "scores",
    study: str | None = None,
    detectors: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    scenes: Sequence[str] | None = None,
    also: Sequence[str | Path] = (),
) -> str:
    """A table of a study's folder as text.

    Parameters
    ----------
    folder
        Holds ``records.jsonl``.
    kind
        ``markdown``, ``csv`` (values in full, one line for each result) or ``latex`` (booktabs).
    metric
        What `oddspec.evaluate` returns, or ``seconds``, ``cpu_seconds``, ``peak_memory``.
    printed
        A CSV of values that papers print, to stand beside the measured ones.
    names
        A TOML file with what the papers call detectors and scenes; by default
        ``published_names.toml`` beside the CSV or above the study's folder, if there is one.
    what
        One of `TABLES`.
    study, detectors, columns, scenes
        Only these; None for all.
    also
        Folders of further studies, whose records stand in the same table.

    Raises
    ------
    InputError
        If there are no records (that fit), or files cannot be read.
    SettingError
        If ``kind``, ``what`` or ``metric`` is not known.
    """
    for name, value, known in (("kind", kind, TABLE_FORMATS), ("what", what, TABLES)):
        if value not in known:
            raise SettingError(f"{name}={value!r}: expected one of {', '.join(known)}")
    every = StudyResults.read(folder, study=study, also=also)
    chosen = every.choose(metric=metric, detectors=detectors, columns=columns, scenes=scenes)
    made, notes = _tables(chosen, what, printed, names)
    notes = [*chosen.notes, *notes]
    texts = [TABLE_FORMATS[kind](replace(t, notes=[*t.notes, *notes])) for t in made if t.rows]
    if not texts:
        because = "".join(f"; {note}" for note in notes)
        raise InputError(f"{folder}: there is nothing to show as a table of {what}{because}")
    return "\n".join(texts)


def _tables(
    study: StudyResults, what: str, printed: Path | None, names: Path | None
) -> tuple[list[StudyTable], list[str]]:
    """The tables of that name, and notes on what none of them shows."""
    metric = study.metric
    if what == "failures":
        return [failure_table(study.runs)], []
    if what == "parameters":
        return list(parameter_tables(study.runs, metric)), []
    results = study.results
    if what == "printed" and printed is None:
        raise SettingError("the table of printed values needs a file of them: --printed FILE")
    comparisons = compare_file(results, printed, names, study.folder, metric)
    if what == "summary":
        made = summary_table(results, metric, comparisons)
    elif what == "overview":
        made = overview_table(results, metric)
    elif what == "stability":
        made = stability_table(results, metric)
    elif what == "origins":
        made = origin_table(results)
    elif what == "convergence":
        made = convergence_table(results)
    elif what == "printed":
        made = published_table(comparisons)
    else:
        shown = {"time": "seconds", "memory": "peak_memory"}.get(what, metric)
        made = score_table(results, shown, comparisons, by_noise=what == "noise")
    return [made], study.mixed
