import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import io

import oddspec
from cubes import make_cube
from oddspec.detectors.factorization.rednmf import REDNMF, published
from oddspec.detectors.statistical.local_rx import LocalRX
from oddspec.errors import DataWarning, InputError, NotConverged, SettingError
from oddspec.solvers import nmf
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.residual_scores import brad, leading, score_residual
from oddspec.statistics.summary import Moments

QUICK = {"warmup": 20, "iterations": 20, "tolerance": 0.0}


def everywhere(cube):
    return np.ones(cube.shape[:2], dtype=bool)


def test_brad_is_local_rx_of_the_residual(cube):
    expected = oddspec.detect(cube, "local_rx", guard=11, outer=21)
    found = brad(cube, everywhere(cube), components=None)
    np.testing.assert_array_equal(found, expected)
    # Without a ridge local RX does not change under invertible maps of the bands.
    turned = brad(cube, everywhere(cube), components=12, ridge=0.0)
    exact = oddspec.detect(cube, "local_rx", guard=11, outer=21, ridge=0.0)
    np.testing.assert_allclose(turned, exact, rtol=1e-6)


def test_leading_components_leave_out_invalid_pixels(cube):
    valid = everywhere(cube)
    valid[3, 4] = False
    one, other = cube.copy(), cube.copy()
    one[3, 4], other[3, 4] = 0.0, 1e6
    np.testing.assert_array_equal(leading(one, valid, 3), leading(other, valid, 3))
    found = leading(one, valid, 3)[valid]
    covariance = np.cov(found.T)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-6)
    assert (np.diff(np.diag(covariance)) < 0).all()


@pytest.mark.parametrize("level", [0.0, 3.5])
@pytest.mark.parametrize("score", ["brad", "rx", "both", "norm"])
def test_a_constant_residual_gives_a_constant_map(score, level):
    residual = np.full((24 * 26, 12), level)
    found = score_residual(residual, np.ones((24, 26), dtype=bool), score)
    assert np.isfinite(found).all()
    assert np.ptp(found) == 0


def test_brad_of_a_constant_cube_is_constant():
    found = brad(np.full((24, 26, 12), 2.0), np.ones((24, 26), dtype=bool))
    np.testing.assert_array_equal(found, 0.0)


def test_both_is_the_sum_of_a_local_and_a_global_distance(cube):
    pixels, valid = cube.reshape(-1, 12), everywhere(cube)
    local = LocalRX(guard=11, outer=21)
    assert local.guard == 11
    found = score_residual(pixels, valid, "both", components=5, scene_components=7)
    scene = Gaussian.of(Moments.of(pixels), components=7).score(pixels).reshape(24, 26)
    np.testing.assert_allclose(found, scene + brad(cube, valid, components=5))


def test_insights_are_the_model(cube):
    scores, insights, _ = REDNMF(**QUICK).examine(cube, everywhere(cube))
    found = {insight.name: insight.values for insight in insights}
    assert found["spectra"].shape == (5, 12)
    np.testing.assert_allclose(np.linalg.norm(found["spectra"], axis=1), 1)
    assert found["abundances"].shape == (24, 26, 5)
    assert found["encoder"].shape == (5, 12)
    assert (np.diff(found["objective"]) <= 0).all()
    assert len(found["objective"]) == 21
    assert found["anomalies"].argmax() == 9 * 26 + 13
    strongest = found["anomaly_spectra"][0]
    left = cube[9, 13] - found["abundances"][9, 13] @ found["spectra"]
    assert np.corrcoef(strongest, left)[0, 1] > 0.95
    assert scores.argmax() == 9 * 26 + 13


@pytest.mark.parametrize("score", ["brad", "rx", "both", "norm"])
@pytest.mark.parametrize("scored", ["anomalies", "residual"])
def test_every_score_finds_the_odd_pixel(cube, score, scored):
    scores = oddspec.detect(cube, "rednmf", score=score, scored=scored, **QUICK)
    assert (scores > scores[9, 13]).sum() == 0


def test_negative_values_are_taken_as_zero_with_a_warning(cube):
    low = cube.copy()
    low[4, 5, 6] = -50.0
    zero = low.copy()
    zero[4, 5, 6] = 0.0
    with pytest.warns(DataWarning, match="negative"):
        found = oddspec.detect(low, "rednmf", **QUICK)
    np.testing.assert_array_equal(found, oddspec.detect(zero, "rednmf", **QUICK))


def test_a_penalty_that_leaves_nothing_odd_is_told_and_the_residual_is_scored(cube):
    with pytest.warns(DataWarning, match="no pixel odd"):
        found = oddspec.detect(
            cube / cube.max(),
            "rednmf",
            penalty=50.0,
            penalty_unit="absolute",
            score="norm",
            **QUICK,
        )
    assert found.argmax() == 9 * 26 + 13
    assert np.ptp(found) > 0


@pytest.mark.parametrize("more", [{}, {"beta": 0.0}, {"rules": "printed"}])
def test_an_infinite_penalty_leaves_nothing_odd(cube, more):
    with pytest.warns(DataWarning, match="penalty=inf leaves no pixel odd"):
        found = REDNMF(penalty=math.inf, **QUICK, **more).examine(cube, everywhere(cube))
    objective = next(i.values for i in found.insights if i.name == "objective")
    assert np.isfinite(objective).all()
    assert objective[-1] < objective[0]


def test_the_penalty_is_relative_to_the_residual_or_absolute(cube):
    X, energy = cube.reshape(-1, 12), float((cube * cube).sum())
    factors = nmf.begin(X, energy, 5, 0, QUICK["warmup"])
    typical = float(np.median(np.linalg.norm(X - factors.H @ factors.W, axis=1)))
    same = {"score": "norm", **QUICK}
    relative = oddspec.detect(cube, "rednmf", penalty=4.0, **same)
    absolute = {"penalty": 4.0 * typical, "penalty_unit": "absolute"}
    np.testing.assert_allclose(oddspec.detect(cube, "rednmf", **absolute, **same), relative)
    assert 0 < (relative > 0).sum() < 300
    scaled = oddspec.detect(1e3 * cube, "rednmf", penalty=4.0, **same)
    np.testing.assert_allclose(scaled, 1e3 * relative, rtol=1e-6)


def test_printed_rules_give_finite_scores(cube):
    settings = {"rules": "printed", "unit_norm": False, **QUICK}
    with np.errstate(all="raise"):
        scores = oddspec.detect(cube, "rednmf", **settings)
    assert np.isfinite(scores).all()


def test_printed_rules_that_overflow_say_so(cube, monkeypatch):
    taken = []

    def overflowing(state, problem, step=published.step):
        taken.append(state)
        following = step(state, problem)
        return replace(following, objective=math.inf) if len(taken) > 3 else following

    monkeypatch.setattr(published, "step", overflowing)
    with pytest.warns(NotConverged, match="after 3 sweeps"):
        scores = oddspec.detect(cube, "rednmf", rules="printed", score="norm", **QUICK)
    np.testing.assert_allclose(scores.ravel(), np.linalg.norm(taken[-1].S, axis=1))


def test_not_converging_is_told(cube):
    with pytest.warns(NotConverged):
        oddspec.detect(cube, "rednmf", iterations=3, tolerance=1e-12)


def test_a_rank_above_the_bands_is_lowered_with_a_warning(rng):
    with pytest.warns(DataWarning, match="rank=5"):
        scores = oddspec.detect(make_cube(rng, b=3), "rednmf", **QUICK)
    assert np.isfinite(scores).all()


def test_scenes_that_cannot_be_factorized_are_refused():
    with pytest.raises(InputError, match="outer"):
        oddspec.detect(np.ones((10, 30, 5)), "rednmf")
    with pytest.raises(InputError, match="above zero"):
        oddspec.detect(np.zeros((24, 26, 5)), "rednmf")


@pytest.mark.parametrize(
    "wrong",
    [
        {"rank": 0},
        {"beta": -1.0},
        {"penalty": 0.0},
        {"penalty": float("nan")},
        {"iterations": 0},
        {"tolerance": float("inf")},
        {"guard": 4},
        {"guard": 21, "outer": 11},
        {"warmup": -1},
        {"starts": -1},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        REDNMF(**wrong)


def test_memory_is_linear_in_pixels_and_enough_for_a_large_scene_in_eight_gigabytes():
    detector = REDNMF(rank=10)
    assert detector.memory(2000, 1000, 200) < 2.01 * detector.memory(1000, 1000, 200)
    scene = 1000 * 1000 * 200 * (8 + 2)
    assert scene + detector.memory(1000, 1000, 200) < 8e9


def test_on_a_real_scene(shared):
    scene = io.loadmat(shared / "data" / "hydice-175.mat")
    scores = oddspec.detect(scene["data"], "rednmf", iterations=30, workers=1, tolerance=0.0)
    area = oddspec.evaluate(scores, scene["map"] > 0)["auc_pd_pf"]
    assert area > 0.98
