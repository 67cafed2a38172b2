"""``oddspec info --check``: all that is odd about a file or product, and what would be done."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from oddspec.errors import OddspecError
from oddspec.io.geolocation import lookup_table
from oddspec.io.quality import HasQuality
from oddspec.io.source import Georeference, Source
from oddspec.scene import Scene
from oddspec.survey import Survey, look_over, survey

SEVERITIES = ("error", "warning", "note")
"""What stops a detection; what may spoil it; what is only good to know."""

_MOSTLY = 0.9
"""Part of the pixels from which on a mask covers nearly everything."""


@dataclass(frozen=True)
class Oddity:
    """One thing that is odd.

    Attributes
    ----------
    severity
        One of `SEVERITIES`.
    found
        What, in a sentence.
    done
        What `oddspec detect` would do.
    """

    severity: str
    found: str
    done: str


def check_scene(open_it: Callable[[], Scene], bands_chosen: bool) -> list[Oddity]:
    """All that is odd about a scene, the gravest first.

    Parameters
    ----------
    open_it
        Opens it with the user's options, but does not look it over.
    bands_chosen
        Whether the user has chosen the bands.
    """
    found: list[Oddity] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with open_it() as scene:
                found += _of_metadata(scene.source)
                looked_over = look_over(scene, asked=bands_chosen)
                found += [Oddity("warning", note, _done(note)) for note in looked_over.notes]
                seen = survey(looked_over)
                found += _of_pixels(looked_over, seen)
        except OddspecError as error:
            found.append(Oddity("error", str(error), "nothing: the file is refused"))
    found += [Oddity("note", str(warning.message), "read all the same") for warning in caught]
    unlike = {(each.severity, each.found): each for each in found}
    return sorted(unlike.values(), key=lambda each: SEVERITIES.index(each.severity))


def _done(note: str) -> str:
    """What a reader's note says of what was done, told once."""
    for word in ("left out", "masked", "ignored", "taken as", "were taken", "corrected"):
        if word in note:
            return f"{word}, as it says"
    return "read all the same"


def _of_metadata(source: Source) -> Iterator[Oddity]:
    """What the file says, and what it does not say."""
    meta, (h, w, b) = source.metadata, source.shape
    waves = meta.wavelengths
    if waves is None:
        yield Oddity(
            "note",
            "has no wavelengths",
            "bands are counted; the picture takes three of them for colours",
        )
    else:
        known = waves[~np.isnan(waves)]
        if (np.diff(known) < 0).any():
            steps = int((np.diff(known) < 0).sum())
            yield Oddity(
                "warning",
                f"wavelengths step back at {steps} of {b} bands",
                "bands are used in the file's order; detectors do not mind it",
            )
        if len(np.unique(known)) < len(known):
            yield Oddity("warning", "some wavelengths stand twice", "all these bands are used")
    if meta.bad_bands is not None and meta.bad_bands.any():
        count = int(meta.bad_bands.sum())
        yield Oddity("note", f"the file calls {count} of {b} bands bad", "they are left out")
    yield from _of_place(source)
    if meta.product and not (isinstance(source, HasQuality) and source.quality):
        yield Oddity("note", "tells nothing of the quality of its pixels", "clouds are not masked")
    if min(h, w) == 1:
        yield Oddity("warning", f"is a single line ({h} x {w})", "windows do not fit in")


def _of_place(source: Source) -> Iterator[Oddity]:
    try:
        table = lookup_table(source)
    except OddspecError as error:
        yield Oddity("error", str(error), "nothing: without its place the product is refused")
        return
    place = table.georeference if table else source.metadata.georeference
    if place is None:
        yield Oddity(
            "note",
            "has no georeference",
            "positions are rows and columns; no GeoJSON is written",
        )
        return
    shape = table.shape if table else source.shape[:2]
    if place.crs is None:
        yield Oddity("warning", "has a transform but no coordinate system", "map units are written")
    elif _off_the_globe(place, shape):
        yield Oddity(
            "warning",
            "its corners are not on the globe: longitude beyond 180 or latitude beyond 90 degrees",
            "positions are written as they are",
        )
    if table is not None:
        h, w, _ = source.shape
        numbers = table.rows[table.valid].astype(np.int64) * w + table.columns[table.valid]
        lost = 1 - len(np.unique(numbers)) / (h * w)
        if lost > 0.5:
            yield Oddity(
                "warning",
                f"its lookup table shows {1 - lost:.0%} of the pixels only",
                "objects without a place take that of their neighbour",
            )


def _off_the_globe(place: Georeference, shape: tuple[int, int]) -> bool:
    if place.crs is None or not place.crs.is_geographic:
        return False
    a, b, c, d, e, f = place.transform[:6]
    corners = [(x, y) for x in (0, shape[1]) for y in (0, shape[0])]
    return any(
        abs(a * x + b * y + c) > 360 or abs(d * x + e * y + f) > 90 + 1e-9 for x, y in corners
    )


def _of_pixels(scene: Scene, seen: Survey) -> Iterator[Oddity]:
    for note in seen.notes:
        yield Oddity("warning", note, _done(note))
    share = 1 - seen.valid / max(seen.looked_at, 1)
    if not seen.valid:
        yield Oddity(
            "error",
            f"no pixel of the {seen.looked_at:,} looked at is valid",
            "nothing: there is no background",
        )
    elif share > _MOSTLY:
        masked = ", ".join(scene.mask.flags) or "nodata"
        yield Oddity(
            "warning",
            f"{share:.0%} of the pixels looked at are left out ({masked})",
            "the background is that of the rest",
        )


def oddity_lines(found: list[Oddity]) -> list[str]:
    """As lines of text."""
    if not found:
        return ["nothing odd"]
    lines = []
    for each in found:
        lines += [f"{each.severity:<8} {each.found}", f"{'':<8} -> {each.done}"]
    return lines
