"""A first look at a scene: what state its bands, lines and pixels are in.

Small scenes are looked at whole, large ones at evenly spread rows, so the look takes bounded time
and memory; `Survey.complete` tells which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from oddspec.io.quality import USER_MASK, flag_bits
from oddspec.scene import Scene
from oddspec.statistics.gaussian import Health
from oddspec.statistics.summary import Moments
from oddspec.text import positions_text

SURVEY_VALUES = 2e7
"""Number of values looked at: 100 000 pixels of 200 bands."""

LOOK_VALUES = 2e6
"""Number of values looked at before a scene is used: 10 000 pixels of 200 bands."""

FILL_SHARE = 0.25
"""Part of the pixels that one and the same spectrum must take to be called fill."""

ENOUGH = 50
"""Pixels: fewer of them are equal by chance where values are coarse."""

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
    h = scene.shape[0]
    rows, raw = _spread(scene, SURVEY_VALUES if values is None else values)
    used = raw[:, :, scene.bands]
    finite = np.isfinite(used).all(axis=2)
    # What the sensor did shows in the stored numbers.
    cube, valid, reasons = _prepared(replace(scene, gains=None), rows, raw)
    flat = valid & (np.ptp(cube, axis=2) == 0)
    good = valid & ~flat
    pixels = cube[valid]
    ceiling = _ceiling(used.dtype, pixels)
    without_reason = ~valid & finite & (reasons == 0)
    defects = _masked_defects(scene, used[without_reason])
    at_ceiling = (cube >= ceiling) & valid[:, :, None]
    constant: tuple[int, ...] = ()
    saturated_bands: tuple[int, ...] = ()
    health = None
    if len(pixels):
        constant = tuple(scene.bands[np.ptp(pixels, axis=0) == 0].tolist())
        crowded = at_ceiling.sum(axis=(0, 1)) > max(1, 0.01 * len(pixels))
        saturated_bands = tuple(scene.bands[crowded].tolist())
        if scene.gains is not None:
            scene.gains.apply(pixels)  # a copy, and no longer needed as stored
        if len(pixels) > 1 and len(constant) < len(scene.bands):
            health = Health.of(Moments.of(pixels))
    return Survey(
        looked_at=valid.size,
        complete=len(rows) == h,
        valid=int(valid.sum()),
        nodata=int(without_reason.sum()) - sum(defects.values()),
        nonfinite=int((~finite).sum()),
        flat=int(flat.sum()),
        filled=_fill(cube, valid)[1],
        saturated=int(at_ceiling.any(axis=2).sum()),
        constant_bands=constant,
        saturated_bands=saturated_bands,
        dead_rows=tuple(rows[_gaps(good.any(axis=1))].tolist()) if len(rows) == h else (),
        dead_columns=tuple(np.flatnonzero(_gaps(good.any(axis=0))).tolist()),
        striped_columns=_stripes(cube, good),
        border_value=_border(scene, used),
        smallest=float(pixels.min()) if len(pixels) else np.nan,
        largest=float(pixels.max()) if len(pixels) else np.nan,
        health=health,
        masked={**_counted_reasons(scene, reasons), **defects},
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
    rows, raw = _spread(scene, LOOK_VALUES)
    used = raw[:, :, scene.bands]
    dead = _dead_bands(scene, used, asked)
    if len(rows) < scene.shape[0]:
        dead = _proved(scene, dead)
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
        used = used[:, :, kept]
    if not scene.mask_flat:
        return scene
    cube, valid, _ = _prepared(scene, rows, raw)
    fill, count = _fill(cube, valid)
    if fill is None:
        return scene
    note = f"one spectrum fills {count / valid.size:.0%} of the pixels looked at, and was masked"
    return replace(scene, fill=fill, notes=(*scene.notes, note))


def _spread(scene: Scene, values: float) -> tuple[np.ndarray, np.ndarray]:
    """All rows, or evenly spread ones with the first and the last: their numbers and pixels."""
    h, w, _ = scene.shape
    count = int(max(2, values // (w * scene.source.shape[2])))
    if count >= h:
        return np.arange(h), scene.source.read((0, h), (0, w))
    rows = np.unique(np.linspace(0, h - 1, count).round().astype(np.intp))
    return rows, np.concatenate([scene.source.read((r, r + 1), (0, w)) for r in rows.tolist()])


def _prepared(
    scene: Scene, rows: np.ndarray, raw: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, valid pixels and reasons to leave pixels out, of rows that have been read."""
    h, w, _ = scene.shape
    whole = len(rows) == h
    strips = [(0, h)] if whole else [(row, row + 1) for row in rows.tolist()]
    pieces = [raw] if whole else [raw[at : at + 1] for at in range(len(rows))]
    found = [scene.prepare(part, strip, (0, w)) for part, strip in zip(pieces, strips, strict=True)]
    reasons = [scene.reasons(strip, (0, w)) for strip in strips]
    none = [np.zeros(valid.shape, np.uint16) for _, valid in found]
    return (
        np.concatenate([cube for cube, _ in found]),
        np.concatenate([valid for _, valid in found]),
        np.concatenate([n if r is None else r for r, n in zip(reasons, none, strict=True)]),
    )


def _counted_reasons(scene: Scene, reasons: np.ndarray) -> dict[str, int]:
    """How many pixels are left out for which reason."""
    counts = {name: int((reasons & flag_bits([name]) != 0).sum()) for name in scene.mask.flags}
    counts["mask"] = int((reasons & USER_MASK != 0).sum())
    return {name: count for name, count in counts.items() if count}


@dataclass(frozen=True)
class _DeadBand:
    """A band without information: all missing, or one value wherever it is not missing."""

    value: float | None
    nodata: bool

    @property
    def reason(self) -> str:
        if self.value is not None:
            return "have one value throughout"
        return "are nodata throughout" if self.nodata else "are nowhere finite"


def _missing(scene: Scene, values: np.ndarray) -> np.ndarray:
    """Where values are nodata, NaN or infinite."""
    missing = ~np.isfinite(values)
    if scene.nodata is not None:
        missing |= values == scene.nodata
    return missing


def _dead_bands(scene: Scene, used: np.ndarray, asked: bool) -> dict[int, _DeadBand]:
    """The dead ones among the used bands, by position among these."""
    dead: dict[int, _DeadBand] = {}
    for band in range(used.shape[2]):
        values = used[:, :, band]
        present = values[~_missing(scene, values)]
        if not present.size:
            dead[band] = _DeadBand(None, bool(np.isfinite(values).any()))
        elif not asked and present.size >= ENOUGH and (present == present[0]).all():
            dead[band] = _DeadBand(float(present[0]), False)
    return dead


def _proved(scene: Scene, dead: dict[int, _DeadBand]) -> dict[int, _DeadBand]:
    """Those that are dead in all rows of the scene; nothing is read where there are none."""
    h, w, _ = scene.shape
    step = int(max(1, LOOK_VALUES // (w * scene.source.shape[2])))
    for top in range(0, h, step):
        if not dead:
            break
        raw = scene.source.read((top, min(top + step, h)), (0, w))
        for band, found in list(dead.items()):
            values = raw[:, :, scene.bands[band]]
            present = values[~_missing(scene, values)]
            if (present != found.value).any() if found.value is not None else present.size:
                del dead[band]
    return dead


def _fill(cube: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray | None, int]:
    """The spectrum, not flat, of so many valid pixels that it is fill, and how many there are."""
    pixels = cube[valid]
    least = max(ENOUGH, FILL_SHARE * valid.size)
    if len(pixels) < least:
        return None, 0
    # Equal spectra have equal sums; what else has them is told apart by a look at all bands.
    sums = pixels @ np.random.default_rng(0).normal(size=pixels.shape[1])
    _, first, counts = np.unique(sums, return_index=True, return_counts=True)
    spectrum = pixels[first[counts.argmax()]]
    count = int((pixels == spectrum).all(axis=1).sum()) if counts.max() >= least else 0
    if count < least or not np.ptp(spectrum):
        return None, 0
    return spectrum, count


def _masked_defects(scene: Scene, pixels: np.ndarray) -> dict[str, int]:
    """How many of some pixels that were left out are flat, and how many are fill.

    ``pixels`` are ``(n, b)``, finite, and as they are stored; the others among them are nodata.
    """
    if scene.nodata is not None:
        pixels = pixels[(pixels != scene.nodata).all(axis=1)]
    flat = int((pixels == pixels[:, :1]).all(axis=1).sum())
    counts = {"flat": flat, "fill": len(pixels) - flat}
    return {name: count for name, count in counts.items() if count}


def _ceiling(kind: np.dtype[Any], pixels: np.ndarray) -> float:
    """The value at which the sensor saturates: the type's largest, or one the data pile up at."""
    if not len(pixels):
        return np.inf
    top = float(pixels.max())
    at_limit = kind.kind in "iu" and top == np.iinfo(kind).max
    piled = np.count_nonzero((pixels == top).any(axis=1)) > max(20, 1e-3 * len(pixels))
    return top if at_limit or piled else np.inf


def _gaps(alive: np.ndarray) -> np.ndarray:
    """Dead lines between living ones: a filled border is no defect."""
    living = np.flatnonzero(alive)
    inside = np.zeros(len(alive), dtype=bool)
    if len(living):
        inside[living[0] : living[-1]] = True
    return inside & ~alive


def _stripes(cube: np.ndarray, good: np.ndarray) -> tuple[int, ...]:
    """Columns whose mean departs from both neighbours' by far more than such steps usually are."""
    if cube.shape[1] < 16 or cube.shape[0] < 8:
        return ()
    counts = good.sum(axis=0)
    means = (cube * good[:, :, None]).sum(axis=0) / np.maximum(counts, 1)[:, None]
    bend = means[1:-1] - 0.5 * (means[:-2] + means[2:])
    usual = 1.4826 * np.median(np.abs(bend), axis=0) + 1e-300
    # A bright object bends a column's mean in all bands alike but also its neighbours'; a detector
    # stripe is one column wide, so the neighbours' own bends are half as large and opposite.
    strong = (np.abs(bend) > 12 * usual).mean(axis=1) > 0.25
    enough = (counts[1:-1] > 0.5 * counts.max()) & (counts[:-2] > 0) & (counts[2:] > 0)
    size = np.abs(bend / usual).mean(axis=1)
    peak = (size >= np.r_[0, size[:-1]]) & (size >= np.r_[size[1:], 0])
    return tuple((np.flatnonzero(strong & enough & peak) + 1).tolist())


def _border(scene: Scene, used: np.ndarray) -> float | None:
    """The value that all bands of at least two corner pixels hold, if producers fill with it."""
    corners = used[[0, 0, -1, -1], [0, -1, 0, -1]].astype(np.float64)
    for value in BORDER_VALUES:
        if value != scene.nodata and ((corners == value).all(axis=1)).sum() >= 2:
            return value
    return None


def _listed(numbers: tuple[int, ...], most: int = 12) -> str:
    shown = ", ".join(str(number + 1) for number in numbers[:most])
    return shown + (f" and {len(numbers) - most} more" if len(numbers) > most else "")
