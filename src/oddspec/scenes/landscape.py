"""A rural landscape: which materials a pixel holds, and how it is lit.

Fields in strips with hedges and tracks between, woods, a river with its banks, roads and villages,
painted one over the other with antialiased edges, so that edge pixels are mixed. Everything at a
pixel is a function of the seed, the position and the scene's width alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddspec.scenes.lattice import Field, Meander, salt, uniform
from oddspec.scenes.painting import INDEX, MATERIALS, line, paint, paint_choice, smooth_step

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


_CROPS: tuple[tuple[float, str, str, float], ...] = (
    (0.20, "crop, dense", "soil, dark", 0.92),
    (0.36, "crop, young", "soil, clay", 0.55),
    (0.50, "grass", "dry grass", 0.80),
    (0.63, "stubble", "soil, clay", 0.75),
    (0.77, "soil, clay", "soil, dark", 0.85),
    (0.88, "soil, dark", "stubble", 0.90),
    (0.93, "soil, red", "soil, clay", 0.80),
    (1.01, "dry grass", "grass", 0.75),
)
"""Upper end of the random number that chooses it, what grows, what shows below, how dense."""

_RELIEF = {"crop, dense": 0.5, "crop, young": 0.4, "grass": 0.5, "broadleaf": 1.6, "conifer": 1.6}
_SMOOTH = {"water, clear": 0.25, "water, turbid": 0.35, "asphalt": 0.7, "concrete": 0.8}


@dataclass(frozen=True)
class Surface:
    """One row of pixels.

    Attributes
    ----------
    abundance
        ``(materials, columns)``, adding up to 1 in each column.
    sun
        Direct sunlight per pixel; 1 on flat ground, 0 in full shadow.
    variability
        How much the spectra vary within a material, relative to the usual.
    """

    abundance: np.ndarray
    sun: np.ndarray
    variability: np.ndarray


class Landscape:
    """The landscape of a seed, ``columns`` pixels wide and without end along the rows."""

    def __init__(self, seed: int, columns: int) -> None:
        self._seed = seed
        self._columns = np.arange(columns, dtype=np.float64)
        chance = uniform(salt(seed, "landscape"), np.arange(8))
        self._angle = np.deg2rad(14.0 + 18.0 * chance[0])
        self._river_at = -20.0 + 70.0 * chance[1]
        self._road_at = 110.0 + 70.0 * chance[2]
        self._gradient = 0.10 * (chance[3] - 0.5)
        self._parcel = salt(seed, "parcel")
        self._village = Village(seed)
        self._river = (Meander(seed, "river", 95.0), Meander(seed, "river bends", 31.0))
        self._road = Meander(seed, "road", 130.0)
        self._hills = Field(seed, "hills", 120.0, columns, octaves=4)
        self._woods = Field(seed, "woods", 75.0, columns, octaves=4)
        self._mixture = Field(seed, "mixture", 40.0, columns, octaves=3)
        self._growth = Field(seed, "growth", 22.0, columns, octaves=3, gain=0.6)
        self._crowns = Field(seed, "crowns", 2.6, columns, octaves=2, gain=0.7)
        self._clouds = Field(seed, "clouds", 170.0, columns, octaves=3)
        self._plain = np.array([1.0 - 0.6 * (name in _SMOOTH) for name in MATERIALS])
        self._vary = np.array([_RELIEF.get(m, _SMOOTH.get(m, 1.0)) for m in MATERIALS])

    def row(self, row: int) -> Surface:
        """What lies along one row."""
        x = self._columns
        cosine, sine = np.cos(self._angle), np.sin(self._angle)
        u, v = cosine * x + sine * row, cosine * row - sine * x
        growth, mixture = self._growth.row(row), self._mixture.row(row)
        crowns = self._crowns.row(row)
        woods = smooth_step(self._woods.row(row) - 0.75, 0.10)
        cover = np.zeros((len(MATERIALS), len(x)))
        self._fields(cover, u, v, growth)
        paint(cover, "grass", 0.7 * woods)
        paint(cover, "soil, dark", 0.6 * woods)
        paint(cover, "broadleaf", woods * smooth_step(mixture + 0.2, 0.5))
        paint(
            cover,
            "conifer",
            woods * smooth_step(-mixture - 0.2, 0.5) * smooth_step(0.9 - crowns, 0.4),
        )
        light = np.ones_like(x)
        built = self._village.paint(cover, light, u, v, crowns)
        wet = self._water(cover, x, float(row), mixture)
        light += wet * (1.0 - light)
        self._roads(cover, u, v)
        canopy = cover[INDEX["broadleaf"]] + cover[INDEX["conifer"]]
        light *= 1.0 + np.clip(0.22 * crowns, -0.5, 0.4) * canopy
        light *= self._relief(row, cover)
        light *= 1.0 - 0.62 * smooth_step(self._clouds.row(row) - 1.75, 0.25)
        light *= 1.0 + self._gradient * (x / len(x) - 0.5)
        return Surface(cover, np.maximum(light, 0.0), self._vary @ cover + 0.3 * built)

    def _fields(self, cover: np.ndarray, u: np.ndarray, v: np.ndarray, growth: np.ndarray) -> None:
        strip, left, right = _cells(self._parcel, u, 58.0, np.zeros_like(u, dtype=np.int64))
        field, near, far = _cells(self._parcel + 1, v, 84.0, strip)
        chance = uniform(self._parcel + 2, strip, field)
        vigour = uniform(self._parcel + 3, strip, field)
        kind = np.searchsorted([crop[0] for crop in _CROPS], chance)
        main = np.array([INDEX[crop[1]] for crop in _CROPS])[kind]
        below = np.array([INDEX[crop[2]] for crop in _CROPS])[kind]
        density = np.array([crop[3] for crop in _CROPS])[kind]
        # Seed rows and wheel tracks along the strip.
        rows = 0.05 * np.cos(2.0 * np.pi * u / (4.3 + 2.0 * vigour))
        density = np.clip(density + 0.25 * (vigour - 0.5) + 0.07 * growth + rows, 0.03, 0.98)
        pixel = np.arange(len(u))
        cover[main, pixel] = density
        cover[below, pixel] += 1.0 - density
        edge = np.minimum(np.minimum(left, right), np.minimum(near, far))
        border = np.where(left < right, strip, strip + 1)
        hedge = (uniform(self._parcel + 4, border, field) < 0.35) & (edge < 4.0)
        width = np.where(hedge, 1.5 + 0.5 * growth, 0.6)
        between = np.clip(width - edge + 0.5, 0.0, 1.0)
        paint(cover, "broadleaf", between * hedge)
        paint(cover, "dry grass", between * ~hedge * 0.6)

    def _roads(self, cover: np.ndarray, u: np.ndarray, v: np.ndarray) -> None:
        centre = self._road_at + 16.0 * self._road.at(u)
        # Main roads repeat every 900 pixels.
        away = np.abs((v - centre + 450.0) % 900.0 - 450.0)
        paint(cover, "grass", line(away, 3.4))
        paint(cover, "asphalt", line(away, 1.9))
        paint(cover, "concrete", 0.5 * line(away, 0.25))
        along = np.abs((u - 0.58 * 900.0 + 450.0) % 348.0 - 174.0)
        paint(cover, "dry grass", 0.6 * line(along, 1.9))
        paint(cover, "soil, clay", 0.9 * line(along, 0.9))

    def _water(
        self, cover: np.ndarray, x: np.ndarray, row: float, mixture: np.ndarray
    ) -> np.ndarray:
        """Paint the river and its banks; returns the part of each pixel that is water."""
        angle = self._angle + 0.75
        along = np.cos(angle) * x + np.sin(angle) * row
        across = np.cos(angle) * row - np.sin(angle) * x
        bend = 17.0 * self._river[0].at(along) + 4.0 * self._river[1].at(along)
        # The river repeats every 760 pixels, so that a large scene has several.
        away = np.abs((across - self._river_at + bend + 380.0) % 760.0 - 380.0)
        width = 5.5 + 1.2 * self._river[1].at(along + 4000.0)
        bank = width + 2.6 + 1.6 * mixture
        paint(cover, "broadleaf", 0.8 * line(away, bank + 1.5) * smooth_step(mixture - 0.2, 0.4))
        paint(cover, "grass", 0.8 * line(away, bank))
        paint(cover, "sand", line(away, width + 1.0 - 0.8 * mixture))
        wet = line(away, width)
        shallow = smooth_step(away - width + 2.5, 1.5)
        paint(cover, "water, clear", wet)
        paint(cover, "water, turbid", wet * (0.25 + 0.6 * shallow))
        return wet

    def _relief(self, row: int, cover: np.ndarray) -> np.ndarray:
        """Sunlight on slopes; water and paved ground are flat."""
        across, down = self._hills.gradient(row)
        slope = 5.0 * (0.8 * across + 0.6 * down)
        return 1.0 + np.clip(slope, -0.45, 0.45) * (self._plain @ cover)


def _cells(
    key: int, along: np.ndarray, size: float, lane: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells of uneven size along a coordinate: number, distance to its start and to its end."""
    shifted = along + 977.0 * uniform(key, lane, -7)
    cell = np.floor(shifted / size).astype(np.int64)

    def start(number: np.ndarray) -> np.ndarray:
        return (number + 0.55 * (uniform(key, number, lane) - 0.5)) * size

    cell = np.where(shifted < start(cell), cell - 1, cell)
    cell = np.where(shifted >= start(cell + 1), cell + 1, cell)
    return cell, shifted - start(cell), start(cell + 1) - shifted
