"""A first look at a scene: what state its bands, lines and pixels are in.

Small scenes are looked at whole, large ones at evenly spread rows, so the look takes bounded time;
`Survey.complete` tells which. Rows are read in parts of `PART_VALUES`, so it takes little memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

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

PART_VALUES = 5e5
"""Number of values held at once: 4 MB of float64, and as much for each of a few passing arrays."""

SAMPLED = 100_000
"""Pixels among which a spectrum that fills a part of the scene is searched for."""

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
    h, w, _ = scene.shape
    rows = _spread_rows(scene, SURVEY_VALUES if values is None else values)
    # What the sensor did shows in the stored numbers.
    stored = replace(scene, gains=None)
    seen, common = _Seen(scene, len(rows)), _CommonSpectrum(stored, rows)
    for part in _parts(scene, rows):
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
        dead_rows=tuple(rows[_gaps(seen.good_rows)].tolist()) if complete else (),
        dead_columns=tuple(np.flatnonzero(_gaps(seen.good > 0)).tolist()),
        striped_columns=_stripes(seen.column_sums, seen.good) if len(rows) >= 8 else (),
        border_value=_border(scene),
        smallest=seen.smallest if seen.valid else np.nan,
        largest=seen.largest if seen.valid else np.nan,
        health=seen.health,
        masked={name: count for name, count in seen.masked.items() if count},
    )


@dataclass(frozen=True)
class _Part:
    """Some of the rows that are looked at, or a piece of one of them."""

    rows: np.ndarray
    places: slice
    """Of these rows among all that are looked at."""
    columns: tuple[int, int]

    def read(self, scene: Scene) -> np.ndarray:
        """Its pixels, as they are stored."""
        first, last = int(self.rows[0]), int(self.rows[-1])
        if last - first + 1 == len(self.rows):
            return scene.source.read((first, last + 1), self.columns)
        lines = [scene.source.read((r, r + 1), self.columns) for r in self.rows.tolist()]
        return np.concatenate(lines)

    def prepared(self, scene: Scene, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Values, valid pixels and reasons to leave pixels out, of what has been read."""
        first, last = int(self.rows[0]), int(self.rows[-1])
        if last - first + 1 == len(self.rows):
            strips, pieces = [(first, last + 1)], [raw]
        else:
            strips = [(row, row + 1) for row in self.rows.tolist()]
            pieces = [raw[at : at + 1] for at in range(len(self.rows))]
        cubes, valid, reasons = [], [], []
        for strip, piece in zip(strips, pieces, strict=True):
            values, good = scene.prepare(piece, strip, self.columns)
            why = scene.reasons(strip, self.columns)
            cubes.append(values)
            valid.append(good)
            reasons.append(np.zeros(good.shape, np.uint16) if why is None else why)
        return np.concatenate(cubes), np.concatenate(valid), np.concatenate(reasons)


def _parts(scene: Scene, rows: np.ndarray) -> Iterator[_Part]:
    """The rows in pieces of `PART_VALUES`."""
    _, w, bands = scene.source.shape
    across = int(max(1, min(w, PART_VALUES // bands)))
    down = int(max(1, PART_VALUES // (across * bands)))
    for top in range(0, len(rows), down):
        places = slice(top, min(top + down, len(rows)))
        for left in range(0, w, across):
            yield _Part(rows[places], places, (left, min(left + across, w)))


class _Seen:
    """What a survey has counted in the parts looked at so far."""

    def __init__(self, scene: Scene, rows: int) -> None:
        _, w, b = scene.shape
        self.scene = scene
        self.valid = self.nodata = self.nonfinite = self.flat = 0
        self.masked = dict.fromkeys((*scene.mask.flags, "mask", "flat", "fill"), 0)
        self.good_rows = np.zeros(rows, dtype=np.bool_)
        """Whether a row has a pixel that is valid and not flat."""
        self.good = np.zeros(w, dtype=np.intp)
        """Such pixels in each column; `column_sums` are of their spectra."""
        self.column_sums = np.zeros((w, b))
        self.low, self.high = np.full(b, np.inf), np.full(b, -np.inf)
        self.top = -np.inf
        """The largest value so far; pixels that have it in some band, and their number by band."""
        self.at_top = 0
        self.at_top_by_band = np.zeros(b, dtype=np.intp)
        self.smallest, self.largest = np.inf, -np.inf
        """As the moments, of the values that a detector sees."""
        self.moments: Moments | None = None

    def add(
        self,
        part: _Part,
        used: np.ndarray,
        cube: np.ndarray,
        valid: np.ndarray,
        reasons: np.ndarray,
    ) -> None:
        """Count a part: its used bands as they are stored, and what `_Part.prepared` gives."""
        finite = np.isfinite(used).all(axis=2)
        flat = valid & (np.ptp(cube, axis=2) == 0)
        good = valid & ~flat
        self.valid += int(valid.sum())
        without_reason = ~valid & finite & (reasons == 0)
        defects = _masked_defects(self.scene, used[without_reason])
        self.nodata += int(without_reason.sum()) - sum(defects.values())
        for name, count in defects.items():
            self.masked[name] += count
        for name in self.scene.mask.flags:
            self.masked[name] += int((reasons & flag_bits([name]) != 0).sum())
        self.masked["mask"] += int((reasons & USER_MASK != 0).sum())
        self.nonfinite += int((~finite).sum())
        self.flat += int(flat.sum())
        self.good_rows[part.places] |= good.any(axis=1)
        columns = slice(*part.columns)
        self.good[columns] += good.sum(axis=0)
        for row, kept in zip(cube, good, strict=True):
            self.column_sums[columns][kept] += row[kept]
        pixels = cube[valid]
        if len(pixels):
            self._add_pixels(pixels)

    def _add_pixels(self, pixels: np.ndarray) -> None:
        self.low = np.minimum(self.low, pixels.min(axis=0))
        self.high = np.maximum(self.high, pixels.max(axis=0))
        top = float(self.high.max())
        if top > self.top:
            self.top, self.at_top = top, 0
            self.at_top_by_band[:] = 0
        at_top = pixels == top
        self.at_top += int(at_top.any(axis=1).sum())
        self.at_top_by_band += at_top.sum(axis=0)
        if self.scene.gains is not None:
            self.scene.gains.apply(pixels)  # a copy, and no longer needed as stored
        self.smallest = min(self.smallest, float(pixels.min()))
        self.largest = max(self.largest, float(pixels.max()))
        moments = Moments.of(pixels)
        self.moments = moments if self.moments is None else self.moments + moments

    @property
    def constant_bands(self) -> tuple[int, ...]:
        return tuple(self.scene.bands[self.low == self.high].tolist())

    @property
    def saturates(self) -> bool:
        """Whether the sensor does at the largest value: the type's, or one the data pile up at."""
        kind = self.scene.source.dtype
        at_limit = kind.kind in "iu" and self.top == np.iinfo(kind).max
        return at_limit or self.at_top > max(20, 1e-3 * self.valid)

    @property
    def saturated_bands(self) -> tuple[int, ...]:
        crowded = self.at_top_by_band > max(1, 0.01 * self.valid)
        return tuple(self.scene.bands[crowded & self.saturates].tolist())

    @property
    def health(self) -> Health | None:
        """Of the covariance; None where it cannot be computed."""
        if self.moments is None or self.valid < 2 or (self.low == self.high).all():
            return None
        return Health.of(self.moments)


class _CommonSpectrum:
    """Searches the rows looked at for one spectrum that fills a large part of them."""

    def __init__(self, scene: Scene, rows: np.ndarray) -> None:
        self.scene, self.rows = scene, rows
        pixels = len(rows) * scene.shape[1]
        # What fills a quarter of the pixels is as common among every so manyth of them.
        self.step = -(-pixels // SAMPLED)
        self.valid = 0
        self.places: list[np.ndarray] = []
        self.sums: list[np.ndarray] = []
        self._weights = np.random.default_rng(0).normal(size=scene.shape[2])

    def add(self, part: _Part, cube: np.ndarray, valid: np.ndarray) -> None:
        """Look at a part."""
        self.valid += int(valid.sum())
        rows = np.arange(part.places.start, part.places.stop)
        place = rows[:, None] * self.scene.shape[1] + np.arange(*part.columns)
        chosen = valid & (place % self.step == 0)
        self.places.append(place[chosen])
        # Equal spectra have equal sums, each added up by itself and so in one order.
        self.sums.append(np.vecdot(cube[chosen], self._weights))

    def fill(self) -> tuple[np.ndarray | None, int]:
        """That spectrum if it is not flat and takes enough valid pixels, and how many it takes."""
        width = self.scene.shape[1]
        least = max(ENOUGH, FILL_SHARE * len(self.rows) * width)
        sums = np.concatenate(self.sums)
        if self.valid < least or not len(sums):
            return None, 0
        _, first, counts = np.unique(sums, return_index=True, return_counts=True)
        # Half of what it takes: the sample may have less than its share of what the scene has.
        if self.step * counts.max() < 0.5 * least:
            return None, 0
        row, column = divmod(int(np.concatenate(self.places)[first[counts.argmax()]]), width)
        number = int(self.rows[row])
        cube, _ = self.scene.read((number, number + 1), (column, column + 1))
        spectrum = cube[0, 0]
        count = 0
        for part in _parts(self.scene, self.rows):
            cube, valid, _ = part.prepared(self.scene, part.read(self.scene))
            count += int(((cube == spectrum).all(axis=2) & valid).sum())
        if count < least or not np.ptp(spectrum):
            return None, 0
        return spectrum, count


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
    rows = _spread_rows(scene, LOOK_VALUES)
    raw = _Part(rows, slice(0, len(rows)), (0, scene.shape[1])).read(scene)
    dead = _dead_bands(scene, raw[:, :, scene.bands], asked)
    del raw
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
    if not scene.mask_flat:
        return scene
    common = _CommonSpectrum(scene, rows)
    for part in _parts(scene, rows):
        common.add(part, *part.prepared(scene, part.read(scene))[:2])
    fill, count = common.fill()
    if fill is None:
        return scene
    share = count / (len(rows) * scene.shape[1])
    note = f"one spectrum fills {share:.0%} of the pixels looked at, and was masked"
    return replace(scene, fill=fill, notes=(*scene.notes, note))


def _spread_rows(scene: Scene, values: float) -> np.ndarray:
    """All rows that hold so many values, or evenly spread ones with the first and the last."""
    h, w, _ = scene.shape
    count = int(max(2, values // (w * scene.source.shape[2])))
    return np.unique(np.linspace(0, h - 1, min(count, h)).round().astype(np.intp))


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


def _masked_defects(scene: Scene, pixels: np.ndarray) -> dict[str, int]:
    """How many of some pixels that were left out are flat, and how many are fill.

    ``pixels`` are ``(n, b)``, finite, and as they are stored; the others among them are nodata.
    """
    if scene.nodata is not None:
        pixels = pixels[(pixels != scene.nodata).all(axis=1)]
    flat = int((pixels == pixels[:, :1]).all(axis=1).sum())
    return {"flat": flat, "fill": len(pixels) - flat}


def _gaps(alive: np.ndarray) -> np.ndarray:
    """Dead lines between living ones: a filled border is no defect."""
    living = np.flatnonzero(alive)
    inside = np.zeros(len(alive), dtype=bool)
    if len(living):
        inside[living[0] : living[-1]] = True
    return inside & ~alive


def _stripes(sums: np.ndarray, counts: np.ndarray) -> tuple[int, ...]:
    """Columns whose mean departs from both neighbours' by far more than such steps usually are.

    ``sums`` ``(w, b)`` over ``counts`` ``(w,)`` pixels of each column.
    """
    if len(counts) < 16:
        return ()
    means = sums / np.maximum(counts, 1)[:, None]
    bend = means[1:-1] - 0.5 * (means[:-2] + means[2:])
    usual = 1.4826 * np.median(np.abs(bend), axis=0) + 1e-300
    # A bright object bends a column's mean in all bands alike but also its neighbours'; a detector
    # stripe is one column wide, so the neighbours' own bends are half as large and opposite.
    strong = (np.abs(bend) > 12 * usual).mean(axis=1) > 0.25
    enough = (counts[1:-1] > 0.5 * counts.max()) & (counts[:-2] > 0) & (counts[2:] > 0)
    size = np.abs(bend / usual).mean(axis=1)
    peak = (size >= np.r_[0, size[:-1]]) & (size >= np.r_[size[1:], 0])
    return tuple((np.flatnonzero(strong & enough & peak) + 1).tolist())


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
