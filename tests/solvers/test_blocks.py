"""Blocks and spans of rows, alone and on several threads."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from oddspec.execution.executors import thread_pool
from oddspec.solvers.blocks import BLOCK_BYTES, each_span, row_blocks, spans


@pytest.mark.parametrize("n", [0, 1, 5, 8, 1001])
def test_spans_hold_every_row_once(n):
    rows = np.arange(n)
    np.testing.assert_array_equal(np.concatenate([rows[:0], *(rows[s] for s in spans(n))]), rows)
    assert all(len(rows[span]) for span in spans(n))


def test_blocks_hold_every_row_once_and_fit_the_cache():
    X = np.arange(3 * BLOCK_BYTES // 8, dtype=float).reshape(-1, 96)
    seen = []
    for rows, (scratch,) in row_blocks(X, 1):
        assert scratch.shape == X[rows].shape
        assert scratch.nbytes <= BLOCK_BYTES
        seen.append(X[rows])
    np.testing.assert_array_equal(np.concatenate(seen), X)


def test_threads_change_nothing_and_have_one_blas_thread_each(rng):
    X = rng.normal(size=(4000, 50))

    def work(span):
        return X[span].T @ X[span], blas_threads()

    alone = each_span(len(X), work)
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with thread_pool() as threads:
            shared = each_span(len(X), work, threads)
        assert blas_threads() == before
    for (mine, _), (theirs, count) in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(mine, theirs)
        assert count == 1


def blas_threads():
    return max(x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas")
