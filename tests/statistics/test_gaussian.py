import functools
import operator
import warnings

import numpy as np
import pytest

from oddspec.errors import DataWarning, InputError
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.summary import Moments


def rx(pixels, **more):
    return Gaussian.of(Moments.of(pixels), **more).score(pixels)


@pytest.mark.parametrize("bands", [1, 2, 63, 64, 65, 130])
def test_scores_are_mahalanobis_distances(rng, bands):
    pixels = rng.normal(size=(400, bands)) @ rng.normal(size=(bands, bands))
    centred = pixels - pixels.mean(axis=0)
    inverse = np.linalg.inv(np.atleast_2d(np.cov(pixels.T)))
    np.testing.assert_allclose(
        rx(pixels), np.einsum("ij,jk,ik->i", centred, inverse, centred), rtol=1e-8
    )


def test_scores_sum_to_n_minus_1_times_b(rng):
    pixels = rng.normal(size=(500, 7))
    assert rx(pixels).sum() == pytest.approx(3493.0, abs=1e-9)


def test_scores_are_invariant_under_affine_maps(rng):
    pixels = rng.normal(size=(300, 6))
    mapped = pixels @ rng.normal(size=(6, 6)) + rng.normal(size=6) * 1e3
    np.testing.assert_allclose(rx(mapped), rx(pixels), rtol=1e-7)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_bands_in_other_units_change_nothing(rng, scale):
    pixels = rng.normal(size=(300, 6)) + 5
    mixed = pixels * np.array([scale, 1, 1, 1, 1, 1 / scale])
    np.testing.assert_allclose(rx(mixed), rx(pixels), rtol=1e-8)


def test_singular_covariances_give_the_full_rank_subspaces_scores(rng):
    pixels = rng.normal(size=(300, 6)) * 100 + 1000
    expected = rx(pixels)
    odd = np.column_stack(
        [pixels, pixels[:, 2], np.full(300, 7.3), pixels[:, 0] - 2 * pixels[:, 4]]
    )
    model = Gaussian.of(Moments.of(odd))
    assert (model.health.rank, model.health.constant_bands) == (6, 1)
    assert len(model.health.notes) == 2
    np.testing.assert_allclose(model.score(odd), expected, rtol=1e-7)


def test_fewer_pixels_than_bands_score_all_alike_without_shrinking(rng):
    # n pixels span n - 1 dimensions, in which each is as far from the mean as any other.
    pixels = rng.normal(size=(8, 20))
    model = Gaussian.of(Moments.of(pixels), ridge=0.0)
    assert model.health.rank == 7
    assert "0.4 pixels per band" in " ".join(model.health.notes)
    np.testing.assert_allclose(model.score(pixels), 49 / 8, rtol=1e-9)


@pytest.mark.parametrize(("pixels", "bands"), [(8, 20), (21, 20), (3, 2), (2, 7)])
def test_no_more_pixels_than_the_rank_and_one_are_shrunk_by_oas(rng, pixels, bands):
    data = rng.normal(size=(pixels, bands)) @ rng.normal(size=(bands, bands)) + 50
    with pytest.warns(DataWarning, match="shrunk towards the identity"):
        model = Gaussian.of(Moments.of(data))
    # Equation 23 of the paper; scikit-learn's OAS leaves out the terms 2/p.
    unit = (data - data.mean(axis=0)) / data.std(axis=0, ddof=1)
    S, n, p = unit.T @ unit / (pixels - 1), pixels - 1, bands
    above = (1 - 2 / p) * np.trace(S @ S) + np.trace(S) ** 2
    below = (n + 1 - 2 / p) * (np.trace(S @ S) - np.trace(S) ** 2 / p)
    amount = min(1.0, above / below)
    assert model.health.shrinkage == pytest.approx(amount, rel=1e-9)
    shrunk = (1 - amount) * S + amount * np.eye(bands)
    np.testing.assert_allclose(
        model.score(data), np.einsum("ij,jk,ik->i", unit, np.linalg.inv(shrunk), unit), rtol=1e-8
    )
    assert model.distribution() is None


def test_one_pixel_more_than_that_is_not_shrunk(rng):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Gaussian.of(Moments.of(rng.normal(size=(22, 20)))).health.shrinkage == 0


def test_constant_bands_take_no_part_in_shrinking(rng):
    data = rng.normal(size=(8, 20)) * 3 + 50
    with pytest.warns(DataWarning, match="shrunk"):
        expected = rx(data)
    with pytest.warns(DataWarning, match="shrunk"):
        scores = rx(np.column_stack([data, np.full(8, 7.3)]))
    np.testing.assert_allclose(scores, expected, rtol=1e-10)


@pytest.mark.parametrize("ridge", [1e-6, 0.1])
def test_a_ridge_is_a_part_of_the_mean_variance_and_nothing_is_shrunk(rng, ridge):
    data = rng.normal(size=(8, 20))
    covariance = np.cov(data.T)
    raised = covariance + ridge * np.trace(covariance) / 20 * np.eye(20)
    away = data - data.mean(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = rx(data, ridge=ridge)
    expected = np.einsum("ij,jk,ik->i", away, np.linalg.inv(raised), away)
    np.testing.assert_allclose(scores, expected, rtol=1e-7)


def test_leading_components_are_those_of_the_covariance(rng):
    pixels = rng.normal(size=(300, 6)) * np.array([100, 50, 20, 1, 0.5, 0.1])
    values, vectors = np.linalg.eigh(np.cov(pixels.T))
    white = (pixels - pixels.mean(axis=0)) @ vectors[:, -2:] / np.sqrt(values[-2:])
    np.testing.assert_allclose(rx(pixels, components=2), (white**2).sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(rx(pixels, components=99), rx(pixels), rtol=1e-12)


def test_no_variation_and_no_pixels_are_refused():
    with pytest.raises(InputError, match="all valid pixels are equal"):
        rx(np.full((50, 3), 0.1))
    with pytest.raises(InputError, match="1 valid pixels"):
        rx(np.ones((1, 3)))


def test_torch_scores_equal_numpy_scores(rng):
    torch = pytest.importorskip("torch")
    pixels = rng.normal(size=(200, 9))
    model = Gaussian.of(Moments.of(torch.from_numpy(pixels)))
    np.testing.assert_allclose(
        model.score(torch.from_numpy(pixels)).numpy(), rx(pixels), rtol=1e-10
    )


def _mixed(rng, pixels):
    """Seven bands of unit variance; their correlations have a condition of some hundreds."""
    mixed = rng.normal(size=(pixels, 7)) @ rng.normal(size=(7, 7))
    return mixed / mixed.std(axis=0)


@pytest.mark.parametrize("parts", [1, 5])
@pytest.mark.parametrize(
    ("offset", "error"), [(1e3, 1e-10), (1e6, 1e-7), (1e7, 1e-6), (1e8, 1e-6), (1e10, 1e-4)]
)
def test_offsets_cost_as_many_digits_as_the_documentation_says(rng, offset, error, parts):
    pixels = _mixed(rng, 40_000) + offset
    expected = rx(pixels - offset)  # this difference is exact
    model = Gaussian.of(functools.reduce(operator.add, map(Moments.of, np.split(pixels, parts))))
    assert model.health.rank == 7
    np.testing.assert_allclose(model.score(pixels), expected, rtol=error)


def test_an_offset_of_1e12_deviations_keeps_three_digits(rng):
    pixels = _mixed(rng, 40_000) + 1e12
    apart = rx(pixels) / rx(pixels - 1e12) - 1
    assert abs(apart).max() < 3e-3
    assert np.median(abs(apart)) < 3e-4


@pytest.mark.parametrize(
    ("part", "error"), [(1e-3, 1e-8), (1e-4, 1e-6), (1e-5, 1e-4), (3e-6, 1e-3)]
)
def test_nearly_collinear_bands_are_kept_as_far_as_the_documentation_says(rng, part, error):
    mixed = _mixed(rng, 2000)
    near = mixed[:, 0] + part * rng.normal(size=2000)
    apart = (near - mixed[:, 0]) / part  # exact, and as good a band for an invariant distance
    model = Gaussian.of(Moments.of(np.column_stack([mixed, near])))
    assert model.health.rank == 8
    scores = model.score(np.column_stack([mixed, near]))
    np.testing.assert_allclose(scores, rx(np.column_stack([mixed, apart])), rtol=error)


def test_what_is_closer_to_collinear_is_left_out_and_told(rng):
    mixed = _mixed(rng, 2000)
    both = np.column_stack([mixed, mixed[:, 0] + 1e-6 * rng.normal(size=2000)])
    model = Gaussian.of(Moments.of(both))
    assert "rank 7 in 8 bands" in " ".join(model.health.notes)
    np.testing.assert_allclose(model.score(both), rx(mixed), rtol=1e-3)
