"""Low-rank factors in balance, and penalty weights at a scene's own scale.

Both belong to ``l1/2 ||D||_F^2 + l2 ||L||_* + l3 ||S||_{2,1}`` (`oddspec.solvers.dictionary`) and
follow from singular values alone.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float
from scipy import linalg

from oddspec.solvers.prox import Threshold, matrix_functions

FLOOR = 1e-6
"""Singular values of the product below this fraction of the largest are raised to it: directions
that have died out keep a finite, tiny share."""


def balance(
    D: Float[Any, "K b"], L: Float[Any, "n K"], ratio: Threshold
) -> tuple[Float[Any, "K b"], Float[Any, "K K"]]:
    """Change (L, D) to ``(L T, T^{-1} D)`` such that ``l1/2 ||D||_F^2 + l2 ||L||_*`` is smallest.

    The product L D, with singular values p, stays the same. The smallest value is reached where
    the singular values of D are ``d = (l2/l1 p)^(1/3)`` and those of L are ``p / d``; what is then
    left of both penalties is ``3/2 (l1 l2^2)^(1/3) sum p^(2/3)``. Of all such pairs, which differ
    by a rotation, the one is taken that changes the atoms least.

    Parameters
    ----------
    D, L
        The factors; the rows of D should be linearly independent.
    ratio
        ``l2 / l1``.

    Returns
    -------
    D, T
        The new atoms, and the matrix that coefficients are to be multiplied by.
    """
    root, inverse_root = _powers(D @ D.T, 0.5, -0.5)
    coefficients = L @ root
    sixth, inverse_sixth = _powers(coefficients.T @ coefficients, 1 / 6, -1 / 6)
    # d = (ratio p)^(1/3) with p^2 the eigenvalues of the Gram matrix.
    share = ratio ** (1 / 3)
    return share * sixth @ inverse_root @ D, root @ inverse_sixth / share


def _powers(A: Any, *exponents: float) -> list[Any]:
    """Powers of a symmetric matrix, its eigenvalues raised to ``FLOOR^2`` of the largest."""
    functions = ((partial(_power, e), partial(_power_derivative, e)) for e in exponents)
    return matrix_functions(A, *functions)


def _power(exponent: float, values: Any) -> Any:
    xp = array_namespace(values)
    return xp.maximum(values, FLOOR**2 * values[-1]) ** exponent


def _power_derivative(exponent: float, values: Any) -> Any:
    xp = array_namespace(values)
    low = FLOOR**2 * values[-1]
    derivative = exponent * xp.maximum(values, low) ** (exponent - 1)
    return xp.where(values > low, derivative, xp.zeros_like(values))


class Weights(NamedTuple):
    """Of ``l1/2 ||D||_F^2 + l2 ||L||_* + l3 ||S||_{2,1}``."""

    l1: float
    l2: float
    l3: float


def scene_weights(X: Float[np.ndarray, "n b"], rank: int) -> Weights:
    """Weights with which the low-rank part keeps the scene's ``rank`` strongest patterns.

    With the best shares of ``L D`` (`balance`), what is left of the penalties
    on a singular value p of the background is ``3/2 c p^(2/3)`` with ``c = (l1 l2^2)^(1/3)``.
    Fitted to a singular value s of X, this gives zero below ``s = 2 c^(3/4)`` and above it the root
    of ``s - p = c p^(-1/3)``. So with s_r the scene's singular value of number ``rank``::

        l1 = 1,   l2 = (s_r / 2)^2

    put the threshold at s_r. (Only the product ``l1 l2^2`` matters: a common factor moves between
    D and L.) The weakest pattern that is left has atoms of length s_r / 2, so ``mu = l2`` is the
    natural penalty of the solver. And l3 is the median length of the residuals of that fit: the
    more ordinary half of the pixels counts as background entirely.

    Parameters
    ----------
    X
        Pixels that are not all zero.
    rank
        At least 1. Where X has no more patterns above rounding, all stay by a wide margin: with a
        threshold of a tenth of the weakest.
    """
    squares, V = linalg.eigh(X.T @ X)
    s, V = np.sqrt(np.maximum(squares[::-1], 0)), V[:, ::-1]
    patterns = max(1, int((s > 1e-6 * s[0]).sum()))
    count = min(rank, patterns)
    threshold = s[count - 1] if count < patterns else s[count - 1] / 10
    l2 = (threshold / 2) ** 2
    shrunk = _shrink(s[:count], (threshold / 2) ** (4 / 3))
    background = (X @ (V[:, :count] * (shrunk / s[:count]))) @ V[:, :count].T
    l3 = float(np.median(linalg.norm(X - background, axis=1)))
    return Weights(1.0, float(l2), max(l3, 1e-9 * float(s[0])))


def _shrink(s: np.ndarray, c: float) -> np.ndarray:
    """The larger root p of ``s - p = c p^(-1/3)`` for ``s >= 2 c^(3/4)``, where it is >= s/2."""
    p = s.copy()
    # Newton's method from above on a function that is concave there: monotone, and quadratic.
    for _ in range(50):
        p = p - (p - s + c * p ** (-1 / 3)) / (1 - c / 3 * p ** (-4 / 3))
    return p
