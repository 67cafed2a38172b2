"""How detectors stand beside each other: time against area, their seeds, their ranks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from oddspec.products.charts import INK, figure_of, log_axis
from oddspec.study.grouping import Column, Group, without_noise
from oddspec.study.ranking import Ranking, common_scenes, ranked
from oddspec.study.report.drawing import (
    BLUE,
    ORANGE,
    Drawing,
    grid_of_axes,
    occurring,
    pages,
    per_page,
    styles,
    title,
)
from oddspec.study.report.point_labels import label_points
from oddspec.study.report.run_tables import processor_notes
from oddspec.study.report.table import slug
from oddspec.study.results import StudyResults
from oddspec.study.runs import SceneKey, metric_name
from oddspec.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEAST_RANGE = 0.01
"""Of an axis, so that a spread that does not matter does not look large."""


def draw_time(study: StudyResults) -> Iterator[Drawing]:
    """Processor seconds against the mean of a metric, over the scenes that a group has in common.

    Areas near 1 stand apart, on a scale of ln(p / (1 - p)), if they reach far below.
    """
    for group in study.groups:
        columns, scenes = common_scenes(without_noise(study.results), group.columns, study.metric)
        # (column, time or area, least or median or most)
        spans = np.array(
            [
                [_mean_spread(study, scenes, c, m) for m in ("cpu_seconds", study.metric)]
                for c in columns
            ]
        ).reshape(-1, 2, 3)
        timed = spans[:, 0, 0] > 0  # others have no place on a log scale
        spans, names = spans[timed], [group.label(columns[i]) for i in np.flatnonzero(timed)]
        if len(names) < 2:
            continue
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
        axes.set_ylabel(f"mean {metric_name(study.metric)}")
        label_points(axes, spans[:, :, 1], spans[:, :, [0, 2]], names, colours)
        caption = (
            f"Time against {metric_name(study.metric)}, {group.name}: means over the "
            f"{counted(len(scenes), 'scene')} that all have. Bars reach from the mean of the least "
            "to the mean of the most over seeds. Times are those of one thread of the machine "
            "named in the records."
        )
        notes = processor_notes(study.results[s, c] for s in scenes for c in columns)
        yield Drawing(f"time-{slug(group.name)}", " ".join((caption, *notes)), figure)


def _spread_near_one(axes: Axes) -> None:
    """Give the areas between 0.9 and 1 the room that they need."""
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    axes.set_yscale("logit")
    axes.yaxis.set_major_locator(FixedLocator([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99]))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _mean_spread(
    study: StudyResults, scenes: Sequence[SceneKey], column: Column, metric: str
) -> np.ndarray:
    """Means ``(3,)`` over the scenes of the least, the median and the most of the seeds."""
    spreads = [study.results[scene, column].spread(metric) for scene in scenes]
    known = [(s.least, s.median, s.most) for s in spreads if s is not None]
    return np.mean(known, axis=0) if known else np.full(3, np.nan)


def draw_stability(study: StudyResults) -> Iterator[Drawing]:
    """Boxes over the seeds of each learned detector, one panel for each scene."""
    for group in study.groups:
        values = {
            key: values
            for key in product(study.scenes, group.columns)
            if key in study.results
            and study.results[key].seeded
            and len(values := study.results[key].values(study.metric)) > 1
        }
        scenes, columns = occurring(values, study.scenes, group.columns)
        wide = 0.36 * len(columns) + 1.6
        for end, shown in pages(scenes, per_page(wide)):
            yield Drawing(
                f"stability-{slug(group.name)}{end}",
                f"{metric_name(study.metric)} over seeds, {group.name}. Every point is a run; "
                "boxes hold the middle half, lines are medians, whiskers reach to the least and "
                "the most.",
                _stability(study, group, shown, values, wide),
            )


def _stability(
    study: StudyResults,
    group: Group,
    scenes: Sequence[SceneKey],
    values: Mapping[tuple[SceneKey, Column], list[float]],
    width: float,
) -> Figure:
    figure, every = grid_of_axes(len(scenes), width=width, height=3.2, margin=0.2, across=4)
    for scene, axes in zip(scenes, every, strict=True):
        here = [column for column in group.columns if (scene, column) in values]
        for at, column in enumerate(here):
            _box(axes, at, values[scene, column])
        labels = [group.label(column) for column in here]
        axes.set_xticks(range(len(here)), labels, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_xlim(-0.7, max(len(here), 2) - 0.3)
        _show_at_least(axes, _LEAST_RANGE)
        axes.set_ylabel(metric_name(study.metric))
        title(axes, study.scenes[scene], width)
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


def draw_ranking(study: StudyResults) -> Iterator[Drawing]:
    """Average ranks on a line; bars join detectors whose difference may be chance."""
    for group in study.groups:
        ranking = ranked(without_noise(study.results), group.columns, study.metric)
        if ranking is None:
            continue
        test = (
            f"Friedman's test of equal ranks: p = {ranking.p_value:.2g}. "
            if ranking.p_value is not None
            else ""
        )
        left = ", ".join(group.label(column) for column in ranking.left_out)
        yield Drawing(
            f"ranking-{slug(group.name)}",
            f"Average ranks by {metric_name(study.metric)}, {group.name}, over "
            f"{len(ranking.scenes)} scenes; 1 is the best. {test}A bar joins detectors that "
            "Nemenyi's test does not tell apart at 5 %."
            + (f" Not ranked, for they lack scenes: {left}." if left else ""),
            _rank_figure(group, ranking),
        )


def _rank_figure(group: Group, ranking: Ranking) -> Figure:
    order = sorted(ranking.average, key=lambda column: ranking.average[column])
    ranks = [ranking.average[column] for column in order]
    names = [group.label(column) for column in order]
    count = len(ranks)
    half = -(-count // 2)
    bars = _cliques(ranks, ranking.critical)
    figure = figure_of(7.2, 0.25 * half + 0.17 * len(bars) + 1.3)
    axes = figure.add_subplot()
    top = 0.55 * len(bars) + 1.1
    for number, (first, last) in enumerate(bars):
        y = 0.55 * (number + 1)
        ends = ranks[first] - 0.03, ranks[last] + 0.03
        axes.plot(ends, (y, y), color=ORANGE, linewidth=3.5, solid_capstyle="butt")
    for i, (rank, name) in enumerate(zip(ranks, names, strict=True)):
        left = i < half
        y = top + 0.75 * (i if left else count - 1 - i)
        end = 1 - 0.04 * (count - 1) if left else count + 0.04 * (count - 1)
        axes.plot((rank, rank, end), (0, y, y), color=INK, linewidth=0.9)
        axes.annotate(
            f"{name}  {rank:.2f}" if left else f"{rank:.2f}  {name}",
            (end, y),
            xytext=(-4 if left else 4, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=8.5,
            color=INK,
            parse_math=False,
            annotation_clip=False,
        )
    axes.plot(ranks, [0] * count, "o", color=BLUE, markersize=5, zorder=3)
    _rank_axis(axes, count, top + 0.75 * half, ranking)
    return figure


def _rank_axis(axes: Axes, count: int, bottom: float, ranking: Ranking) -> None:
    axes.set_xlim(1 - 0.42 * (count - 1), count + 0.42 * (count - 1))
    axes.set_ylim(bottom, -1.35)
    axes.spines[["left", "right", "bottom"]].set_visible(False)
    axes.spines["top"].set_position(("data", 0))
    axes.spines["top"].set_bounds(1, count)
    axes.xaxis.set_ticks_position("top")
    ticks = range(1, count + 1)
    axes.set_xticks(ticks, [str(i) if count <= 15 or i == 1 or i % 5 == 0 else "" for i in ticks])
    axes.tick_params(labelsize=8, colors=INK)
    axes.set_yticks([])
    reach = min(ranking.critical, count - 1.0)
    axes.plot((1, 1 + reach), (-1.05, -1.05), color=ORANGE, linewidth=2, marker="|")
    axes.annotate(
        f"critical difference {ranking.critical:.2f}"
        + ("" if ranking.critical <= reach else " (longer than the axis)"),
        (1 + reach, -1.05), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8,
        color=INK, annotation_clip=False,
    )  # fmt: skip


def _cliques(ranks: Sequence[float], critical: float) -> list[tuple[int, int]]:
    """Longest runs of ascending ranks that lie within the critical difference."""
    found: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = max(i for i in range(first, len(ranks)) if ranks[i] - ranks[first] <= critical)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found
