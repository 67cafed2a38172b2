"""Endmembers and abundances on scenes whose answer is known."""

import numpy as np
import pytest

from oddspec.solvers.unmixing import abundances, leading_directions, pure_pixels


@pytest.fixture
def mixed(rng):
    A = rng.uniform(0.1, 1, (4, 15))
    S = rng.dirichlet(np.ones(4), 300)
    S[[5, 50, 100, 200]] = np.eye(4)
    return A, S, S @ A


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_pure_pixels_are_found_and_give_the_abundances(mixed, seed):
    A, S, X = mixed
    directions = leading_directions(X, 4)
    found = pure_pixels(X @ directions, directions, seed)
    assert sorted(found) == [5, 50, 100, 200]
    kept = np.argmax(S[found], axis=1)
    np.testing.assert_allclose(abundances(X, A[kept]), S[:, kept], atol=1e-4)


def test_pure_pixels_do_not_depend_on_the_signs_of_the_directions(rng):
    X = rng.uniform(0.1, 1, (300, 15))
    directions = leading_directions(X, 8)
    found = pure_pixels(X @ directions, directions, 0)
    turned = directions * np.where(np.arange(8) % 2, -1.0, 1.0)
    np.testing.assert_array_equal(pure_pixels(X @ turned, turned, 0), found)


def test_no_more_directions_than_there_are(mixed):
    assert leading_directions(mixed[2], 9).shape == (15, 4)


def test_abundances_are_optimal_shares(rng):
    A, X = rng.uniform(0, 1, (3, 8)), rng.uniform(0, 1, (40, 8))
    S = abundances(X, A)
    assert S.min() >= 0
    np.testing.assert_allclose(S.sum(axis=1), 1, rtol=1e-12)
    best = ((X - S @ A) ** 2).sum(axis=1)
    for other in rng.dirichlet(np.ones(3), 200):
        near = S + 0.01 * (other - S)
        assert (((X - near @ A) ** 2).sum(axis=1) >= best - 1e-6).all()
