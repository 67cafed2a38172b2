"""What the differences of linear networks are: the known limits of the two strategies."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from oddspec.detectors.learned.sparsehad.network import SparseHADNetworks, tied
from oddspec.networks.dense import Network, draw_network
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.summary import Moments

BANDS, LATENT = 6, 3


def network(rng, *widths, bias=True, activation="linear"):
    pairs = list(pairwise(widths))
    return Network(
        tuple(rng.normal(size=pair) for pair in pairs),
        tuple(rng.normal(size=outputs) for _, outputs in pairs) if bias else (),
        (activation,) * len(pairs),
    )


@pytest.fixture
def pixels(rng):
    return rng.normal(size=(200, BANDS)) @ rng.normal(size=(BANDS, BANDS)) + 5


@pytest.fixture
def linear(rng):
    return SparseHADNetworks(
        network(rng, BANDS, 5, LATENT), network(rng, LATENT, 5, BANDS), network(rng, BANDS, LATENT)
    )


def distances(rows):
    rows = np.asarray(rows, dtype=float)
    return Gaussian.of(Moments.of(rows)).score(rows)


def test_differences_are_what_they_say(rng, pixels):
    networks = SparseHADNetworks(
        network(rng, BANDS, LATENT, activation="leaky_relu"),
        network(rng, LATENT, BANDS),
        network(rng, BANDS, LATENT, bias=False),
    )
    code = pixels @ networks.encoder.weights[0] + networks.encoder.biases[0]
    code = np.where(code > 0, code, 0.2 * code)
    again = code @ networks.decoder.weights[0] + networks.decoder.biases[0]
    for latent, expected in (
        (False, pixels - again),
        (True, code - again @ networks.second.weights[0]),
    ):
        signed = networks.difference(pixels, latent=latent, absolute=False)
        np.testing.assert_allclose(signed, expected, rtol=1e-4, atol=1e-3)
        assert signed.dtype == np.float64
        absolute = networks.difference(pixels, latent=latent, absolute=True)
        np.testing.assert_array_equal(absolute, np.abs(signed))


def test_signed_differences_of_linear_networks_are_rx_of_the_scene(pixels, linear):
    """Whitening undoes what the networks do, whatever they have learnt."""
    found = distances(linear.difference(pixels, latent=False, absolute=False))
    np.testing.assert_allclose(found, distances(pixels), rtol=2e-2)


def test_latent_differences_of_linear_networks_are_rx_of_the_codes(pixels, linear):
    found = distances(linear.difference(pixels, latent=True, absolute=False))
    np.testing.assert_allclose(found, distances(linear.encoder(pixels)), rtol=2e-2)


def test_whitening_does_not_undo_absolute_differences(pixels, linear):
    found = distances(linear.difference(pixels, latent=False, absolute=True))
    assert np.corrcoef(found, distances(pixels))[0, 1] < 0.95


def test_a_tied_encoder_is_the_decoder_transposed():
    decoder = draw_network(
        (3, 4, 7), ("linear", "linear"), torch.Generator().manual_seed(0)
    ).frozen()
    code = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    first, second = decoder.weights
    np.testing.assert_allclose(
        tied(decoder)(decoder(code)), code @ first @ second @ second.T @ first.T, rtol=1e-4
    )
