"""The decomposition by two dictionaries at known answers."""

import numpy as np
import pytest

from oddspec.detectors.learned.lren import lrr
from oddspec.detectors.representation.pab_dc import two_dictionaries
from oddspec.solvers.iterate import converge
from oddspec.solvers.prox import nuclear_norm, row_norms


@pytest.fixture
def problem(rng):
    X = rng.normal(size=(120, 9))
    return X, X[rng.choice(120, 14, replace=False)], X[rng.choice(120, 4, replace=False)]


def solved(X, B, A, beta, lam, mu=0.05, mu_growth=1.0, tol=1e-7, max_iter=4000):
    given = two_dictionaries.TwoDictionariesProblem.of(X, B, A, beta, lam)
    state = converge(
        lambda s: two_dictionaries.step(s, given, mu_growth=mu_growth),
        two_dictionaries.start(given, mu),
        gap=lambda _, s: s.residual,
        tol=tol,
        max_iter=max_iter,
    )
    return state, given


def objective(state, given):
    """At the feasible point ``(J, S, X - J B - S A)``."""
    left = given.X - state.S @ given.A
    left[:, : len(given.sigma)] -= state.J * given.sigma
    parts = given.beta * np.abs(state.S).sum() + given.lam * row_norms(left).sum()
    return float(nuclear_norm(state.J) + parts)


def test_steps_are_those_of_the_plain_iteration(problem):
    X, B, A = problem
    beta, lam, mu, n = 0.1, 0.3, 0.5, len(X)
    Z, Y2, S, Y3 = np.zeros((n, 14)), np.zeros((n, 14)), np.zeros((n, 4)), np.zeros((n, 4))
    Y1 = np.zeros_like(X)
    state, given = None, two_dictionaries.TwoDictionariesProblem.of(X, B, A, beta, lam)
    state = two_dictionaries.start(given, mu)
    for _ in range(20):
        state = two_dictionaries.step(state, given)
        U, s, Vt = np.linalg.svd(Z + Y2 / mu, full_matrices=False)
        J = (U * np.maximum(s - 1 / mu, 0)) @ Vt
        Q = S + Y3 / mu
        L = np.sign(Q) * np.maximum(abs(Q) - beta / mu, 0)
        P = X - Z @ B - S @ A + Y1 / mu
        E = P * np.maximum(1 - lam / mu / np.linalg.norm(P, axis=1), 0)[:, None]
        right = (X - S @ A - E + Y1 / mu) @ B.T + J - Y2 / mu
        Z = right @ np.linalg.inv(B @ B.T + np.eye(14))
        right = (X - Z @ B - E + Y1 / mu) @ A.T + L - Y3 / mu
        S = right @ np.linalg.inv(A @ A.T + np.eye(4))
        Y1 = Y1 + mu * (X - Z @ B - S @ A - E)
        Y2, Y3, mu = Y2 + mu * (Z - J), Y3 + mu * (S - L), 1.1 * mu
        np.testing.assert_allclose(state.S, S, atol=1e-10)
        np.testing.assert_allclose(np.linalg.norm(state.E, axis=1), np.linalg.norm(E, axis=1))
        np.testing.assert_allclose(
            np.linalg.svd(state.Z, compute_uv=False), np.linalg.svd(Z)[1][:9], atol=1e-9
        )


def test_nothing_is_represented_up_to_the_critical_penalty(problem):
    X, B, A = problem
    lam = 0.99 * lrr.critical_penalty(X, B)
    # And no sparse coefficient pays where lam |A^T u| stays below beta.
    beta = 1.01 * lam * np.abs(A @ (X / np.linalg.norm(X, axis=1)[:, None]).T).sum(axis=1).max()
    state, _ = solved(X, B, A, beta, lam)
    assert np.abs(state.J).max() < 1e-5
    assert np.abs(state.S).max() < 1e-5
    state, _ = solved(X, B, A, beta, 1.2 * lam)
    assert np.abs(state.J).max() > 1e-3


def test_without_anomaly_atoms_it_is_low_rank_representation(problem):
    X, B, A = problem
    lam = 5 * lrr.critical_penalty(X, B)
    known = lrr.solve(X, B, lam, mu=1e-2, mu_growth=1.0, max_iter=3000)
    best = lrr.objective(known.J, X, B, lam)
    for anomalies, beta in ((A[:0], 1.0), (A, 50.0)):
        state, given = solved(X, B, anomalies, beta, lam)
        assert objective(state, given) == pytest.approx(best, rel=1e-4)


def test_pixels_of_the_anomaly_dictionary_are_explained_by_it(rng):
    background = rng.uniform(0, 1, (3, 20))
    X = rng.dirichlet(np.ones(3), 150) @ background
    X[7] = rng.uniform(0, 1, 20)
    state, given = solved(X, X[20:40], X[7:8], 1e-3, 1.0, mu=1e-4, mu_growth=1.1, max_iter=500)
    lengths = np.linalg.norm(state.S @ given.A, axis=1)
    assert lengths.argmax() == 7
