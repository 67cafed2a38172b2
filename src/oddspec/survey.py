"""A first look at a scene: what state its bands, lines and pixels are in.

Small scenes are looked at whole, large ones at evenly spread rows, so the look takes bounded time
and memory; `Survey.complete` tells which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oddspec.scene import Scene
from oddspec.statistics.gaussian import Health
from oddspec.statistics.summary import Moments

SURVEY_VALUES = 2e7
"""Number of values looked at: 100 000 pixels of 200 bands."""

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
    """Of the covariance, or None if it cannot be computed."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user about what is unusual; empty where all is well."""
        look = "" if self.complete else f" among the {self.looked_at:,} pixels looked at"
        notes = []
        if self.nonfinite:
            notes.append(f"pixels with NaN or infinity{look}: {self.nonfinite:,}, masked")
        if self.nodata:
            notes.append(f"pixels that are nodata{look}: {self.nodata:,}, masked")
        if self.flat:
            notes.append(
                f"pixels with one value in every band{look} (dead or filled): {self.flat:,}; "
                f"--mask-defects masks them"
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


def survey(scene: Scene) -> Survey:
    """Look at a scene, or at evenly spread rows of a large one."""
    h, w, _ = scene.shape
    rows = _rows(h, w, scene.source.shape[2])
    if len(rows) == h:
        raw = scene.source.read((0, h), (0, w))
    else:
        raw = np.concatenate([scene.source.read((r, r + 1), (0, w)) for r in rows.tolist()])
    used = raw[:, :, scene.bands]
    finite = np.isfinite(used).all(axis=2)
    cube, valid = scene.prepare(raw)
    flat = valid & (np.ptp(cube, axis=2) == 0)
    good = valid & ~flat
    pixels = cube[valid]
    ceiling = _ceiling(used.dtype, pixels)
    at_ceiling = (cube >= ceiling) & valid[:, :, None]
    constant: tuple[int, ...] = ()
    saturated_bands: tuple[int, ...] = ()
    health = None
    if len(pixels):
        constant = tuple(scene.bands[np.ptp(pixels, axis=0) == 0].tolist())
        crowded = at_ceiling.sum(axis=(0, 1)) > max(1, 0.01 * len(pixels))
        saturated_bands = tuple(scene.bands[crowded].tolist())
        if len(pixels) > 1 and len(constant) < len(scene.bands):
            health = Health.of(Moments.of(pixels))
    return Survey(
        looked_at=valid.size,
        complete=len(rows) == h,
        valid=int(valid.sum()),
        nodata=int((~valid & finite).sum()),
        nonfinite=int((~finite).sum()),
        flat=int(flat.sum()),
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
    )


def _rows(height: int, width: int, bands: int) -> np.ndarray:
    """All rows, or evenly spread ones with the first and the last."""
    count = int(max(2, SURVEY_VALUES // (width * bands)))
    if count >= height:
        return np.arange(height)
    return np.unique(np.linspace(0, height - 1, count).round().astype(np.intp))


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
