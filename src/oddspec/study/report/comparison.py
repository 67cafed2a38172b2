"""Published values beside measured ones: every published value ends in exactly one list."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from oddspec.detectors import names as detector_names
from oddspec.study.grouping import Column, Results, Spread
from oddspec.study.report.published import PublishedValue, read_names, read_published
from oddspec.study.report.table import DASH, Cell, StudyTable, TableRow, amount, difference_text
from oddspec.study.runs import NAMED_COLUMNS, SceneKey, metric_name

NAMES = "published_names.toml"
"""What papers call detectors and scenes; looked for beside the values, then above the study."""

_HEADS = ("printed", "measured", "difference", "settings", "list", "reason")


class MatchState(StrEnum):
    """The lists that a published value may end in."""

    MEASURED = "measured beside it"
    FAILED = "run, but without a result"
    UNCLEAR = "of a scene with several truths, of which it names none"
    NOT_RUN = "not run in this folder"
    WAITING = "waiting for a detector that is not here"
    IMPOSSIBLE = "cannot be measured"


@dataclass(frozen=True)
class Measured:
    """What was measured for a published value, in one column; a mean over scenes has no scene."""

    column: Column
    scene: SceneKey | None
    median: float
    spread: Spread | None


@dataclass(frozen=True)
class Comparison:
    """A published value, the list it is in, and why."""

    published: PublishedValue
    state: MatchState
    measured: tuple[Measured, ...] = ()
    reason: str = ""

    def difference(self, measured: Measured) -> float:
        """Measured less published."""
        return measured.median - self.published.value


def compare_file(
    results: Results, path: Path | None, names: Path | None, folder: Path, metric: str = ""
) -> list[Comparison]:
    """Published values of a file, and what was measured for them.

    Where ``metric`` is an area on a grid of thresholds, such as ``auc_pf_tau_1000``, it is what
    stands beside published values of that area. Otherwise the area on the paper's own grid does,
    where the records have it and the exact area is not what is asked for.

    Parameters
    ----------
    results
        Of the study.
    path
        The CSV; None for no values.
    names
        What papers call things; None for a file ``published_names.toml`` beside the values, in the
        study's folder, or in the nearest folder above that.
    folder
        Of the study.
    metric
        That is shown.
    """
    if path is None:
        return []
    if names is None:
        above = [path.parent, folder.resolve(), *folder.resolve().parents]
        names = next((at / NAMES for at in above if (at / NAMES).is_file()), None)
    values = read_published(path, {} if names is None else read_names(names))
    here = {*detector_names(), *(column.detector for _, column in results)}
    on_grid = re.fullmatch(r"(auc_p[df]_tau)_\d+", metric)
    if on_grid:
        values = [replace(v, metric=metric) if v.metric == on_grid[1] else v for v in values]
    plain = compare(values, results, here)
    own = [replace(v, metric=v.grid) if v.grid and v.metric != metric else v for v in values]
    pairs = zip(compare(own, results, here), plain, strict=True)
    return [found if found.measured else exact for found, exact in pairs]


def compare(
    published: Iterable[PublishedValue], results: Results, detectors: Collection[str]
) -> list[Comparison]:
    """Find what stands beside each value of a paper; ``detectors`` are the names known here."""
    return [_compare(value, results, detectors) for value in published]


def _compare(value: PublishedValue, results: Results, detectors: Collection[str]) -> Comparison:
    columns = sorted({c for _, c in results if _fits(value, c)}, key=lambda c: c.order)
    # Where each scene meant was run: with several truths perhaps, unless one is named.
    fitting = [
        sorted(
            {
                scene
                for scene, column in results
                if column in columns
                and (scene.name, scene.noise) == (wanted.name, value.noise)
                and wanted.is_truth(scene.truth)
            }
        )
        for wanted in value.scenes
    ]
    several = [f"{s.name}/{s.truth}" for scenes in fitting if len(scenes) > 1 for s in scenes]
    if several:
        # To choose one of them would be to choose by the result.
        reason = f"in the file of printed values write {' or '.join(several)}"
        return Comparison(value, MatchState.UNCLEAR, reason=reason)
    measured, failures = [], []
    for column in columns:
        found = [scene for scenes in fitting for scene in scenes if (scene, column) in results]
        spreads = [results[scene, column].spread(value.metric) for scene in found]
        known = [spread for spread in spreads if spread is not None]
        if len(known) != len(value.scenes):
            failures += [text for scene in found for text in results[scene, column].failures]
        elif len(known) == 1:
            measured.append(Measured(column, found[0], known[0].median, known[0]))
        else:
            mean = sum(spread.median for spread in known) / len(known)
            measured.append(Measured(column, None, mean, None))
    if measured:
        return Comparison(value, MatchState.MEASURED, tuple(measured))
    if failures:
        return Comparison(value, MatchState.FAILED, reason="; ".join(dict.fromkeys(failures)))
    here = {scene.name for scene, _ in results}
    lost = [scene.reason for scene in value.scenes if scene.reason and scene.name not in here]
    if lost:
        return Comparison(value, MatchState.IMPOSSIBLE, reason="; ".join(dict.fromkeys(lost)))
    if value.detector not in detectors:
        return Comparison(
            value, MatchState.WAITING, reason=f"no detector {value.detector} here yet"
        )
    return Comparison(value, MatchState.NOT_RUN, reason=_what_lacks(value))


def _fits(value: PublishedValue, column: Column) -> bool:
    """Whether a column is what a published value speaks of."""
    if column.detector != value.detector:
        return False
    if column.paper and column.paper.lower() != value.paper.lower():
        return False
    return column.name.lower() in (value.columns or NAMED_COLUMNS)


def _what_lacks(value: PublishedValue) -> str:
    column = f", column {value.columns[0]}" if value.columns else ""
    noise = f", noise {value.noise:g}" if value.noise else ""
    scenes = ", ".join(map(str, value.scenes))
    return f"no record of {value.detector}{column} on {scenes}{noise}"


def published_table(
    comparisons: Sequence[Comparison], state: MatchState | None = None
) -> StudyTable:
    """Published values in the file's order, each with what was measured or why nothing was.

    ``state`` selects one list. A value that was measured in several columns has several rows.
    """
    rows: list[TableRow] = []
    for comparison in comparisons:
        if state in (None, comparison.state):
            rows += _rows(comparison)
    # Within one list its name is known, and so is what its rows cannot have.
    left_out = set() if state is None else {"list"}
    if state is MatchState.MEASURED:
        left_out.add("reason")
    elif state is not None:
        left_out |= {"measured", "difference", "settings"}
    shown = [i for i, name in enumerate(_HEADS) if name not in left_out]
    return StudyTable.of(
        "Printed values" + ("" if state is None else f": {state.value}"),
        ("paper", "table", "metric", "method", "scene"),
        [_HEADS[i] for i in shown],
        [replace(row, cells=tuple(row.cells[i] for i in shown)) for row in rows],
    )


def _rows(comparison: Comparison) -> list[TableRow]:
    value = comparison.published
    metric = metric_name(value.metric)
    metric += f", σ = {value.noise:g}" if value.noise else ""
    metric += f" ({value.machine})" if value.machine else ""
    names = (value.paper, value.table, metric, value.method, value.scene)
    first = Cell(amount(value.value, value.metric), sort=value.value)
    state = Cell(comparison.state.value, failed=comparison.state is MatchState.FAILED)
    if not comparison.measured:
        return [TableRow(names, (first, DASH, DASH, DASH, state, Cell(comparison.reason)))]
    rows = []
    for measured in comparison.measured:
        difference = comparison.difference(measured)
        text, spread = amount(measured.median, value.metric), measured.spread
        if spread is not None and spread.count > 1:
            ends = amount(spread.least, value.metric), amount(spread.most, value.metric)
            text += f" ({ends[0]} to {ends[1]})"
        cells = (
            first,
            Cell(text, sort=measured.median),
            Cell(difference_text(difference, value.metric), sort=difference),
            Cell(measured.column.origin),
            state,
            Cell(""),
        )
        rows.append(TableRow(names, cells))
    return rows
