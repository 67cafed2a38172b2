"""Fill the page and write it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oddspec.detector import Insight
from oddspec.execution.resources import machine, peak_memory
from oddspec.io.atomic import write_text
from oddspec.products.outlines import PIXELS
from oddspec.products.record import versions
from oddspec.report.facts import (
    headline,
    number,
    plain,
    scene_facts,
    summary,
    truth_facts,
    words,
)
from oddspec.report.pictures import (
    embed_picture,
    histogram_chart,
    roc_chart,
    spectrum_chart,
    tail_chart,
)
from oddspec.report.result import DetectionResult
from oddspec.text import bytes_text, counted, printable

if TYPE_CHECKING:
    from jinja2 import Template


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


def write_report(path: Path, result: DetectionResult) -> None:
    """Write the report as one HTML file that needs nothing else to be read.

    Raises
    ------
    OddspecError
        If the file cannot be written; the older one is kept.
    """
    write_text(path, render(result))


def render(result: DetectionResult) -> str:
    """The page as HTML. All text from files is escaped, and the page cannot load anything."""
    threshold, quicklook = result.threshold, result.products.paths.get("quicklook.png")
    html: str = template("report/page.html").render(
        result=result,
        title=f"{printable(result.scene.name)} · {printable(result.detector_name)}",
        created="" if result.started is None else f"{result.started:%Y-%m-%d %H:%M} UTC",
        headline=headline(result),
        summary=summary(result),
        scene_facts=scene_facts(result),
        notes=_notes(result),
        # Those of the threshold stand last.
        warnings=[
            *(text for text in result.warnings if text not in threshold.warnings),
            *threshold.warnings,
        ],
        quicklook=embed_picture(quicklook) if quicklook else None,
        charts=_charts(result),
        rows=_rows(result),
        located=_located(result),
        p_values_known=bool(np.isfinite(result.products.table.columns["p_value"]).any()),
        files=[name for name in result.files if name != "report.html"],
        spectra=_spectra(result),
        insights=_insights(result),
        truth_charts=_truth_charts(result),
        truth_tables=truth_facts(result),
        peak_memory=peak_memory(),
        versions=versions(),
        machine=machine(),
    )
    return html


def _notes(result: DetectionResult) -> list[str]:
    """Notes on the input, without those that stand with the covariance."""
    elsewhere = () if result.health is None else result.health.notes
    return [note for note in dict.fromkeys(result.notes) if note not in elsewhere]


def _charts(result: DetectionResult) -> list[tuple[str, str, str]]:
    """Data address, alternative text and caption of the charts of the scores."""
    histogram = result.histogram
    if histogram is None:
        return []
    tail = "Fraction of pixels at or above a score. " + (
        "The red line is the threshold."
        if result.tail_model is None
        else "Where the dashed model leaves the measured line before the threshold, the stated "
        "false-alarm rate does not hold; a measured tail above it right of the threshold is "
        "what anomalies look like."
    )
    counts = "Number of pixels by score, with the threshold."
    return [
        (histogram_chart(histogram, result), "Histogram of the scores", counts),
        (tail_chart(histogram, result), "Tail of the scores", tail),
    ]


def _spectra(result: DetectionResult) -> list[tuple[str, str]]:
    """Data address and alternative text of the spectra of the first detections."""
    spectra = result.products.spectra
    charts = []
    for i in range(min(_MOST_SPECTRA, len(spectra.means))):
        found = result.detections[i]
        title = f"Detection {found.id} · {counted(found.size, 'pixel')} · peak {number(found.peak)}"
        charts.append((spectrum_chart(spectra, i, title), f"Mean spectrum of detection {found.id}"))
    return charts


def _insights(result: DetectionResult) -> list[dict[str, Any]]:
    """Data address of the picture, or the rows of the table, of what the model found."""
    found = []
    for insight in result.insights:
        picture = result.products.paths.get(f"insights/{insight.name}.png")
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


def _truth_charts(result: DetectionResult) -> list[tuple[str, str]]:
    if result.truth is None or result.truth.curve is None:
        return []
    return [
        (roc_chart(result.truth, logarithmic=False), "ROC curve"),
        (roc_chart(result.truth, logarithmic=True), "ROC curve, logarithmic false-alarm rate"),
    ]


def _rows(result: DetectionResult) -> list[dict[str, Any]]:
    """The highest detections; rows of the scene count downwards, ``centroid_y`` upwards."""
    rows = result.products.table.rows(_MOST_ROWS)
    return [row | {"column": row["centroid_x"], "row": -row["centroid_y"]} for row in rows]


def _located(result: DetectionResult) -> dict[str, Any]:
    """Which columns say where a detection is, how they are headed, and whether areas say more."""
    table = result.products.table
    ground = len(table) > 0 and table.columns["area_unit"][0] != PIXELS
    if table.has_longitude_latitude:
        names, heads, digits = ("longitude", "latitude"), ("longitude", "latitude"), 6
    elif table.georeference is not None:
        names, heads, digits = ("centroid_x", "centroid_y"), ("x", "y"), 2
    else:
        names, heads, digits = ("column", "row"), ("column", "row"), 1
    return {"names": names, "heads": heads, "digits": digits, "on_the_ground": ground}
