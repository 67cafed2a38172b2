"""Bands that hold nothing: all missing, or one value wherever they are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddspec.scene import Scene

ENOUGH = 50
"""Pixels: fewer of them are equal by chance where values are coarse."""

PROOF_VALUES = 2e6
"""Number of values read at once where a band is proved dead in all rows."""


@dataclass(frozen=True)
class DeadBand:
    """A band without information: all missing, or one value wherever it is not missing."""

    value: float | None
    nodata: bool

    @property
    def reason(self) -> str:
        """Why it holds nothing, as a predicate."""
        if self.value is not None:
            return "have one value throughout"
        return "are nodata throughout" if self.nodata else "are nowhere finite"


def _missing(scene: Scene, values: np.ndarray) -> np.ndarray:
    """Where values are nodata, NaN or infinite."""
    missing = ~np.isfinite(values)
    if scene.nodata is not None:
        missing |= values == scene.nodata
    return missing


def dead_bands(scene: Scene, used: np.ndarray, asked: bool) -> dict[int, DeadBand]:
    """The dead ones among the used bands, by position among these."""
    dead: dict[int, DeadBand] = {}
    for band in range(used.shape[2]):
        values = used[:, :, band]
        present = values[~_missing(scene, values)]
        if not present.size:
            dead[band] = DeadBand(None, bool(np.isfinite(values).any()))
        elif not asked and present.size >= ENOUGH and (present == present[0]).all():
            dead[band] = DeadBand(float(present[0]), False)
    return dead


def proved_dead(scene: Scene, dead: dict[int, DeadBand]) -> dict[int, DeadBand]:
    """Those that are dead in all rows of the scene; nothing is read where there are none."""
    h, w, _ = scene.shape
    step = int(max(1, PROOF_VALUES // (w * scene.source.shape[2])))
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
