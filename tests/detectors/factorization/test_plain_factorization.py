import math
import tracemalloc

import numpy as np
import pytest

import oddspec
from oddspec import detectors
from oddspec.detectors.factorization import rnmf as solver
from oddspec.errors import DataWarning, InputError, SettingError
from oddspec.solvers import nmf
from oddspec.solvers.prox import soft
from oddspec.statistics.residual_scores import score_residual

NAMES = ("nmf", "l1nmf", "rnmf", "ewnmf")
QUICK = {"iterations": 60, "starts": 2}


def everywhere(cube):
    return np.ones(cube.shape[:2], dtype=bool)


def examine(cube, name, **settings):
    scores, insights, *_ = detectors.load(name)(**(QUICK | settings)).examine(
        cube, everywhere(cube)
    )
    return scores, {insight.name: insight.values for insight in insights}


def warm(name):
    return {} if name == "nmf" else {"warmup": 30}


def test_nmf_has_scikit_learns_objective_from_the_same_start(cube):
    from sklearn.decomposition import non_negative_factorization

    X = cube.reshape(-1, 12)
    first = nmf.start(X, 3, seed=0)
    with_theirs = {"n_components": 3, "init": "custom", "solver": "mu", "max_iter": 300, "tol": 0}
    H, W, _ = non_negative_factorization(X, first.H.copy(), first.W.copy(), **with_theirs)
    _, found = examine(cube, "nmf", rank=3, starts=1, iterations=300, tolerance=0.0)
    assert found["objective"][-1] == pytest.approx(((X - H @ W) ** 2).sum(), rel=0.01)


def test_nmf_on_a_real_scene_has_scikit_learns_objective(shared):
    from scipy import io
    from sklearn.decomposition import non_negative_factorization

    cube = io.loadmat(shared / "data" / "abu-airport-4.mat")["data"][::3, ::3].astype(float)
    X = cube.reshape(-1, cube.shape[2])
    first = nmf.start(X, 5, seed=0)
    with_theirs = {"n_components": 5, "init": "custom", "solver": "mu", "max_iter": 100, "tol": 0}
    H, W, _ = non_negative_factorization(X, first.H.copy(), first.W.copy(), **with_theirs)
    _, found = examine(cube, "nmf", starts=1, iterations=100, tolerance=0.0)
    assert found["objective"][-1] == pytest.approx(((X - H @ W) ** 2).sum(), rel=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_the_score_is_that_of_the_residual(cube, name):
    for score in ("norm", "brad", "rx", "both") if name == "nmf" else ("norm", "rx"):
        more = {"scored": "residual"} if name == "rnmf" else {}
        scores, found = examine(cube, name, score=score, **warm(name), **more)
        residual = (cube - found["abundances"] @ found["spectra"]).reshape(-1, 12)
        expected = score_residual(residual, everywhere(cube), score)
        np.testing.assert_allclose(scores, expected, rtol=1e-6)
        assert scores.argmax() == 9 * 26 + 13


@pytest.mark.parametrize("name", NAMES)
def test_insights_are_the_model(cube, name):
    scores, found = examine(cube, name, **warm(name))
    assert found["spectra"].shape == (5, 12)
    np.testing.assert_allclose(np.linalg.norm(found["spectra"], axis=1), 1, rtol=1e-5)
    assert found["abundances"].shape == (24, 26, 5)
    assert (found["abundances"] >= 0).all()
    left = cube[9, 13] - found["abundances"][9, 13] @ found["spectra"]
    assert np.corrcoef(found["odd_spectra"][0], left)[0, 1] > 0.95
    curve = found["objective"]
    assert (np.diff(curve) <= 1e-6 * np.abs(curve).max()).all()
    assert curve[-1] < curve[0]
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("loss", ["l1", "l21", "huber"])
def test_every_loss_falls_and_finds_the_odd_pixel(cube, loss):
    scores, found = examine(cube, "l1nmf", loss=loss, iterations=200, warmup=50)
    assert scores.argmax() == 9 * 26 + 13
    assert (np.diff(found["objective"]) <= 1e-6 * found["objective"][0]).all()
    assert len(found["objective"]) == 151
    # What does not fit weighs less.
    assert found["pixel_weights"][0] < found["pixel_weights"][3]


def test_absolute_residuals_end_below_those_of_squares(cube):
    odd = cube.copy()
    odd[::7, ::5] = np.random.default_rng(3).uniform(100, 1000, odd[::7, ::5].shape)

    def absolute(name, **more):
        _, found = examine(odd, name, rank=3, iterations=600, **more)
        return np.abs(odd - found["abundances"] @ found["spectra"]).sum()

    assert absolute("l1nmf", warmup=100) < 0.97 * absolute("nmf")


def test_rnmf_without_a_limit_is_nmf(cube):
    _, plain = examine(cube, "nmf", tolerance=0.0)
    scores, robust = examine(cube, "rnmf", penalty=math.inf, warmup=20, tolerance=0.0)
    np.testing.assert_allclose(
        robust["abundances"] @ robust["spectra"],
        plain["abundances"] @ plain["spectra"],
        rtol=1e-6,
    )
    np.testing.assert_allclose(scores, examine(cube, "nmf", tolerance=0.0)[0], rtol=1e-4)
    assert robust["objective"][-1] == pytest.approx(plain["objective"][-1], rel=1e-9)


def test_rnmf_is_its_solver_at_the_stated_limit(cube):
    X, energy = cube.reshape(-1, 12), float((cube**2).sum())
    state = nmf.begin(X, energy, 3, 2, 20)
    for _ in range(10):
        state = nmf.step(state, X, energy)
    limit = 2.0 * 1.4826 * np.median(np.abs(X - state.H @ state.W))
    for _ in range(30):
        state = solver.step(state, X, 2 * limit)
    S = soft(X - state.H @ state.W, limit)
    scores, _ = examine(cube, "rnmf", rank=3, penalty=2.0, warmup=30, tolerance=0.0)
    np.testing.assert_allclose(scores.ravel(), np.linalg.norm(S, axis=1), atol=1e-6 * scores.max())
    same = examine(
        cube, "rnmf", rank=3, penalty=limit, penalty_unit="absolute", warmup=30, tolerance=0.0
    )[0]
    np.testing.assert_allclose(same, scores, atol=1e-9 * scores.max())
    assert 0 < (scores == 0).mean() < 1


def test_rnmf_says_when_nothing_is_odd(cube):
    with pytest.warns(DataWarning, match="no entry odd"):
        scores, _ = examine(cube, "rnmf", penalty=1e6, warmup=20)
    assert scores.argmax() == 9 * 26 + 13


def test_ewnmf_with_even_weights_is_nmf(cube):
    plain, _ = examine(cube, "nmf")
    np.testing.assert_array_equal(examine(cube, "ewnmf", gamma=math.inf)[0], plain)
    nearly, found = examine(cube, "ewnmf", gamma=1e6, warmup=20)
    np.testing.assert_allclose(nearly, plain, rtol=0.02)
    np.testing.assert_allclose(found["band_weights"], 1 / 12, rtol=1e-3)


def test_ewnmf_weighs_a_noisy_band_less(cube):
    noisy = cube.copy()
    noisy[:, :, 4] += np.random.default_rng(1).uniform(0, 400, (24, 26))
    weights = examine(noisy, "ewnmf", rank=3, warmup=30)[1]["band_weights"][0]
    assert weights.argmin() == 4
    assert weights.sum() == pytest.approx(1)
    unit = np.square(cube.max())
    one = examine(cube, "ewnmf", gamma=1e-4 * unit, gamma_unit="absolute", warmup=20)[0]
    other = examine(0.1 * cube, "ewnmf", gamma=1e-6 * unit, gamma_unit="absolute", warmup=20)[0]
    np.testing.assert_allclose(other, 0.1 * one, rtol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_factorized_is_told(cube, name):
    low = np.where(np.arange(12) == 3, -1.0, cube)
    with pytest.warns(DataWarning, match="negative"):
        found = oddspec.detect(low, name, **QUICK)
    np.testing.assert_array_equal(found, oddspec.detect(np.maximum(low, 0), name, **QUICK))
    with pytest.raises(InputError, match="above zero"):
        oddspec.detect(np.zeros((24, 26, 12)), name)
    with pytest.warns(DataWarning, match="12 is taken"):
        oddspec.detect(cube, name, rank=50, **QUICK)
    with pytest.raises(InputError, match="21"):
        oddspec.detect(cube[:10], name, score="brad")


@pytest.mark.parametrize("name", NAMES)
def test_data_of_exactly_the_rank_are_borne(rng, name):
    exact = (rng.dirichlet(np.ones(2), 600) @ rng.uniform(1, 9, (2, 12))).reshape(25, 24, 12)
    scores = oddspec.detect(exact, name, rank=2, **QUICK)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("nmf", {"rank": 0}),
        ("nmf", {"tolerance": -1.0}),
        ("nmf", {"guard": 4}),
        ("nmf", {"seed": -1}),
        ("rnmf", {"penalty": 0.0}),
        ("rnmf", {"warmup": -1}),
        ("l1nmf", {"smoothing": 0.0}),
        ("l1nmf", {"width": math.inf}),
        ("ewnmf", {"gamma": 0.0}),
        ("ewnmf", {"warmup": -1}),
    ],
)
def test_settings_are_checked(name, setting):
    with pytest.raises(SettingError, match=next(iter(setting))):
        detectors.load(name)(**setting)


@pytest.mark.parametrize("name", NAMES)
def test_it_needs_no_more_memory_than_it_states(rng, name):
    cube = rng.uniform(1, 10, (60, 50, 80))
    detector = detectors.load(name)(iterations=8, starts=1, score="rx")
    tracemalloc.start()
    detector.examine(cube, everywhere(cube))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < detector.memory(60, 50, 80)
