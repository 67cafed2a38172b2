import warnings

import numpy as np
import pytest

import oddspec
from oddspec.detectors.representation.lrr import LRR
from oddspec.errors import NotConverged, SettingError
from oddspec.solvers import dictionary as solver
from oddspec.solvers.scene_weights import scene_weights

ALL = np.ones((30, 30), dtype=bool)


@pytest.fixture
def scene(rng):
    """Four materials in a scene of 30 x 30 x 25, noise, and an odd pixel at (7, 9)."""
    cube = rng.dirichlet(np.ones(4), (30, 30)) @ rng.uniform(1, 5, (4, 25))
    cube += 0.02 * rng.normal(size=cube.shape)
    cube[7, 9] = 0.7 * cube[7, 9] + 0.3 * rng.uniform(1, 5, 25)
    return cube


def test_the_planted_anomaly_is_found_by_both_dictionaries(scene):
    for dictionary in ("learnt", "fixed"):
        scores = LRR(dictionary=dictionary).examine(scene, ALL).scores
        assert scores.argmax() == 7 * 30 + 9


def test_a_permutation_of_the_pixels_permutes_the_scores(scene, rng):
    order = rng.permutation(900)
    scores = LRR().examine(scene, ALL).scores
    permuted = LRR().examine(scene.reshape(900, 25)[order].reshape(30, 30, 25), ALL).scores
    np.testing.assert_allclose(permuted.ravel(), scores.ravel()[order], rtol=1e-5)


def test_the_sparse_score_is_the_residual_beyond_the_ordinary(scene):
    residual = LRR(rank=4).examine(scene, ALL).scores
    sparse = LRR(rank=4, score="sparse").examine(scene, ALL).scores
    some = sparse > 0
    assert some[7, 9]
    assert 0.05 < some.mean() < 0.95
    np.testing.assert_allclose(np.ptp((residual - sparse)[some]), 0, atol=1e-9)


def test_what_it_found_is_given_with_the_scores(scene):
    insights = LRR().examine(scene, ALL).insights
    dictionary, coefficients, background, objective = insights
    assert (background.name, background.kind) == ("background", "cube")
    assert dictionary.values.shape == (10, 25)
    assert coefficients.values.shape == (30, 30, 10)
    assert objective.values[-1] < objective.values[0]
    # The strongest atoms lie in the span of the materials.
    assert objective.values[-1] <= objective.values.min() * (1 + 1e-2)


def test_lambda3_beyond_all_residuals_calls_nothing_sparse(scene):
    scores = LRR(lambda3=1e3, score="sparse").examine(scene, ALL).scores
    assert (scores == 0).all()


def test_it_converges_on_a_scene_and_says_so_when_not(scene):
    with warnings.catch_warnings():
        warnings.simplefilter("error", NotConverged)
        LRR().examine(scene, ALL)
    with pytest.warns(NotConverged):
        LRR(max_iter=2).examine(scene, ALL)


@pytest.mark.parametrize(
    ("settings", "copies"),
    [({"rank": 4}, 9), ({}, 4), ({"rank": 4, "dictionary": "fixed"}, 4)],
)
def test_a_model_gives_copies_of_a_scene_its_scores(scene, settings, copies):
    # The tolerance is tight, as both must have come to the same place.
    once = LRR(tolerance=1e-9, max_iter=3, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConverged)
        model = once.examine(scene, ALL).fitted
        expected = model.examine(scene, ALL).scores
        many = model.examine(np.tile(scene, (copies, 1, 1)), np.tile(ALL, (copies, 1))).scores
    np.testing.assert_allclose(many, np.tile(expected, (copies, 1)), rtol=1e-9)


@pytest.mark.parametrize("name", ["lrr", "lrr_net_plus"])
def test_a_background_that_vanishes_is_told(scene, name):
    settings = {} if name == "lrr" else {"epochs": 0}
    with pytest.raises(SettingError, match=r"background has vanished.*raise rank"):
        oddspec.detect(scene, name, rank=3, **settings)
    oddspec.detect(scene, name, rank=4, **settings)


def test_memory_is_linear_in_pixels():
    assert LRR().memory(200, 100, 50) == 2 * LRR().memory(100, 100, 50)


@pytest.mark.parametrize(
    "wrong", [{"atoms": 0}, {"lambda2": 0.0}, {"mu_growth": 0.5}, {"tolerance": -1.0}, {"seed": -1}]
)
def test_wrong_settings_are_named(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        LRR(**wrong)


def test_svd_limit_without_sparse_part(rng):
    """With l3 beyond all residuals the optimum is a shrinkage of X's own singular values."""
    X = rng.normal(size=(200, 10)) * 2.0 ** -np.arange(10)
    weights = scene_weights(X, 4)._replace(l3=1e9)
    squares = (X * X).sum(axis=1)
    U, s, V = np.linalg.svd(X, full_matrices=False)
    state = solver.start(V[:8], U[:, :8] * s[:8])
    penalty = weights.l2
    for _ in range(200):
        constants = solver.Constants(weights.l1, weights.l3, penalty, weights.l2 / penalty)
        state = solver.relaxed(solver.step(state, X, squares, constants, balanced=True), 1.05)
        penalty *= 1.05
    found = np.linalg.svd(state.codes.J @ state.D, compute_uv=False)[:4]
    c = (weights.l1 * weights.l2**2) ** (1 / 3)
    expected = s[:3].copy()
    for _ in range(100):
        expected = s[:3] - c * expected ** (-1 / 3)
    np.testing.assert_allclose(found[:3], expected, rtol=1e-3)
