"""Penalty weights at a scene's own scale, from its singular values alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import linalg

__all__ = ["Weights", "scene_weights"]


class Weights(NamedTuple):
    """Of ``l1/2 ||D||_F^2 + l2 ||L||_* + l3 ||S||_{2,1}``."""

    l1: float
    l2: float
    l3: float


def scene_weights(X: Float[np.ndarray, "n b"], rank: int) -> Weights:
    """Weights with which the low-rank part keeps the scene's ``rank`` strongest patterns.

    With the best shares of ``L D`` (`oddspec.solvers.balance`), what is left of the penalties on a
    singular value p of the background is ``3/2 c p^(2/3)`` with ``c = (l1 l2^2)^(1/3)``. Fitted to
    a singular value s of X, this gives zero below ``s = 2 c^(3/4)`` and above it the root of
    ``s - p = c p^(-1/3)``. So with s_r the scene's singular value of number ``rank``::

        l1 = 1,   l2 = (s_r / 2)^2

    put the threshold at s_r. (Only the product ``l1 l2^2`` matters: a common factor moves between
    D and L.) The weakest kept pattern then has atoms of length s_r / 2, so ``mu = l2`` is the
    natural penalty of the solver. And l3 is the median length of the residuals of that fit: the
    more ordinary half of the pixels counts as background entirely.

    Parameters
    ----------
    X
        Pixels that are not all zero.
    rank
        At least 1. Where X has no more patterns (in numbers), all are kept by a wide margin: with
        a threshold of a tenth of the weakest.
    """
    squares, V = linalg.eigh(X.T @ X)
    s, V = np.sqrt(np.maximum(squares[::-1], 0)), V[:, ::-1]
    patterns = max(1, int((s > 1e-6 * s[0]).sum()))
    kept = min(rank, patterns)
    threshold = s[kept - 1] if kept < patterns else s[kept - 1] / 10
    l2 = (threshold / 2) ** 2
    fitted = _shrunk(s[:kept], (threshold / 2) ** (4 / 3))
    background = (X @ (V[:, :kept] * (fitted / s[:kept]))) @ V[:, :kept].T
    l3 = float(np.median(linalg.norm(X - background, axis=1)))
    return Weights(1.0, float(l2), max(l3, 1e-9 * float(s[0])))


def _shrunk(s: np.ndarray, c: float) -> np.ndarray:
    """The larger root p of ``s - p = c p^(-1/3)`` for ``s >= 2 c^(3/4)``, where it is >= s/2."""
    p = s.copy()
    # Newton's method from above on a function that is concave there: monotone, and quadratic.
    for _ in range(50):
        p = p - (p - s + c * p ** (-1 / 3)) / (1 - c / 3 * p ** (-4 / 3))
    return p
