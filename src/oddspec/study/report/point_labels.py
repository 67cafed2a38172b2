"""Names beside the points of a chart, so that no legend has to be matched with many markers.

The library adjustText was tried: on these charts it left names on bars and beyond the axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from oddspec.products.charts import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FONT_SIZE = 8
_REACH = (7.0, 12.0, 18.0, 26.0, 36.0, 48.0, 62.0)
"""Points from a marker's centre to its name, the nearest place first."""
_DIRECTIONS = 16
_WITHOUT_LEADER = 12.0
"""Points up to which a name is seen to belong to its marker."""
_CROWD = 50.0
"""Points within which markers stand in each other's way; those with most of them come first."""
_MARKER = 5.0
"""Points from a marker's centre to its edge and a little beyond."""


def label_points(
    axes: Axes, points: np.ndarray, bars: np.ndarray, names: Sequence[str], colours: Sequence[str]
) -> None:
    """Write a name beside each point, off the other names, markers and bars as far as can be.

    The scales and limits of the axes must be final. One name after the other takes the place that
    covers least and is not near another's marker, the nearest of equal ones; a line leads to a
    point that is not next to its name.

    Parameters
    ----------
    axes
        With the points drawn, in a figure that is drawn on a raster.
    points
        Positions ``(n, 2)`` in the units of the data.
    bars
        Ends ``(n, 2, 2)`` of each point's bar along x, then along y, in the same units.
    names, colours
        Of the points, and of the lines that lead to them.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # so that the axes have their place
    pixel = figure.dpi / 72
    at = axes.transData.transform(points)
    markers = _boxes(at, _MARKER * pixel)
    drawn_bars = _bar_boxes(axes, points, bars, 2 * pixel)
    taken = np.empty((0, 4))  # by names
    inside = axes.get_window_extent()
    frame = np.array([[inside.x0, inside.y0, inside.x1, inside.y1]])
    angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    directions = np.tile(np.stack([np.cos(angles), np.sin(angles)], axis=1), (len(_REACH), 1))
    reach = np.repeat(_REACH, _DIRECTIONS)

    apart = np.linalg.norm(at[:, None] - at, axis=2)
    for i in np.argsort(-np.sum(apart < _CROWD * pixel, axis=1), kind="stable"):
        text = axes.annotate(
            names[i], points[i], (0, 0), textcoords="offset points", ha="center", va="center",
            fontsize=_FONT_SIZE, color=INK, in_layout=False, parse_math=False,
            arrowprops={"arrowstyle": "-", "color": colours[i], "linewidth": 0.8, "shrinkA": 0,
                        "shrinkB": 4, "relpos": (0.5, 0.5)},
        )  # fmt: skip
        extent = text.get_window_extent()
        half = np.array([extent.width, extent.height]) / 2
        # The name's edge, not its middle, is so far from the marker.
        bulge = np.sign(np.round(directions, 6)) * np.abs(directions) ** 0.5 * half
        offsets = reach[:, None] * directions * pixel + bulge
        boxes = _boxes(at[i] + offsets, half)
        leaders = at[i] + np.linspace(0, 1, 9)[:, None, None] * offsets
        crossed = (_distance(taken, leaders.reshape(-1, 2)) == 0).any(axis=0).reshape(9, -1)
        others = _distance(boxes, np.delete(at, i, axis=0)) / pixel
        area = np.prod(2 * half)
        cost = (
            100 * (1 - _overlap(boxes, frame) / area)
            + 3 * _overlap(boxes, np.concatenate([markers, taken])) / extent.height**2
            + _overlap(boxes, drawn_bars) / extent.height**2
            + np.clip(1 - others / _WITHOUT_LEADER, 0, None).sum(axis=1)
            + crossed.mean(axis=0)
            + 0.004 * reach
        )
        best = int(np.argmin(cost))
        text.set_position(tuple(offsets[best] / pixel))
        if reach[best] <= _WITHOUT_LEADER and text.arrow_patch is not None:
            text.arrow_patch.set_visible(False)
        taken = np.concatenate([taken, boxes[best : best + 1]])


def _boxes(centres: np.ndarray, half: float | np.ndarray) -> np.ndarray:
    """Left, lower, right and upper edges ``(n, 4)``."""
    return np.concatenate([centres - half, centres + half], axis=1)


def _bar_boxes(axes: Axes, points: np.ndarray, bars: np.ndarray, half: float) -> np.ndarray:
    boxes = []
    for along in (0, 1):
        low, high = points.copy(), points.copy()
        low[:, along], high[:, along] = bars[:, along].T
        ends = axes.transData.transform(low) - half, axes.transData.transform(high) + half
        boxes.append(np.concatenate(ends, axis=1))
    return np.concatenate(boxes)


def _distance(boxes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """From the edges of boxes to points, ``(n, m)``; 0 within."""
    beyond = np.maximum(boxes[:, None, :2] - points, points - boxes[:, None, 2:])
    return np.linalg.norm(np.clip(beyond, 0, None), axis=2)


def _overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How much of each box others cover, ``(n,)``."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.prod(np.clip(high - low, 0, None), axis=2).sum(axis=1)
