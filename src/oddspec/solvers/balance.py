"""Sharing a product between its two factors so that their penalties are smallest."""

from __future__ import annotations

from functools import partial
from typing import Any

from array_api_compat import array_namespace
from jaxtyping import Float

from oddspec.solvers.prox import Threshold
from oddspec.solvers.spectral import matrix_functions

__all__ = ["balance"]

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
    by a rotation, the one is taken that turns the atoms least.

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
    functions = ((partial(_power, e), partial(_slope_of_power, e)) for e in exponents)
    return matrix_functions(A, *functions)


def _power(exponent: float, values: Any) -> Any:
    xp = array_namespace(values)
    return xp.maximum(values, FLOOR**2 * values[-1]) ** exponent


def _slope_of_power(exponent: float, values: Any) -> Any:
    xp = array_namespace(values)
    low = FLOOR**2 * values[-1]
    steep = exponent * xp.maximum(values, low) ** (exponent - 1)
    return xp.where(values > low, steep, xp.zeros_like(values))
