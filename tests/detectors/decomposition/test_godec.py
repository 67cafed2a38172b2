import numpy as np
import pytest
from scipy import sparse

from oddspec.detectors.decomposition.lsmad import godec
from oddspec.solvers.iterate import converge


def planted(rng, n=600, b=20, rank=3, entries=40):
    low = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, b))
    odd = np.zeros(n * b)
    odd[rng.choice(n * b, entries, replace=False)] = rng.choice([-1, 1], entries) * 10.0
    return low, odd.reshape(n, b)


def states(X, rank, entries, count, **more):
    gram, found = X.T @ X, [godec.start(X)]
    for _ in range(count):
        found.append(godec.step(found[-1], X, gram, rank, entries, **more))
    return found[1:]


@pytest.mark.parametrize("random", [False, True])
def test_a_planted_background_and_its_large_entries_are_recovered(rng, random):
    low, odd = planted(rng)
    X = low + odd
    state = states(X, 3, 40, 60, rng=np.random.default_rng(1) if random else None)[-1]
    np.testing.assert_allclose(state.A @ state.V.T, low, atol=1e-6)
    np.testing.assert_allclose(state.S.toarray(), odd, atol=1e-6)


def test_each_part_is_the_best_for_the_other_and_the_residual_never_rises(rng):
    low, odd = planted(rng)
    X = low + odd + rng.normal(0, 1, low.shape)
    found = states(X, 4, 60, 15)
    objectives = np.array([state.objective for state in found])
    assert (np.diff(objectives) <= 1e-9 * objectives[0]).all()
    before, state = found[-2:]
    U, s, Vt = np.linalg.svd(X - before.S.toarray(), full_matrices=False)
    background = state.A @ state.V.T
    np.testing.assert_allclose(background, (U[:, :4] * s[:4]) @ Vt[:4], atol=1e-8)
    rest, S = X - background, state.S.toarray()
    assert np.count_nonzero(S) == 60
    np.testing.assert_array_equal(S[S != 0], rest[S != 0])
    assert np.abs(rest[S != 0]).min() >= np.abs(rest[S == 0]).max()
    assert state.objective == pytest.approx(((rest - S) ** 2).sum(), rel=1e-9)
    assert state.least == np.abs(S[S != 0]).min()


def test_nothing_sparse_is_a_truncated_decomposition(rng):
    X = rng.normal(size=(50, 8))
    state = states(X, 3, 0, 1)[0]
    values = np.linalg.svd(X, compute_uv=False)
    assert state.objective == pytest.approx((values[3:] ** 2).sum())
    assert isinstance(state.S, sparse.csr_array)
    assert state.S.nnz == 0


def test_full_rank_keeps_everything(rng):
    X = rng.normal(size=(50, 8))
    state = states(X, 8, 5, 2)[-1]
    np.testing.assert_allclose(state.A @ state.V.T, X)
    assert state.objective == pytest.approx(0, abs=1e-20)


def test_fewer_entries_above_the_guess_than_wanted_are_made_up_for(rng):
    X = rng.normal(size=(60, 10))
    first = states(X, 2, 30, 1)[0]
    # The guess is far too high for these data.
    wrong = godec.Split(first.V, first.A, first.S, first.objective, 1e6)
    found = godec.step(wrong, X, X.T @ X, 2, 30)
    assert found.S.nnz == 30
    expected = godec.step(first, X, X.T @ X, 2, 30)
    np.testing.assert_array_equal(found.S.toarray(), expected.S.toarray())


def test_it_stops(rng):
    low, odd = planted(rng)
    X = low + odd + rng.normal(0, 0.1, low.shape)
    gram = X.T @ X
    end = converge(
        lambda s: godec.step(s, X, gram, 3, 40),
        godec.start(X),
        gap=godec.gap,
        tol=1e-6,
        max_iter=50,
    )
    # What noise is left when three of twenty directions have taken their part.
    assert end.objective == pytest.approx(597 * 17 * 0.01, rel=0.05)
