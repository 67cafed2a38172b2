"""Functions of symmetric matrices, for NumPy arrays and for torch tensors with gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from array_api_compat import array_namespace
from jaxtyping import Float

__all__ = ["Function", "constant", "matrix_functions"]

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
    for f, slope in functions:
        images = f(values)
        slopes = _divided_differences(pairs, constant(images), constant(slope(values)))
        results.append((V * images) @ V.T + V @ (slopes * nothing) @ V.T)
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


def _divided_differences(pairs: _Pairs, images: Any, slopes: Any) -> Any:
    """``(f_i - f_j) / (x_i - x_j)``; the mean slope where the two nearly coincide."""
    xp = array_namespace(images)
    quotients = (images[:, None] - images[None, :]) / pairs.step
    return xp.where(pairs.apart, quotients, (slopes[:, None] + slopes[None, :]) / 2)
