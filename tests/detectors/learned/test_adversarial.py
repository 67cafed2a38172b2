import numpy as np
import pytest
import torch

from oddspec.detectors.learned._adversarial import spectral_angle
from oddspec.detectors.learned.aae import AAE
from oddspec.statistics.scaling import Scaling

QUICK = {
    "latent": 4, "hidden": 16, "critic": 12, "steps": 40, "batch": 0, "learning_rate": 1e-3,
    "critic_rate": 1e-3, "patience": 0,
}  # fmt: skip


def learn(pixels, **settings):
    """From spectra that are scaled already."""
    bands = pixels.shape[1]
    nothing = Scaling(np.zeros(bands), np.ones(bands))
    return AAE(**{**QUICK, **settings}).train_networks(nothing, pixels)


@pytest.fixture
def data(cube):
    pixels = cube.reshape(-1, cube.shape[2])
    return 2 * (pixels - pixels.min()) / np.ptp(pixels) - 1


def test_without_a_discriminator_it_is_a_plain_autoencoder(data):
    plain = learn(data, adversarial=False, steps=200, angle_weight=0.0)
    assert plain.terms == ("reconstruction",)
    assert plain.opposition.shape == (0, 2)
    single = data.astype(np.float32)
    again = plain.decoder(plain.encoder(single))
    error = ((single - again) ** 2).sum(axis=1).mean()
    assert plain.losses[-1, 0] == pytest.approx(error, rel=0.1)
    assert plain.losses[-1, 0] < 0.2 * plain.losses[0, 0]


def test_the_discriminator_drives_codes_towards_a_normal_distribution(data):
    """The moments of N(0, I), of which an autoencoder by itself knows nothing."""

    def far(adversarial):
        found = learn(data, adversarial=adversarial, steps=300, latent=2)
        codes = found.encoder(data.astype(np.float32))
        covariance = np.cov(codes.T)
        return np.linalg.norm(codes.mean(axis=0)) + np.linalg.norm(covariance - np.eye(2))

    assert far(True) < 0.85 * far(False)


def test_training_moves_every_parameter(data):
    few, many = (learn(data, steps=steps) for steps in (1, 30))
    assert many.opposition.shape == (30, 2)
    for name in ("encoder", "decoder"):
        before, after = getattr(few, name), getattr(many, name)
        for one, other in zip(before.parameters, after.parameters, strict=True):
            assert (one != other).any()


def test_batches_and_seeds(data):
    parts = learn(data, batch=180, steps=8)
    assert parts.losses.shape == (2, 2)
    assert parts.opposition.shape == (8, 2)
    again = learn(data, batch=180, steps=8)
    np.testing.assert_array_equal(parts.encoder.weights[0], again.encoder.weights[0])
    other = learn(data, batch=180, steps=8, seed=1)
    assert not np.array_equal(parts.encoder.weights[0], other.encoder.weights[0])


def test_angles():
    x = torch.tensor([[1.0, 0.0], [1.0, 1.0], [2.0, 3.0]])
    y = torch.tensor([[0.0, 2.0], [3.0, 0.0], [4.0, 6.0]])
    expected = np.array([np.pi / 2, np.pi / 4, 0.0])
    np.testing.assert_allclose(spectral_angle(x, y, "radians"), expected, atol=2e-3)
    np.testing.assert_allclose(spectral_angle(x, y, "cosine"), 1 - np.cos(expected), atol=1e-6)
    x.requires_grad_()
    spectral_angle(x, y, "radians").sum().backward()
    assert x.grad.isfinite().all()
