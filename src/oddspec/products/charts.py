"""How all charts look, and where a spectrum's bands lie on their axis."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from oddspec.io.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

INK = "#1f2937"


def figure_of(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, drawn without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def chart(width: float = 4.6, height: float = 3.1) -> tuple[Figure, Axes]:
    """A figure with one pair of axes, small labels and a light grid."""
    figure = figure_of(width, height)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7.5, colors=INK)
    axes.xaxis.label.set(fontsize=8.5, color=INK)
    axes.yaxis.label.set(fontsize=8.5, color=INK)
    axes.grid(color="#eef0f3", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def log_axis(axis: Axis, values: Sequence[float] = ()) -> None:
    """Few labels, in plain numbers, on a logarithmic axis whose limits are set.

    They stand at the values given if those are few, else at 1, 2 and 5 of each decade; over many
    decades at powers of ten.
    """
    from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, StrMethodFormatter

    # Matplotlib's own labels between the decades overlap as soon as there are two of these.
    axis.set_minor_formatter(NullFormatter())
    low, high = axis.get_view_interval()
    few = 0 < len(values) <= 10
    if few or high < 500 * low:
        axis.set_major_locator(FixedLocator(list(values)) if few else LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))


def png(figure: Figure, dpi: int = 180) -> bytes:
    """The figure as a PNG file's content; the figure is empty afterwards."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(buffer, format="png", dpi=dpi)
    # A figure and its axes refer to each other: its pictures would stay until they are collected.
    figure.clear()
    return buffer.getvalue()


def write_png(path: Path, figure: Figure, dpi: int = 180) -> None:
    """Write the figure as a PNG file; the older one is kept if that fails (`OddspecError`)."""
    content = png(figure, dpi)
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def band_axis(
    bands: np.ndarray, wavelengths: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, str]:
    """Where bands lie on an axis, before which of them a line is broken, and the axis's label.

    Parameters
    ----------
    bands
        Positions in the file, from 0.
    wavelengths
        Nanometres, or None; then bands are counted from 1.
    """
    numbers = bands + 1.0
    along = numbers if wavelengths is None else np.asarray(wavelengths, np.float64)
    steps = np.abs(np.diff(along))
    wide = steps > 4 * np.median(steps) if len(steps) else np.zeros(0, dtype=np.bool_)
    gaps = np.flatnonzero((np.diff(numbers) > 1) | wide) + 1
    return along, gaps, "band" if wavelengths is None else "wavelength (nm)"
