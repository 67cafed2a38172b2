import numpy as np
import pytest
import torch

from oddspec.detectors.learned.sparsehad import SparseHAD

QUICK = {"latent": 5, "hidden": 6, "steps": 30, "batch": 0, "patience": 0}


def learn(pixels, **settings):
    detector = SparseHAD(**{**QUICK, **settings})
    return detector.train_networks(pixels, torch.Generator().manual_seed(0))


@pytest.fixture
def data(cube):
    pixels = cube.reshape(-1, cube.shape[2])
    return (pixels - pixels.min()) / np.ptp(pixels)


def test_without_the_other_terms_it_is_a_plain_autoencoder(data):
    plain = learn(data, adversarial_weight=0.0, sparsity_weight=0.0)
    assert plain.terms == ("reconstruction",)
    whole = learn(data)
    assert whole.terms == ("reconstruction", "adversarial", "sparsity")
    change = plain.rebuilder.difference(data, latent=False, absolute=True)
    assert plain.losses[-1, 0] == pytest.approx(50 * change.mean(), rel=0.2)
    assert plain.losses[-1, 0] < plain.losses[0, 0]


def test_the_discriminator_learns_to_tell_apart(data):
    """With still networks (no step to speak of) only the discriminator changes the loss."""
    still = {"learning_rate": 1e-2, "reconstruction_weight": 1e-9, "steps": 60}
    losses = learn(data, **still, adversarial_weight=1e-9).losses
    assert losses[-1, 1] > 3 * losses[0, 1]


def test_the_discriminator_stays_bounded(data):
    """Weights within the bound bound the features, and with them the adversarial loss."""
    loose, tight = (
        learn(data, bound=bound, learning_rate=1e-2, steps=150).losses[-1, 1]
        for bound in (10.0, 1e-3)
    )
    bands = data.shape[1]
    most = (bands * 1e-3 * np.abs(data).max() + 1e-3) * 6 * 1e-3 + 1e-3
    assert tight < 0.5 * 5 * (2 * most) ** 2
    assert tight < loose


@pytest.mark.parametrize("second", ["own", "tied"])
def test_training_moves_every_parameter(data, second):
    few, many = (learn(data, steps=steps, second=second) for steps in (1, 30))
    for name in ("encoder", "decoder", "second"):
        before, after = getattr(few.rebuilder, name), getattr(many.rebuilder, name)
        for one, other in zip(before.parameters, after.parameters, strict=True):
            assert (one != other).any()
