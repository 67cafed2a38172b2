"""Going through tall arrays in blocks of rows that stay in a core's cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeVar

import numpy as np
from jaxtyping import Shaped

from oddspec.execution.executors import Map

T = TypeVar("T")

BLOCK_BYTES = 512 * 1024
"""Of one array. Smaller blocks cost more calls, larger ones leave the second-level cache."""


def row_blocks(
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


SPANS = 8
"""Enough for the cores of a workstation, few enough that adding up results costs nothing."""


def spans(n: int) -> list[slice]:
    """Rows 0 to n in a few long spans of about the same length."""
    ends = [n * part // SPANS for part in range(SPANS + 1)]
    return [slice(*pair) for pair in pairwise(ends) if pair[0] < pair[1]]


def each_span(n: int, work: Callable[[slice], T], threads: Map = map) -> list[T]:
    """What ``work(rows)`` returns for every one of the `spans`, in their order.

    The spans do not depend on the number of threads, so sums over them do not either.
    """
    return list(threads(work, spans(n)))
