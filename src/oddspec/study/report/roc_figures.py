"""ROC curves in two and three dimensions, and boxes of background and targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from oddspec.metrics import Box, Classes, Separability, roc_curve
from oddspec.products.charts import figure_of
from oddspec.study.grouping import Column, Group
from oddspec.study.report.drawing import (
    BLUE,
    ORANGE,
    PANEL,
    QUIET,
    Drawing,
    grid_of_axes,
    in_lines,
    legend_outside,
    occurring,
    pages,
    per_page,
    spread_evenly,
    styles,
    title,
)
from oddspec.study.report.table import slug
from oddspec.study.results import StudyResults
from oddspec.study.runs import SceneKey

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_POINTS = 600

Found = dict[tuple[SceneKey, Column], Classes]
Page = tuple[Group, str, Sequence[SceneKey], list[Column], Found]
"""A group, what the page is called, its scenes and columns, and their classes of pixels."""


def _pages(
    study: StudyResults, panel: Callable[[int], float] = lambda columns: 0.0
) -> Iterator[Page]:
    """Pages of every group; ``panel`` says how wide a scene's panel is for a number of columns."""
    for group in study.groups:
        found = {
            key: classes
            for key in product(study.scenes, group.columns)
            if (classes := _classes(study, *key)) is not None
        }
        scenes, columns = occurring(found, study.scenes, group.columns)
        for end, here in pages(scenes, per_page(panel(len(group.columns)))):
            yield group, f"{slug(group.name)}{end}", here, columns, found


def _classes(study: StudyResults, scene: SceneKey, column: Column) -> Classes | None:
    """Scores of targets and background; None without a map or a truth that fits it."""
    result = study.results.get((scene, column))
    run = None if result is None else result.typical(mapped=True)
    if run is None:
        return None
    scores, truth = study.map_of(run), study.truth(run)
    if scores is None or truth is None or scores.shape != truth.shape:
        return None
    classes = Classes.of(scores, truth)
    return classes if classes.defined else None


def draw_roc(study: StudyResults) -> Iterator[Drawing]:
    """Detection rate against false-alarm rate, the latter on a logarithmic scale."""
    for group, name, scenes, columns, found in _pages(study):
        figure, every = grid_of_axes(len(scenes))
        handles = {}
        for scene, axes in zip(scenes, every, strict=True):
            floor = 1.0
            for column, style in zip(columns, styles(len(columns)), strict=True):
                classes = found.get((scene, column))
                if classes is None:
                    continue
                roc = roc_curve(classes)
                lowest = 0.5 / classes.background.size
                floor = min(floor, lowest)
                (handles[group.label(column)],) = axes.plot(
                    np.maximum(roc.pf, lowest), roc.pd, color=style.colour, linestyle=style.line,
                    linewidth=1.4,
                )  # fmt: skip
            chance = np.geomspace(floor, 1, 50)
            (handles["chance"],) = axes.plot(chance, chance, color=QUIET, lw=0.8, linestyle=":")
            axes.set(xscale="log", xlim=(floor, 1), ylim=(-0.02, 1.03))
            axes.set(xlabel="false-alarm rate (log scale)", ylabel="detection rate")
            title(axes, study.scenes[scene])
        legend_outside(figure, list(handles.values()), list(handles))
        yield Drawing(
            f"roc-{name}",
            f"ROC curves, {group.name}. Every distinct score is a threshold; the axis begins at "
            "half a false alarm per scene. Of a detector with seeds, the run nearest to the "
            "median area.",
            figure,
        )


def draw_roc_3d(study: StudyResults) -> Iterator[Drawing]:
    """Detection rate against false-alarm rate and threshold, for scores scaled to 0..1."""
    for group, name, scenes, columns, found in _pages(study):
        across = min(len(scenes), 3)
        rows = -(-len(scenes) // across)
        figure = figure_of(3.7 * across + 2.2, 3.3 * rows)
        handles = {}
        for number, scene in enumerate(scenes, start=1):
            axes = figure.add_subplot(rows, across, number, projection="3d")
            axes.patch.set_visible(False)  # else it covers the last panel's label
            for column, style in zip(columns, styles(len(columns)), strict=True):
                classes = found.get((scene, column))
                if classes is not None:
                    (handles[group.label(column)],) = axes.plot(
                        *_in_space(classes), color=style.colour, linestyle=style.line, linewidth=1.3
                    )
            axes.set(xlim=(0, 1), ylim=(0, 1), zlim=(0, 1))
            # Ticks that would meet at a corner are left out.
            axes.set(xticks=(0, 0.25, 0.5, 0.75, 1), yticks=(0.25, 0.5, 0.75, 1))
            axes.set_zticks((0.25, 0.5, 0.75, 1))
            axes.set_xlabel("false-alarm rate", fontsize=8, labelpad=-4)
            axes.set_ylabel("threshold τ", fontsize=8, labelpad=-4)
            axes.set_zlabel("detection rate", fontsize=8, labelpad=-4)
            axes.tick_params(labelsize=7, pad=-2)
            label = in_lines(study.scenes[scene], PANEL)
            axes.set_title(label, fontsize=9, parse_math=False, y=1.0)
            axes.view_init(elev=22, azim=-55)
            axes.set_box_aspect(None, zoom=1.0)
        legend_outside(figure, list(handles.values()), list(handles))
        yield Drawing(
            f"roc3d-{name}",
            f"3-D ROC curves, {group.name}. Scores are scaled to 0..1 by the least and the "
            "largest of a map, so that one extreme score moves a whole curve along τ.",
            figure,
        )


def _in_space(classes: Classes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False-alarm rate, scaled threshold and detection rate."""
    roc = roc_curve(classes)
    # The first threshold is infinite: no pixel is a target.
    least, largest = roc.thresholds[-1], roc.thresholds[1]
    width = largest - least
    tau = (roc.thresholds[1:] - least) / (width if width > 0 else 1.0)
    points = spread_evenly(tau, _MOST_POINTS)
    # The few highest thresholds hold most of the curve's shape: keep them all.
    points = np.union1d(points, np.arange(min(len(tau), _MOST_POINTS)))
    return roc.pf[1:][points], tau[points], roc.pd[1:][points]


def draw_separability(study: StudyResults) -> Iterator[Drawing]:
    """Boxes of scaled scores of background and targets, for each detector and scene."""
    from matplotlib.patches import Patch

    def panel(columns: int) -> float:
        return 0.5 * columns + 1.7

    for group, name, scenes, columns, found in _pages(study, panel):
        figure, every = grid_of_axes(len(scenes), width=panel(len(columns)), height=3.3, margin=1.6)
        for scene, axes in zip(scenes, every, strict=True):
            here = [column for column in columns if (scene, column) in found]
            for at, column in enumerate(here):
                boxes = _scaled(found[scene, column])
                for side, box, colour in zip((-0.19, 0.19), boxes, (BLUE, ORANGE), strict=True):
                    _box(axes, at + side, box, colour)
            labels = [group.label(column) for column in here]
            axes.set_xticks(
                range(len(here)), labels, rotation=35, ha="right", rotation_mode="anchor"
            )
            axes.set_yscale("function", functions=(np.sqrt, np.square))
            axes.set(ylim=(0, 1), yticks=(0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1))
            axes.set_ylabel("score, scaled to 0..1 (square-root axis)")
            title(axes, study.scenes[scene])
        handles = [Patch(facecolor=c, alpha=0.45, edgecolor=c) for c in (BLUE, ORANGE)]
        legend_outside(figure, handles, ["background", "targets"])
        yield Drawing(
            f"separability-{name}",
            f"Background and targets, {group.name}. Boxes hold the middle half of the scores, "
            "whiskers the middle four fifths, the line is the median. Scores are scaled to 0..1 "
            "by the least and the largest of a map.",
            figure,
        )


def _scaled(classes: Classes) -> list[Box]:
    """Background and targets, in 0..1 over both."""
    both = Separability.of(classes)
    least = min(both.background.lowest, both.targets.lowest)
    width = max(both.background.highest, both.targets.highest) - least
    scale = 1.0 / width if width > 0 else 1.0
    return [
        Box(*((value - least) * scale for value in astuple(box)))
        for box in (both.background, both.targets)
    ]


def _box(axes: Axes, at: float, box: Box, colour: str) -> None:
    stats = {
        "med": box.median, "q1": box.low_quartile, "q3": box.high_quartile,
        "whislo": box.low_whisker, "whishi": box.high_whisker, "fliers": [],
    }  # fmt: skip
    axes.bxp(
        [stats], positions=[at], widths=0.3, showfliers=False, patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": colour + "70", "edgecolor": colour},
        medianprops={"color": colour, "linewidth": 2}, whiskerprops={"color": colour},
        capprops={"color": colour},
    )  # fmt: skip
