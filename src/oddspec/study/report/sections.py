"""The report's parts: tables and pictures with their headings, and what is missing."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from oddspec.study.metric_names import metric_name
from oddspec.study.report.cells import Cells
from oddspec.study.report.comparison import Comparison, State
from oddspec.study.report.drawing import Drawing
from oddspec.study.report.figures import FIGURES, draw
from oddspec.study.report.material import Material, slug
from oddspec.study.report.parameter_table import parameter_sheets
from oddspec.study.report.run_tables import (
    convergence_sheet,
    failure_sheet,
    printed_sheet,
    stability_sheet,
)
from oddspec.study.report.score_table import score_sheet
from oddspec.study.report.sheet import MISSING, Sheet
from oddspec.study.results import NAMED_COLUMNS

__all__ = ["Picture", "Section", "sections_of"]

_DPI = 120
_MOST_BYTES = 400_000
_PER_INCH = 96
"""Pixels of the page for an inch of a figure."""

_FIGURES = {
    "maps": "score maps",
    "roc": "ROC curves",
    "roc3d": "3-D ROC curves",
    "separability": "background and targets",
    "surface": "two settings",
    "curve": "one setting",
    "noise": "added noise",
    "convergence": "convergence",
    "time": "time against area",
    "ranking": "ranks",
    "stability": "seeds",
}


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
    texts: Sequence[str] = ()
    sheets: Sequence[tuple[str, Sheet]] = ()
    pictures: Sequence[Picture] = ()
    folded: bool = False
    anchor: str = field(default="", init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "anchor", slug(self.title))


def sections_of(material: Material, comparisons: Sequence[Comparison]) -> list[Section]:
    """All that there is something to show of, in the order of a reader's interest."""
    pictures: dict[str, list[Picture]] = {}
    undrawn: dict[str, str] = {}
    for name in FIGURES:
        drawings, reason = draw(material, name)
        pictures[name] = [_picture(drawing) for drawing in drawings]
        if reason:
            undrawn[name] = reason
    standing = pictures["ranking"] + pictures["time"]
    cells = material.cells
    named = {(p, h): c for (p, h), c in cells.items() if h.column in NAMED_COLUMNS}
    found = [
        Section(
            "Results",
            sheets=_sheets(
                _scores(named, "auc_pd_pf", comparisons), _scores(named, "auc_pf_tau", comparisons)
            ),
            pictures=[picture for picture in standing if not _of_ablation(picture)],
        ),
        Section("Score maps", pictures=pictures["maps"]),
        Section(
            "Curves and separability",
            pictures=pictures["roc"] + pictures["roc3d"] + pictures["separability"],
        ),
        Section(
            "Ablations",
            sheets=_ablations(cells, comparisons),
            pictures=[picture for picture in standing if _of_ablation(picture)],
        ),
        Section(
            "Added noise",
            sheets=_sheets(score_sheet(cells, "auc_pd_pf", comparisons, by_noise=True)),
            pictures=pictures["noise"],
        ),
        _parameters(material, pictures["surface"] + pictures["curve"]),
        Section(
            "Seeds",
            sheets=_sheets(stability_sheet(cells)),
            pictures=pictures["stability"],
        ),
        Section(
            "Convergence",
            sheets=[("", sheet) for _, sheet in _sheets(convergence_sheet(cells))],
            pictures=pictures["convergence"],
        ),
        Section(
            "Time and memory",
            sheets=_sheets(
                _scores(named, "seconds", comparisons), _scores(named, "peak_memory", ())
            ),
        ),
        _printed(comparisons),
        _missing(material, comparisons, undrawn),
    ]
    return [section for section in found if section.texts or section.sheets or section.pictures]


def _of_ablation(picture: Picture) -> bool:
    return "-ablation-of-" in picture.name


def _scores(cells: Cells, metric: str, comparisons: Sequence[Comparison]) -> Sheet:
    """The table of a metric, also of cells that lack it; without rows where no record has it."""
    known = any(cell.spread(metric) for cell in cells.values())
    return score_sheet(cells if known else {}, metric, comparisons)


def _sheets(*sheets: Sheet) -> list[tuple[str, Sheet]]:
    return [(sheet.title, sheet) for sheet in sheets if sheet.rows]


def _ablations(cells: Cells, comparisons: Sequence[Comparison]) -> list[tuple[str, Sheet]]:
    """For each detector its ablations beside its defaults and published settings."""
    parts = {h.detector for _, h in cells if h.column not in NAMED_COLUMNS}
    found = []
    for detector in sorted(parts):
        own = {(p, h): c for (p, h), c in cells.items() if h.detector == detector}
        ablated = {p for p, h in own if h.column not in NAMED_COLUMNS}
        shown = {(p, h): c for (p, h), c in own.items() if p in ablated}
        for metric in ("auc_pd_pf", "auc_pf_tau"):
            sheet = _scores(shown, metric, comparisons)
            if sheet.rows:
                found.append((f"{detector}: {metric_name(metric)}", sheet))
    return found


def _parameters(material: Material, pictures: list[Picture]) -> Section:
    sheets = _sheets(*parameter_sheets(material.runs))
    return Section("Parameters", sheets=sheets, pictures=pictures)


def _printed(comparisons: Sequence[Comparison]) -> Section:
    sheets = []
    for state in State:
        count = sum(comparison.state is state for comparison in comparisons)
        if count:
            sheets.append((f"{count} {state.value}", printed_sheet(comparisons, state)))
    return Section("Printed values", sheets=sheets, folded=True)


def _missing(
    material: Material, comparisons: Sequence[Comparison], undrawn: Mapping[str, str]
) -> Section:
    failed = failure_sheet(material.runs)
    return Section(
        "Failures and what is missing",
        texts=_missing_texts(material, comparisons, undrawn),
        sheets=_sheets(failed),
    )


def _missing_texts(
    material: Material, comparisons: Sequence[Comparison], undrawn: Mapping[str, str]
) -> list[str]:
    """What the records do not hold: results, figures, printed values' counterparts."""
    texts = []
    sheet = score_sheet(
        {(p, h): c for (p, h), c in material.cells.items() if h.column in NAMED_COLUMNS}
    )
    for at, (detector, origin) in enumerate(sheet.headings):
        lacking = [row.names[0] for row in sheet.rows if row.entries[at] is MISSING]
        if lacking:
            texts.append(f"{detector}, {origin}, was not run on {', '.join(lacking)}.")
    texts += [f"No figure of {_FIGURES[name]}: {why}." for name, why in undrawn.items()]
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
