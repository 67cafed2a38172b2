"""What the report says in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from oddspec.products.record import as_json
from oddspec.report.content import ReportContent
from oddspec.report.histogram import Histogram
from oddspec.scene import Scene
from oddspec.text import bytes_text, counted, printable, rough

__all__ = [
    "headline",
    "number",
    "plain",
    "ranges",
    "scene_facts",
    "summary",
    "truth_facts",
    "words",
]

Facts = list[tuple[str, str]]

_METHODS = {
    "theory": "by the law that theory gives the scores",
    "tail": "by a law fitted to the tail of the scores",
    "empirical": "by counting the scores",
    "top": "to mark a fixed fraction of the pixels",
    "otsu": "by Otsu's method, which states no false-alarm rate",
}


def number(value: Any, digits: int = 4) -> str:
    """A number for reading: grouped thousands, few digits, a dash where there is none."""
    if value is None or (isinstance(value, (float, np.floating)) and math.isnan(value)):
        return "–"
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return f"{value:,}"
    value = float(value)
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value != 0 and not 1e-3 <= abs(value) < 1e7:
        return f"{value:.{digits - 1}g}"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def plain(value: Any) -> str:
    """A setting or fact for reading."""
    if value is None:
        return "none"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, float, np.number)):
        return number(value)
    if isinstance(value, Mapping):
        return "; ".join(f"{words(name)} {plain(item)}" for name, item in value.items())
    content = as_json(value)
    return printable(", ".join(map(plain, content)) if isinstance(content, list) else content)


def words(name: Any) -> str:
    """The name of a setting or fact as words."""
    return printable(name).replace("_", " ")


def headline(content: ReportContent, histogram: Histogram | None) -> Facts:
    """The few numbers to see first."""
    found = content.detections
    threshold = content.threshold
    facts = [
        ("objects found", number(len(found))),
        ("pixels in them", number(int(found.sizes.sum()))),
        ("threshold", number(threshold.value)),
    ]
    if threshold.pfa is not None:
        facts.append(("stated false-alarm rate", f"{threshold.pfa:g}"))
    if threshold.expected_false_alarms is not None:
        facts.append(("false pixels expected", rough(threshold.expected_false_alarms)))
    if content.truth is not None:
        area = next(iter(content.truth.areas.values()), None)
        facts.append((next(iter(content.truth.areas), "AUC"), _exact(area)))
    return facts


def summary(content: ReportContent, histogram: Histogram | None) -> str:
    """What was done and found, in plain words."""
    found, threshold = content.detections, content.threshold
    valid = 0 if histogram is None else histogram.valid
    count, pixels = len(found), int(found.sizes.sum())
    objects = "No object lies" if not count else counted(count, "object")
    objects += "" if not count else f" ({counted(pixels, 'pixel')}) {_lie(count)}"
    text = (
        f"{objects} above a threshold of {number(threshold.value)} on the scores that the "
        f"detector {content.detector} gave to {valid:,} pixels."
    )
    how = _METHODS.get(threshold.method, f"by the method {plain(threshold.method)}")
    text += f" The threshold was set {how}"
    if threshold.pfa is not None:
        text += f" for {threshold.pfa:g} false alarms per pixel"
    if threshold.expected_false_alarms is not None:
        expected = counted(threshold.expected_false_alarms, "false pixel")
        text += (
            f": about {expected} {'are' if expected.endswith('s') else 'is'} expected by chance "
            f"if the background is as modelled"
        )
    text += "."
    left_out = [(found.too_small, "smaller"), (found.too_large, "larger")]
    parts = [f"{n:,} {what}" for n, what in left_out if n]
    if parts:
        total = found.too_small + found.too_large
        text += f" Object{_s(total)} left out for {_their(total)} size: {' and '.join(parts)} "
        text += "than asked for."
    flagged = sum(bool(flags) for flags in found.flags)
    if flagged:
        text += f" {flagged:,} of the objects {'carries' if flagged == 1 else 'carry'} a flag."
    return text


def scene_facts(content: ReportContent, histogram: Histogram | None) -> Facts:
    """What was read, and what was left out."""
    source, scene = content.scene.source, content.scene
    meta = source.metadata
    height, width, bands = source.shape
    facts: Facts = [("File", printable(source.path.name if source.path else "array in memory"))]
    if content.sha256:
        facts.append(("SHA-256", content.sha256))
    facts.append(("Format", source.format + (f", {meta.interleave}" if meta.interleave else "")))
    facts.append(("Size", f"{height:,} rows × {width:,} columns × {bands:,} bands"))
    stored = height * width * bands * source.dtype.itemsize
    facts.append(("Values", f"{source.dtype.name}, {bytes_text(stored)}"))
    if meta.description:
        facts.append(("Description", printable(meta.description)[:300]))
    facts.append(("Wavelengths", _wavelengths(scene)))
    facts.append(("Bands used", _bands(scene)))
    facts.append(("Nodata value", number(scene.nodata) if scene.nodata is not None else "none"))
    invalid = height * width if histogram is None else histogram.invalid
    share = f" ({100 * invalid / max(height * width, 1):.3g} %)" if invalid else ""
    facts.append(("Pixels left out", f"{invalid:,} of {height * width:,}{share}"))
    facts += [(f"– {plain(reason)}", f"{count:,}") for reason, count in content.masked.items()]
    facts.append(("Georeference", _georeference(scene)))
    return facts


def truth_facts(content: ReportContent) -> list[tuple[str, Facts]]:
    """Tables of the comparison with the truth, each with its heading."""
    truth = content.truth
    if truth is None:
        return []
    areas: Facts = [(name, _exact(area)) for name, area in truth.areas.items()]
    if truth.interval is not None and areas:
        low, high = truth.interval
        areas[0] = (areas[0][0], f"{areas[0][1]} (95 % interval {low:.4f} to {high:.4f})")
    if truth.average_precision is not None:
        areas.append(("average precision", _exact(truth.average_precision)))
    tables = [("Areas (3-D ROC)", areas)]
    if truth.pd_at_pf:
        rates = [(f"{pf:g}", _exact(pd)) for pf, pd in truth.pd_at_pf.items()]
        tables.append(("Detection rate at a false-alarm rate of", rates))
    if truth.objects:
        tables.append(
            ("Objects", [(plain(name), plain(value)) for name, value in truth.objects.items()])
        )
    return tables


def _exact(value: float | None) -> str:
    """Four decimals, as papers print them."""
    undefined = value is None or not math.isfinite(value)
    return "undefined" if undefined else f"{value:.4f}"


def _wavelengths(scene: Scene) -> str:
    waves = scene.source.metadata.wavelengths
    if waves is None or not np.isfinite(waves).any():
        return "not given"
    return f"{np.nanmin(waves):.1f} to {np.nanmax(waves):.1f} nm"


def _bands(scene: Scene) -> str:
    count, used = scene.source.shape[2], scene.bands
    if len(used) == count:
        return f"all {count}"
    left_out = np.setdiff1d(np.arange(count), used) + 1
    meta = scene.source.metadata
    why = ""
    if meta.bad_bands is not None and np.array_equal(np.flatnonzero(meta.bad_bands) + 1, left_out):
        why = ", which the file calls bad"
    return f"{len(used)} of {count}; left out: {ranges(left_out)}{why}"


def ranges(numbers: Sequence[int] | np.ndarray) -> str:
    """Ascending whole numbers as ranges: ``1-3, 7``."""
    values = np.asarray(numbers)
    parts = np.split(values, np.flatnonzero(np.diff(values) > 1) + 1)
    return ", ".join(f"{p[0]}" if len(p) == 1 else f"{p[0]}–{p[-1]}" for p in parts if len(p))


def _georeference(scene: Scene) -> str:
    place = scene.source.metadata.georeference
    if place is None:
        return "none: positions are rows and columns"
    step = place.transform
    across, down = math.hypot(step.a, step.d), math.hypot(step.b, step.e)
    rotated = ", rotated grid" if step.b or step.d else ""
    if place.crs is None:
        return f"coordinate system not given; pixel {across:.6g} × {down:.6g} map units{rotated}"
    unit = "°" if place.crs.is_geographic else f" {place.crs.linear_units}"
    code = place.crs.to_epsg()
    name = f"EPSG:{code}" if code else _crs_name(place.crs.to_wkt())
    return f"{name}; pixel {across:.6g} × {down:.6g}{unit}{rotated}"


def _crs_name(wkt: str) -> str:
    parts = wkt.split('"')
    return printable(parts[1]) if len(parts) > 1 else "custom coordinate system"


def _s(count: float) -> str:
    return "" if count == 1 else "s"


def _lie(count: int) -> str:
    return "lies" if count == 1 else "lie"


def _their(count: int) -> str:
    return "its" if count == 1 else "their"
