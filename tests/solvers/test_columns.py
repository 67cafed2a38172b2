import numpy as np
import pytest

from oddspec.solvers.nmf import beside, by_columns, inner, times


@pytest.fixture(params=["numpy", "torch"])
def convert(request):
    if request.param == "numpy":
        return np.asarray
    return pytest.importorskip("torch").from_numpy


def in_columns(A):
    """Whether each column lies in one piece."""
    return np.asarray(A).flags.f_contiguous


def test_values_are_kept_and_lie_by_columns(rng, convert):
    A, B, C = rng.normal(size=(7, 3)), rng.normal(size=(3, 4)), rng.normal(size=(7, 2))
    tall = by_columns(convert(A))
    np.testing.assert_array_equal(np.asarray(tall), A)
    product = times(tall, convert(B))
    np.testing.assert_allclose(np.asarray(product), A @ B)
    joined = beside(tall, by_columns(convert(C)))
    np.testing.assert_array_equal(np.asarray(joined), np.hstack([A, C]))
    for found in (tall, product, joined, tall * tall, convert(C[:, 0])[:, None] * tall):
        assert in_columns(found)


def test_inner_products_of_columns(rng, convert):
    A, B = rng.normal(size=(2, 9, 3))
    found = np.asarray(inner(by_columns(convert(A)), by_columns(convert(B))))
    np.testing.assert_allclose(found, (A * B).sum(axis=0))
