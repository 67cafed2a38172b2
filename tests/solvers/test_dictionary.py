import warnings

import numpy as np
import pytest
import torch

from oddspec.solvers import dictionary as solver
from oddspec.solvers.clusters import cluster
from oddspec.solvers.prox import shrink_rows, svt
from oddspec.solvers.scene_weights import Weights, balance, scene_weights

CONSTANTS = solver.Constants(l1=0.5, l3=0.7, mu=0.9, theta=0.3)


@pytest.fixture
def small(rng):
    """Sizes that all differ, so that no transposition goes unnoticed."""
    X, D = rng.normal(size=(17, 6)), rng.normal(size=(4, 6))
    L = rng.normal(size=(17, 4))
    return X, (X * X).sum(axis=1), solver.start(D, L)


@pytest.fixture
def scene(rng):
    """Low-rank background, noise and five anomalies."""
    X = rng.normal(size=(400, 5)) @ rng.normal(size=(5, 20)) + 0.05 * rng.normal(size=(400, 20))
    X[:5] += 3 * rng.normal(size=(5, 20))
    return X, (X * X).sum(axis=1)


def textbook(D, L, S, J, U, X, c):
    """The module's formulas, with S in full."""
    identity = np.eye(len(D))
    D = np.linalg.inv(L.T @ L + c.l1 * identity) @ L.T @ (X - S)
    L = ((X - S) @ D.T + c.mu * (J - U)) @ np.linalg.inv(D @ D.T + c.mu * identity)
    S = shrink_rows(X - L @ D, c.l3)
    J = svt(L + U, c.theta)
    return D, L, S, J, U + L - J


def test_a_step_equals_the_formulas(small):
    X, squares, state = small
    D, (L, J, U, _) = state.D, state.codes
    S = np.zeros_like(X)
    for _ in range(5):
        state = solver.step(state, X, squares, CONSTANTS)
        D, L, S, J, U = textbook(D, L, S, J, U, X, CONSTANTS)
        for found, expected in zip((state.D, *state.codes[:3]), (D, L, J, U), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-10)
        np.testing.assert_allclose(solver.anomalies(state, X), S, atol=1e-10)
    assert (state.codes.shrinkage > 0).any()


def slope(f, A, rng):
    """Largest of some directional derivatives."""
    found = []
    for _ in range(10):
        step = 1e-6 * rng.normal(size=A.shape)
        found.append((f(A + step) - f(A - step)) / 2e-6)
    return np.abs(found).max()


def test_each_update_is_stationary(small, rng):
    X, squares, state = small
    state = solver.step(state, X, squares, CONSTANTS)
    c, before = CONSTANTS, solver.anomalies(state, X)
    J, U, L = state.codes.J, state.codes.U, state.codes.L
    after = solver.step(state, X, squares, c)
    D = after.D

    def of_D(D):
        return 0.5 * ((X - before - L @ D) ** 2).sum() + c.l1 / 2 * (D**2).sum()

    def of_L(L):
        misfit = 0.5 * ((X - before - L @ D) ** 2).sum()
        return misfit + c.mu / 2 * ((L - J + U) ** 2).sum()

    assert slope(of_D, D, rng) < 1e-6
    assert slope(of_L, after.codes.L, rng) < 1e-6


def test_the_objective_is_the_stated_one(small):
    X, squares, state = small
    for _ in range(3):
        state = solver.step(state, X, squares, CONSTANTS)
    S, J = solver.anomalies(state, X), state.codes.J
    expected = (
        0.5 * ((X - J @ state.D - S) ** 2).sum()
        + 0.2 / 2 * (state.D**2).sum()
        + 0.3 * np.linalg.norm(J, "nuc")
        + 0.4 * np.linalg.norm(S, axis=1).sum()
    )
    found = solver.objective(state, X, squares, Weights(0.2, 0.3, 0.4))
    assert float(found) == pytest.approx(expected, rel=1e-10)


def test_with_a_fixed_dictionary_it_converges_to_the_optimum(scene, rng):
    X, squares = scene
    D, L = cluster(X, 8, 0)
    weights = Weights(0.0, 6.0, 0.8)
    constants = solver.Constants(0.0, weights.l3, 20.0, weights.l2 / 20.0)
    state, values, gaps = solver.start(D, L), [], []
    for _ in range(600):
        previous, state = state, solver.step(state, X, squares, constants, learn=False)
        values.append(float(solver.objective(state, X, squares, weights)))
        gaps.append(solver.gap(previous, state))
    assert gaps[-1] < 1e-5 < 1e-2 < gaps[0]
    assert values[-1] < values[0]
    J, S = state.codes.J, solver.anomalies(state, X)
    # Optimality: the residual beside S is a subgradient of both norms.
    left = X - J @ D - S
    lengths = np.linalg.norm(left, axis=1)
    assert lengths.max() <= weights.l3 * (1 + 1e-3)
    np.testing.assert_allclose(lengths[state.codes.shrinkage > 0.1], weights.l3, rtol=1e-3)
    U, s, V = np.linalg.svd(J, full_matrices=False)
    pulled = left @ D.T / weights.l2
    assert np.linalg.norm(pulled, 2) <= 1 + 1e-3
    kept = s > 1e-6
    np.testing.assert_allclose(np.diag(U.T @ pulled @ V.T)[kept], 1, atol=1e-3)


def test_balance_is_what_makes_learning_quick_on_spectra(rng):
    """Mixed spectra of falling strength, as in a scene: five steps do what eighty do not."""
    spectra = rng.uniform(1, 5, (6, 20)) * 2.0 ** -np.arange(6)[:, None]
    X = rng.dirichlet(np.ones(6), 400) @ spectra + 0.02 * rng.normal(size=(400, 20))
    squares = (X * X).sum(axis=1)
    weights = scene_weights(X, 6)
    constants = solver.Constants(weights.l1, weights.l3, weights.l2, 1.0)

    def reached(steps, **how):
        state = solver.start(*cluster(X, 10, 0))
        for _ in range(steps):
            state = solver.step(state, X, squares, constants, **how)
        return float(solver.objective(state, X, squares, weights))

    plain = reached(80)
    assert 2 * reached(5, balanced=True) < plain
    assert 2 * plain < reached(80, learn=False)


def test_balance_keeps_the_product_and_minimises_the_penalties(rng):
    D, L, ratio = rng.normal(size=(4, 9)), rng.normal(size=(30, 4)), 0.3
    atoms, turn = balance(D, L, ratio)
    np.testing.assert_allclose(L @ turn @ atoms, L @ D, atol=1e-10)

    def penalty(D, L):
        return 0.5 * (D**2).sum() + ratio * np.linalg.norm(L, "nuc")

    p = np.linalg.svd(L @ D, compute_uv=False)[:4]
    best = 1.5 * (ratio**2) ** (1 / 3) * (p ** (2 / 3)).sum()
    assert penalty(atoms, L @ turn) == pytest.approx(best, rel=1e-9)
    assert best < penalty(D, L)
    for _ in range(50):
        T = np.eye(4) + 0.3 * rng.normal(size=(4, 4))
        assert best <= penalty(np.linalg.inv(T) @ atoms, L @ turn @ T) + 1e-12


def test_other_pixels_follow_exactly(scene):
    X, squares = scene
    weights = scene_weights(X, 5)
    state, stages = solver.start(*cluster(X, 8, 0)), []
    for _ in range(12):
        constants = solver.Constants(weights.l1, weights.l3, weights.l2, 1.0)
        state = solver.step(state, X, squares, constants, balanced=True)
        stages.append(state.stage)
    some = solver.follow(X[100:200], stages)
    for mine, whole in zip(some, state.codes, strict=True):
        np.testing.assert_allclose(mine, whole[100:200], atol=1e-9 * np.abs(whole).max())


def fitted(state):
    """Per pixel and band what coefficients, copies and multipliers stand for; the kept parts."""
    D, L, J, U, kept = state
    return L @ D, J @ D, U @ D, kept


def test_numpy_and_torch_steps_agree(scene):
    X, squares = scene
    weights = scene_weights(X, 5)
    D, L = cluster(X, 8, 0)
    constants = solver.Constants(weights.l1, weights.l3, weights.l2, 1.0)
    ours, theirs = solver.start(D, L), solver.start(torch.tensor(D), torch.tensor(L))
    for _ in range(10):
        ours = solver.step(ours, X, squares, constants, balanced=True)
        theirs = solver.step(
            theirs, torch.tensor(X), torch.tensor(squares), constants, balanced=True
        )
    ours, theirs = (ours.D, *ours.codes), tuple(a.numpy() for a in (theirs.D, *theirs.codes))
    # Eight atoms in five directions fix what they add up to; rounding turns the factors themselves.
    for one, other, atol in ((ours, theirs, 1e-7), (fitted(ours), fitted(theirs), 1e-10)):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(b, a, atol=atol * np.abs(a).max())


@pytest.mark.parametrize("balanced", [True, False])
def test_gradients_equal_finite_differences(balanced):
    generator = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    X = random(20, 6)

    def run(l1, l3, mu, theta, D, L):
        state = solver.start(D, L)
        for _ in range(3):
            constants = solver.Constants(l1, l3, mu, theta)
            state = solver.step(state, X, (X * X).sum(dim=1), constants, balanced=balanced)
        value = solver.objective(state, X, (X * X).sum(dim=1), Weights(0.5, 0.3, 0.4))
        return value, state.codes.U, state.D

    values = [torch.tensor(v, dtype=torch.float64) for v in CONSTANTS]
    inputs = [value.requires_grad_() for value in (*values, random(3, 6), random(20, 3))]
    assert torch.autograd.gradcheck(run, inputs)


def test_a_changed_penalty_keeps_the_unscaled_multiplier(small):
    X, squares, state = small
    state = solver.step(state, X, squares, CONSTANTS)
    np.testing.assert_array_equal(2 * solver.relaxed(state, 2.0).codes.U, state.codes.U)


def test_scene_weights_put_the_threshold_where_they_say(rng):
    X = rng.normal(size=(200, 12)) * 2.0 ** -np.arange(12)
    s = np.linalg.svd(X, compute_uv=False)
    weights = scene_weights(X, 5)
    assert (weights.l1 * weights.l2**2) ** (1 / 3) == pytest.approx((s[4] / 2) ** (4 / 3))
    p = np.linspace(1e-6, 1.2 * s[4], 200_001)
    penalty = 1.5 * (weights.l1 * weights.l2**2) ** (1 / 3) * p ** (2 / 3)
    for factor, kept in ((0.98, False), (1.02, True)):
        best = p[np.argmin(0.5 * (factor * s[4] - p) ** 2 + penalty)]
        assert (best > 0.1 * s[4]) == kept
    scaled = scene_weights(1000 * X, 5)
    np.testing.assert_allclose(scaled, np.array(weights) * [1, 1e6, 1e3], rtol=1e-9)


def test_clusters_depend_on_the_set_of_pixels_and_the_seed(rng):
    X = np.concatenate([c + 0.1 * rng.normal(size=(50, 6)) for c in 5 * rng.normal(size=(4, 6))])
    D, L = cluster(X, 4, seed=3)
    order = rng.permutation(len(X))
    D2, L2 = cluster(X[order], 4, seed=3)
    np.testing.assert_allclose(D2, D, atol=1e-12)
    np.testing.assert_array_equal(L2, L[order])
    np.testing.assert_allclose(np.linalg.norm(X - L @ D, axis=1).max(), 0.25, atol=0.25)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(cluster(np.repeat(X[:3], 20, axis=0), 10, seed=0)[0]) == 3
