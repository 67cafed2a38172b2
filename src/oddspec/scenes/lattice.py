"""Smooth random fields whose value at a pixel depends on the seed and the position alone.

Random numbers sit on the nodes of a lattice and are hashes of the node's position, so any row of a
field of any size can be computed by itself, in any order. Between the nodes cubic B-splines
interpolate.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_WORD = (1 << 64) - 1
_LACUNARITY = 1.93
_SPREAD = 0.27676
"""Standard deviation of uniform (-1, 1) nodes after cubic B-splines in two directions: sqrt(1/3)
times the mean of the summed squared weights, 151/315."""
_SPREAD_ALONG = 0.39973
"""The same in one direction: sqrt(1/3 x 151/315)."""


def salt(seed: int, name: str) -> int:
    """A number of 64 bits that only the random field of that name and seed has."""
    return (zlib.crc32(name.encode()) << 32 ^ (seed * 0x9E3779B97F4A7C15)) & _WORD


def generator(seed: int, name: str, row: int | None = None) -> np.random.Generator:
    """Random numbers of that name (and row of pixels), whoever draws others before."""
    key = salt(seed, name)
    return np.random.Generator(np.random.Philox(key=key if row is None else key << 64 | row))


def uniform(key: int, i: np.ndarray, j: np.ndarray | int = 0) -> np.ndarray:
    """Numbers in [0, 1) that are hashes of integer positions (the finaliser of SplitMix64)."""
    # Arrays of at least one axis: NumPy lets those wrap around, but warns of it for scalars.
    z = np.atleast_1d(i).astype(np.int64).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = z + np.atleast_1d(j).astype(np.int64).view(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    z = z ^ np.uint64(key)
    for _ in range(2):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _spline(t: np.ndarray) -> np.ndarray:
    """Weights of the four nodes around a point at ``t`` (0 to 1) between the middle two."""
    s = 1.0 - t
    first, last = s * s * s / 6.0, t * t * t / 6.0
    second = (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0
    return np.array([first, second, 1.0 - first - second - last, last])


def _spline_gradient(t: np.ndarray) -> np.ndarray:
    """Derivatives of the weights of `_spline`."""
    s = 1.0 - t
    second, third = 1.5 * t * t - 2.0 * t, 2.0 * s - 1.5 * s * s
    return np.array([-0.5 * s * s, second, third, 0.5 * t * t])


@dataclass(frozen=True)
class _Octave:
    key: int
    period: float
    gain: float
    first: np.ndarray
    weights: np.ndarray
    gradients: np.ndarray


class Field:
    """Noise of mean 0 and standard deviation 1 on a grid of pixels.

    Parameters
    ----------
    seed, name
        Which field it is.
    period
        Pixels between the nodes of the coarsest octave.
    columns
        Width of the grid.
    octaves
        How many finer lattices are added, each with ``gain`` times the amplitude of the one before.
    """

    def __init__(
        self, seed: int, name: str, period: float, columns: int, octaves: int = 1, gain: float = 0.5
    ) -> None:
        scale = np.sqrt(sum(gain ** (2 * k) for k in range(octaves))) * _SPREAD
        built = []
        for k in range(octaves):
            key = salt(seed, f"{name}/{k}")
            step = period / _LACUNARITY**k
            # A lattice of its own origin per octave, so that their nodes never line up.
            along = np.arange(columns) / step + uniform(key, np.array([-1]))
            first = np.floor(along).astype(np.intp)
            t = along - first
            built.append(
                _Octave(key, step, gain**k / scale, first, _spline(t), _spline_gradient(t))
            )
        self._octaves = tuple(built)

    def row(self, row: int) -> np.ndarray:
        """Values along one row."""
        result = np.zeros(len(self._octaves[0].first))
        for octave in self._octaves:
            nodes = octave.gain * _nodes(octave, row, _spline)
            for tap, weight in enumerate(octave.weights):
                result += weight * nodes[octave.first + tap]
        return result

    def gradient(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives along the columns and along the rows, per pixel, in one row."""
        across = np.zeros(len(self._octaves[0].first))
        down = np.zeros_like(across)
        for octave in self._octaves:
            gain = octave.gain / octave.period
            level = gain * _nodes(octave, row, _spline)
            change = gain * _nodes(octave, row, _spline_gradient)
            for tap in range(4):
                across += octave.gradients[tap] * level[octave.first + tap]
                down += octave.weights[tap] * change[octave.first + tap]
        return across, down


def _nodes(octave: _Octave, row: int, weigh: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The lattice interpolated between its rows, at its columns."""
    y = row / octave.period + float(uniform(octave.key, np.array([-2]))[0])
    j = int(np.floor(y))
    columns = np.arange(octave.first[-1] + 4)
    weights = weigh(np.asarray(y - j))
    rows = 2.0 * uniform(octave.key, columns, j + np.arange(4)[:, None]) - 1.0
    return np.asarray(weights @ rows)


class Meander:
    """Noise along one coordinate, of mean 0 and standard deviation 1: a winding line."""

    def __init__(self, seed: int, name: str, period: float) -> None:
        self._key = salt(seed, name)
        self._period = period

    def at(self, along: np.ndarray) -> np.ndarray:
        """Value at each position, in pixels."""
        scaled = along / self._period
        first = np.floor(scaled).astype(np.int64)
        low = int(first.min())
        nodes = 2.0 * uniform(self._key, np.arange(low, int(first.max()) + 4)) - 1.0
        result = np.zeros_like(scaled)
        for tap, weight in enumerate(_spline(scaled - first)):
            result += weight * nodes[first - low + tap]
        return result / _SPREAD_ALONG
