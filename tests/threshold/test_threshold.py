"""Choosing a threshold: every method, the automatic rule, and small or odd scenes."""

import json

import numpy as np
import pytest
from scipy.io import loadmat

from oddspec.errors import InputError, SettingError
from oddspec.threshold import (
    METHODS,
    ChiSquareDistribution,
    MahalanobisDistribution,
    Tail,
    choose,
    clearest_gap,
    otsu,
    otsu_cut,
)
from oddspec.threshold.tail import allowed_exceedances, least_rate


def test_mask_is_strict_and_exact(rng):
    scores = rng.permutation(np.arange(1000.0))
    found = choose(scores, "empirical", 0.01)
    assert found.mask(scores).sum() == 10
    assert found.expected_false_alarms == pytest.approx(10)
    assert not found.mask(np.array([found.value, np.nan])).any()


def test_single_precision_scores_are_not_rounded_onto_the_threshold():
    found = choose(np.linspace(0.1, 0.3, 101), "empirical", 0.5)
    near = np.float32(found.value)
    assert found.mask(np.array([near]))[0] == (float(near) > found.value)


def test_ties_give_fewer_detections_never_more():
    scores = np.array([5.0] * 8 + [1.0] * 92)
    found = choose(scores, "empirical", 0.05)
    assert found.value == 5.0
    assert found.mask(scores).sum() == 0
    assert "tied" in found.warnings[0]


def test_counting_says_when_the_scene_is_too_small(rng):
    scores = rng.normal(size=100)
    found = choose(scores, "empirical", 1e-3)
    assert found.mask(scores).sum() == 0
    assert "less than one" in found.warnings[0]


def test_top_fraction_states_no_rate(rng):
    scores = rng.normal(size=2000)
    found = choose(scores, "top", fraction=0.05)
    assert found.mask(scores).sum() == 100
    assert found.pfa is None
    assert found.expected_false_alarms is None


def test_theory_gives_its_rate_on_a_scene_that_follows_it(rng):
    scores = rng.chisquare(10, 200_000)
    law = ChiSquareDistribution(10)
    found = choose(scores, "auto", 1e-3, distribution=law)
    assert found.method == "theory"
    assert found.value == law.isf(1e-3)
    assert found.warnings == ()
    assert found.mask(scores).sum() == pytest.approx(200, abs=50)


def test_theory_is_not_believed_on_a_heavy_tail(rng):
    n = 200_000
    scores = rng.chisquare(10, n) / (rng.chisquare(5, n) / 5)
    law = ChiSquareDistribution(10)
    # The tail that is kept ends far above some of the theory's levels.
    for held in (scores, Tail.of(scores, Tail.size_for(n))):
        found = choose(held, "auto", 1e-3, distribution=law)
        assert found.method in ("tail", "empirical")
        assert found.mask(scores).sum() == pytest.approx(200, abs=50)
        assert found.diagnostics["observed_over_stated"]["0.001"] > 20
        forced = choose(held, "theory", 1e-3, distribution=law)
        assert "does not follow the theory" in forced.warnings[0]
        assert forced.mask(scores).sum() > 4000


def test_theory_is_not_believed_where_it_cannot_be_checked(rng):
    law = ChiSquareDistribution(10)
    found = choose(rng.chisquare(10, 600), "auto", 1e-4, distribution=law)
    assert found.method == "tail"
    assert "too few to confirm" in found.diagnostics["theory"]


def test_extrapolation_is_said(rng):
    found = choose(rng.chisquare(10, 10_000), "tail", 1e-6)
    assert "extrapolated" in " ".join(found.warnings)
    assert found.diagnostics["rate_low"] < 1e-6 < found.diagnostics["rate_high"]
    vague = choose(rng.chisquare(10, 600), "tail", 1e-6)
    assert "may be anything" in " ".join(vague.warnings)
    unknown = choose(rng.uniform(0, 1, 600), "tail", 1e-9)
    assert (unknown.diagnostics["rate_low"], unknown.diagnostics["rate_high"]) == (0.0, 1.0)
    assert "may be anything from 0 to 1" in " ".join(unknown.warnings)


def two_materials(rng):
    """The highest tenth is a second material far above the rest: one law cannot hold both."""
    return np.concatenate([rng.normal(10, 1, 97_000), rng.normal(100, 1, 3_000)])


def test_poor_fit_is_counted_where_counting_will_do(rng):
    scores = np.round(two_materials(rng), 1)
    found = choose(scores, "auto", 1e-3)
    assert found.method == "empirical"
    assert found.diagnostics["poor_tail_fit"]["fit"] == "poor"
    assert found.mask(scores).sum() <= 100
    fitted = choose(scores, "tail", 1e-3)
    assert "fits poorly" in " ".join(fitted.warnings)


def test_anomalies_far_above_the_background_do_not_hide_themselves(rng):
    # Where no law fits the whole tail, as few of the highest as possible are set aside.
    background = rng.chisquare(50, 60_000)
    anomalies = rng.uniform(200, 3000, 60)
    scores = np.concatenate([background, anomalies])
    assert choose(scores, "tail", 1e-4).mask(anomalies).sum() < 10
    found = choose(scores, "auto", 1e-4)
    assert 0 < found.diagnostics["contamination"] <= 2e-3
    assert found.mask(anomalies).all()
    assert found.mask(background).sum() <= 18  # three times the stated 6


def test_no_more_pixels_than_the_rate_allows_may_be_missed(rng):
    # Anomalies that blend into the tail raise the fitted level above what counting allows.
    scores = np.concatenate([rng.chisquare(5, 9_900), rng.chisquare(5, 100) * 4])
    found = choose(scores, "auto", 1e-3)
    assert found.value <= choose(scores, "empirical", 1e-3).value
    assert found.mask(scores).sum() >= 10
    assert found.p_values(np.array([found.value]))[0] > 0


SHAPES = {
    "normal pixels": lambda rng, n: rng.chisquare(30, n),
    "few bands": lambda rng, n: rng.chisquare(5, n),
    "heavy": lambda rng, n: rng.chisquare(10, n) / (rng.chisquare(5, n) / 5),
    "uniform": lambda rng, n: rng.uniform(1, 2, n),
    "lengths": lambda rng, n: rng.lognormal(0, 0.5, n),
    "negative": lambda rng, n: rng.normal(-50, 1, n),
}


@pytest.mark.parametrize("pixels", [64, 144, 900, 2700, 9000])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_stands_apart_in_a_small_scene_is_found(shape, pixels):
    rng = np.random.default_rng(pixels)
    scores = SHAPES[shape](rng, pixels)
    highest = scores.max()
    # Nine times above the fourth; of scores below zero, nine times their spread.
    three = 9 * highest if highest > 0 else highest + 9 * np.ptp(scores)
    scores[[1, 7, 20]] = three * np.array([1.0, 1.02, 1.1])
    found = choose(scores, "auto", 1e-4)
    mask = found.mask(scores)
    assert mask[[1, 7, 20]].all()
    assert mask.sum() <= 3 + max(5, 0.016 * pixels)
    assert found.value <= choose(scores, "empirical", 1e-4).value
    if found.method == "gap":
        assert found.pfa is None
        assert found.expected_false_alarms is None
        assert "none is stated" in found.warnings[0]
        assert found.diagnostics["stand_apart"] == mask.sum()
    json.dumps(found.as_dict(), allow_nan=False)


@pytest.mark.parametrize("shape", SHAPES)
def test_small_scenes_without_anomalies_have_none(shape):
    rng = np.random.default_rng(5)
    scenes = [SHAPES[shape](rng, pixels) for pixels in (25, 144, 900, 2700) for _ in range(50)]
    assert sum(clearest_gap(Tail.of(scores)).significant for scores in scenes) <= 6
    for scores in scenes[:3] + scenes[50:53]:
        assert choose(scores, "auto", 1e-9).value <= scores.max()


def test_chance_of_a_gap_is_what_it_is_said_to_be():
    """In the heaviest tail that is allowed for, a Pareto distribution's."""
    rng = np.random.default_rng(0)
    scenes = [Tail.of(1 + rng.pareto(1, 400)) for _ in range(2000)]
    found = np.mean([clearest_gap(tail).significant for tail in scenes])
    assert found == pytest.approx(0.05, abs=0.015)


def test_a_pixel_that_stands_out_does_not_hide_others(rng):
    scores = rng.chisquare(30, 400)
    scores[3], scores[4:6] = 1e7, 9 * scores[6:].max() * np.array([1, 1.1])
    found = choose(scores, "auto", 1e-4)
    assert found.method == "gap"
    assert np.flatnonzero(found.mask(scores)).tolist() == [3, 4, 5]
    assert found.diagnostics["over_next"] == pytest.approx(9)
    assert np.isnan(found.p_values(scores[:9])).all()
    assert "the 3 highest scores (highest 1e+07, the last of them" in found.warnings[0]


def test_a_small_scene_without_detections_says_what_is_highest():
    scores = np.arange(1.0, 101.0)
    found = choose(scores, "auto", 1e-4)
    assert found.value == 100
    assert found.warnings == (
        "100 pixels are too few to show a false-alarm rate of 0.0001, which is less than one of "
        "them: no score lies apart from the others, and nothing is detected (the clearest gap, "
        "which chance may explain, is below the 5 highest scores: highest 100, the last of them "
        "96, the next 95, 1.01 times lower); ask for at least pfa=0.01",
    )


def test_advised_rates_let_through_what_they_promise():
    for count in [*range(2, 400), 2700, 9999, 12345]:
        rate = least_rate(count)
        assert 0 < rate < 1
        assert allowed_exceedances(float(f"{rate:g}"), count) >= 1
        if count > 10:
            assert allowed_exceedances(float(f"{least_rate(count, 10):g}"), count) >= 10
    assert least_rate(1) is least_rate(0) is least_rate(5, 10) is None
    assert least_rate(1000, 10) == 0.01
    for count in (1, 2, 25):
        (warning,) = choose(np.arange(1.0, count + 1), "empirical", 1e-4).warnings
        assert ("use at least" in warning) == (count > 1)


def test_scores_in_coarse_steps_are_counted(rng):
    scores = np.round(rng.normal(10, 1, 10_000))
    found = choose(scores, "auto", 1e-2)
    assert found.method == "empirical"
    assert "different values" in found.diagnostics["no_tail_fit"]
    with pytest.raises(InputError, match="different values"):
        choose(scores, "tail", 1e-2)


def test_saturated_pixels_do_not_stop_the_fit(rng):
    scores = np.concatenate([rng.chisquare(5, 20_000), np.full(60, 30.0)])
    found = choose(scores, "tail", 1e-2)
    assert found.mask(scores).mean() == pytest.approx(1e-2, rel=0.1)


@pytest.mark.parametrize("pixels", [1, 2, 10, 100, 499])
@pytest.mark.parametrize("method", ["auto", "empirical", "top", "otsu"])
def test_small_scenes(rng, pixels, method):
    scores = rng.chisquare(5, pixels)
    law = MahalanobisDistribution(5, pixels) if pixels > 6 else None
    found = choose(scores, method, 1e-2, distribution=law, fraction=0.1)
    assert np.isfinite(found.value)
    if found.method == "empirical":
        assert found.mask(scores).sum() == pixels // 100
    json.dumps(found.as_dict(), allow_nan=False)


@pytest.mark.parametrize("method", [m for m in METHODS if m not in ("tail", "theory")])
def test_constant_scores_detect_nothing(method):
    scores = np.full((30, 40), 2.5)
    found = choose(scores, method)
    assert found.value == 2.5
    assert not found.mask(scores).any()
    assert found.warnings


def test_p_values_fall_with_the_score(rng):
    scores = rng.chisquare(5, 20_000)
    for method in ("tail", "empirical", "theory"):
        found = choose(scores, method, 1e-3, distribution=ChiSquareDistribution(5))
        p = found.p_values(np.sort(scores))
        assert (np.diff(p) <= 1e-12).all(), method
        assert p.min() > 0
        assert found.p_values(np.array([[np.nan]])).shape == (1, 1)
    assert found.p_values(np.array([found.value]))[0] == pytest.approx(1e-3)
    assert np.isnan(choose(scores, "otsu").p_values(scores[:2])).all()


def test_every_method_is_json(rng):
    scores = rng.chisquare(5, 5000)
    for method in METHODS:
        found = choose(scores, method, 1e-3, distribution=ChiSquareDistribution(5))
        text = json.dumps(found.as_dict(), allow_nan=False)
        assert json.loads(text)["value"] == found.value


def test_wrong_settings_are_named(rng):
    scores = rng.normal(size=1000)
    for pfa in (0.0, 1.0, -1e-3, np.nan):
        with pytest.raises(SettingError, match="pfa="):
            choose(scores, "auto", pfa)
    with pytest.raises(SettingError, match="fraction="):
        choose(scores, "top", fraction=1.5)
    with pytest.raises(SettingError, match="contamination="):
        choose(scores, "tail", contamination=1.0)
    with pytest.raises(SettingError, match="unknown: choose auto, theory"):
        choose(scores, "best")
    with pytest.raises(SettingError, match="no theory"):
        choose(scores, "theory")
    with pytest.raises(InputError, match="no valid score"):
        choose(np.full(10, np.nan))


def test_otsu_parts_two_humps(rng):
    low, high = rng.lognormal(0, 0.3, 5000), rng.lognormal(4, 0.3, 300)
    found = otsu(np.concatenate([low, high]))
    assert low.max() <= found.value < high.min()
    assert found.diagnostics["scale"] == "logarithm"
    scaled = otsu(1e6 * np.concatenate([low, high]))
    assert scaled.value == pytest.approx(1e6 * found.value)
    assert otsu(np.concatenate([-low, high])).diagnostics["scale"] == "linear"


def test_otsu_maximises_the_variance_between(rng):
    counts, edges = rng.integers(0, 20, 30), np.linspace(0, 3, 31)
    centres = (edges[1:] + edges[:-1]) / 2
    values = np.repeat(centres, counts)

    def between(cut):
        low, high = values[values < cut], values[values >= cut]
        if not low.size or not high.size:
            return 0.0
        return low.size * high.size * (low.mean() - high.mean()) ** 2

    best = max(between(edge) for edge in edges)
    assert between(otsu_cut(counts, edges)) == pytest.approx(best)


def test_otsu_needs_every_score(rng):
    with pytest.raises(InputError, match="needs all 100 scores"):
        otsu(Tail.of(rng.normal(size=100), 10))


@pytest.mark.parametrize(
    "name", ["abu-airport-1", "abu-beach-1", "abu-urban-2", "pavia-crop", "sandiego-2"]
)
def test_real_scenes_keep_the_rate_by_the_tail_and_break_the_theory(shared, name):
    held = loadmat(shared / "data" / f"{name}.mat")
    cube, truth = held["data"].astype(np.float64), held["map"].ravel() > 0
    pixels = cube.reshape(-1, cube.shape[2])
    centred = pixels - pixels.mean(axis=0)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(pixels, rowvar=False)), centred.T)
    scores = (white**2).sum(axis=0)
    law = MahalanobisDistribution(pixels.shape[1], len(pixels))
    background = scores[~truth]
    believed = choose(scores, "theory", 1e-3, distribution=law)
    assert believed.mask(background).mean() > 30e-3
    found = choose(scores, "auto", 1e-3, distribution=law)
    assert found.method in ("tail", "empirical")
    # The anomalies are part of the scene, so that the background gets less than its share.
    assert found.mask(background).mean() < 1.5e-3
    without = choose(background, "auto", 1e-3, distribution=law)
    assert 0.5e-3 < without.mask(background).mean() < 2e-3
