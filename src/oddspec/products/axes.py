"""Ticks of a picture in map units where the pixel grid follows the map, else in pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from oddspec.io.source import Georeference

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def label_axes(
    axes: Axes, georeference: Georeference | None, *, wide: float, y_label: bool = True
) -> None:
    """Label a picture whose coordinates are pixels, ``(x, y) = (column, row)``.

    ``wide`` is the picture's width in inches, for the number of ticks that have room.
    A rotated grid has no map axes, so its ticks count pixels, as do those of a scene without a
    georeference.
    """
    names = _names(georeference)
    if georeference is None or names is None:
        rotated = "" if georeference is None else ", grid rotated on the map"
        axes.set_xlabel(f"column{rotated}", fontsize=8.5)
        axes.set_ylabel("row" if y_label else "", fontsize=8.5)
        axes.tick_params(labelsize=8)
        axes.locator_params("y", nbins=6, integer=True)
        axes.locator_params("x", nbins=max(1, min(6, int(1.8 * wide))), integer=True)
        return
    step = georeference.transform
    x_range, y_range = axes.get_xlim(), axes.get_ylim()
    ticks, labels = _ticks(x_range, step.a, step.c, max(1, min(4, int(wide))))
    axes.set_xticks(ticks, labels, fontsize=8)
    ticks, labels = _ticks(y_range, step.e, step.f, 6)
    axes.set_yticks(ticks, labels, fontsize=8)
    axes.set_xlabel(names[0], fontsize=8.5, parse_math=False)
    axes.set_ylabel(names[1] if y_label else "", fontsize=8.5, parse_math=False)
    axes.set_xlim(*x_range)
    axes.set_ylim(*y_range)


def _names(georeference: Georeference | None) -> tuple[str, str] | None:
    if georeference is None or georeference.transform.b or georeference.transform.d:
        return None
    crs = georeference.crs
    if crs is None:
        return "x (map units)", "y (map units)"
    if crs.is_geographic:
        return "longitude (°)", "latitude (°)"
    unit = {"metre": "m", "meter": "m"}.get(crs.linear_units, crs.linear_units)
    code = crs.to_epsg()
    system = f", EPSG:{code}" if code else ""
    return f"x ({unit}){system}", f"y ({unit})"


def _ticks(
    pixels: tuple[float, float], step: float, origin: float, count: int
) -> tuple[list[float], list[str]]:
    """Round map coordinates within a range of pixels: where they lie, and their text."""
    from matplotlib.ticker import MaxNLocator

    low, high = sorted(origin + step * end for end in pixels)
    locator = MaxNLocator(count, steps=[1, 2, 5, 10])
    values = [float(v) for v in locator.tick_values(low, high) if low <= v <= high]
    spacing = abs(values[1] - values[0]) if len(values) > 1 else abs(high - low)
    decimals = max(0, -int(np.floor(np.log10(spacing)))) if spacing > 0 else 0
    return [(v - origin) / step for v in values], [f"{v:.{decimals}f}" for v in values]
