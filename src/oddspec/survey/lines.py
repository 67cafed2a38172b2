"""Rows and columns that are dead or striped."""

from __future__ import annotations

import numpy as np


def dead_lines(alive: np.ndarray) -> np.ndarray:
    """Dead lines between living ones: a filled border is no defect."""
    living = np.flatnonzero(alive)
    inside = np.zeros(len(alive), dtype=bool)
    if len(living):
        inside[living[0] : living[-1]] = True
    return inside & ~alive


def striped_columns(sums: np.ndarray, counts: np.ndarray) -> tuple[int, ...]:
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
