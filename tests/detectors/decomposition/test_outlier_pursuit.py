import numpy as np
import pytest

from oddspec.detectors.decomposition.rpca import solver
from oddspec.errors import NotConverged
from oddspec.solvers.iterate import converge
from oddspec.solvers.prox import nuclear_norm, row_norms, shrink_rows, svt


def planted(rng, n=200, b=20, rank=2, odd=8):
    low = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, b))
    low[:odd] = 0.0
    rows = np.zeros((n, b))
    rows[:odd] = 5 * rng.normal(size=(odd, b))
    return low, rows


def solve(X, lam, mu=0.05, tol=1e-9, steps=2000):
    size = float(np.linalg.norm(X))
    return converge(
        lambda s: solver.step(s, X, lam),
        solver.start(X, mu),
        gap=lambda _, s: solver.gap(size, s),
        tol=tol,
        max_iter=steps,
    )


def objective(state, X, lam):
    """Of L and what is left beside it, which together meet the constraint."""
    return float(state.values.sum() + lam * row_norms(X - state.A @ state.V.T).sum())


def test_planted_low_rank_and_odd_rows_are_recovered(rng):
    low, rows = planted(rng)
    state = solve(low + rows, 3 / (7 * np.sqrt(0.01 * 200)))
    assert len(state.values) == 2
    np.testing.assert_array_equal(np.flatnonzero(row_norms(state.S)), np.arange(8))
    # Odd rows are told apart from the background's directions, not within them.
    V = np.linalg.svd(low, full_matrices=False)[2][:2].T
    np.testing.assert_allclose((state.S - rows) @ (np.eye(20) - V @ V.T), 0, atol=1e-6)
    np.testing.assert_allclose((state.A @ state.V.T)[8:], low[8:], atol=1e-6)


def test_one_step_is_the_written_one(rng):
    X, lam, mu = rng.normal(size=(40, 7)), 0.3, 2.0
    first = solver.step(solver.start(X, mu), X, lam)
    mu = first.mu
    found = solver.step(first, X, lam)
    L = svt(X - first.S + first.U, 1 / mu)
    S = shrink_rows(X - L + first.U, lam / mu)
    np.testing.assert_allclose(found.A @ found.V.T, L, atol=1e-10)
    np.testing.assert_allclose(found.S, S, atol=1e-10)
    # U is scaled with the penalty that it goes with.
    np.testing.assert_allclose(found.mu * found.U, mu * (first.U + X - L - S), atol=1e-10)
    assert found.primal == pytest.approx(np.linalg.norm(X - L - S))
    assert found.dual == pytest.approx(np.linalg.norm(S - first.S))
    np.testing.assert_allclose(
        found.values, np.linalg.svd(L, compute_uv=False)[: len(found.values)]
    )


def test_the_optimum_meets_its_conditions_whatever_the_penalty(rng):
    X, lam = rng.normal(size=(100, 3)) @ rng.normal(size=(3, 12)) + rng.normal(size=(100, 12)), 0.2
    ends = [solve(X, lam, mu) for mu in (0.01, 1.0)]
    costs = [objective(end, X, lam) for end in ends]
    assert costs[0] == pytest.approx(costs[1], rel=1e-7)
    end = ends[0]
    L, Q = end.A @ end.V.T, end.mu * end.U
    assert costs[0] == pytest.approx(float(nuclear_norm(L) + lam * row_norms(X - L).sum()))
    assert len(end.values) <= 100 * lam**2
    values = np.linalg.svd(Q, compute_uv=False)
    np.testing.assert_allclose(values[: len(end.values)], 1, atol=1e-5)
    assert values[0] <= 1 + 1e-5
    assert row_norms(Q).max() <= lam * (1 + 1e-5)
    for _ in range(20):
        other = L + 0.01 * rng.normal(size=L.shape)
        assert nuclear_norm(other) + lam * row_norms(X - other).sum() > costs[0]


def test_a_small_weight_leaves_no_background(rng):
    X = rng.normal(size=(50, 6))
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    critical = 1 / np.linalg.norm(unit, 2)
    assert len(solve(X, 0.99 * critical).values) == 0
    assert len(solve(X, 1.01 * critical).values) > 0


def test_it_says_when_steps_do_not_suffice(rng):
    with pytest.warns(NotConverged, match="3 steps"):
        solve(rng.normal(size=(50, 6)), 0.2, steps=3)
