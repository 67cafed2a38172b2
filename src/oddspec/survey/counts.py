"""What a survey counts in the parts of a scene, one after the other."""

from __future__ import annotations

import numpy as np

from oddspec.io.quality import USER_MASK, flag_bits
from oddspec.scene import Scene
from oddspec.statistics.gaussian import Health
from oddspec.statistics.summary import Moments
from oddspec.survey.parts import Part


class SurveyCounts:
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
        part: Part,
        used: np.ndarray,
        cube: np.ndarray,
        valid: np.ndarray,
        reasons: np.ndarray,
    ) -> None:
        """Count a part: its used bands as they are stored, and what `Part.prepared` gives."""
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
        """Positions of used bands with one value in all valid pixels."""
        return tuple(self.scene.bands[self.low == self.high].tolist())

    @property
    def saturates(self) -> bool:
        """Whether the sensor does at the largest value: the type's, or one the data pile up at."""
        kind = self.scene.source.dtype
        at_limit = kind.kind in "iu" and self.top == np.iinfo(kind).max
        return at_limit or self.at_top > max(20, 1e-3 * self.valid)

    @property
    def saturated_bands(self) -> tuple[int, ...]:
        """Those with the largest value in more than 1 percent of the valid pixels."""
        crowded = self.at_top_by_band > max(1, 0.01 * self.valid)
        return tuple(self.scene.bands[crowded & self.saturates].tolist())

    @property
    def health(self) -> Health | None:
        """Of the covariance; None where it cannot be computed."""
        if self.moments is None or self.valid < 2 or (self.low == self.high).all():
            return None
        return Health.of(self.moments)


def _masked_defects(scene: Scene, pixels: np.ndarray) -> dict[str, int]:
    """How many of some pixels that were left out are flat, and how many are fill.

    ``pixels`` are ``(n, b)``, finite, and as they are stored; the others among them are nodata.
    """
    if scene.nodata is not None:
        pixels = pixels[(pixels != scene.nodata).all(axis=1)]
    flat = int((pixels == pixels[:, :1]).all(axis=1).sum())
    return {"flat": flat, "fill": len(pixels) - flat}
