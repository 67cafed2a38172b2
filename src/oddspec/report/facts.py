"""What the report says in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from oddspec.io.source import Georeference
from oddspec.products.record import as_json
from oddspec.report.result import DetectionResult
from oddspec.scene import Scene
from oddspec.text import bytes_text, counted, printable, rough

Facts = list[tuple[str, str]]

_METHODS = {
    "theory": "by the law that theory gives the scores",
    "tail": "by a law fitted to the tail of the scores",
    "empirical": "by counting the scores",
    "top": "to mark a fixed fraction of the pixels",
    "gap": "at the gap below the scores that stand apart, which states no false-alarm rate",
    "otsu": "by Otsu's method, which states no false-alarm rate",
}


_AREAS = {
    "auc_pd_pf": "AUC(PD,PF)",
    "auc_pd_tau": "AUC(PD,tau)",
    "auc_pf_tau": "AUC(PF,tau)",
    "auc_td": "AUC TD",
    "auc_bs": "AUC BS",
    "auc_snpr": "AUC SNPR",
    "auc_tdbs": "AUC TDBS",
    "auc_odp": "AUC ODP",
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


def headline(result: DetectionResult) -> Facts:
    """The few numbers to see first."""
    found, threshold = result.detections, result.threshold
    facts = [
        ("objects found", number(len(found))),
        ("pixels in them", number(int(found.sizes.sum()))),
        ("threshold", number(threshold.value)),
    ]
    if threshold.pfa is not None:
        facts.append(("stated false-alarm rate", f"{threshold.pfa:g}"))
    if threshold.expected_false_alarms is not None:
        facts.append(("false pixels expected", rough(threshold.expected_false_alarms)))
    if result.truth is not None and result.truth.curve is not None:
        facts.append((_AREAS["auc_pd_pf"], _exact(result.truth.metrics["auc_pd_pf"])))
    return facts


def summary(result: DetectionResult) -> str:
    """What was done and found, in plain words."""
    found, threshold = result.detections, result.threshold
    valid = 0 if result.histogram is None else result.histogram.valid
    count, pixels = len(found), int(found.sizes.sum())
    lie = "lies" if count == 1 else "lie"
    objects = f"{counted(count, 'object')} ({counted(pixels, 'pixel')}) {lie}"
    if not count:
        objects = "No object lies"
    text = (
        f"{objects} above a threshold of {number(threshold.value)} on the scores that the "
        f"detector {result.detector_name} gave to {valid:,} pixels."
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
    parts = [f"{n:,} {than}" for n, than in left_out if n]
    if parts:
        total = found.too_small + found.too_large
        what = "Object left out for its size" if total == 1 else "Objects left out for their size"
        text += f" {what}: {' and '.join(parts)} than asked for."
    flagged = sum(bool(flags) for flags in found.flags)
    if flagged:
        text += f" {flagged:,} of the objects {'carries' if flagged == 1 else 'carry'} a flag."
    return text


def scene_facts(result: DetectionResult) -> Facts:
    """What was read, and what was left out."""
    source, scene = result.scene.source, result.scene
    meta = source.metadata
    height, width, bands = source.shape
    facts: Facts = [("File", printable(source.path.name if source.path else "array in memory"))]
    if result.sha256:
        facts.append(("SHA-256", result.sha256))
    facts.append(("Format", source.format + (f", {meta.interleave}" if meta.interleave else "")))
    facts.append(("Size", f"{height:,} rows × {width:,} columns × {bands:,} bands"))
    if meta.product:
        known = (("Product", meta.product.identifier), ("Acquired", meta.product.acquired))
        facts += [(name, printable(text)) for name, text in known if text]
    if meta.unit:
        facts.append(("Unit", printable(meta.unit)))
    stored = height * width * bands * source.dtype.itemsize
    facts.append(("Values", f"{source.dtype.name}, {bytes_text(stored)}"))
    if scene.declared_gains is not None or scene.gains is not None:
        facts.append(("Gains and offsets", _gains(result)))
    if meta.description:
        facts.append(("Description", printable(meta.description)[:300]))
    facts.append(("Wavelengths", _wavelengths(scene)))
    facts.append(("Bands used", _bands(scene)))
    facts.append(("Nodata value", number(scene.nodata) if scene.nodata is not None else "none"))
    invalid = height * width if result.histogram is None else result.histogram.invalid
    share = f" ({100 * invalid / max(height * width, 1):.3g} %)" if invalid else ""
    facts.append(("Pixels left out", f"{invalid:,} of {height * width:,}{share}"))
    if survey := result.survey:
        reasons = {"NaN or infinite": survey.nonfinite, "nodata": survey.nodata} | {
            f"masked: {name}": count for name, count in survey.masked.items()
        }
        for reason, count in reasons.items():
            if count:
                of = f"of {survey.looked_at:,} looked at"
                facts.append((f"– {reason} ({of})", f"{count:,}"))
    facts.append(("Georeference", _georeference(result)))
    return facts


def truth_facts(result: DetectionResult) -> list[tuple[str, Facts]]:
    """Tables of the comparison with the truth, each with its heading."""
    truth = result.truth
    if truth is None:
        return []
    metrics = truth.metrics
    areas: Facts = [(label, _exact(metrics[key])) for key, label in _AREAS.items()]
    low, high = metrics["auc_ci_low"], metrics["auc_ci_high"]
    if low is not None:
        areas[0] = (areas[0][0], f"{areas[0][1]} (95 % interval {low:.4f} to {high:.4f})")
    areas.append(("average precision", _exact(metrics["average_precision"])))
    prefix = "pd_at_pf_"
    rates = [key.removeprefix(prefix) for key in metrics if key.startswith(prefix)]
    detected = [(f"{float(rate):g}", _exact(metrics[prefix + rate])) for rate in rates]
    objects: Facts = [("objects", plain(metrics.get("objects")))]
    for rate in rates:
        objects.append((f"found at PF {rate}", plain(metrics.get(f"objects_at_pf_{rate}"))))
        objects.append((f"false at PF {rate}", plain(metrics.get(f"false_objects_at_pf_{rate}"))))
    return [
        ("Areas (3-D ROC)", areas),
        ("Detection rate at a false-alarm rate of", detected),
        ("Objects", objects),
    ]


def _exact(value: float | None) -> str:
    """Four decimals, as papers print them."""
    undefined = value is None or not math.isfinite(value)
    return "undefined" if undefined else f"{value:.4f}"


def _wavelengths(scene: Scene) -> str:
    waves = scene.source.metadata.wavelengths
    if waves is None or not np.isfinite(waves).any():
        return "not given"
    return f"{np.nanmin(waves):.1f} to {np.nanmax(waves):.1f} nm"


def _gains(result: DetectionResult) -> str:
    if result.scene.gains is not None:
        return "applied to the values"
    if result.scene.use_gains and result.detector.affine_invariant:
        return f"declared; {result.detector_name} does not depend on them"
    return "declared, not applied"


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


def _georeference(result: DetectionResult) -> str:
    place = result.products.table.georeference
    if place is None:
        return "none: positions are rows and columns"
    sensor = result.scene.source.metadata.georeference is None
    return ("sensor geometry, on the map by a lookup table: " if sensor else "") + _placed(place)


def _placed(place: Georeference) -> str:
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
