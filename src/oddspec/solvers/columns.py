"""Tall arrays of few columns, kept with each column in one piece of memory.

An operation on an n x r array and n weights, or r of them, then runs along n numbers at a time
instead of r. Operations entry by entry keep the order of their operands; products and joins are
to be written with the functions here.
"""

from __future__ import annotations

from typing import Any

from array_api_compat import array_namespace
from jaxtyping import Float

__all__ = ["beside", "by_columns", "inner", "times"]


def by_columns(A: Float[Any, "n r"]) -> Float[Any, "n r"]:
    """The same values, column after column."""
    xp = array_namespace(A)
    return xp.stack([A[:, k] for k in range(A.shape[1])]).T


def times(A: Float[Any, "n m"], B: Float[Any, "m r"]) -> Float[Any, "n r"]:
    """``A B``, column after column."""
    return (B.T @ A.T).T


def beside(*parts: Float[Any, "n _"]) -> Float[Any, "n r"]:
    """The arrays next to each other, column after column."""
    xp = array_namespace(*parts)
    return xp.concat([part.T for part in parts]).T


def inner(A: Float[Any, "n r"], B: Float[Any, "n r"]) -> Float[Any, " r"]:
    """Inner product of each column of A with that of B."""
    return array_namespace(A).vecdot(A.T, B.T)
