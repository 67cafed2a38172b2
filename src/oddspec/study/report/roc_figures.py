"""ROC curves in two and three dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from oddspec.metrics import Classes, roc_curve
from oddspec.products.charts import figure_of
from oddspec.study.report.cells import Heading, Place
from oddspec.study.report.drawing import (
    PANEL,
    QUIET,
    Drawing,
    NothingToDraw,
    grid_of_axes,
    in_lines,
    legend_outside,
    pages,
    per_page,
    spread_evenly,
    styles,
    title,
)
from oddspec.study.report.material import Group, Material, slug

__all__ = ["classes_of", "draw_roc", "draw_roc_3d", "grouped_classes"]

_MOST_POINTS = 600
Found = dict[tuple[Place, Heading], Classes]


def classes_of(material: Material, place: Place, heading: Heading) -> Classes | None:
    """Scores of targets and background; None without a map or a truth that fits it."""
    cell = material.cell(place, heading)
    run = None if cell is None else cell.typical(mapped=True)
    if run is None:
        return None
    scores, truth = material.map_of(run), material.truth(run)
    if scores is None or truth is None or scores.shape != truth.shape:
        return None
    classes = Classes.of(scores, truth)
    return classes if classes.defined else None


def grouped_classes(
    material: Material, panel: Callable[[int], float] = lambda headings: 0.0
) -> Iterator[tuple[Group, str, Sequence[Place], list[Heading], Found]]:
    """Classes of every group, cut into pages, each with its name.

    ``panel`` tells how wide a scene's panel is for a number of headings.

    Raises
    ------
    NothingToDraw
        If no map was kept, or no truth is at hand.
    """
    drawn = False
    for group in material.groups:
        found = {
            (place, heading): classes
            for place in material.scenes
            for heading in group.headings
            if (classes := classes_of(material, place, heading)) is not None
        }
        places = [p for p in material.scenes if any(place == p for place, _ in found)]
        most = per_page(panel(len(group.headings)))
        headings = [h for h in group.headings if any(other == h for _, other in found)]
        for end, here in pages(places, most):
            drawn = True
            yield group, f"{slug(group.name)}{end}", here, headings, found
    if not drawn:
        raise NothingToDraw(
            "curves need kept score maps (keep_maps in the plan) and the truths of their scenes"
        )


def draw_roc(material: Material) -> Iterator[Drawing]:
    """Detection rate against false-alarm rate, the latter on a logarithmic scale."""
    for group, name, places, headings, found in grouped_classes(material):
        figure, every = grid_of_axes(len(places))
        handles = {}
        for place, axes in zip(places, every, strict=True):
            floor = 1.0
            for heading, style in zip(headings, styles(len(headings)), strict=True):
                classes = found.get((place, heading))
                if classes is None:
                    continue
                roc = roc_curve(classes)
                lowest = 0.5 / classes.background.size
                floor = min(floor, lowest)
                (handles[group.label(heading)],) = axes.plot(
                    np.maximum(roc.pf, lowest), roc.pd, color=style.colour, linestyle=style.line,
                    linewidth=1.4,
                )  # fmt: skip
            chance = np.geomspace(floor, 1, 50)
            (handles["chance"],) = axes.plot(chance, chance, color=QUIET, lw=0.8, linestyle=":")
            axes.set(xscale="log", xlim=(floor, 1), ylim=(-0.02, 1.03))
            axes.set(xlabel="false-alarm rate (log scale)", ylabel="detection rate")
            title(axes, material.scenes[place])
        legend_outside(figure, list(handles.values()), list(handles))
        yield Drawing(
            f"roc-{name}",
            f"ROC curves, {group.name}. Every distinct score is a threshold; the axis begins at "
            "half a false alarm per scene. Of a detector with seeds, the run nearest to the "
            "median area.",
            figure,
        )


def draw_roc_3d(material: Material) -> Iterator[Drawing]:
    """Detection rate against false-alarm rate and threshold, for scores scaled to 0..1."""
    for group, name, places, headings, found in grouped_classes(material):
        across = min(len(places), 3)
        rows = -(-len(places) // across)
        figure = figure_of(3.7 * across + 2.2, 3.3 * rows)
        handles = {}
        for number, place in enumerate(places, start=1):
            axes = figure.add_subplot(rows, across, number, projection="3d")
            axes.patch.set_visible(False)  # else it covers the last panel's label
            for heading, style in zip(headings, styles(len(headings)), strict=True):
                classes = found.get((place, heading))
                if classes is not None:
                    (handles[group.label(heading)],) = axes.plot(
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
            scene = in_lines(material.scenes[place], PANEL)
            axes.set_title(scene, fontsize=9, parse_math=False, y=1.0)
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
    least, largest = roc.thresholds[-1], roc.thresholds[1]
    width = largest - least
    tau = (roc.thresholds[1:] - least) / (width if width > 0 else 1.0)
    kept = spread_evenly(tau, _MOST_POINTS)
    # The few highest thresholds hold most of the curve's shape: keep them all.
    kept = np.union1d(kept, np.arange(min(len(tau), _MOST_POINTS)))
    return roc.pf[1:][kept], tau[kept], roc.pd[1:][kept]
