"""``oddspec study table``: any table of a study's folder as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from oddspec.detectors import names
from oddspec.errors import InputError, SettingError
from oddspec.study.asked import still_asked
from oddspec.study.report.cells import Cells, arrange, mixed, without_repeats
from oddspec.study.report.comparison import Comparison, compare
from oddspec.study.report.parameter_table import parameter_sheets
from oddspec.study.report.printed import read_printed
from oddspec.study.report.run_tables import (
    convergence_sheet,
    failure_sheet,
    printed_sheet,
    stability_sheet,
)
from oddspec.study.report.score_table import score_sheet
from oddspec.study.report.sheet import Sheet
from oddspec.study.report.summary_table import overview_sheet, summary_sheet
from oddspec.study.report.writers import KINDS
from oddspec.study.results import Run, chosen, must_know, read_runs

__all__ = ["TABLES", "beside_printed", "table"]

TABLES = {
    "summary": "one row for each detector: mean over scenes, worst scene and seed, time, memory",
    "overview": "medians alone: detectors down, scenes across",
    "scores": "a metric: scenes down, detectors and the origin of their settings across",
    "noise": "the same with a row for each noise level",
    "parameters": "a metric over the settings of each sweep: settings down, scenes across",
    "time": "seconds of wall clock",
    "memory": "peak memory",
    "stability": "median, quartiles and worst over the seeds",
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
        A CSV of printed values, to stand beside the measured ones.
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
    for name, value, known in (("kind", kind, KINDS), ("what", what, TABLES)):
        if value not in known:
            raise SettingError(f"{name}={value!r}: expected one of {', '.join(known)}")
    runs, notes = still_asked(read_runs(folder, study, also))
    runs = chosen(runs, detectors=detectors, columns=columns, scenes=scenes)
    must_know(metric, runs)
    if what == "parameters":
        sheets = list(parameter_sheets(runs, metric))
    else:
        sheets = [_sheet(runs, what, metric, printed)]
        notes += mixed(runs) if what != "failures" else []
    shown = [replace(sheet, notes=[*sheet.notes, *notes]) for sheet in sheets if sheet.rows]
    texts = [KINDS[kind](sheet) for sheet in shown]
    if not texts:
        told = "".join(f"; {note}" for note in notes)
        raise InputError(f"{folder}: there is nothing to show as a table of {what}{told}")
    return "\n".join(texts)


def beside_printed(cells: Cells, printed: Path | None, metric: str = "") -> list[Comparison]:
    """Printed values of a file, and what was measured for them.

    Where ``metric`` is an area on a grid of thresholds, such as ``auc_pf_tau_1000``, it is what
    stands beside printed values of that area. Otherwise the area on the paper's own grid does,
    where the records have it and the exact area is not what is asked for.
    """
    if printed is None:
        return []
    here = {*names(), *(heading.detector for _, heading in cells)}
    values = read_printed(printed)
    on_grid = re.fullmatch(r"(auc_p[df]_tau)_\d+", metric)
    if on_grid:
        values = [replace(v, metric=metric) if v.metric == on_grid[1] else v for v in values]
    plain = compare(values, cells, here)
    own = [replace(v, metric=v.grid) if v.grid and v.metric != metric else v for v in values]
    pairs = zip(compare(own, cells, here), plain, strict=True)
    return [found if found.measured else exact for found, exact in pairs]


def _sheet(runs: list[Run], what: str, metric: str, printed: Path | None) -> Sheet:
    if what == "failures":
        return failure_sheet(without_repeats(runs))
    cells = arrange(runs, split=False)
    comparisons = beside_printed(cells, printed, metric)
    if what == "summary":
        return summary_sheet(cells, metric, comparisons)
    if what == "overview":
        return overview_sheet(cells, metric)
    if what == "stability":
        return stability_sheet(cells, metric)
    if what == "convergence":
        return convergence_sheet(cells)
    if what == "printed":
        if printed is None:
            raise SettingError("the table of printed values needs a file of them: --printed FILE")
        return printed_sheet(comparisons)
    shown = {"time": "seconds", "memory": "peak_memory"}.get(what, metric)
    return score_sheet(cells, shown, comparisons, by_noise=what == "noise")
