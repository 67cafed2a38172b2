"""Functions of symmetric matrices, for NumPy arrays and for torch tensors with gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

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
    rotated = V.T @ A @ V if getattr(A, "requires_grad", False) else None
    results = []
    for f, slope in functions:
        images = f(values)
        result = (V * images) @ V.T
        if rotated is not None:
            slopes = _divided_differences(values, constant(images), constant(slope(values)))
            # The difference is exactly zero; only its gradient is wanted.
            result = result + V @ (slopes * (rotated - constant(rotated))) @ V.T
        results.append(result)
    return results


def constant(A: Any) -> Any:
    """The same values, through which no gradient flows."""
    return A.detach() if hasattr(A, "detach") else A


def _divided_differences(values: Any, images: Any, slopes: Any) -> Any:
    """``(f_i - f_j) / (x_i - x_j)`` for all pairs; the mean slope where the two nearly coincide."""
    xp = array_namespace(values)
    step = values[:, None] - values[None, :]
    level = xp.maximum(xp.abs(values[:, None]), xp.abs(values[None, :]))
    apart = xp.abs(step) > 1e-8 * level
    quotient = (images[:, None] - images[None, :]) / xp.where(apart, step, xp.ones_like(step))
    return xp.where(apart, quotient, (slopes[:, None] + slopes[None, :]) / 2)
