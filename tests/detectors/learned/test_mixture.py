import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from oddspec.detectors.learned.lren.mixture import mixture_of


@pytest.fixture
def fitted(rng):
    """Latent pixels with memberships, and scikit-learn's mixture with the same parameters."""
    latent = np.concatenate([rng.normal(c, 1 + c / 4, (200, 4)) for c in (0.0, 3.0, 8.0)])
    membership = rng.dirichlet(np.ones(3) * 0.3, len(latent))
    mixture = mixture_of(torch.from_numpy(membership), torch.from_numpy(latent), ridge=1e-6)
    reference = GaussianMixture(3, covariance_type="full", reg_covar=1e-6)
    reference._initialize(latent, membership)
    return latent, mixture, reference


def test_statistics_equal_scikit_learns_maximisation(fitted):
    _, mixture, reference = fitted
    np.testing.assert_allclose(mixture.shares, reference.weights_, rtol=1e-6)
    np.testing.assert_allclose(mixture.means, reference.means_, rtol=1e-6)
    np.testing.assert_allclose(mixture.covariances, reference.covariances_, rtol=1e-6)


def test_energy_equals_scikit_learns_log_likelihood(fitted):
    latent, mixture, reference = fitted
    energy = mixture.energy(torch.from_numpy(latent))
    np.testing.assert_allclose(energy, -reference.score_samples(latent), rtol=1e-6)


def test_energy_stays_finite_far_away(fitted):
    _, mixture, reference = fitted
    far = np.full((1, 4), 1e4)
    energy = mixture.energy(torch.from_numpy(far))
    assert torch.isfinite(energy).all()
    np.testing.assert_allclose(energy, -reference.score_samples(far), rtol=1e-6)


def test_an_empty_component_does_no_harm(rng):
    membership = np.zeros((50, 3))
    membership[:, 0] = 1
    latent = torch.from_numpy(rng.normal(size=(50, 2)))
    mixture = mixture_of(torch.from_numpy(membership), latent)
    energy = mixture.energy(latent)
    assert torch.isfinite(energy).all()
    alone = GaussianMixture(1, reg_covar=1e-6)
    alone._initialize(latent.numpy(), np.ones((50, 1)))
    np.testing.assert_allclose(energy, -alone.score_samples(latent.numpy()), rtol=1e-5)


def test_gradients_agree_with_finite_differences(rng):
    latent = torch.from_numpy(rng.normal(size=(12, 2))).requires_grad_()
    raw = torch.from_numpy(rng.normal(size=(12, 2))).requires_grad_()

    def value(z, m):
        mixture = mixture_of(torch.softmax(m, dim=1), z)
        return mixture.energy(z).mean() + 1e-2 * mixture.narrowness()

    assert torch.autograd.gradcheck(value, (latent, raw))


def test_float32_collinear_latents_are_factorised(rng):
    base = torch.from_numpy(rng.normal(size=(300, 1))).float()
    latent = base + 1e-4 * torch.from_numpy(rng.normal(size=(300, 9))).float()
    membership = torch.full((300, 7), 1 / 7)
    assert torch.isfinite(mixture_of(membership, latent).energy(latent)).all()


def test_a_narrow_component_far_from_the_origin_keeps_its_covariance(rng):
    latent = np.concatenate([rng.normal(0, 1, (500, 3)), rng.normal(1e3, 1e-2, (20, 3))])
    membership = np.repeat(np.eye(2), [500, 20], axis=0)
    mixture = mixture_of(torch.from_numpy(membership), torch.from_numpy(latent), ridge=0)
    expected = np.cov(latent[500:].T, bias=True)
    np.testing.assert_allclose(mixture.covariances[1], expected, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(mixture.means[1], latent[500:].mean(axis=0), rtol=1e-7)
