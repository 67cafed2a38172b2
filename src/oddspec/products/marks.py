"""Detections drawn into a picture: outlines, rings around small ones, ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from oddspec.products.table import Table
from oddspec.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOUR = "#25d0ff"

_MOST_OUTLINES = 2000
_NUMBERED = 10
_SMALL = 7.0
"""Objects that would be smaller than this on the page (in points) get a ring instead."""


def mark_detections(axes: Axes, table: Table, scale: tuple[float, float], numbered: bool) -> str:
    """Outline the large objects and ring the small ones; say what was drawn."""
    import shapely
    from matplotlib.collections import LineCollection
    from matplotlib.patheffects import withStroke

    shown = table.outlines[:_MOST_OUTLINES]
    box = shapely.bounds(shown).reshape(-1, 4)
    points = np.column_stack(
        [(box[:, 2] - box[:, 0]) * scale[0], (box[:, 3] - box[:, 1]) * scale[1]]
    )
    small = points.max(axis=1) < _SMALL
    halo = [withStroke(linewidth=2.4, foreground=(0, 0, 0, 0.65))]
    rings = shapely.get_rings(shapely.get_parts(shown[~small]))
    lines = [shapely.get_coordinates(ring) for ring in rings]
    axes.add_collection(
        LineCollection(lines, colors=COLOUR, linewidths=1.1, path_effects=halo), autolim=False
    )
    centre = np.column_stack([(box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2])
    crowded = np.count_nonzero(small) > 60
    axes.scatter(
        centre[small, 0],
        centre[small, 1],
        s=28 if crowded else 55,
        linewidths=0.8 if crowded else 1.1,
        facecolors="none",
        edgecolors=COLOUR,
        path_effects=halo,
    )
    if numbered:
        for number, corners in enumerate(box[:_NUMBERED], start=1):
            _number(axes, number, corners, scale)
    return _note(len(table), len(shown), small)


def _number(axes: Axes, number: int, box: np.ndarray, scale: tuple[float, float]) -> None:
    """Write a rank at the upper right of an object, or where there is room for it."""
    from matplotlib.patheffects import withStroke

    left, top, right, bottom = box
    to_the_left = (axes.get_xlim()[1] - right) * scale[0] < 16
    below = top * scale[1] < 14
    axes.annotate(
        str(number),
        (left if to_the_left else right, bottom if below else top),
        xytext=(-3 if to_the_left else 3, -2 if below else 2),
        textcoords="offset points",
        ha="right" if to_the_left else "left",
        va="top" if below else "bottom",
        fontsize=8.5,
        weight="bold",
        color="white",
        path_effects=[withStroke(linewidth=1.8, foreground="black")],
    )


def _note(count: int, shown: int, small: np.ndarray) -> str:
    if not count:
        return "no detections"
    text = counted(count, "detection")
    if shown < count:
        text += f", the {shown:,} highest are marked"
    if small.any():
        text += "; a ring marks " + ("a small object" if not small.all() else "each object")
    if count > 1:
        text += f"; numbers are ranks by peak score, 1 to {min(count, _NUMBERED)}"
    return text
