import math

import numpy as np
import pytest

from oddspec.detectors.factorization import rnmf as solver
from oddspec.solvers import nmf
from oddspec.solvers.blocks import row_blocks
from oddspec.solvers.prox import soft


def pixels(rng, n=300, b=20, rank=3, noise=1.0):
    exact = rng.dirichlet(np.ones(rank), n) @ rng.uniform(10, 100, (rank, b))
    return np.maximum(exact + rng.normal(0, noise, (n, b)), 0)


def test_an_infinite_penalty_is_plain_factorization(rng):
    X = pixels(rng)
    energy = float((X * X).sum())
    plain = robust = nmf.start(X, 3)
    for _ in range(50):
        plain, robust = nmf.step(plain, X, energy), solver.step(robust, X, math.inf)
    np.testing.assert_allclose(robust.H @ robust.W, plain.H @ plain.W, rtol=1e-8)
    assert solver.objective(robust, X, math.inf) == pytest.approx(plain.objective, rel=1e-8)


@pytest.mark.parametrize("lam", [0.5, 4.0, 40.0])
def test_the_objective_is_that_of_the_problem_and_never_rises(rng, lam):
    X = pixels(rng)
    state, curve = nmf.start(X, 3), []
    for _ in range(150):
        E = X - state.H @ state.W
        S = soft(E, lam / 2)
        expected = ((E - S) ** 2).sum() + lam * np.abs(S).sum()
        assert solver.objective(state, X, lam) == pytest.approx(expected, rel=1e-9)
        state = solver.step(state, X, lam)
        assert state.objective == pytest.approx(expected, rel=1e-9)
        curve.append(state.objective)
    assert (np.diff(curve) <= 1e-12 * curve[0]).all()


def test_planted_corruptions_are_set_apart(rng):
    X = pixels(rng, noise=0.2)
    odd = rng.random(X.shape) < 0.01
    spoilt = X + np.where(odd, 60.0, 0.0)
    state, energy = nmf.start(spoilt, 3), float((spoilt**2).sum())
    for _ in range(100):
        state = nmf.step(state, spoilt, energy)
    for _ in range(400):
        state = solver.step(state, spoilt, 6.0)
    S = soft(spoilt - state.H @ state.W, 3.0)
    np.testing.assert_array_equal(S > 20, odd)
    assert np.median(np.abs(spoilt - state.H @ state.W)) < 0.5


def test_no_penalty_to_speak_of_moves_the_factors_hardly(rng):
    X = pixels(rng)
    first = nmf.start(X, 3)
    state = solver.step(first, X, 1e-9)
    np.testing.assert_allclose(state.H @ state.W, first.H @ first.W, rtol=1e-6)


def test_entries_that_would_vanish_can_come_back(rng):
    X = pixels(rng)
    X[0] = 0
    state = nmf.start(X, 3)
    for _ in range(5):
        state = solver.step(state, X, 2.0)
    assert (state.H[1:] > 0).all()
    assert (state.W > 0).all()


def test_dead_pixels_and_bands_divide_nothing_by_zero(rng):
    X = pixels(rng)
    X[5], X[:, 3] = 0, 0
    state = nmf.start(X, 3)
    for _ in range(300):
        state = solver.step(state, X, 2.0)
    assert np.isfinite(state.H).all()
    assert np.isfinite(state.W).all()


@pytest.mark.parametrize("shape", [(1, 3), (7, 100_000), (1000, 200)])
def test_blocks_cover_all_rows_once(shape):
    X = np.zeros(shape, np.float32)
    for rows, (scratch,) in row_blocks(X, 1):
        X[rows] += 1
        assert scratch.shape == X[rows].shape
        assert scratch.dtype == np.float32
    np.testing.assert_array_equal(X, 1)
