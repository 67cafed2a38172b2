import numpy as np
import pytest
import torch

from oddspec.detectors.learned.sparsehad.network import learn, tied
from oddspec.networks.networks import draw

LEARN = {
    "latent": 5, "hidden": 6, "own_encoder": False, "reconstruction_weight": 50.0,
    "adversarial_weight": 0.5, "sparsity_weight": 1.0, "bound": 0.1, "steps": 30, "batch": 0,
    "rate": 1e-3, "patience": 0, "seed": 0,
}  # fmt: skip


@pytest.fixture
def data(cube):
    pixels = cube.reshape(-1, cube.shape[2])
    return (pixels - pixels.min()) / np.ptp(pixels)


def test_a_tied_encoder_is_the_decoder_transposed():
    decoder = draw((3, 4, 7), ("linear", "linear"), torch.Generator().manual_seed(0)).frozen()
    code = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    first, second = decoder.weights
    np.testing.assert_allclose(
        tied(decoder)(decoder(code)), code @ first @ second @ second.T @ first.T, rtol=1e-4
    )


def test_without_the_other_terms_it_is_a_plain_autoencoder(data):
    plain = learn(data, **LEARN | {"adversarial_weight": 0.0, "sparsity_weight": 0.0})
    assert plain.training.terms == ("reconstruction",)
    whole = learn(data, **LEARN)
    assert whole.training.terms == ("reconstruction", "adversarial", "sparsity")
    change = plain.rebuilder.difference(data, latent=False, absolute=True)
    assert plain.training.losses[-1, 0] == pytest.approx(50 * change.mean(), rel=0.2)
    assert plain.training.losses[-1, 0] < plain.training.losses[0, 0]


def test_the_discriminator_learns_to_tell_apart(data):
    """With still networks (no step to speak of) only the discriminator changes the loss."""
    still = LEARN | {"rate": 1e-2, "reconstruction_weight": 1e-9, "steps": 60}
    losses = learn(data, **still | {"adversarial_weight": 1e-9}).training.losses
    assert losses[-1, 1] > 3 * losses[0, 1]


def test_the_discriminator_stays_bounded(data):
    """Weights within the bound bound the features, and with them the adversarial loss."""
    loose, tight = (
        learn(data, **LEARN | {"bound": bound, "rate": 1e-2, "steps": 150}).training.losses[-1, 1]
        for bound in (10.0, 1e-3)
    )
    bands = data.shape[1]
    most = (bands * 1e-3 * np.abs(data).max() + 1e-3) * 6 * 1e-3 + 1e-3
    assert tight < 0.5 * 5 * (2 * most) ** 2
    assert tight < loose


@pytest.mark.parametrize("own", [True, False])
def test_training_moves_every_parameter(data, own):
    few, many = (learn(data, **LEARN | {"steps": s, "own_encoder": own}) for s in (1, 30))
    for name in ("encoder", "decoder", "second"):
        before, after = getattr(few.rebuilder, name), getattr(many.rebuilder, name)
        for one, other in zip(before.parameters, after.parameters, strict=True):
            assert (one != other).any()
