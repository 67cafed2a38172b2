"""Detectors on an adversarial autoencoder: aae and safl_rx."""

import dataclasses

import numpy as np
import pytest

import oddspec
from oddspec.detectors.learned.aae import AAE, Fusion, suppress
from oddspec.detectors.learned.safl_rx import SAFLRX, SAFLRXBackground
from oddspec.errors import InputError, SettingError
from oddspec.networks.dense import Network
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.summary import Moments

QUICK = {"hidden": 24, "critic": 16, "steps": 60, "latent": 8, "learning_rate": 1e-3}


@pytest.fixture
def pixels(cube):
    return cube.reshape(-1, cube.shape[2])


def fit(kind, pixels, **settings):
    detector = kind(**{**QUICK, **settings})
    return detector.fit(detector.summarise(pixels, np.arange(len(pixels))))


def with_encoder(background, matrix):
    """The same detector with a linear encoder."""
    linear = Network((matrix,), (np.zeros(matrix.shape[1]),), ("linear",))
    return dataclasses.replace(background.fitted, encoder=linear)


def scored(fitted, pixels):
    gaussian = Gaussian.of(Moments.of(fitted.codes(pixels)))
    return SAFLRXBackground(fitted, gaussian).score(pixels)


def test_safl_rx_with_an_encoder_that_does_nothing_is_rx(cube, pixels):
    fitted = with_encoder(fit(SAFLRX, pixels, steps=1), np.eye(12))
    expected = oddspec.detect(cube, "rx").ravel()
    np.testing.assert_allclose(scored(fitted, pixels), expected, rtol=1e-3)


def test_safl_rx_with_principal_components_for_an_encoder_is_pca_rx(cube, pixels):
    leading = np.linalg.eigh(np.cov(pixels.T))[1][:, -4:]
    fitted = with_encoder(fit(SAFLRX, pixels, steps=1), leading)
    expected = oddspec.detect(cube, "pca_rx", components=4).ravel()
    np.testing.assert_allclose(scored(fitted, pixels), expected, rtol=1e-3, atol=1e-3)


def test_safl_rx_is_rx_of_the_codes(pixels):
    background = fit(SAFLRX, pixels)
    codes = background.fitted.codes(pixels)
    assert codes.shape == (len(pixels), 8)
    centred = codes - codes.mean(axis=0)
    expected = np.einsum("ij,ij->i", centred @ np.linalg.inv(np.cov(codes.T)), centred)
    np.testing.assert_allclose(background.score(pixels), expected, rtol=1e-4)


def test_aae_scores_the_length_of_the_error(pixels):
    background = fit(AAE, pixels)
    fitted = background.fitted
    x = (2 * (pixels - pixels.min()) / np.ptp(pixels) - 1).astype(np.float32)
    expected = np.linalg.norm(x - fitted.decoder(fitted.encoder(x)), axis=1)
    np.testing.assert_allclose(background.score(pixels), expected, rtol=1e-4)


def test_features_are_fused_by_their_contrast():
    codes = np.zeros((100, 3))
    codes[:, 0] = np.tile([-1.0, 1.0], 50)  # no contrast: all are as far from the mean
    codes[7, 1] = -9.0
    codes[:, 2] = np.linspace(0, 1, 100)
    fusion = Fusion.of(codes)
    assert fusion.weights.sum() == pytest.approx(1)
    assert fusion.weights[1] > 4 * fusion.weights[2] > 0
    assert fusion.weights[0] < 1e-12
    assert fusion(codes).argmax() == 7
    plain = Fusion(fusion.mean, fusion.scale, fusion.weights, 0)(codes)
    assert 0 <= plain.min() <= plain.max() <= 1
    order = np.argsort(plain)
    assert (np.diff(fusion(codes)[order]) >= 0).all()
    assert fusion.times > 0


def test_suppression_keeps_zero_and_the_order():
    values = np.linspace(0, 1, 1001)
    found = suppress(values)
    assert found[0] == 0
    assert found[-1] == pytest.approx(1, abs=1e-4)
    assert (np.diff(found) > 0).all()
    assert (found <= values).all()


def test_the_fused_map_is_of_the_codes(pixels):
    background = fit(AAE, pixels, score="fused")
    codes = background.fitted.codes(pixels)
    apart = np.abs(codes - codes.mean(axis=0))
    expected = apart / apart.max(axis=0) @ background.fusion.weights
    for _ in range(background.fusion.times):
        expected = expected * (1 - np.exp(-10 * expected))
    np.testing.assert_allclose(background.score(pixels), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", [AAE, SAFLRX])
def test_features_do_not_collapse_and_training_is_shown(kind, pixels):
    background = fit(kind, pixels)
    codes = background.fitted.codes(pixels)
    assert codes.std(axis=0).min() > 1e-3
    found = {insight.name: insight.values for insight in background.insights()}
    assert found["losses"].shape == (60, 2)
    assert found["losses"][-1].sum() < found["losses"][0].sum()
    assert found["opposition"].shape == (60, 2)


def test_training_stops_when_the_loss_has_settled(pixels):
    background = fit(AAE, pixels, steps=2000, patience=5, learning_rate=0.01)
    assert len(background.fitted.losses) < 2000


@pytest.mark.parametrize(
    "settings",
    [{"latent": 0}, {"critic": 0}, {"batch": -1}, {"angle_weight": -0.1}, {"critic_rate": 0.0},
     {"sample": 5}],
)  # fmt: skip
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        AAE(**settings)


@pytest.mark.parametrize(("kind", "name"), [(AAE, "aae"), (SAFLRX, "safl_rx")])
def test_too_few_or_equal_pixels_are_refused(kind, name):
    with pytest.raises(InputError, match="needs at least 2"):
        fit(kind, np.ones((1, 5)))
    with pytest.raises(InputError, match="all valid pixels are equal"):
        fit(kind, np.ones((30, 5)))
