"""Painting materials over a row of pixels, with antialiased edges."""

from __future__ import annotations

import numpy as np

from oddspec.scenes.spectra import BACKGROUND

MATERIALS = tuple(BACKGROUND)
"""Order of the materials along the first axis of a cover."""
INDEX = {name: number for number, name in enumerate(MATERIALS)}


def paint(cover: np.ndarray, material: str, coverage: np.ndarray) -> None:
    """Cover that part of each pixel; ``cover`` is ``(materials, columns)`` and adds up to 1."""
    cover *= 1.0 - coverage
    cover[INDEX[material]] += coverage


def paint_choice(
    cover: np.ndarray,
    options: tuple[tuple[float, str], ...],
    chance: np.ndarray,
    coverage: np.ndarray,
) -> None:
    """Paint each pixel with the first option whose limit is not below the pixel's chance."""
    kind = np.searchsorted([limit for limit, _ in options], chance)
    index = np.array([INDEX[name] for _, name in options])[kind]
    cover *= 1.0 - coverage
    cover[index, np.arange(len(chance))] += coverage


def smooth_step(value: np.ndarray, width: float) -> np.ndarray:
    """0 below ``-width``, 1 above ``width``, smooth between."""
    t = np.clip(value / (2.0 * width) + 0.5, 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def line(away: np.ndarray, half: np.ndarray | float) -> np.ndarray:
    """Part of a pixel within ``half`` pixels of a line that runs ``away`` from its centre."""
    inner, outer = half - away + 0.5, away + half + 0.5
    return np.asarray(np.clip(np.minimum(np.minimum(inner, outer), 2.0 * half), 0.0, 1.0))
