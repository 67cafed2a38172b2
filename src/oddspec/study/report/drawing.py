"""What all figures share: colours that all eyes tell apart, legends outside, files of two kinds."""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from oddspec.io.atomic import atomic_write
from oddspec.products.charts import INK, figure_of
from oddspec.study.grouping import Column, Spread
from oddspec.study.runs import SceneKey

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

QUIET = "#6b7280"
BLUE, ORANGE = "#0072b2", "#d55e00"

_COLOURS = (
    *(BLUE, ORANGE, "#009e73", "#cc79a7", "#56b4e9", "#a67c00", "#000000", "#7f7f7f"),
)  # fmt: skip
"""After Okabe and Ito, told apart with any colour vision; their yellow is darkened for paper."""
_LINES = ("-", "--", ":", "-.")
_MARKERS = "osD^vP*X"


PANEL = 3.6
"""Inches that a panel is wide where nothing else is said."""
_LETTER, _LABELS = 0.076, 0.7
"""Inches that a character of a title takes in the mean, and that a panel's axis labels take."""
_LEGEND_LINE, _LEGEND_COLUMN = 0.19, 1.5
"""Inches that a name takes in a legend, and that a further column of names takes."""
_WIDEST = 13.0
"""Inches that a page's panels may take side by side, unless one alone is wider."""

P = TypeVar("P")


class NothingToDraw(Exception):
    """The records do not hold what a figure needs; the text says what that is."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """A finished figure.

    Attributes
    ----------
    name
        Of its files, without suffix.
    caption
        What it shows and how to read it.
    """

    name: str
    caption: str
    figure: Figure


@dataclass(frozen=True)
class Style:
    """Of one of several curves."""

    colour: str
    line: str
    marker: str


def styles(count: int) -> list[Style]:
    """As many styles, each told from the others also without colour by marker or line."""
    return [
        Style(
            _COLOURS[i % len(_COLOURS)],
            _LINES[i // len(_COLOURS) % len(_LINES)],
            _MARKERS[(i + i // len(_COLOURS)) % len(_MARKERS)],
        )
        for i in range(count)
    ]


def grid_of_axes(
    count: int, *, width: float = PANEL, height: float = 2.9, across: int = 3, margin: float = 2.4
) -> tuple[Figure, list[Axes]]:
    """Small multiples: axes of that size in rows, and room for a legend at the right."""
    columns = min(count, across, _across(width))
    rows = -(-count // columns)
    figure = figure_of(width * columns + margin, height * rows)
    every = figure.subplots(rows, columns, squeeze=False).ravel()
    for spare in every[count:]:
        spare.remove()
    axes = list(every[:count])
    for one in axes:
        plain_axes(one)
    return figure, axes


def occurring(
    found: Collection[tuple[SceneKey, Column]],
    scenes: Iterable[SceneKey],
    columns: Iterable[Column],
) -> tuple[list[SceneKey], list[Column]]:
    """Those scenes and columns, in their order, that there is something to draw of."""
    here, across = zip(*found, strict=True) if found else ((), ())
    return [s for s in scenes if s in here], [c for c in columns if c in across]


def pages(panels: Sequence[P], most: int) -> Iterator[tuple[str, Sequence[P]]]:
    """The panels of each page, with what ends the page's name."""
    for start in range(0, len(panels), most):
        end = f"-{start // most + 1}" if len(panels) > most else ""
        yield end, panels[start : start + most]


def per_page(width: float) -> int:
    """How many panels of that many inches a page has room for."""
    return 4 * min(3, _across(width))


def _across(width: float) -> int:
    return max(1, int(_WIDEST / width)) if width > 0 else 3


def plain_axes(axes: Axes) -> None:
    """Light axes with small readable labels."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, colors=INK)
    axes.xaxis.label.set(fontsize=9, color=INK)
    axes.yaxis.label.set(fontsize=9, color=INK)
    axes.grid(color="#eef0f3", linewidth=0.8)
    axes.set_axisbelow(True)


def title(axes: Axes, text: str, width: float = PANEL) -> None:
    """What a panel of that many inches shows, usually a scene's name."""
    axes.set_title(in_lines(text, width - _LABELS), fontsize=9, loc="left", parse_math=False)


def in_lines(name: str, inches: float) -> str:
    """A name in the size of titles, broken into lines where it is longer than that."""
    most = max(8, int(inches / _LETTER))
    # A line may end after an underscore as after a word.
    lines = textwrap.wrap(name.replace("_", "_ "), most) if len(name) > most else [name]
    return "\n".join(line.replace("_ ", "_") for line in lines)


def line_with_band(axes: Axes, x: Sequence[float], spreads: Sequence[Spread], style: Style) -> Any:
    """The medians as a marked line, in a band from the least to the most where these differ."""
    (line,) = axes.plot(
        x, [s.median for s in spreads], color=style.colour, linestyle=style.line,
        marker=style.marker, markersize=4.5, linewidth=1.4,
    )  # fmt: skip
    low, high = [s.least for s in spreads], [s.most for s in spreads]
    if low != high:
        axes.fill_between(x, low, high, color=style.colour, alpha=0.15, linewidth=0)
    return line


def legend_outside(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """A legend at the right, beside all data, in as many columns as its lines need."""
    if handles:
        width, height = figure.get_size_inches()
        columns = math.ceil(len(handles) * _LEGEND_LINE / height)
        figure.set_size_inches(width + (columns - 1) * _LEGEND_COLUMN, height)
        legend = figure.legend(
            handles, labels, loc="outside right upper", fontsize=8, frameon=False, labelcolor=INK,
            ncols=columns,
        )  # fmt: skip
        for text in legend.get_texts():
            text.set_parse_math(False)


def save_drawing(drawing: Drawing, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write a drawing in each format; the same drawing gives the same bytes.

    Raises
    ------
    OddspecError
        If a file cannot be written; the older one is kept.
    """
    import matplotlib

    paths = []
    # Without a fixed salt every SVG would have other ids, without a date there is one less change.
    with matplotlib.rc_context({"svg.hashsalt": "oddspec"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        for kind in formats:
            path = folder / f"{drawing.name}.{kind}"
            undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
            with atomic_write(path) as partial:
                drawing.figure.savefig(partial, format=kind, dpi=150, metadata=undated)
            paths.append(path)
    return paths


def spread_evenly(values: np.ndarray, most: int) -> np.ndarray:
    """Positions of at most so many values, the first and the last among them."""
    if len(values) <= most:
        return np.arange(len(values))
    return np.unique(np.linspace(0, len(values) - 1, most).round().astype(int))
