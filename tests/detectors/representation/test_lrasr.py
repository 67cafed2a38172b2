"""LRASR: atoms that leave anomalies out, and score maps that others published."""

import numpy as np
import pytest

import oddspec
from oddspec.detectors.representation.lrasr import LRASR, sparse_lrr, typical_members
from oddspec.errors import SettingError
from oddspec.solvers.iterate import converge

AVIRIS_LEFT_OUT = [*range(6), *range(32, 35), *range(93, 97), *range(106, 113), *range(152, 166)]
"""Bands of the raw scene that its published map does without, beside the last four."""


def stored(shared, name):
    """Pixels in 0..1, their shape, truth, dictionary, and published scores, all row by row."""
    from scipy.io import loadmat

    oracle = np.load(shared / "oracles" / "lrasr" / f"{name}.npz")
    file = {"sandiego": "sandiego-1-raw224", "urban": "hydice-175"}[name]
    held = loadmat(shared / "data" / f"{file}.mat")
    cube = held["data"].astype(np.float64)
    if name == "sandiego":
        cube = np.delete(cube, [*AVIRIS_LEFT_OUT, *range(220, 224)], axis=2)
    h, w = cube.shape[:2]
    scores = oracle["detmap"].reshape(w, h).T.ravel()
    return cube, held["map"].ravel() > 0, oracle["D"].T.astype(np.float64), scores


class TestPublishedMaps:
    @pytest.mark.parametrize("name", ["urban", pytest.param("sandiego", marks=pytest.mark.slow)])
    def test_are_solved_again_from_their_dictionaries(self, shared, name):
        cube, _, atoms, expected = stored(shared, name)
        X = (cube / cube.max()).reshape(-1, cube.shape[2])
        problem = sparse_lrr.SparseLRRProblem.of(X, np.ascontiguousarray(atoms), 0.1, 0.1)
        state = converge(
            lambda s: sparse_lrr.step(s, problem),
            sparse_lrr.start(problem, 0.01),
            gap=lambda _, s: s.unexplained,
            tol=1e-6,
            max_iter=200,
        )
        np.testing.assert_allclose(state.lengths, expected, atol=1e-6, rtol=0)

    @pytest.mark.slow
    @pytest.mark.parametrize(("name", "area"), [("sandiego", 0.985689), ("urban", 0.972362)])
    def test_areas_are_reached_with_our_own_atoms(self, shared, name, area):
        from sklearn.metrics import roc_auc_score

        cube, truth, _, expected = stored(shared, name)
        assert roc_auc_score(truth, expected) == pytest.approx(area, abs=1e-6)
        scores = oddspec.detect(cube, "lrasr", scaling="max1")
        assert roc_auc_score(truth, scores.ravel()) == pytest.approx(area, abs=0.01)


class TestAtoms:
    def test_are_the_nearest_members_of_each_cluster(self, rng):
        spread = rng.normal(size=(4, 4))
        X = np.concatenate([rng.normal(size=(60, 4)) @ spread, 50 + rng.normal(size=(40, 4))])
        labels = np.repeat([0, 1], [60, 40])
        chosen = typical_members(X, labels, 7, 1e-12)
        for label in (0, 1):
            members = np.flatnonzero(labels == label)
            away = X[members] - X[members].mean(axis=0)
            distances = np.einsum("ij,jk,ik->i", away, np.linalg.inv(np.cov(away.T)), away)
            np.testing.assert_array_equal(
                chosen[7 * label : 7 * label + 7], members[np.argsort(distances)[:7]]
            )

    def test_small_clusters_give_none(self, rng):
        labels = np.repeat([0, 1, 2], [3, 9, 2])
        chosen = typical_members(rng.normal(size=(14, 5)), labels, 4, 1e-6)
        assert set(chosen) <= set(range(3, 12))
        assert len(chosen) == 4

    def test_a_cluster_of_equal_pixels_gives_some(self):
        chosen = typical_members(np.ones((6, 3)), np.zeros(6, dtype=int), 4, 1e-6)
        np.testing.assert_array_equal(chosen, [0, 1, 2, 3])

    def test_too_many_are_refused(self, cube):
        with pytest.raises(SettingError, match="nearest=700"):
            oddspec.detect(cube, "lrasr", nearest=700)


def test_a_planted_anomaly_has_the_longest_error(cube):
    scores = oddspec.detect(cube, "lrasr", clusters=4, nearest=6)
    assert np.nanargmax(scores) == 9 * 26 + 13


@pytest.mark.parametrize(
    "settings",
    [{"penalty": 0.0}, {"sparsity": -1.0}, {"mu_growth": 3.0}, {"clusters": 0}, {"seed": -1}],
)
def test_settings_without_sense_are_refused(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        LRASR(**settings)
