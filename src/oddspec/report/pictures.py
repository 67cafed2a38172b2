"""The report's charts, as data addresses that need no network."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from oddspec.products.charts import INK, band_axis, chart, log_axis, png
from oddspec.products.spectra import Spectra
from oddspec.report.histogram import Histogram
from oddspec.report.result import DetectionResult, TruthComparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_QUIET = "#9ca3af"
_BLUE = "#1d4ed8"
_RED = "#c2410c"
_MOST_BYTES = 1_000_000
"""A larger picture is embedded as JPEG."""


def embed_picture(path: Path) -> str:
    """The picture as a data address, PNG as it is if it is small, else JPEG."""
    from PIL import Image

    content, kind = path.read_bytes(), "png"
    if len(content) > _MOST_BYTES:
        buffer = io.BytesIO()
        Image.open(path).convert("RGB").save(buffer, "JPEG", quality=85, optimize=True)
        content, kind = buffer.getvalue(), "jpeg"
    return _address(content, kind)


def histogram_chart(histogram: Histogram, result: DetectionResult) -> str:
    """Number of pixels by score, on logarithmic axes, with the threshold."""
    figure, axes = chart()
    edges, counts = histogram.coarse(128)
    axes.stairs(counts, edges, fill=True, color="#c7d2fe", edgecolor="#6366f1", linewidth=0.8)
    _scales(axes, histogram)
    axes.set_ylim(bottom=0.7)
    _mark(axes, result.threshold.value)
    _few_ticks(axes)
    axes.set_xlabel(result.score_label, parse_math=False)
    axes.set_ylabel("pixels")
    return _png(figure)


def tail_chart(histogram: Histogram, result: DetectionResult) -> str:
    """Fraction of pixels at or above a score, beside what the threshold's model says of it."""
    figure, axes = chart()
    fraction = histogram.exceedance
    axes.plot(histogram.edges[:-1], fraction, color="#6366f1", linewidth=1.6, label="measured")
    _scales(axes, histogram)
    lowest, pfa = 0.5 / max(histogram.valid, 1), result.threshold.pfa
    if pfa is not None and pfa > 0:
        lowest = min(lowest, pfa / 3)
        stated = f"stated rate {pfa:g}"
        axes.axhline(pfa, color=_QUIET, linestyle=":", linewidth=1.2, label=stated)
    if result.tail_model is not None:
        at = histogram.edges[::16]
        model = np.asarray(result.tail_model(at), dtype=np.float64)
        shown = np.isfinite(model) & (model > lowest / 10)
        if shown.any():
            axes.plot(
                at[shown], model[shown], color=INK, linestyle="--", linewidth=1.3,
                label="background model",
            )  # fmt: skip
    axes.set_ylim(lowest, 1.5)
    _mark(axes, result.threshold.value)
    _few_ticks(axes)
    axes.set_xlabel(result.score_label, parse_math=False)
    axes.set_ylabel("fraction of pixels at or above")
    axes.legend(loc="lower left", fontsize=7.5, edgecolor="none", framealpha=0.9)
    return _png(figure)


def spectrum_chart(spectra: Spectra, number: int, title: str) -> str:
    """Mean spectrum of one detection over the background's, with gaps at left-out bands."""
    figure, axes = chart(4.2, 2.7)
    along, gaps, axis = band_axis(spectra.bands, spectra.wavelengths)

    def broken(values: np.ndarray) -> np.ndarray:
        return np.insert(np.asarray(values, dtype=np.float64), gaps, np.nan)

    x = np.insert(along, gaps, np.nan)
    if spectra.background_pixels:
        low, high = broken(spectra.background_low), broken(spectra.background_high)
        axes.fill_between(x, low, high, color="#e5e7eb", label="background, 5 to 95 %", linewidth=0)
        mean = broken(spectra.background_mean)
        axes.plot(x, mean, color="#6b7280", linewidth=1.1, label="background mean")
    detected = broken(spectra.means[number])
    axes.plot(x, detected, color=_RED, linewidth=1.5, label="detection")
    axes.set_title(title, fontsize=9, loc="left", parse_math=False)
    axes.set_xlabel(axis)
    axes.set_ylabel(spectra.value_label)
    axes.margins(x=0.01)
    if number == 0:
        axes.legend(fontsize=7, frameon=False)
    return _png(figure)


def roc_chart(truth: TruthComparison, logarithmic: bool) -> str:
    """Detection rate against false-alarm rate, of a comparison that has a curve."""
    assert truth.curve is not None
    figure, axes = chart(4.6, 3.3)
    pf, pd = truth.curve.pf, truth.curve.pd
    if logarithmic:
        floor = 0.5 / max(truth.negatives, 1)
        axes.set_xscale("log")
        axes.set_xlim(floor, 1)
        chance = np.geomspace(floor, 1, 100)
        pf = np.maximum(pf, floor)
    else:
        chance = np.array([0.0, 1.0])
        axes.set_xlim(-0.02, 1.02)
    axes.plot(chance, chance, color=_QUIET, linewidth=0.9, linestyle=":", label="chance")
    pf, pd = _thin(pf, pd)
    axes.plot(pf, pd, color=_BLUE, linewidth=1.6, drawstyle="steps-post", label="this detector")
    if truth.operating_point is not None:
        axes.plot(*truth.operating_point, "o", color=_RED, markersize=5, label="threshold used")
    axes.set_ylim(-0.02, 1.03)
    axes.set_xlabel("false-alarm rate" + (", log scale" if logarithmic else ""))
    axes.set_ylabel("detection rate")
    axes.legend(fontsize=7.5, frameon=False, loc="best" if logarithmic else "lower right")
    return _png(figure)


def _thin(pf: np.ndarray, pd: np.ndarray, most: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Fewer points, evenly along the curve's number of points but with all of its first ones."""
    if len(pf) <= most:
        return pf, pd
    kept = np.unique(np.geomspace(1, len(pf), most).astype(int) - 1)
    kept = np.union1d(kept, np.linspace(0, len(pf) - 1, most).astype(int))
    return pf[kept], pd[kept]


def _scales(axes: Axes, histogram: Histogram) -> None:
    axes.set_yscale("log")
    if histogram.logarithmic:
        axes.set_xscale("log")
    axes.set_xlim(histogram.edges[0], histogram.edges[-1])


def _few_ticks(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            log_axis(axis)


def _mark(axes: Axes, threshold: float) -> None:
    if not np.isfinite(threshold):
        return
    low, high = axes.get_xlim()
    if threshold > high:
        axes.set_xlim(low, threshold * 1.2 if threshold > 0 else threshold + 0.1 * (high - low))
    axes.axvline(threshold, color=_RED, linewidth=1.3)
    axes.annotate(
        "threshold", (threshold, 0.97), xycoords=("data", "axes fraction"), xytext=(-3, 0),
        textcoords="offset points", rotation=90, ha="right", va="top", fontsize=7.5, color=_RED,
    )  # fmt: skip


def _png(figure: Figure) -> str:
    return _address(png(figure), "png")


def _address(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
