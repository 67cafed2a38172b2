"""The distributions that theory gives: closed forms, limits, and simulated Gaussian scenes."""

import math

import numpy as np
import pytest
from scipy import stats

from oddspec.errors import SettingError
from oddspec.threshold import ChiSquareDistribution, MahalanobisDistribution


def distances(pixels: np.ndarray, model: np.ndarray) -> np.ndarray:
    centred = pixels - model.mean(axis=0)
    return np.einsum("ij,ij->i", centred @ np.linalg.inv(np.cov(model, rowvar=False)), centred)


def test_chi_square_with_two_bands_is_exponential_far_out():
    distribution = ChiSquareDistribution(2)
    np.testing.assert_allclose(
        distribution.sf(np.array([0.0, 2.0, 600.0])), np.exp([0.0, -1.0, -300.0]), rtol=1e-12
    )
    assert distribution.isf(1e-12) == pytest.approx(-2 * math.log(1e-12), rel=1e-12)


def test_two_bands_have_closed_forms_far_out():
    n = 40
    inside, outside = MahalanobisDistribution(2, n), MahalanobisDistribution(2, n, included=False)
    # Beta(1, b) has the survival function (1 - x)^b.
    score = 35.0
    part = score * n / (n - 1) ** 2
    assert inside.sf(np.array([score]))[0] == pytest.approx((1 - part) ** ((n - 3) / 2), rel=1e-10)
    # F(2, m) has (1 + 2 x / m)^(-m/2).
    x = score * n * (n - 2) / (2 * (n**2 - 1))
    expected = (1 + 2 * x / (n - 2)) ** (-(n - 2) / 2)
    assert outside.sf(np.array([score]))[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("included", [True, False])
def test_is_the_inverse_of_itself(included):
    for bands, pixels in [(2, 12), (5, 60), (50, 10_000), (189, 10**9)]:
        distribution = MahalanobisDistribution(bands, pixels, included)
        for pfa in (0.5, 1e-3, 1e-6, 1e-9):
            found = distribution.sf(np.array([distribution.isf(pfa)]))[0]
            assert found == pytest.approx(pfa, rel=1e-6), (bands, pixels, pfa)


def test_many_pixels_give_chi_square():
    chi = ChiSquareDistribution(20)
    for included in (True, False):
        distribution = MahalanobisDistribution(20, 10**9, included)
        assert distribution.isf(1e-5) == pytest.approx(chi.isf(1e-5), rel=1e-6)


def test_a_pixel_of_the_statistics_cannot_be_farther_than_the_bound():
    n = 30
    distribution = MahalanobisDistribution(4, n)
    bound = (n - 1) ** 2 / n
    assert distribution.isf(1e-300) <= bound
    assert distribution.sf(np.array([bound, 2 * bound])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("bands", "pixels"), [(5, 12), (8, 40)])
def test_gaussian_scenes_follow_both_distributions(rng, bands, pixels):
    mixing = rng.normal(size=(bands, bands))
    inside, outside = [], []
    for _ in range(1500):
        scene = rng.normal(size=(pixels, bands)) @ mixing + 7
        fresh = rng.normal(size=(3, bands)) @ mixing + 7
        inside.append(distances(scene[:1], scene))
        outside.append(distances(fresh[:1], scene))
    first = MahalanobisDistribution(bands, pixels)
    second = MahalanobisDistribution(bands, pixels, included=False)
    for distribution, seen in ((first, inside), (second, outside)):
        assert stats.kstest(distribution.sf(np.concatenate(seen)), "uniform").pvalue > 1e-3
    # Neither is chi-square at this size, and the test can tell.
    wrong = ChiSquareDistribution(bands).sf(np.concatenate(outside))
    assert stats.kstest(wrong, "uniform").pvalue < 1e-6


def test_nan_stays_nan_and_negative_scores_are_certain():
    distribution = MahalanobisDistribution(3, 50)
    assert np.isnan(distribution.sf(np.array([np.nan]))[0])
    assert distribution.sf(np.array([-1.0]))[0] == 1.0


def test_too_few_pixels_are_refused():
    with pytest.raises(SettingError, match="at least 12 pixels"):
        MahalanobisDistribution(10, 11)
    with pytest.raises(SettingError, match="bands=0"):
        ChiSquareDistribution(0)
