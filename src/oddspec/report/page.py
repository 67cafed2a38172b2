"""Fill the page and write it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from oddspec.report.facts import number, plain, words
from oddspec.text import bytes_text, printable

if TYPE_CHECKING:
    from jinja2 import Template
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.detector import Insight
from oddspec.execution.resources import machine
from oddspec.io.atomic import write_text
from oddspec.products.outlines import PIXELS
from oddspec.products.record import versions
from oddspec.report.content import ReportContent
from oddspec.report.facts import (
    headline,
    scene_facts,
    summary,
    truth_facts,
)
from oddspec.report.histogram import Histogram, count_scores
from oddspec.report.pictures import (
    embed_picture,
    histogram_chart,
    roc_chart,
    spectrum_chart,
    tail_chart,
)
from oddspec.text import counted

__all__ = ["render", "template", "write_report"]


@cache
def template(name: str) -> Template:
    """A template by its path in this package, such as ``report/page.html``."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("oddspec", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, plain=plain, printable=printable, size=bytes_text, words=words
    )
    return environment.get_template(name)


_MOST_ROWS = 50
_MOST_SPECTRA = 12


def write_report(path: Path, content: ReportContent) -> None:
    """Write the report as one HTML file that needs nothing else to be read.

    Raises
    ------
    OddspecError
        If the file cannot be written; the older one is kept.
    """
    write_text(path, render(content))


def render(content: ReportContent) -> str:
    """The page as HTML. All text from files is escaped, and the page cannot load anything."""
    histogram = count_scores(content.scores)
    known = np.isfinite(content.table.columns["p_value"]).any()
    html: str = template("report/page.html").render(
        content=content,
        title=f"{printable(content.scene.name)} · {printable(content.detector)}",
        headline=headline(content, histogram),
        summary=summary(content, histogram),
        scene_facts=scene_facts(content, histogram),
        notes=_notes(content),
        warnings=[*content.warnings, *content.threshold.warnings],
        quicklook=None if content.quicklook is None else embed_picture(content.quicklook),
        charts=_charts(content, histogram),
        rows=content.table.rows(_MOST_ROWS),
        located=_located(content),
        p_values_known=bool(known),
        spectra=_spectra(content),
        insights=_insights(content),
        truth_charts=_truth_charts(content),
        truth_tables=truth_facts(content),
        versions=versions(),
        machine=machine(),
    )
    return html


def _notes(content: ReportContent) -> list[str]:
    """Notes on the input, without those that stand with the covariance."""
    elsewhere = () if content.covariance is None else content.covariance.notes
    every = dict.fromkeys([*content.scene.notes, *content.notes])
    return [note for note in every if note not in elsewhere]


def _charts(content: ReportContent, histogram: Histogram | None) -> list[tuple[str, str, str]]:
    """Data address, alternative text and caption of the charts of the scores."""
    if histogram is None:
        return []
    value, pfa = content.threshold.value, content.threshold.pfa
    # Where the threshold was counted off the scores, a model would be these scores again.
    model = content.p_value if content.threshold.method in ("theory", "tail") else None
    tail = "Fraction of pixels at or above a score. "
    if model is None:
        tail += "The red line is the threshold."
    else:
        tail += (
            "Where the dashed model leaves the measured line before the threshold, the stated "
            "false-alarm rate does not hold; a measured tail above it right of the threshold is "
            "what anomalies look like."
        )
    return [
        (
            histogram_chart(histogram, value, content.score_label),
            "Histogram of the scores",
            "Number of pixels by score, with the threshold.",
        ),
        (
            tail_chart(histogram, value, pfa, model, content.score_label),
            "Tail of the scores",
            tail,
        ),
    ]


def _spectra(content: ReportContent) -> list[tuple[str, str]]:
    """Data address and alternative text of the spectra of the first detections."""
    spectra = content.spectra
    if spectra is None:
        return []
    charts = []
    for i in range(min(_MOST_SPECTRA, len(spectra.ids))):
        found = content.detections[i]
        title = f"Detection {found.id} · {counted(found.size, 'pixel')} · peak {number(found.peak)}"
        charts.append((spectrum_chart(spectra, i, title), f"Mean spectrum of detection {found.id}"))
    return charts


def _insights(content: ReportContent) -> list[dict[str, Any]]:
    """Data address of the picture, or the rows of the table, of what the model found."""
    found = []
    for insight, picture in content.insights:
        rows = []
        if insight.kind == "values":
            values = np.atleast_1d(insight.values)[:_MOST_ROWS]
            numbered = [str(i + 1) for i in range(len(values))]
            names = [*insight.names, *numbered[len(insight.names) :]]
            rows = [(name, np.atleast_1d(row)) for name, row in zip(names, values, strict=False)]
        found.append(
            {
                "name": insight.name,
                "label": insight.label,
                "caption": _caption(insight),
                "picture": None if picture is None else embed_picture(picture),
                "columns": insight.columns,
                "rows": rows,
            }
        )
    return found


def _caption(insight: Insight) -> tuple[str, str]:
    """Title of an insight and what follows it; a label that begins with the title says it once."""
    title, label = words(insight.name), printable(insight.label)
    rest = label[len(title) :]
    if label.lower().startswith(title.lower()) and not rest[:1].isalnum():
        return label[: len(title)], rest
    return title, f": {label}"


def _truth_charts(content: ReportContent) -> list[tuple[str, str]]:
    if content.truth is None:
        return []
    return [
        (roc_chart(content.truth, logarithmic=False), "ROC curve"),
        (roc_chart(content.truth, logarithmic=True), "ROC curve, logarithmic false-alarm rate"),
    ]


def _located(content: ReportContent) -> dict[str, Any]:
    """Which columns say where a detection is, how they are headed, and whether areas tell more."""
    table = content.table
    ground = len(table) > 0 and table.columns["area_unit"][0] != PIXELS
    if table.has_longitude_latitude:
        names, heads, digits = ("longitude", "latitude"), ("longitude", "latitude"), 6
    elif table.georeference is not None:
        names, heads, digits = ("centroid_x", "centroid_y"), ("x", "y"), 2
    else:
        names, heads, digits = ("centroid_x", "centroid_y"), ("column", "row"), 1
    return {"names": names, "heads": heads, "digits": digits, "on_the_ground": ground}
