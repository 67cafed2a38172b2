"""The tail fit: its law, its goodness of fit, and the rates it achieves."""

import numpy as np
import pytest
from scipy import special, stats

from oddspec.errors import InputError, SettingError
from oddspec.threshold import Tail, fit_tail
from oddspec.threshold.pareto import (
    Pareto,
    anderson_darling,
    anderson_darling_p_value,
    fit_pareto,
    rate_error,
)

PIXELS = 1_000_000
BANDS = 50


def draw_gaussian(random, n):
    return random.chisquare(BANDS, n)


def gaussian_rate(score):
    return float(special.gammaincc(BANDS / 2, score / 2))


def draw_student(random, n):
    return random.chisquare(BANDS, n) / (random.chisquare(5, n) / 5)


def student_rate(score):
    return float(stats.f.sf(score / BANDS, BANDS, 5))


def draw_k(random, n, order=1.0):
    return random.chisquare(BANDS, n) * random.gamma(order, 1 / order, n)


def k_rate(score, order=1.0):
    """The mean of the chi-square law over the texture, by quadrature over its logarithm."""
    logarithm = np.linspace(-20, 5, 20_001)
    texture = np.exp(logarithm)
    weight = stats.gamma(order, scale=1 / order).pdf(texture) * texture
    held = weight * special.gammaincc(BANDS / 2, score / (2 * texture))
    return float(np.trapezoid(held, logarithm))


BACKGROUNDS = {
    "gaussian": (draw_gaussian, gaussian_rate),
    "student": (draw_student, student_rate),
    "k": (draw_k, k_rate),
}


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_achieved_rate_is_the_stated_one(name):
    draw, rate = BACKGROUNDS[name]
    achieved = []
    for seed in range(5):
        scores = draw(np.random.default_rng(seed), PIXELS)
        fit = fit_tail(Tail.of(scores, Tail.size_for(PIXELS, 1e-3)))
        achieved.append([rate(fit.isf(1e-3)) / 1e-3, rate(fit.isf(1e-5)) / 1e-5])
    common, rare = np.array(achieved).T
    assert common.min() > 1 / 1.25, achieved
    assert common.max() < 1.25, achieved
    assert rare.min() > 1 / 2, achieved
    assert rare.max() < 2, achieved


def test_pixels_through_rx_to_a_threshold_hold_on_fresh_pixels(rng):
    """End to end: a heavy-tailed scene of a million spectra, and five million more."""
    bands = 6
    mixing = rng.normal(size=(bands, bands))

    def spectra(n):
        return rng.normal(size=(n, bands)) @ mixing / np.sqrt(rng.chisquare(5, (n, 1)) / 5)

    scene = spectra(PIXELS)
    mean, inverse = scene.mean(axis=0), np.linalg.inv(np.cov(scene, rowvar=False))

    def score(pixels):
        return np.einsum("ij,ij->i", (pixels - mean) @ inverse, pixels - mean)

    fit = fit_tail(Tail.of(score(scene), Tail.size_for(PIXELS)))
    fresh = np.concatenate([score(spectra(PIXELS)) for _ in range(5)])
    assert 1 / 1.25 < (fresh > fit.isf(1e-3)).mean() / 1e-3 < 1.25
    assert 1 / 2 < (fresh > fit.isf(1e-5)).mean() / 1e-5 < 2


def excesses_of(law, n, random, seen=1.0):
    left = np.log1p(-seen * random.random(n))
    return law.scale * (np.expm1(-law.shape * left) / law.shape if law.shape else -left)


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.4, 1.2])
def test_fit_finds_the_law_again(rng, shape):
    found = fit_pareto(excesses_of(Pareto(3.0, shape), 20_000, rng))
    assert found.shape == pytest.approx(shape, abs=0.04)
    assert found.scale == pytest.approx(3.0, rel=0.05)


def test_fit_agrees_with_scipy(rng):
    excesses = excesses_of(Pareto(2.0, 0.3), 500, rng)
    shape, _, scale = stats.genpareto.fit(excesses, floc=0)
    found = fit_pareto(excesses)
    assert found.shape == pytest.approx(shape, abs=2e-3)
    assert found.scale == pytest.approx(scale, rel=2e-3)


def test_fit_does_not_depend_on_the_unit(rng):
    scores = rng.chisquare(10, 20_000)
    plain, scaled = fit_tail(Tail.of(scores)), fit_tail(Tail.of(scores * 1e9))
    assert scaled.isf(1e-5) == pytest.approx(1e9 * plain.isf(1e-5), rel=1e-6)


def test_law_inverts_itself():
    for shape in (-0.4, 0.0, 1e-12, 0.7):
        law = Pareto(5.0, shape)
        for share in (0.9, 1e-3, 1e-9):
            assert law.sf(np.array([law.isf(share)]))[0] == pytest.approx(share, rel=1e-9)
    assert Pareto(1.0, -0.5).sf(np.array([2.0, 3.0])).tolist() == [0.0, 0.0]


def test_truncated_fit_ignores_what_lies_above_the_ceiling(rng):
    law = Pareto(1.0, 0.2)
    ceiling = law.isf(0.1)
    found = fit_pareto(excesses_of(law, 40_000, rng, seen=0.9), ceiling)
    assert found.shape == pytest.approx(0.2, abs=0.06)
    assert found.isf(1e-3) == pytest.approx(law.isf(1e-3), rel=0.15)


@pytest.mark.parametrize(("shape", "seen"), [(0.0, 1.0), (0.4, 1.0), (-0.2, 1.0), (0.2, 0.8)])
def test_p_values_of_a_true_law_are_uniform(rng, shape, seen):
    """Parametric bootstrap: the limit law accounts for both fitted parameters."""
    law, p_values = Pareto(1.0, shape), []
    ceiling = law.isf(1 - seen) if seen < 1 else np.inf
    for _ in range(80):
        excesses = excesses_of(law, 300, rng, seen)
        fit = fit_pareto(excesses, ceiling)
        below = float(1 - fit.sf(np.array(ceiling))) if seen < 1 else 1.0
        statistic = anderson_darling((1 - fit.sf(excesses)) / below)
        p_values.append(anderson_darling_p_value(statistic, fit.shape, below))
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


def test_wrong_laws_are_found_out(rng):
    excesses = np.abs(rng.normal(5, 1, 2000))
    fit = fit_pareto(excesses)
    statistic = anderson_darling(1 - fit.sf(excesses))
    assert anderson_darling_p_value(statistic, fit.shape) < 1e-4


def test_statistic_agrees_with_its_definition():
    z = np.array([0.1, 0.4, 0.7])
    sums = [(2 * i + 1) * (np.log(z[i]) + np.log(1 - z[2 - i])) for i in range(3)]
    assert anderson_darling(z) == pytest.approx(-3 - sum(sums) / 3)


def test_stated_error_of_the_rate_is_that_of_many_fits(rng):
    law, found = Pareto(1.0, 0.2), []
    for _ in range(120):
        found.append(
            np.log(law.sf(np.array([fit_pareto(excesses_of(law, 800, rng)).isf(1e-2)]))[0])
        )
    # The share of pixels above the level adds 1 / count, which these fits do not have.
    expected = np.sqrt(rate_error(0.2, 800, 1e-2) ** 2 - 1 / 800)
    assert np.std(found) == pytest.approx(expected, rel=0.2)


def test_contamination_is_kept_out_of_the_fit():
    random = np.random.default_rng(5)
    background = draw_gaussian(random, 500_000)
    scores = np.concatenate([background, random.uniform(200, 400, 2_500)])
    honest, robust = fit_tail(Tail.of(scores)), fit_tail(Tail.of(scores), contamination=0.006)
    achieved = gaussian_rate(robust.isf(1e-4)) / 1e-4
    assert 1 / 2 < achieved < 2
    # Taken as background, the half percent of anomalies hides itself at this rate.
    assert gaussian_rate(honest.isf(1e-4)) / 1e-4 < 1e-3
    assert (scores[500_000:] > robust.isf(1e-4)).all()


def test_below_the_level_the_law_is_counted(rng):
    scores = rng.chisquare(5, 5000)
    fit = fit_tail(Tail.of(scores), share=0.02)
    assert fit.exceedances == 100
    low = np.array([np.quantile(scores, 0.5)])
    assert fit.sf(low)[0] == pytest.approx(0.5, abs=1e-3)
    assert fit.isf(0.3) == Tail.of(scores).isf(0.3)
    joint = fit.sf(np.nextafter(fit.level, [-np.inf, np.inf]))
    assert joint[0] == pytest.approx(joint[1], rel=0.02)


def test_short_or_constant_tails_are_refused(rng):
    with pytest.raises(InputError, match="499 valid scores, 0 of them set aside, are too few"):
        fit_tail(Tail.of(rng.normal(size=499)))
    with pytest.raises(InputError, match="only 1 different values"):
        fit_tail(Tail.of(np.ones(10_000)))
    with pytest.raises(InputError, match="different values"):
        fit_tail(Tail.of(rng.integers(0, 4, 10_000)))
    with pytest.raises(SettingError, match="share"):
        fit_tail(Tail.of(rng.normal(size=1000)), share=0.01)
