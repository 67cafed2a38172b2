"""insights.npz and a picture of each: what a model found beside the scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oddspec.detector import Insight
from oddspec.io import npz as archive
from oddspec.products.charts import band_axis, chart, figure_of, log_axis, write_png
from oddspec.scene import Scene
from oddspec.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LINES = 30
MOST_MAPS = 12
MOST_DOTS = 300
"""Width and height of a map in the picture; larger ones are thinned."""


def write_insights(folder: Path, insights: Sequence[Insight], scene: Scene) -> dict[str, Path]:
    """Write all numbers into ``insights.npz`` and draw each but the tables; paths by product.

    Raises
    ------
    OddspecError
        If a file cannot be written; the older ones are kept.
    """
    paths: dict[str, Path] = {}
    if insights:
        paths["insights.npz"] = folder / "insights.npz"
        kept = [i for i in insights if i.kind != "cube"]
        arrays = {i.name: i.values for i in kept}
        labels = {i.name: {"kind": i.kind, "label": i.label, "names": [*i.names]} for i in kept}
        archive.save_npz(paths["insights.npz"], "insights", arrays, labels)
    for insight in insights:
        figure = draw_insight(insight, scene)
        if figure is not None:
            name = f"insights/{insight.name}.png"
            paths[name] = folder / name
            write_png(paths[name], figure)
    written = {path.name for path in paths.values()}
    for old in (folder / "insights.npz", *(folder / "insights").glob("*.png")):
        if old.name not in written:  # of an earlier run with another detector
            old.unlink(missing_ok=True)
    return paths


def draw_insight(insight: Insight, scene: Scene) -> Figure | None:
    """The picture of one insight; None for a table, or where there is nothing to draw."""
    if insight.kind == "cube":
        return _maps(_lengths(insight))
    if not insight.values.size or not np.isfinite(insight.values).any():
        return None
    if insight.kind == "spectra":
        return _spectra(insight, scene)
    if insight.kind == "maps":
        return _maps(insight)
    return _curve(insight) if insight.kind == "curve" else None


def _lengths(cube: Insight) -> Insight:
    """The lengths of a cube's spectra as a map, of no more rows than are drawn."""
    step = max(1, math.ceil(max(cube.values.shape[:2]) / MOST_DOTS))
    rows = [cube.values[top : top + 1] for top in range(0, cube.values.shape[0], step)]
    lengths = np.concatenate([np.linalg.norm(row[:, ::step], axis=2) for row in rows])
    return Insight(cube.name, "maps", lengths[:, :, None], cube.label)


def _spectra(insight: Insight, scene: Scene) -> Figure:
    import matplotlib

    figure, axes = chart(6.4, 3.3)
    along, gaps, label = band_axis(scene.bands, scene.wavelengths)
    x = np.insert(along, gaps, np.nan)
    shown = insight.values[:MOST_LINES]
    few = len(shown) <= 10
    colours = matplotlib.colormaps["tab10" if few else "viridis"]
    for i, spectrum in enumerate(shown):
        colour = colours(i if few else i / (len(shown) - 1))
        y = np.insert(_bridged(np.asarray(spectrum, np.float64)), gaps, np.nan)
        axes.plot(x, y, color=colour, linewidth=1.1, label=_name(insight, i))
    axes.set_xlabel(label)
    axes.set_ylabel(insight.name.replace("_", " "))
    axes.margins(x=0.01)
    if few:
        axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    else:
        _number_bar(figure, axes, colours, len(shown), len(insight.values))
    return figure


def _bridged(spectrum: np.ndarray) -> np.ndarray:
    """With straight lines across bands that have no value, as detectors that choose bands leave."""
    bands, finite = np.arange(len(spectrum)), np.isfinite(spectrum)
    return np.interp(bands, bands[finite], spectrum[finite]) if finite.any() else spectrum


def _number_bar(figure: Figure, axes: Any, colours: Any, shown: int, count: int) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = figure.colorbar(ScalarMappable(Normalize(1, shown), colours), ax=axes, pad=0.02)
    more = f" (of {count})" if count > shown else ""
    bar.set_label(f"number{more}", fontsize=8)
    bar.ax.tick_params(labelsize=7.5)
    bar.ax.locator_params("y", nbins=6, integer=True)


def _maps(insight: Insight) -> Figure:
    import matplotlib

    height, width, count = insight.values.shape
    shown = min(count, MOST_MAPS)
    columns = min(shown, 4)
    rows = math.ceil(shown / columns)
    panel = 2.0
    tall = float(np.clip(panel * height / width, 0.5, 6.0))
    figure = figure_of(columns * (panel + 0.5), rows * (tall + 0.35))
    step = max(1, math.ceil(max(height, width) / MOST_DOTS))
    colours = matplotlib.colormaps["magma"].with_extremes(bad="0.8")
    for i in range(shown):
        axes = figure.add_subplot(rows, columns, i + 1)
        values = insight.values[::step, ::step, i]
        low, high = np.nanquantile(values, (0.01, 0.99))
        image = axes.imshow(
            values, cmap=colours, vmin=low, vmax=max(high, low + 1e-300), aspect="auto",
            extent=(0, width, height, 0), interpolation="nearest",
        )  # fmt: skip
        if shown > 1 or insight.names:
            axes.set_title(_name(insight, i), fontsize=8, loc="left", parse_math=False)
        axes.set_xticks([])
        axes.set_yticks([])
        bar = figure.colorbar(image, ax=axes, extend="both", pad=0.03)
        bar.ax.tick_params(labelsize=6.5)
        bar.ax.locator_params("y", nbins=4)
    return figure


def _curve(insight: Insight) -> Figure:
    values = insight.values.reshape(len(insight.values), -1)
    figure, axes = chart(5.2, 3.1)
    x = np.arange(1, len(values) + 1)
    for i in range(values.shape[1]):
        marker = "o" if len(x) == 1 else None
        axes.plot(x, values[:, i], linewidth=1.3, marker=marker, label=_name(insight, i))
    finite = values[np.isfinite(values)]
    if finite.min() > 0 and finite.max() > 30 * finite.min():
        axes.set_yscale("log")
        log_axis(axes.yaxis)
    axes.set_xlabel(insight.axis)
    axes.set_ylabel(insight.name.replace("_", " "))
    axes.locator_params("x", integer=True)
    if values.shape[1] > 1:
        axes.legend(fontsize=7.5, frameon=False)
    return figure


def _name(insight: Insight, number: int) -> str:
    if number < len(insight.names):
        return printable(insight.names[number])
    return str(number + 1)
