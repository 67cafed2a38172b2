"""Going through tall arrays in blocks of rows that stay in a core's cache."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Shaped

__all__ = ["BLOCK_BYTES", "blocks"]

BLOCK_BYTES = 512 * 1024
"""Of one array. Smaller blocks cost more calls, larger ones leave the second-level cache."""


def blocks(
    X: Shaped[np.ndarray, "n b"], scratch: int
) -> Iterator[tuple[slice, tuple[np.ndarray, ...]]]:
    """Slices of rows, each with scratch arrays of that many rows and of the kind of X.

    The scratch is the same memory for every block.
    """
    n, b = X.shape
    count = min(max(BLOCK_BYTES // (b * X.itemsize), 1), max(n, 1))
    memory = [np.empty((count, b), X.dtype) for _ in range(scratch)]
    for first in range(0, n, count):
        rows = slice(first, min(first + count, n))
        yield rows, tuple(array[: rows.stop - first] for array in memory)
