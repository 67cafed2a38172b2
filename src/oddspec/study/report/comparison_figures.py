"""How detectors stand beside each other: time against area, and their seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from oddspec.products.charts import INK, log_axis
from oddspec.study.metric_names import metric_name
from oddspec.study.report.cells import Heading, Place
from oddspec.study.report.drawing import (
    BLUE,
    Drawing,
    NothingToDraw,
    grid_of_axes,
    pages,
    per_page,
    styles,
    title,
)
from oddspec.study.report.material import Group, Material, slug
from oddspec.study.report.point_names import name_points
from oddspec.study.report.provenance import processors
from oddspec.study.report.ranking import complete_block
from oddspec.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_stability", "draw_time"]

_LEAST_RANGE = 0.01
"""Of an axis, so that a spread that does not matter does not look large."""


def draw_time(material: Material) -> Iterator[Drawing]:
    """Processor seconds against the mean of a metric, over the scenes that a group has in common.

    Areas near 1 stand apart, on a scale of ln(p / (1 - p)), if they reach far below.

    Raises
    ------
    NothingToDraw
        If no two headings share a scene.
    """
    drawn = False
    for group in material.groups:
        headings, places = _shared(material, group)
        # (heading, time or area, least or median or most)
        spans = np.array(
            [
                [
                    _mean_spread(material, places, heading, metric)
                    for metric in ("cpu_seconds", material.metric)
                ]
                for heading in headings
            ]
        ).reshape(-1, 2, 3)
        timed = spans[:, 0, 0] > 0  # others have no place on a log scale
        spans, names = spans[timed], [group.label(headings[i]) for i in np.flatnonzero(timed)]
        if len(names) < 2:
            continue
        drawn = True
        figure, (axes,) = grid_of_axes(1, width=8.2, height=5.4, margin=0.2)
        colours = [style.colour for style in styles(len(names))]
        for span, colour in zip(spans, colours, strict=True):
            (x, y), (x_bar, y_bar) = span[:, 1], np.abs(span[:, [0, 2]] - span[:, [1]])[..., None]
            axes.errorbar(
                x, y, xerr=x_bar, yerr=y_bar, color=colour, marker="o", markersize=6, capsize=3,
                elinewidth=1.2, linestyle="none",
            )  # fmt: skip
        axes.set_xscale("log")
        log_axis(axes.xaxis)
        if 0 < spans[:, 1, 1].min() < 0.9 < spans[:, 1, 1].max() < 1:
            _spread_near_one(axes)
        axes.set_xlabel("processor seconds per scene (log scale)")
        axes.set_ylabel(f"mean {metric_name(material.metric)}")
        name_points(axes, spans[:, :, 1], spans[:, :, [0, 2]], names, colours)
        caption = (
            f"Time against {metric_name(material.metric)}, {group.name}: means over the "
            f"{counted(len(places), 'scene')} that all have. Bars reach from the mean of the least "
            "to the mean of the most over seeds. Times are those of one thread of the machine "
            "named in the records."
        )
        notes = processors(material.cells[p, h] for p in places for h in headings)
        yield Drawing(f"time-{slug(group.name)}", " ".join((caption, *notes)), figure)
    if not drawn:
        raise NothingToDraw("time against area needs two detectors with a scene in common")


def _spread_near_one(axes: Axes) -> None:
    """Give the areas between 0.9 and 1 the room that they need."""
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    axes.set_yscale("logit")
    axes.yaxis.set_major_locator(FixedLocator([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99]))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _shared(material: Material, group: Group) -> tuple[list[Heading], list[Place]]:
    cells = {(p, h): c for (p, h), c in material.cells.items() if not p.noise}
    return complete_block(cells, group.headings, material.metric)


def _mean_spread(
    material: Material, places: Sequence[Place], heading: Heading, metric: str
) -> np.ndarray:
    """Means ``(3,)`` over the scenes of the least, the median and the most of the seeds."""
    spreads = [material.cells[place, heading].spread(metric) for place in places]
    known = [(s.least, s.median, s.most) for s in spreads if s is not None]
    return np.mean(known, axis=0) if known else np.full(3, np.nan)


def draw_stability(material: Material) -> Iterator[Drawing]:
    """Boxes over the seeds of each learned detector, one panel for each scene.

    Raises
    ------
    NothingToDraw
        If no detector was run with several seeds.
    """
    drawn = False
    for group in material.groups:
        values = {
            (place, heading): cell.values(material.metric)
            for place in material.scenes
            for heading in group.headings
            if (cell := material.cell(place, heading)) is not None and cell.seeded
        }
        values = {key: found for key, found in values.items() if len(found) > 1}
        headings = [h for h in group.headings if any(other == h for _, other in values)]
        places = [p for p in material.scenes if any(place == p for place, _ in values)]
        if not places:
            continue
        drawn = True
        wide = 0.36 * len(headings) + 1.6
        for end, shown in pages(places, per_page(wide)):
            yield Drawing(
                f"stability-{slug(group.name)}{end}",
                f"{metric_name(material.metric)} over seeds, {group.name}. Every point is a run; "
                "boxes hold the middle half, lines are medians, whiskers reach to the least and "
                "the most.",
                _stability(material, group, shown, values, wide),
            )
    if not drawn:
        raise NothingToDraw("no detector was run with several seeds")


def _stability(
    material: Material,
    group: Group,
    places: Sequence[Place],
    values: Mapping[tuple[Place, Heading], list[float]],
    width: float,
) -> Figure:
    figure, every = grid_of_axes(len(places), width=width, height=3.2, margin=0.2, across=4)
    for place, axes in zip(places, every, strict=True):
        here = [h for h in group.headings if (place, h) in values]
        for at, heading in enumerate(here):
            _box(axes, at, values[place, heading])
        labels = [group.label(h) for h in here]
        axes.set_xticks(range(len(here)), labels, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_xlim(-0.7, max(len(here), 2) - 0.3)
        _show_at_least(axes, _LEAST_RANGE)
        axes.set_ylabel(metric_name(material.metric))
        title(axes, material.scenes[place], width)
    return figure


def _box(axes: Axes, at: int, values: list[float]) -> None:
    axes.boxplot(
        [values], positions=[at], widths=0.5, whis=(0, 100), showfliers=False, patch_artist=True,
        manage_ticks=False, boxprops={"facecolor": BLUE + "40", "edgecolor": BLUE},
        medianprops={"color": BLUE, "linewidth": 2}, whiskerprops={"color": BLUE},
        capprops={"color": BLUE},
    )  # fmt: skip
    # Spread sideways in a fixed order, so that equal values are seen to be several.
    offset = np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else np.zeros(1)
    axes.plot(at + offset, values, "o", color=INK, markersize=3.2, alpha=0.8)


def _show_at_least(axes: Axes, height: float) -> None:
    low, high = axes.get_ylim()
    if high - low < height:
        middle = (low + high) / 2
        axes.set_ylim(middle - height / 2, middle + height / 2)
    axes.ticklabel_format(axis="y", useOffset=False)
