"""The report's parts: tables and pictures with their headings, and what is missing."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oddspec.study.grouping import Results
from oddspec.study.report.comparison import Comparison, MatchState, published_table
from oddspec.study.report.drawing import Drawing
from oddspec.study.report.figures import FIGURES, draw_figure
from oddspec.study.report.run_tables import convergence_table, failure_table, stability_table
from oddspec.study.report.score_tables import score_table
from oddspec.study.report.summary_tables import parameter_tables
from oddspec.study.report.table import NOT_RUN, StudyTable, slug
from oddspec.study.results import StudyResults
from oddspec.study.runs import NAMED_COLUMNS, metric_name

_DPI = 120
_MOST_BYTES = 400_000
_PER_INCH = 96
"""Pixels of the page for an inch of a figure."""


@dataclass(frozen=True)
class Picture:
    """A figure within the page."""

    name: str
    address: str
    caption: str
    width: int


@dataclass(frozen=True)
class Section:
    """A part of the page; its tables are folded away if they are long and seldom read."""

    title: str
    tables: Sequence[tuple[str, StudyTable]] = ()
    pictures: Sequence[Picture] = ()
    texts: Sequence[str] = ()
    folded: bool = False

    @property
    def anchor(self) -> str:
        """What links lead to."""
        return slug(self.title)


def sections_of(study: StudyResults, comparisons: Sequence[Comparison]) -> list[Section]:
    """All that there is something to show of, in the order of a reader's interest."""
    pictures: dict[str, list[Picture]] = {}
    lacking: dict[str, str] = {}
    for name in FIGURES:
        drawings, reason = draw_figure(study, name)
        pictures[name] = [_picture(drawing) for drawing in drawings]
        if reason:
            lacking[name] = reason
    standing = pictures["ranking"] + pictures["time"]
    of_ablations = [picture for picture in standing if "-ablation-of-" in picture.name]
    results = study.results
    named = {(s, c): r for (s, c), r in results.items() if c.name in NAMED_COLUMNS}
    noise = score_table(results, "auc_pd_pf", comparisons, by_noise=True)
    convergence = convergence_table(results)
    found = [
        Section(
            "Results",
            _titled(
                _scores(named, "auc_pd_pf", comparisons), _scores(named, "auc_pf_tau", comparisons)
            ),
            [picture for picture in standing if picture not in of_ablations],
        ),
        Section("Score maps", pictures=pictures["maps"]),
        Section(
            "Curves and separability",
            pictures=pictures["roc"] + pictures["roc3d"] + pictures["separability"],
        ),
        Section("Ablations", _ablations(results, comparisons), of_ablations),
        Section("Added noise", _titled(noise), pictures["noise"]),
        Section(
            "Parameters",
            _titled(*parameter_tables(study.runs)),
            pictures["surface"] + pictures["curve"],
        ),
        Section("Seeds", _titled(stability_table(results)), pictures["stability"]),
        Section(
            "Convergence", [("", convergence)] if convergence.rows else [], pictures["convergence"]
        ),
        Section(
            "Time and memory",
            _titled(_scores(named, "seconds", comparisons), _scores(named, "peak_memory", ())),
        ),
        Section("Printed values", _published(comparisons), folded=True),
        Section(
            "Failures and what is missing",
            _titled(failure_table(study.runs)),
            texts=_missing(named, comparisons, lacking),
        ),
    ]
    return [section for section in found if section.texts or section.tables or section.pictures]


def _scores(results: Results, metric: str, comparisons: Sequence[Comparison]) -> StudyTable:
    """The table of a metric, also of results that lack it; without rows where no record has it."""
    known = any(result.spread(metric) for result in results.values())
    return score_table(results if known else {}, metric, comparisons)


def _titled(*tables: StudyTable) -> list[tuple[str, StudyTable]]:
    return [(table.title, table) for table in tables if table.rows]


def _ablations(results: Results, comparisons: Sequence[Comparison]) -> list[tuple[str, StudyTable]]:
    """For each detector its ablations beside its defaults and published settings."""
    ablated = {(c.detector, s) for s, c in results if c.name not in NAMED_COLUMNS}
    found = []
    for detector in sorted({detector for detector, _ in ablated}):
        shown = {
            (s, c): result
            for (s, c), result in results.items()
            if c.detector == detector and (detector, s) in ablated
        }
        for metric in ("auc_pd_pf", "auc_pf_tau"):
            table = _scores(shown, metric, comparisons)
            if table.rows:
                found.append((f"{detector}: {metric_name(metric)}", table))
    return found


def _published(comparisons: Sequence[Comparison]) -> list[tuple[str, StudyTable]]:
    counts = {state: sum(c.state is state for c in comparisons) for state in MatchState}
    return [
        (f"{count} {state.value}", published_table(comparisons, state))
        for state, count in counts.items()
        if count
    ]


def _missing(
    results: Results, comparisons: Sequence[Comparison], undrawn: Mapping[str, str]
) -> list[str]:
    """What the records do not hold: results, figures, values to stand beside published ones."""
    texts = []
    table = score_table(results)
    for at, (detector, origin) in enumerate(table.headings):
        lacking = [row.names[0] for row in table.rows if row.cells[at] is NOT_RUN]
        if lacking:
            texts.append(f"{detector}, {origin}, was not run on {', '.join(lacking)}.")
    texts += [f"No figure of {FIGURES[name].title}: {why}." for name, why in undrawn.items()]
    if not comparisons:
        texts.append("No file of printed values was given, so that none stand beside the results.")
    return texts


def _picture(drawing: Drawing) -> Picture:
    """As PNG if it is small, as drawings with lines are, else as JPEG."""
    from PIL import Image

    buffer, kind = io.BytesIO(), "png"
    drawing.figure.savefig(buffer, format="png", dpi=_DPI)
    if buffer.tell() > _MOST_BYTES:
        picture = Image.open(buffer).convert("RGB")
        buffer, kind = io.BytesIO(), "jpeg"
        picture.save(buffer, "JPEG", quality=85, optimize=True)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    width = int(drawing.figure.get_size_inches()[0] * _PER_INCH)
    return Picture(drawing.name, f"data:image/{kind};base64,{text}", drawing.caption, width)
