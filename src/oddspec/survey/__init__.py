"""A first look at a scene: what state its bands, lines and pixels are in.

Small scenes are looked at whole, large ones at evenly spread rows, so the look takes bounded time;
`Survey.complete` tells which. Rows are read in parts, so it takes little memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from oddspec.scene import Scene
from oddspec.statistics.gaussian import Health
from oddspec.survey.common_spectrum import CommonSpectrum
from oddspec.survey.counts import SurveyCounts
from oddspec.survey.dead_bands import dead_bands, proved_dead
from oddspec.survey.lines import dead_lines, striped_columns
from oddspec.survey.parts import Part, parts_of, spread_rows
from oddspec.text import positions_text

SURVEY_VALUES = 2e7
"""Number of values looked at: 100 000 pixels of 200 bands."""

LOOK_VALUES = 2e6
"""Number of values looked at before a scene is used: 10 000 pixels of 200 bands."""

BORDER_VALUES = (0, -1, -9999, -32768, 32767, 65535, -999, -3.4028234663852886e38)
"""What producers fill the outside of a scene with; written so that they can be typed."""


@dataclass(frozen=True)
class Survey:
    """What was found. Band numbers are positions among all bands of the file, from 0."""

    looked_at: int
    """Pixels looked at."""
    complete: bool
    """Whether these are all pixels."""
    valid: int
    nodata: int
    nonfinite: int
    flat: int
    """Valid pixels with the same value in every used band: dead, or filled."""
    filled: int
    """Valid pixels with one and the same spectrum, not flat, if it takes a quarter of the scene."""
    saturated: int
    """Valid pixels at the largest value the data type (or the scene) has, in some used band."""
    constant_bands: tuple[int, ...]
    saturated_bands: tuple[int, ...]
    """Bands in which more than 1 percent of the valid pixels stand at the scene's ceiling."""
    dead_rows: tuple[int, ...]
    """Rows looked at without a single pixel that is valid and not flat, next to ones with."""
    dead_columns: tuple[int, ...]
    """Columns without one, in any row looked at."""
    striped_columns: tuple[int, ...]
    """Columns whose mean stands out from their neighbours' in many bands."""
    border_value: float | None
    """A value that fills pixels at the scene's corners and is not declared as nodata."""
    smallest: float
    largest: float
    health: Health | None
    """Of the covariance, or None if it cannot be computed; as the extremes, of the values that a
    detector sees. All else is of the numbers as they are stored."""
    masked: Mapping[str, int] = field(default_factory=dict)
    """Pixels left out by each quality flag, by the user (``mask``) and as defects (``flat``,
    ``fill``); one may have several of the first two."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user about what is unusual; empty where all is well."""
        look = "" if self.complete else f" among the {self.looked_at:,} pixels looked at"
        notes = []
        if self.nonfinite:
            notes.append(f"pixels with NaN or infinity{look}: {self.nonfinite:,}, masked")
        if self.nodata:
            notes.append(f"pixels that are nodata{look}: {self.nodata:,}, masked")
        if self.masked:
            listed = ", ".join(f"{name} {count:,}" for name, count in self.masked.items())
            notes.append(f"pixels masked{look}: {listed}")
        if self.flat:
            notes.append(
                f"pixels with one value in every band{look} (dead or filled): {self.flat:,}; "
                f"--mask-defects masks them"
            )
        if self.filled:
            notes.append(
                f"pixels with one and the same spectrum{look} (filled): {self.filled:,}, "
                f"{self.filled / self.looked_at:.0%} of them; --mask-defects masks them"
            )
        if self.saturated:
            notes.append(f"pixels saturated in some band{look}: {self.saturated:,}")
        for what, numbers in (
            ("constant bands", self.constant_bands),
            ("bands with saturation", self.saturated_bands),
            ("dead rows", self.dead_rows),
            ("dead columns", self.dead_columns),
            ("columns that look striped", self.striped_columns),
        ):
            if numbers:
                notes.append(f"{what} (counted from 1): {_listed(numbers)}")
        if self.border_value is not None:
            notes.append(
                f"the scene's edge is filled with {self.border_value!r}, which the file does not "
                f"declare as nodata: if it is not data, say --nodata={self.border_value!r}"
            )
        return (*notes, *(self.health.notes if self.health else ()))


def survey(scene: Scene, values: float | None = None) -> Survey:
    """Look at a scene, or at evenly spread rows of a large one.

    Parameters
    ----------
    scene
        What to look at.
    values
        How many values to look at, at most; by default `SURVEY_VALUES`.
    """
    h, w, _ = scene.shape
    rows = spread_rows(scene, SURVEY_VALUES if values is None else values)
    # What the sensor did shows in the stored numbers.
    stored = replace(scene, gains=None)
    seen, common = SurveyCounts(scene, len(rows)), CommonSpectrum(stored, rows)
    for part in parts_of(scene, rows):
        raw = part.read(scene)
        cube, valid, reasons = part.prepared(stored, raw)
        seen.add(part, raw[:, :, scene.bands], cube, valid, reasons)
        common.add(part, cube, valid)
    complete = len(rows) == h
    return Survey(
        looked_at=len(rows) * w,
        complete=complete,
        valid=seen.valid,
        nodata=seen.nodata,
        nonfinite=seen.nonfinite,
        flat=seen.flat,
        filled=common.fill()[1],
        saturated=seen.at_top if seen.saturates else 0,
        constant_bands=seen.constant_bands,
        saturated_bands=seen.saturated_bands,
        dead_rows=tuple(rows[dead_lines(seen.good_rows)].tolist()) if complete else (),
        dead_columns=tuple(np.flatnonzero(dead_lines(seen.good > 0)).tolist()),
        striped_columns=striped_columns(seen.column_sums, seen.good) if len(rows) >= 8 else (),
        border_value=_border(scene),
        smallest=seen.smallest if seen.valid else np.nan,
        largest=seen.largest if seen.valid else np.nan,
        health=seen.health,
        masked={name: count for name, count in seen.masked.items() if count},
    )


def look_over(scene: Scene, *, asked: bool = False) -> Scene:
    """The scene without what would spoil every pixel; each such thing is among its notes.

    Bands that hold nothing but nodata, NaN or infinity, or one value throughout, are left out if at
    least two others remain. Where flat pixels are masked, so is a spectrum that fills a quarter of
    the scene. All this is searched for in evenly spread rows, and of bands proved in all rows.

    Parameters
    ----------
    scene
        As it was opened.
    asked
        Whether its bands were chosen by the user: then flat ones stay.
    """
    rows = spread_rows(scene, LOOK_VALUES)
    raw = Part(rows, slice(0, len(rows)), (0, scene.shape[1])).read(scene)
    dead = dead_bands(scene, raw[:, :, scene.bands], asked)
    del raw
    if len(rows) < scene.shape[0]:
        dead = proved_dead(scene, dead)
    left_out = np.array(sorted(dead), dtype=np.intp)
    if 0 < len(left_out) <= len(scene.bands) - 2:
        reasons = dict.fromkeys(dead[band].reason for band in left_out.tolist())
        notes = [
            f"bands that {reason} (counted from 1), left out: "
            f"{positions_text(scene.bands[b] for b in left_out if dead[b].reason == reason)}"
            for reason in reasons
        ]
        kept = np.delete(np.arange(len(scene.bands)), left_out)
        scene = replace(scene, bands=scene.bands[kept], notes=(*scene.notes, *notes))
    if not scene.mask_flat:
        return scene
    common = CommonSpectrum(scene, rows)
    for part in parts_of(scene, rows):
        common.add(part, *part.prepared(scene, part.read(scene))[:2])
    fill, count = common.fill()
    if fill is None:
        return scene
    share = count / (len(rows) * scene.shape[1])
    note = f"one spectrum fills {share:.0%} of the pixels looked at, and was masked"
    return replace(scene, fill=fill, notes=(*scene.notes, note))


def _border(scene: Scene) -> float | None:
    """The value that all bands of at least two corner pixels hold, if producers fill with it."""
    h, w, _ = scene.shape
    places = [(row, column) for row in (0, h - 1) for column in (0, w - 1)]
    pixels = [scene.source.read((r, r + 1), (c, c + 1))[0, 0, scene.bands] for r, c in places]
    corners = np.array(pixels, dtype=np.float64)
    for value in BORDER_VALUES:
        if value != scene.nodata and (corners == value).all(axis=1).sum() >= 2:
            return value
    return None


def _listed(numbers: tuple[int, ...], most: int = 12) -> str:
    shown = ", ".join(str(number + 1) for number in numbers[:most])
    return shown + (f" and {len(numbers) - most} more" if len(numbers) > most else "")
