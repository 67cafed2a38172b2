"""Low-rank and sparse representation against its definition, its limits and plain iterations."""

import numpy as np
import pytest

from oddspec.detectors.learned.lren import lrr
from oddspec.detectors.representation.lrasr import sparse_lrr
from oddspec.solvers.iterate import converge
from oddspec.solvers.prox import nuclear_norm, row_norms


@pytest.fixture
def problem(rng):
    X = rng.normal(size=(120, 9))
    return X, X[rng.choice(120, 14, replace=False)]


def solved(X, D, beta, lam, mu=1.0, mu_growth=1.0, tol=1e-6, max_iter=20000):
    given = sparse_lrr.SparseLRRProblem.of(X, D, beta, lam)
    state = converge(
        lambda s: sparse_lrr.step(s, given, mu_growth=mu_growth),
        sparse_lrr.start(given, mu),
        gap=lambda _, s: max(s.unexplained, s.change if mu_growth == 1 else 0.0),
        tol=tol,
        max_iter=max_iter,
    )
    return state, given


def objective(state, given):
    """At the feasible point ``(J, X - J D)``."""
    parts = given.beta * np.abs(state.J).sum()
    parts += given.lam * row_norms(given.X - state.J @ given.D).sum()
    return float(nuclear_norm(state.J) + parts)


def plain(X, D, beta, lam, mu, steps):
    """The published iteration, written as it is stated."""
    n, m = len(X), len(D)
    S, J, Y2 = np.zeros((3, n, m))
    E, Y1 = np.zeros((2, *X.shape))
    eta, size = np.linalg.norm(D, 2) ** 2, np.linalg.norm(X)
    for _ in range(steps):
        before = S, J, E
        A = S + ((X - S @ D - E + Y1 / mu) @ D.T - (S - J + Y2 / mu)) / eta
        U, s, Vt = np.linalg.svd(A, full_matrices=False)
        S = (U * np.maximum(s - 1 / (mu * eta), 0)) @ Vt
        Q = S + Y2 / mu
        J = np.sign(Q) * np.maximum(abs(Q) - beta / mu, 0)
        P = X - S @ D + Y1 / mu
        norms = np.linalg.norm(P, axis=1)[:, None]
        E = P * np.maximum(1 - lam / mu / norms, 0)
        Y1, Y2 = Y1 + mu * (X - S @ D - E), Y2 + mu * (S - J)
        moved = [np.linalg.norm(a - b) for a, b in zip((S, J, E), before, strict=True)]
        change = mu * max(np.sqrt(eta) * moved[0], *moved[1:]) / size
        mu = 1.1 * mu if change < 1e-2 else mu
    return S, J, E, np.linalg.norm(X - S @ D - E) / size, change, mu


@pytest.mark.parametrize("steps", [1, 2, 30])
def test_steps_are_those_of_the_plain_iteration(problem, steps):
    X, D = problem
    given = sparse_lrr.SparseLRRProblem.of(X, D, 0.3, 0.5)
    state = sparse_lrr.start(given, 0.1)
    for _ in range(steps):
        state = sparse_lrr.step(state, given)
    S, J, E, unexplained, change, mu = plain(X, D, 0.3, 0.5, 0.1, steps)
    np.testing.assert_allclose(state.B @ state.C, S, atol=1e-10)
    np.testing.assert_allclose(state.J, J, atol=1e-10)
    np.testing.assert_allclose(state.errors, E, atol=1e-10)
    np.testing.assert_allclose(state.lengths, np.linalg.norm(E, axis=1), atol=1e-10)
    assert state.unexplained == pytest.approx(unexplained, rel=1e-8)
    assert state.change == pytest.approx(change, rel=1e-8)
    assert state.mu == pytest.approx(mu)


@pytest.mark.parametrize("beta", [0.0, 0.2])
def test_nothing_is_represented_up_to_the_critical_penalty(problem, beta):
    """Without the l1 norm nothing is up to it, with one a fortiori."""
    X, D = problem
    critical = lrr.critical_penalty(X, D)
    state, _ = solved(X, D, beta, 0.99 * critical, mu=0.1, tol=1e-7)
    assert np.abs(state.J).max() < 1e-5
    np.testing.assert_allclose(state.errors, X, atol=1e-5)
    state, _ = solved(X, D, 0.0, 1.1 * critical, mu=0.1, tol=1e-7)
    assert np.linalg.norm(state.J) > 1e-2


def test_without_the_sparse_term_it_is_plain_low_rank_representation(problem):
    X, D = problem
    lam = 5 * lrr.critical_penalty(X, D)
    known = lrr.solve(X, D, lam, mu=1e-2, mu_growth=1.0, max_iter=3000)
    state, given = solved(X, D, 0.0, lam, mu=0.1)
    best = lrr.objective(known.J, X, D, lam)
    assert objective(state, given) == pytest.approx(best, rel=1e-4)
    np.testing.assert_allclose(state.errors, known.A, atol=1e-3)


def test_the_fixed_point_is_optimal(problem, rng):
    X, D = problem
    state, given = solved(X, D, 0.05, 5 * lrr.critical_penalty(X, D), mu=0.1)
    best = objective(state, given)
    J = state.J.copy()
    assert 0.01 < np.mean(np.abs(J) < 1e-9) < 0.99
    for size in (1e-3, 1e-1, 1.0):
        for _ in range(20):
            state.J[...] = J + size * rng.normal(size=J.shape)
            assert best <= objective(state, given) * (1 + 1e-6)


def test_the_published_schedule_stops_above_the_optimum(problem):
    X, D = problem
    lam = 5 * lrr.critical_penalty(X, D)
    exact, given = solved(X, D, 0.05, lam, mu=0.1)
    quick, _ = solved(X, D, 0.05, lam, mu=0.01, mu_growth=1.1, tol=1e-6, max_iter=500)
    assert quick.unexplained <= 1e-6
    assert objective(quick, given) > objective(exact, given) * (1 - 1e-6)
