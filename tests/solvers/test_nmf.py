import numpy as np
import pytest

from oddspec.solvers import nmf
from oddspec.solvers.nmf import beside, by_columns, inner, times


def pixels(rng, n=300, b=20, rank=4, noise=1.0):
    exact = rng.dirichlet(np.ones(rank), n) @ rng.uniform(10, 100, (rank, b))
    return np.maximum(exact + rng.normal(0, noise, (n, b)), 0)


def sweeps(X, rank, count, seed=0):
    energy = float((X * X).sum())
    states = [nmf.start(X, rank, seed)]
    for _ in range(count):
        states.append(nmf.step(states[-1], X, energy))
    return states


def test_the_objective_is_what_it_says_and_never_rises(rng):
    X = pixels(rng)
    states = sweeps(X, 4, 200)
    objective = [state.objective for state in states[1:]]
    direct = ((X - states[-1].H @ states[-1].W) ** 2).sum()
    assert objective[-1] == pytest.approx(direct, rel=1e-10)
    assert (np.diff(objective) <= 1e-12 * objective[0]).all()


def test_the_best_of_several_starts_is_taken(rng):
    X = pixels(rng)
    energy = float((X * X).sum())
    found = nmf.begin(X, energy, 4, 6, 10, seed=2)
    ends = [sweeps(X, 4, 10, seed)[-1].objective for seed in range(12, 18)]
    assert found.objective == min(ends) < max(ends)


def test_one_pair_of_singular_vectors_is_the_best_single_spectrum(rng):
    # Those of positive data are positive, so there is nothing to cut off.
    X = rng.uniform(1, 2, (200, 15))
    factors = nmf.singular_start(X, 1)
    u, s, v = np.linalg.svd(X, full_matrices=False)
    np.testing.assert_allclose(factors.H @ factors.W, s[0] * u[:, :1] @ v[:1], rtol=1e-10)


def test_a_start_of_singular_vectors_is_positive_and_always_the_same(rng):
    X = pixels(rng, n=500, rank=5)
    energy = float((X * X).sum())
    start = nmf.singular_start(X, 5)
    assert (start.H > 0).all()
    assert (start.W > 0).all()
    np.testing.assert_allclose(np.linalg.norm(start.W, axis=1), 1)
    found = nmf.begin(X, energy, 5, 0, 20, seed=1)
    np.testing.assert_array_equal(found.H, nmf.begin(X, energy, 5, 0, 20, seed=2).H)
    scaled = nmf.singular_start(1e-6 * X, 5)
    np.testing.assert_allclose(scaled.H @ scaled.W, 1e-6 * (start.H @ start.W), rtol=1e-8)


def test_a_start_for_data_of_lower_rank_than_asked_for(rng):
    X = pixels(rng, rank=2, noise=0.0)
    state = nmf.begin(X, float((X * X).sum()), 4, 0, 500)
    assert np.isfinite(state.H).all()
    assert np.linalg.norm(X - state.H @ state.W) < 0.02 * np.linalg.norm(X)


def test_exact_data_are_factorized_exactly(rng):
    X = pixels(rng, rank=2, noise=0.0)
    state = sweeps(X, 2, 3000)[-1]
    assert np.linalg.norm(X - state.H @ state.W) < 1e-3 * np.linalg.norm(X)


def test_factors_stay_non_negative_and_spectra_have_unit_norm(rng):
    state = sweeps(pixels(rng), 3, 20)[-1]
    assert (state.H >= 0).all()
    assert (state.W >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(state.W, axis=1), 1)


def test_units_do_not_matter(rng):
    X = pixels(rng)
    one, other = sweeps(X, 3, 50)[-1], sweeps(1e-8 * X, 3, 50)[-1]
    np.testing.assert_allclose(other.H @ other.W, 1e-8 * (one.H @ one.W), rtol=1e-9)


def test_dead_pixels_and_bands_divide_nothing_by_zero(rng):
    X = pixels(rng)
    X[5] = 0
    X[:, 3] = 0
    state = sweeps(X, 3, 50)[-1]
    assert np.isfinite(state.H).all()
    assert not state.H[5].any()
    assert not state.W[:, 3].any()


def test_agrees_with_scikit_learn(rng):
    from sklearn.decomposition import non_negative_factorization

    X = pixels(rng)
    first = nmf.start(X, 3)
    H, W, _ = non_negative_factorization(
        X,
        first.H.copy(),
        first.W.copy(),
        n_components=3,
        init="custom",
        solver="mu",
        max_iter=30,
        tol=0,
    )
    state, energy = first, float((X * X).sum())
    for _ in range(30):
        state = nmf.step(state, X, energy)
    np.testing.assert_allclose(state.H @ state.W, H @ W, rtol=1e-4)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_rule_lowers_a_quadratic_with_a_linear_term_of_any_sign(rng, sign):
    Q = rng.random((6, 6))
    Q = Q @ Q.T
    gain = sign * rng.normal(size=(6, 1))
    x = rng.random((6, 1))

    def value(x):
        return (x.T @ Q @ x - 2 * gain.T @ x).item()

    for _ in range(50):
        following = nmf.multiply(x, gain, Q @ x)
        assert value(following) <= value(x) + 1e-12
        x = following


def test_residual_norms_from_products(rng):
    X = pixels(rng)
    state = sweeps(X, 3, 5)[-1]
    found = nmf.residual_norms(state.H, state.W, X @ state.W.T, (X * X).sum(axis=1))
    np.testing.assert_allclose(found, np.linalg.norm(X - state.H @ state.W, axis=1), rtol=1e-8)


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
