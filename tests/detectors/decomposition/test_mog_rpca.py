import numpy as np
import pytest
from scipy import stats

from oddspec.detectors.decomposition.lsdm_mog import mog_rpca
from oddspec.detectors.decomposition.lsdm_mog.posteriors import (
    PRIOR,
    Factor,
    NoiseMixture,
    divergence,
)


def planted(rng, n=300, b=25, rank=2, wide=0.1):
    low = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, b))
    odd = rng.random((n, b)) < wide
    noise = np.where(odd, rng.normal(0, 2.0, (n, b)), rng.normal(0, 0.1, (n, b)))
    return low, noise, odd


def run(X, rank, kinds, steps, seed=0):
    state = mog_rpca.start(X, rank, kinds, np.random.default_rng(seed))
    for _ in range(steps):
        state = mog_rpca.step(state, X)
        yield state


def test_rank_and_both_deviations_are_found(rng):
    low, noise, odd = planted(rng)
    *_, state = run(low + noise, 6, 2, 40)
    assert len(state.gamma) == 2
    order = np.argsort(state.mixture.deviations)
    np.testing.assert_allclose(state.mixture.deviations[order], [0.1, 2.0], rtol=0.05)
    np.testing.assert_allclose(state.mixture.alpha[order] / odd.size, [0.9, 0.1], atol=0.01)
    assert np.linalg.norm(state.background - low) < 0.05 * np.linalg.norm(low)
    wide = state.noise.R[order[1]]
    far = np.abs(noise) > 1
    assert wide[far].min() > 0.99


@pytest.mark.parametrize("kinds", [1, 2, 3])
def test_the_lower_bound_never_falls_while_columns_stay(rng, kinds):
    low, noise, _ = planted(rng)
    bounds, columns = [], []
    for state in run(low + noise, 4, kinds, 30):
        bounds.append(state.bound)
        columns.append(len(state.gamma))
        np.testing.assert_allclose(state.noise.R.sum(axis=0), 1)
    same = np.diff(columns) == 0
    assert same.sum() > 20
    assert (np.diff(bounds)[same] >= -1e-9 * np.abs(bounds[1:])[same]).all()


def test_one_kind_is_variational_pca_and_spares_what_is_not_needed(rng):
    low, _, _ = planted(rng, wide=0.0)
    X = low + rng.normal(0, 0.3, low.shape)
    *_, state = run(X, 6, 1, 60)
    assert len(state.gamma) == 2
    assert state.mixture.deviations[0] == pytest.approx(0.3, rel=0.03)
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    np.testing.assert_allclose(
        state.background, (U[:, :2] * s[:2]) @ Vt[:2], atol=0.02 * np.abs(low).max()
    )


def test_squared_residuals_are_expectations(rng):
    def factor(m):
        root = rng.normal(size=(m, 3, 3))
        return Factor(rng.normal(size=(m, 3)), root @ root.transpose(0, 2, 1))

    pixels, bands = factor(4), factor(5)
    X = rng.normal(size=(4, 5))
    E1, E2 = mog_rpca._residuals(X, pixels, bands, pixels.mean @ bands.mean.T)
    draws = 200_000
    P = rng.multivariate_normal(pixels.mean[1], pixels.covariance[1], draws)
    Q = rng.multivariate_normal(bands.mean[2], bands.covariance[2], draws)
    e = X[1, 2] - np.vecdot(P, Q)
    assert E1[1, 2] == pytest.approx(e.mean(), abs=5 * e.std() / np.sqrt(draws))
    assert E2[1, 2] == pytest.approx((e**2).mean(), abs=5 * (e**2).std() / np.sqrt(draws))


def test_divergence_of_the_priors_themselves_is_none():
    """Of posteriors equal to the priors: only then does it vanish."""
    one = np.ones(2)
    same = NoiseMixture(PRIOR * one, PRIOR * one, 0 * one, PRIOR * one, PRIOR * one)
    gamma, rates = np.full(3, 1.0), np.full(3, PRIOR)
    covariance = np.tile(np.eye(3), (1, 1, 1))
    nothing = Factor(np.zeros((1, 3)), covariance)

    def total(mixture):
        # E[log gamma] of such a wide Gamma is far from log E[gamma]: the factors keep that gap.
        return divergence(nothing, nothing, gamma, PRIOR, rates, mixture)

    base = total(same)
    for field, change in (("alpha", 1.0), ("beta", 1.0), ("mu", 1.0), ("c", 1.0), ("d", 1.0)):
        assert total(same._replace(**{field: getattr(same, field) + change})) > base


def test_gamma_divergence_is_the_integral():
    from oddspec.detectors.decomposition.lsdm_mog.posteriors import _gamma_divergence

    shape, rate = 7.0, 3.0
    law = stats.gamma(shape, scale=1 / rate)
    prior = stats.gamma(PRIOR, scale=1 / PRIOR)
    expected = law.expect(lambda x: law.logpdf(x) - prior.logpdf(x))
    found = _gamma_divergence(np.array([shape]), np.array([rate]))
    assert found[0] == pytest.approx(expected, rel=1e-6)


def test_columns_that_are_dropped_leave_no_negative_variance(rng):
    low, noise, _ = planted(rng)
    counts = []
    for state in run(1e-3 * (low + noise), 8, 3, 30):
        counts.append(len(state.gamma))
        assert (state.mixture.d > 0).all()
        assert np.isfinite(state.background).all()
    assert counts[0] > counts[-1]
