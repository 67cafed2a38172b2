"""``oddspec info``: what a scene file holds and what would be done with it."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.command.arguments import add_reading, memory
from oddspec.command.check import check_scene, oddity_lines
from oddspec.command.terminal import show, text_table
from oddspec.detectors import family_of, load, names
from oddspec.errors import OddspecError
from oddspec.execution.tiles import needed
from oddspec.io.bands import bands_of
from oddspec.io.geolocation import lookup_table
from oddspec.io.open import open_source
from oddspec.io.quality import HasQuality
from oddspec.io.source import Source
from oddspec.products import as_json
from oddspec.scene import Scene
from oddspec.survey import Survey, look_over, survey
from oddspec.text import gigabytes, megabytes, printable


def add_arguments(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    parser.set_defaults(run=run_command)
    add = parser.add_argument
    add("scene", type=Path, metavar="SCENE")
    add_reading(parser, brief=True)
    add("--max-memory", type=memory, metavar="SIZE", help="as in detect")
    add("--check", action="store_true", help="list all that is odd, and what would be done")
    add("--json", action="store_true", help="as JSON")


def run_command(chosen: argparse.Namespace) -> int:
    """Print what there is to know, or what is odd; the exit status tells of an error."""
    if chosen.check:
        return _check(chosen)
    with _opened(chosen) as opened:
        scene = look_over(opened, asked=chosen.bands is not None)
        found = survey(scene)
        if chosen.json:
            print(json.dumps(as_json(_facts(scene, found)), indent=2, allow_nan=False))
        else:
            show(*_lines(scene, found))
    return 0


def _opened(chosen: argparse.Namespace) -> Scene:
    """The scene with the user's options."""
    source = open_source(
        chosen.scene,
        variable=chosen.variable,
        max_memory=chosen.max_memory,
        allow_truncated=chosen.allow_truncated,
        axes=chosen.axes,
    )
    try:
        return Scene.of(
            source,
            None if chosen.bands is None else bands_of(chosen.bands, source),
            chosen.nodata,
            chosen.mask_defects,
            chosen.mask,
            chosen.area_of_interest,
            chosen.max_memory,
            chosen.use_gains,
        )
    except BaseException:
        source.close()
        raise


def _check(chosen: argparse.Namespace) -> int:
    found = check_scene(lambda: _opened(chosen), chosen.bands is not None)
    if chosen.json:
        facts = {"path": str(chosen.scene), "odd": [dataclasses.asdict(each) for each in found]}
        print(json.dumps(as_json(facts), indent=2))
    else:
        show(printable(chosen.scene), *oddity_lines(found))
    return 2 if any(each.severity == "error" for each in found) else 0


def _facts(scene: Scene, found: Survey) -> dict[str, Any]:
    source, meta = scene.source, scene.source.metadata
    table = lookup_table(source)
    place = table.georeference if table else meta.georeference
    return {
        "path": str(source.path),
        "name": source.name,
        "format": source.format,
        "shape": source.shape,
        "dtype": str(source.dtype),
        "interleave": meta.interleave,
        "product": meta.product,
        "unit": meta.unit or None,
        "wavelengths_nm": meta.wavelengths,
        "fwhm_nm": meta.fwhm,
        "quality_flags": source.quality if isinstance(source, HasQuality) else (),
        "masked_flags": scene.mask.flags,
        "bands_used": scene.bands + 1,
        "bands_left_out": np.setdiff1d(np.arange(source.shape[2]), scene.bands) + 1,
        "nodata": scene.nodata,
        "gains": scene.declared_gains,
        "geometry": "sensor" if table else "map" if place else None,
        "crs": place.crs.to_string() if place and place.crs else None,
        "transform": list(place.transform)[:6] if place else None,
        "survey": found,
        "notes": [*scene.notes, *found.notes],
        "memory_bytes": _memory(scene),
    }


def _memory(scene: Scene) -> dict[str, int | None]:
    """Bytes that each detector needs at least, with one worker; None where it cannot run."""
    sizes: dict[str, int | None] = {}
    for name in names():
        # Learned detectors would load PyTorch for this.
        if family_of(name) != "learned":
            try:
                detector = load(name)()
                sizes[name] = needed(scene, detector)
                if hasattr(detector, "window"):
                    detector.window.must_fit(*scene.shape[:2])
            except OddspecError:
                sizes[name] = None
    return sizes


def _lines(scene: Scene, found: Survey) -> list[str]:
    source, meta = scene.source, scene.source.metadata
    h, w, b = source.shape
    left_out = b - len(scene.bands)
    size = h * w * b * source.dtype.itemsize
    lines = [
        f"{source.path}",
        f"  format        {source.format}{f', {meta.interleave}' if meta.interleave else ''}, "
        f"{source.dtype}, {_size(size)} of pixels",
        *_product_lines(source),
        f"  size          {h} rows x {w} columns x {b} bands",
        f"  bands used    {len(scene.bands)}"
        + (f"; {left_out} left out (the file, --bands or a note says so)" if left_out else ""),
        f"  wavelengths   {_wavelengths(scene)}",
        f"  nodata        {'none declared' if scene.nodata is None else f'{scene.nodata:g}'}",
        f"  gains         {_gains(scene)}",
        f"  georeference  {_place(scene)}",
        f"  looked at     {found.looked_at:,} pixels" + ("" if found.complete else " (a sample)"),
        f"  valid         {found.valid:,}; {found.nodata:,} nodata, {found.nonfinite:,} NaN or "
        f"infinite, {found.flat:,} flat, {found.saturated:,} saturated",
        f"  values        {found.smallest:g} to {found.largest:g}",
    ]
    if found.health:
        lines.append(
            f"  covariance    rank {found.health.rank} of {found.health.bands}, condition "
            f"{found.health.condition:.2g}, {h * w / found.health.bands:.3g} pixels per band"
        )
    sizes = _memory(scene)
    rows = [("detector", "memory needed at least")]
    rows += [
        (n, "cannot run with its defaults" if s is None else _size(s)) for n, s in sizes.items()
    ]
    lines += ["", *text_table(rows).split("\n")]
    notes = [*scene.notes, *found.notes]
    return [*lines, "", *(f"note: {note}" for note in notes)] if notes else lines


def _product_lines(source: Source) -> list[str]:
    """What only products of sensors tell."""
    meta = source.metadata
    flags = source.quality if isinstance(source, HasQuality) else ()
    known = {
        "product": meta.product.identifier if meta.product else "",
        "acquired": meta.product.acquired if meta.product else "",
        "unit": meta.unit,
        "quality": ", ".join(flags),
        "geometry": _sensor_geometry(source),
    }
    return [f"  {name:<14}{printable(text)}" for name, text in known.items() if text]


def _sensor_geometry(source: Source) -> str:
    table = lookup_table(source)
    if table is None:
        return ""
    return f"the sensor's; a lookup table leads to a map of {table.shape[0]} x {table.shape[1]}"


def _wavelengths(scene: Scene) -> str:
    waves = scene.wavelengths
    if waves is None:
        return "not given"
    return f"{waves.min():.1f} to {waves.max():.1f} nm in the used bands"


def _gains(scene: Scene) -> str:
    found = scene.declared_gains
    if found is None:
        return "none declared"
    ends = [f"{least:.6g}" if least == most else f"{least:.6g} to {most:.6g}" for least, most in (
        (numbers.min(), numbers.max()) for numbers in (found.gains, found.offsets)
    )]  # fmt: skip
    applied = "applied where a detector depends on them" if scene.use_gains else "not applied"
    return f"{ends[0]}, offsets {ends[1]}; {applied}"


def _place(scene: Scene) -> str:
    table = lookup_table(scene.source)
    place = table.georeference if table else scene.source.metadata.georeference
    if place is None:
        return "none"
    a, b, c, d, e, f = list(place.transform)[:6]
    crs = place.crs.to_string() if place.crs else "unknown coordinate system"
    turned = "" if b == d == 0 else ", rotated"
    return (
        f"{crs[:70]}, pixels of {np.hypot(a, d):g} x {np.hypot(b, e):g}, "
        f"upper left corner at {c:.10g}, {f:.10g}{turned}"
    )


def _size(count: float) -> str:
    return gigabytes(count) if count >= 1e9 else megabytes(count, 1)
