"""One spectrum over a large part of a scene: fill, not ground."""

from __future__ import annotations

import numpy as np

from oddspec.scene import Scene
from oddspec.survey.dead_bands import ENOUGH
from oddspec.survey.parts import Part, parts_of

SAMPLED = 100_000
"""Pixels among which a spectrum that fills a part of the scene is searched for."""

FILL_SHARE = 0.25
"""Part of the pixels that one and the same spectrum must take to be called fill."""


class CommonSpectrum:
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

    def add(self, part: Part, cube: np.ndarray, valid: np.ndarray) -> None:
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
        for part in parts_of(self.scene, self.rows):
            cube, valid, _ = part.prepared(self.scene, part.read(self.scene))
            count += int(((cube == spectrum).all(axis=2) & valid).sum())
        if count < least or not np.ptp(spectrum):
            return None, 0
        return spectrum, count
