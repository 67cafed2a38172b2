"""Proximal operators and functions of matrices, for NumPy arrays and torch tensors with gradients.

``prox(A, t)`` minimises ``t f(Z) + 1/2 ||Z - A||_F^2`` over Z. Where a problem's data term lacks
the half, the threshold is ``t / 2``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from array_api_compat import array_namespace
from jaxtyping import Float

Threshold: TypeAlias = float | Float[Any, ""]
"""A number not below zero, or an array without axes (a trainable one, say)."""


def soft(A: Float[Any, "n m"], t: Threshold) -> Float[Any, "n m"]:
    """Entries moved towards zero by t: prox of ``||Z||_1``."""
    xp = array_namespace(A)
    return xp.sign(A) * _positive(xp.abs(A) - t)


def row_norms(A: Float[Any, "n m"]) -> Float[Any, " n"]:
    """Euclidean norm of each row, with gradient zero (not NaN) at zero rows."""
    xp = array_namespace(A)
    squares = xp.sum(A * A, axis=1)
    some = squares > 0
    # The root is taken of 1 where the row is zero: its derivative at 0 would be infinite.
    return xp.where(some, xp.sqrt(xp.where(some, squares, xp.ones_like(squares))), squares)


def shrink_rows(A: Float[Any, "n m"], t: Threshold) -> Float[Any, "n m"]:
    """Rows shortened by t, and exactly zero where not longer than t: prox of ``||Z||_{2,1}``.

    ``||Z||_{2,1}`` is the sum of the rows' Euclidean norms.
    """
    xp = array_namespace(A)
    norms = row_norms(A)
    safe = xp.where(norms > 0, norms, xp.ones_like(norms))
    return A * (_positive(norms - t) / safe)[:, None]


def svt(A: Float[Any, "n m"], t: Threshold) -> Float[Any, "n m"]:
    """Singular values lowered by t, and dropped where not above t: prox of ``||Z||_*``.

    ``O(n m min(n, m))``, from the eigenvalues of the smaller Gram matrix. Singular values below
    about 1e-8 of the largest are lost in rounding, so thresholds should not lie below that.
    """
    wide = A.shape[0] < A.shape[1]
    return svt_factor(A.T, t).T @ A if wide else A @ svt_factor(A, t)


def svt_factor(A: Float[Any, "n m"], t: Threshold) -> Float[Any, "m m"]:
    """The symmetric F with ``svt(A, t) = A F``: ``f(A^T A)`` with ``f(s^2) = max(1 - t/s, 0)``."""
    function = partial(_shrinkage, t), partial(_shrinkage_derivative, t)
    return matrix_functions(A.T @ A, function)[0]


def nuclear_norm(A: Float[Any, "n m"]) -> Any:
    """The sum of singular values ``||A||_*``, for n >= m; its gradient is ``U V^T``.

    Singular values below 1e-7 of the largest count as zero in the gradient.
    """
    xp = array_namespace(A)
    fixed = constant(A)
    squares, V = xp.linalg.eigh(fixed.T @ fixed)
    above, roots = _roots(squares, 1e-7 * xp.sqrt(xp.abs(squares[-1])))
    inverse = xp.where(above, 1 / roots, xp.zeros_like(squares))
    # <A (A^T A)^{-1/2}, A> is the norm, and its left side, held constant, the gradient.
    return xp.sum((fixed @ (V * inverse) @ V.T) * A)


Function: TypeAlias = tuple[Callable[[Any], Any], Callable[[Any], Any]]
"""Of an array of eigenvalues, ascending, and its derivative; may hold trainable constants."""


def matrix_functions(A: Float[Any, "m m"], *functions: Function) -> list[Float[Any, "m m"]]:
    """``V f(x) V^T`` for each f, where ``A = V diag(x) V^T`` is symmetric.

    Gradients are those of Daleckii and Krein, in divided differences of f: they stay finite where
    eigenvalues coincide, unlike the derivatives of single eigenvectors.
    """
    values, V = array_namespace(A).linalg.eigh(constant(A))
    if not getattr(A, "requires_grad", False):
        return [(V * f(values)) @ V.T for f, _ in functions]
    rotated = V.T @ A @ V
    # Exactly zero: only its gradient is wanted.
    nothing = rotated - constant(rotated)
    pairs = _pairs(values)
    results = []
    for f, derivative in functions:
        images = f(values)
        quotients = _divided_differences(pairs, constant(images), constant(derivative(values)))
        results.append((V * images) @ V.T + V @ (quotients * nothing) @ V.T)
    return results


def constant(A: Any) -> Any:
    """The same values, through which no gradient flows."""
    return A.detach() if hasattr(A, "detach") else A


class _Pairs(NamedTuple):
    """Of all pairs of eigenvalues, which several functions of a matrix share."""

    apart: Any
    """Whether they differ."""
    step: Any
    """``x_i - x_j``, and 1 where they nearly coincide."""


def _pairs(values: Any) -> _Pairs:
    xp = array_namespace(values)
    step = values[:, None] - values[None, :]
    sizes = xp.abs(values)
    apart = xp.abs(step) > 1e-8 * xp.maximum(sizes[:, None], sizes[None, :])
    return _Pairs(apart, xp.where(apart, step, xp.ones_like(step)))


def _divided_differences(pairs: _Pairs, images: Any, derivatives: Any) -> Any:
    """``(f_i - f_j) / (x_i - x_j)``; the mean derivative where the two nearly coincide."""
    xp = array_namespace(images)
    quotients = (images[:, None] - images[None, :]) / pairs.step
    return xp.where(pairs.apart, quotients, (derivatives[:, None] + derivatives[None, :]) / 2)


def _shrinkage(t: Any, squares: Any) -> Any:
    """``max(1 - t/s, 0)`` of squared singular values."""
    above, roots = _roots(squares, t)
    xp = array_namespace(squares)
    return xp.where(above, 1 - t / roots, xp.zeros_like(squares))


def _shrinkage_derivative(t: Any, squares: Any) -> Any:
    """By the square: ``t / (2 s^3)`` above t."""
    above, roots = _roots(squares, t)
    xp = array_namespace(squares)
    return xp.where(above, t / (2 * roots**3), xp.zeros_like(squares))


def _roots(squares: Any, t: Any) -> tuple[Any, Any]:
    """Which singular values are above t; and those values, 1 in place of the others."""
    xp = array_namespace(squares)
    above = squares > t * t
    return above, xp.sqrt(xp.where(above, squares, xp.ones_like(squares)))


def _positive(A: Any) -> Any:
    """``max(A, 0)``, with gradient zero at and below zero."""
    xp = array_namespace(A)
    return xp.where(A > 0, A, xp.zeros_like(A))
