import numpy as np
import pytest

from oddspec.errors import InputError
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


def test_fewer_pixels_than_bands_score_all_alike(rng):
    # n pixels span n - 1 dimensions, in which each is as far from the mean as any other.
    pixels = rng.normal(size=(8, 20))
    model = Gaussian.of(Moments.of(pixels))
    assert model.health.rank == 7
    assert "0.4 pixels per band" in " ".join(model.health.notes)
    np.testing.assert_allclose(model.score(pixels), 49 / 8, rtol=1e-9)


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
