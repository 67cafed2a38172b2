"""Boxes of background and targets: how far a detector sets them apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np

from oddspec.metrics import Box, Classes, Separability
from oddspec.study.report.drawing import BLUE, ORANGE, Drawing, grid_of_axes, legend_outside, title
from oddspec.study.report.material import Material
from oddspec.study.report.roc_figures import grouped_classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_separability"]


def draw_separability(material: Material) -> Iterator[Drawing]:
    """Boxes of scaled scores of background and targets, for each detector and scene."""
    from matplotlib.patches import Patch

    for group, name, places, headings, found in grouped_classes(material, _panel):
        figure, every = grid_of_axes(
            len(places), width=_panel(len(headings)), height=3.3, margin=1.6
        )
        for place, axes in zip(places, every, strict=True):
            here = [h for h in headings if (place, h) in found]
            for at, heading in enumerate(here):
                boxes = _scaled(found[place, heading])
                for side, box, colour in zip((-0.19, 0.19), boxes, (BLUE, ORANGE), strict=True):
                    _draw(axes, at + side, box, colour)
            labels = [group.label(h) for h in here]
            axes.set_xticks(
                range(len(here)), labels, rotation=35, ha="right", rotation_mode="anchor"
            )
            axes.set_yscale("function", functions=(np.sqrt, np.square))
            axes.set(ylim=(0, 1), yticks=(0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1))
            axes.set_ylabel("score, scaled to 0..1 (square-root axis)")
            title(axes, material.scenes[place])
        handles = [Patch(facecolor=c, alpha=0.45, edgecolor=c) for c in (BLUE, ORANGE)]
        legend_outside(figure, handles, ["background", "targets"])
        yield Drawing(
            f"separability-{name}",
            f"Background and targets, {group.name}. Boxes hold the middle half of the scores, "
            "whiskers the middle four fifths, the line is the median. Scores are scaled to 0..1 "
            "by the least and the largest of a map.",
            figure,
        )


def _panel(headings: int) -> float:
    """Inches that a panel of so many detectors is wide."""
    return 0.5 * headings + 1.7


def _scaled(classes: Classes) -> tuple[Box, Box]:
    both = Separability.of(classes)
    least = min(both.background.lowest, both.targets.lowest)
    width = max(both.background.highest, both.targets.highest) - least
    scale = 1.0 / width if width > 0 else 1.0
    background, targets = (
        Box(*((value - least) * scale for value in astuple(box)))
        for box in (both.background, both.targets)
    )
    return background, targets


def _draw(axes: Axes, at: float, box: Box, colour: str) -> None:
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
