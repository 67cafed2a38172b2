"""Villages: blocks of lots with houses, their roofs, yards, streets and shadows."""

from __future__ import annotations

import numpy as np

from oddspec.scenes.lattice import salt, uniform
from oddspec.scenes.painting import paint, paint_choice

_LOT = (11.0, 10.0)
_STREET = 1.3
_ZONE = 74.0
"""Pixels between the nodes of the noise that says where villages are."""

_ROOFS = ((0.50, "roof tile"), (0.68, "roof, bitumen"), (0.92, "concrete"), (1.01, "asphalt"))
_YARDS = ((0.55, "grass"), (0.75, "dry grass"), (0.90, "broadleaf"), (1.01, "soil, clay"))


class Village:
    """The villages of a seed."""

    def __init__(self, seed: int) -> None:
        self._zone = salt(seed, "village")
        self._lot = salt(seed, "lot")

    def paint(
        self, cover: np.ndarray, light: np.ndarray, u: np.ndarray, v: np.ndarray, crowns: np.ndarray
    ) -> np.ndarray:
        """Paint them over ``cover``, darken ``light`` in the houses' shadows.

        Returns the part of each pixel that is built up.
        """
        i, j = np.floor(u / _LOT[0]).astype(np.int64), np.floor(v / _LOT[1]).astype(np.int64)
        # Streets between pairs of lots one way, between every fourth the other.
        street = np.minimum(_distance(u, 2.0 * _LOT[0]), _distance(v, 4.0 * _LOT[1]))
        settled = self._settled(i, j)
        if not settled.any():
            return np.zeros_like(u)
        paint_choice(cover, _YARDS, uniform(self._lot, i, j), settled * 0.92)
        trees = settled * np.clip(0.8 * (crowns - 0.7), 0.0, 0.85)
        paint(cover, "broadleaf", trees)
        paint(cover, "asphalt", settled * np.clip(_STREET - street + 0.5, 0.0, 1.0))
        house = settled * self._house(u, v, i, j)
        shadow = settled * self._house(u - 1.3, v - 1.1, i, j) * (1.0 - house)
        light *= 1.0 - 0.85 * shadow
        # The two halves of a pitched roof face towards and away from the sun.
        ridge = np.sign(v - (j + 0.5) * _LOT[1]) * (uniform(self._lot + 1, i, j) < 0.7)
        light *= 1.0 + 0.16 * ridge * house
        paint_choice(cover, _ROOFS, uniform(self._lot + 2, i, j), house)
        return house

    def _settled(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """1 where a lot lies in a village, decided at its centre so that no lot is cut."""
        x, y = (i + 0.5) * _LOT[0] / _ZONE, (j + 0.5) * _LOT[1] / _ZONE
        left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
        s, t = x - left, y - top
        s, t = s * s * (3.0 - 2.0 * s), t * t * (3.0 - 2.0 * t)
        upper = (1 - s) * uniform(self._zone, left, top) + s * uniform(self._zone, left + 1, top)
        lower = (1 - s) * uniform(self._zone, left, top + 1) + s * uniform(
            self._zone, left + 1, top + 1
        )
        return np.asarray(((1 - t) * upper + t * lower > 0.71).astype(np.float64))

    def _house(self, u: np.ndarray, v: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Part of each pixel under the roof of its lot."""
        wide = 1.7 + 1.7 * uniform(self._lot + 3, i, j)
        deep = 1.5 + 1.5 * uniform(self._lot + 4, i, j)
        across = np.abs(u - (i + 0.40 + 0.2 * uniform(self._lot + 5, i, j)) * _LOT[0])
        along = np.abs(v - (j + 0.42 + 0.16 * uniform(self._lot + 6, i, j)) * _LOT[1])
        inside = np.clip(wide - across + 0.5, 0, 1) * np.clip(deep - along + 0.5, 0, 1)
        return np.asarray(inside * (uniform(self._lot + 7, i, j) < 0.85))


def _distance(along: np.ndarray, spacing: float) -> np.ndarray:
    return np.abs((along + spacing / 2) % spacing - spacing / 2)
