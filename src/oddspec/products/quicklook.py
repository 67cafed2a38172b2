"""quicklook.png: the scene in colour beside its scores, detections outlined in both."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from oddspec.arrays import Scores, Windowed
from oddspec.io.geolocation import VOID, LookupTable, OnMap
from oddspec.products.axes import label_axes
from oddspec.products.charts import log_axis
from oddspec.products.colours import composite, largest_in_blocks
from oddspec.products.marks import COLOUR, mark_detections
from oddspec.products.table import Table
from oddspec.scene import Scene
from oddspec.text import printable, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 170
_ASPECT = 5.0
"""A scene longer than this many times its width is drawn compressed along its length."""


@dataclass(frozen=True)
class _Layout:
    """Sizes in inches."""

    panel_width: float
    panel_height: float
    stacked: bool
    compressed: float

    left = 0.95
    right = 1.25
    top = 1.08
    bottom = 0.62
    gap = 0.85
    least_width = 8.0

    @classmethod
    def of(cls, height: int, width: int) -> _Layout:
        aspect = min(max(width / height, 1 / _ASPECT), _ASPECT)
        stacked = aspect > 1.6
        most_width, most_height = (8.6, 4.6) if stacked else (4.2, 7.6)
        panel_width = min(most_width, most_height * aspect)
        compressed = max(width / height, height / width) / _ASPECT
        return cls(panel_width, panel_width / aspect, stacked, max(compressed, 1.0))

    @property
    def between(self) -> float:
        """Room between panels side by side, for the ticks and the title of a narrow one."""
        return max(0.95, 2.8 - self.panel_width)

    @property
    def size(self) -> tuple[float, float]:
        across, down = (1, 2) if self.stacked else (2, 1)
        wide = self.left + across * self.panel_width + (across - 1) * self.between + self.right
        high = self.bottom + down * self.panel_height + (down - 1) * self.gap + self.top
        return max(wide, self.least_width), high

    def panel(self, number: int) -> tuple[float, float, float, float]:
        """Left, bottom, width, height of the first or second panel, in fractions of the figure."""
        wide, high = self.size
        across = 1 if self.stacked else 2
        content = across * self.panel_width + (across - 1) * self.between
        x = self.left + (wide - self.left - self.right - content) / 2
        y = self.bottom
        if self.stacked:
            y += (1 - number) * (self.panel_height + self.gap)
        else:
            x += number * (self.panel_width + self.between)
        return x / wide, y / high, self.panel_width / wide, self.panel_height / high


def draw_quicklook(
    scene: Scene,
    scores: Scores,
    table: Table,
    *,
    threshold: float | None = None,
    title: str = "",
    score_label: str = "score",
    lookup: LookupTable | None = None,
) -> Figure:
    """The scene in colour beside its scores.

    Parameters
    ----------
    scene
        Read by rows, no more of them than are shown.
    scores
        ``(h, w)``; a block of pixels that falls on one dot of the picture shows its largest score.
    table
        The detections, outlined where large enough to be seen and ringed elsewhere (the 2000
        highest peaks).
    threshold, score_label
        For the colour bar.
    lookup
        Of a scene in sensor geometry, which is shown on the map then.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown: Windowed = scores if lookup is None else OnMap(scores, lookup, np.nan)
    height, width = shown.shape
    layout = _Layout.of(height, width)
    figure = Figure(figsize=layout.size, dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    left, right = (figure.add_axes(layout.panel(number)) for number in (0, 1))
    dots = int(layout.panel_height * DPI), int(layout.panel_width * DPI)
    picture, bands = composite(scene, scores, *dots)
    if lookup is not None:
        picture = _on_map(picture, lookup, scores.shape, dots)
    extent: dict[str, Any] = {
        "extent": (0, width, height, 0),
        "aspect": "auto",
        "interpolation": "nearest",
    }
    left.imshow(picture, **extent)
    left.set_title(bands, fontsize=9.5, loc="left")
    _draw_scores(figure, right, largest_in_blocks(shown, *dots), extent, threshold, score_label)
    scale = 72 * layout.panel_width / width, 72 * layout.panel_height / height
    note = mark_detections(left, table, scale, numbered=True)
    mark_detections(right, table, scale, numbered=False)
    for axes in (left, right):
        named = layout.stacked or axes is left
        label_axes(axes, table.georeference, wide=layout.panel_width, y_label=named)
    _head(figure, layout, title, note)
    return figure


def _on_map(
    picture: np.ndarray, lookup: LookupTable, shape: tuple[int, ...], dots: tuple[int, int]
) -> np.ndarray:
    """A picture of the sensor's pixels on the map, no finer than it is shown."""
    step = tuple(-(-size // most) for size, most in zip(lookup.shape, dots, strict=True))
    every = tuple(slice(each // 2, None, each) for each in step)
    rows, columns = lookup.rows[every], lookup.columns[every]
    # The picture may show only every n-th row and column.
    at = [
        np.clip(places, 0, None) * shown // size
        for places, shown, size in zip((rows, columns), picture.shape, shape, strict=False)
    ]
    found: np.ndarray = picture[at[0], at[1]]
    found[rows == VOID] = 1.0
    return found


def _head(figure: Figure, layout: _Layout, title: str, note: str) -> None:
    wide, high = layout.size
    x = layout.panel(0)[0] if layout.panel_width > 2.2 else 0.35 / wide
    heading = shorten(printable(title), int(wide * 9))
    figure.text(
        x, 1 - 0.32 / high, heading, fontsize=12, weight="bold", va="center", parse_math=False
    )
    if layout.compressed > 1:
        note += f" · drawn compressed {layout.compressed:.1f} times along its length"
    lines = "\n".join(textwrap.wrap(note, int((wide - x * wide) * 13.5)))
    figure.text(x, 1 - 0.47 / high, lines, fontsize=8.5, color="0.3", va="top")


def _draw_scores(
    figure: Figure,
    axes: Axes,
    shown: np.ndarray,
    extent: dict[str, Any],
    threshold: float | None,
    label: str,
) -> None:
    import matplotlib
    from matplotlib.colors import LogNorm

    norm, scale, extend = _stretch(shown, threshold)
    colours = matplotlib.colormaps["magma"].with_extremes(bad="0.8")
    # Clipped, since infinite and huge scores overflow inside matplotlib.
    clipped = np.ma.masked_invalid(np.clip(shown, norm.vmin, norm.vmax))
    image = axes.imshow(clipped, cmap=colours, norm=norm, **extent)
    axes.set_title("Scores", fontsize=9.5, loc="left")
    box = axes.get_position()
    wide = figure.get_size_inches()[0]
    bar_axes = figure.add_axes((box.x1 + 0.12 / wide, box.y0, 0.16 / wide, box.height))
    bar = figure.colorbar(image, cax=bar_axes, extend=extend)
    bar.set_label(f"{shorten(printable(label), 60)}{scale}", fontsize=8.5, parse_math=False)
    bar.ax.tick_params(labelsize=8)
    if isinstance(norm, LogNorm):
        log_axis(bar.ax.yaxis)
    if threshold is not None and norm.vmin <= threshold <= norm.vmax:
        bar.ax.axhline(threshold, color=COLOUR, linewidth=2)
        bar.ax.set_title("― threshold", fontsize=7.5, color="#0086ad", loc="left")


def _stretch(shown: np.ndarray, threshold: float | None) -> tuple[Any, str, str]:
    """A colour scale that neither one outlier nor a long tail can darken."""
    from matplotlib.colors import LogNorm, Normalize

    values = shown[np.isfinite(shown)]
    if not len(values):
        return Normalize(0, 1), "", "neither"
    low, middle, high = np.quantile(values, (0.01, 0.5, 0.998))
    if threshold is not None and np.isfinite(threshold):
        high = max(high, threshold + 0.05 * abs(threshold))
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[
        int(np.nanmin(shown) < low), int(np.nanmax(shown) > high)
    ]
    if low > 0 and high > 8 * middle:
        return LogNorm(low, high), ", log scale", extend
    if high <= low:
        return Normalize(low - 0.5, low + 0.5), "", "neither"
    return Normalize(low, high), "", extend
