"""ADLR's steps on scenes whose answer is known: small volumes, mean shift, representation."""

import numpy as np
import pytest

from oddspec.detectors.representation.adlr import lrr_l1, min_volume
from oddspec.detectors.representation.adlr.mean_shift import mean_shift
from oddspec.solvers.prox import nuclear_norm
from oddspec.solvers.unmixing import abundances


@pytest.fixture
def mixed(rng):
    A = rng.uniform(0.1, 1, (4, 15))
    S = rng.dirichlet(np.ones(4), 300)
    S[[5, 50, 100, 200]] = np.eye(4)
    return A, S, S @ A


class TestMinVolume:
    def test_the_objective_never_rises(self, mixed, rng):
        A, _, X = mixed
        X = X + 0.01 * rng.random(X.shape)
        problem = min_volume.MinVolumeProblem.of(X, 4, 0.015, 20.0)
        start = rng.uniform(0.1, 1, A.shape)
        state = min_volume.Unmixed(start, abundances(X, start))
        values = [min_volume.objective(state, problem)]
        for _ in range(6):
            state = min_volume.step(state, problem)
            values.append(min_volume.objective(state, problem))
        assert (np.diff(values) <= 1e-9 * values[0]).all()
        assert values[-1] < 0.5 * values[0]
        assert min(state.A.min(), state.S.min()) >= 0
        assert abs(state.S.sum(axis=1) - 1).max() < 0.1

    def test_a_large_weight_makes_the_volume_small(self, mixed):
        A, S, X = mixed
        sizes = []
        for weight in (0.0, 1e4):
            problem = min_volume.MinVolumeProblem.of(X, 4, weight, 20.0)
            state = min_volume.Unmixed(A, S)
            for _ in range(5):
                state = min_volume.step(state, problem)
            sizes.append(abs(min_volume._determinant(state.A, problem)))
        assert sizes[1] < 0.9 * sizes[0]


class TestMeanShift:
    def test_separate_clouds_are_the_clusters(self, rng):
        centres = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
        labels = rng.integers(0, 3, 200)
        points = centres[labels] + rng.normal(0, 0.01, (200, 2))
        peaks, found = mean_shift(points, 0.2, 0)
        assert len(peaks) == 3
        for k in range(3):
            assert len(set(found[labels == k])) == 1
            peak = peaks[found[labels == k][0]]
            np.testing.assert_allclose(peak, centres[k], atol=0.01)

    def test_every_point_belongs_to_some_peak(self, rng):
        points = rng.uniform(size=(150, 3))
        peaks, found = mean_shift(points, 0.15, 1)
        assert found.min() >= 0
        assert found.max() < len(peaks)


def objective_l1(J, S, D, lam):
    """At the feasible point ``(J, S - J D)``."""
    return float(nuclear_norm(J) + lam * np.abs(S - J @ D).sum())


class TestAbundances:
    def test_condensed_atoms_represent_the_same(self, rng):
        S, D = rng.dirichlet(np.ones(4), 80), rng.dirichlet(np.ones(4), 11)
        T = lrr_l1.condense(D)
        assert T.shape == (4, 4)
        lam = 4 * lrr_l1.critical_l1_penalty(S, D)
        whole, small = lrr_l1.start(S, D, 1e-3), lrr_l1.start(S, T, 1e-3)
        for _ in range(60):
            whole, small = lrr_l1.step(whole, S, D, lam), lrr_l1.step(small, S, T, lam)
            np.testing.assert_allclose(small.E, whole.E, atol=1e-9)
        assert objective_l1(small.J, S, T, lam) == pytest.approx(
            objective_l1(whole.J, S, D, lam), rel=1e-8
        )
        assert lrr_l1.critical_l1_penalty(S, T) == pytest.approx(lrr_l1.critical_l1_penalty(S, D))

    def test_nothing_is_represented_up_to_the_critical_penalty(self, rng):
        S, D = rng.uniform(0.1, 1, (80, 4)), rng.uniform(0.1, 1, (6, 4))
        critical = lrr_l1.critical_l1_penalty(S, D)
        found = []
        for ratio in (0.98, 1.1):
            state = lrr_l1.start(S, D, 0.3)
            for _ in range(4000):
                state = lrr_l1.step(state, S, D, ratio * critical, mu_growth=1.0)
            assert state.residual < 1e-5
            found.append(np.linalg.norm(state.J))
        assert found[0] < 1e-4
        assert found[1] > 1e-2
