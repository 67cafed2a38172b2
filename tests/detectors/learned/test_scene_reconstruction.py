"""Detectors whose network reconstructs the scene as one image: auto_ad, cnn and msnet."""

import numpy as np
import pytest
import torch

import oddspec
from oddspec import detectors
from oddspec.detectors.learned.auto_ad import background_weights
from oddspec.detectors.learned.msnet import _loss, error_mask
from oddspec.errors import InputError, SettingError
from oddspec.networks.images import as_image
from oddspec.statistics.scaling import bandz, global01

QUICK = {
    "auto_ad": {"channels": 8, "iterations": 101},
    "cnn": {"channels": 8, "bottleneck": 3, "iterations": 60},
    "msnet": {"rounds": 2, "steps": 40},
}


def examine(cube, name, valid=None, **settings):
    valid = np.ones(cube.shape[:2], dtype=bool) if valid is None else valid
    found = detectors.load(name)(**{**QUICK[name], **settings}).examine(cube, valid)
    return found.scores, {insight.name: insight.values for insight in found.insights}


@pytest.mark.parametrize("name", QUICK)
class TestAll:
    def test_the_loss_falls_and_the_seed_decides(self, name, cube):
        scores, found = examine(cube, name)
        losses = found["losses"].sum(axis=1)
        assert losses[-10:].mean() < 0.5 * losses[0]
        other, _ = examine(cube, name, seed=1)
        assert not np.array_equal(scores, other)

    def test_a_hole_has_no_score_and_no_part_in_the_scale(self, name, cube):
        valid = np.ones(cube.shape[:2], dtype=bool)
        valid[5:8, 6:9] = False
        holed = cube.copy()
        holed[~valid] = 1e12
        scores, _ = examine(holed, name, valid)
        np.testing.assert_array_equal(np.isnan(scores), ~valid)
        assert (scores > scores[9, 13]).sum() < 3

    def test_odd_sizes(self, name, cube):
        scores, _ = examine(cube[:21, :17], name)
        assert scores.shape == (21, 17)
        assert np.ptp(scores) > 0

    def test_what_cannot_be_done_is_said(self, name, cube):
        with pytest.raises(InputError, match=f"2 x 26 pixels: {name} needs"):
            examine(cube[:2], name)
        only = np.zeros(cube.shape[:2], dtype=bool)
        only[3, 3] = True
        with pytest.raises(InputError, match="1 valid pixels"):
            examine(cube, name, only)
        with pytest.raises(InputError, match="all valid pixels are equal"):
            examine(np.ones_like(cube), name)
        for setting in ("learning_rate", "seed"):
            with pytest.raises(SettingError, match=setting):
                detectors.load(name)(**{setting: -1})

    def test_anomalies_are_what_the_scores_are_made_of(self, name, cube):
        scores, found = examine(cube, name)
        left = found["anomalies"]
        scale = {
            "auto_ad": np.ptp(cube) * np.ones(12),
            "cnn": np.sqrt(cube.reshape(-1, 12).var(axis=0).mean()) * np.ones(12),
            "msnet": cube.reshape(-1, 12).std(axis=0),
        }[name]
        lengths = ((left / scale) ** 2).sum(axis=1) ** (0.5 if name == "cnn" else 1.0)
        np.testing.assert_allclose(lengths, np.sort(scores, axis=None)[::-1][:10], rtol=1e-4)


def test_background_weights_follow_the_errors():
    np.testing.assert_allclose(background_weights(np.array([1.0, 3.0, 2.0])), [1, 0, 0.5])
    np.testing.assert_array_equal(background_weights(np.full(4, 2.0)), 1)
    np.testing.assert_allclose(error_mask(np.array([1.0, 3.0, 2.0])), [0, 1, 0.5])
    np.testing.assert_array_equal(error_mask(np.full(4, 2.0)), 0)


def test_auto_ad_weighs_pixels_by_their_errors(cube):
    scores, found = examine(cube, "auto_ad", score="weighed", settled=0.0, iterations=101)
    weights = found["weights"][:, :, 0]
    expected = (scores.max() - scores) / (scores.max() - scores.min())
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    assert weights[9, 13] < 0.2


def test_auto_ad_stops_when_the_loss_has_settled(cube):
    _, found = examine(cube, "auto_ad", settled=1.0)
    assert len(found["losses"]) == 50
    _, found = examine(cube, "auto_ad", settled=0.0)
    assert len(found["losses"]) == 100
    early, _ = examine(cube, "auto_ad", settled=1.0, score="weighed")
    np.testing.assert_array_equal(early, 1.0)


def test_cnn_learns_a_constant_scene_by_heart():
    valid = np.ones((12, 13), dtype=bool)
    image = torch.ones((1, 5, 12, 13)) * torch.arange(1.0, 6.0)[None, :, None, None]
    detector = detectors.load("cnn")(channels=8, iterations=300, patience=0, learning_rate=0.01)
    learnt = detector.learn(image, valid, lambda *_: None)
    assert learnt.scores.max() < 0.05 * np.sqrt(55)
    assert learnt.training.losses[-1] < 1e-3 * learnt.training.losses[0]


def test_cnn_reconstructs_small_anomalies_worse_than_the_background(rng):
    h, w, b = 30, 30, 10
    background = np.stack([np.add.outer(np.arange(h), k * np.arange(w)) for k in range(b)], axis=2)
    cube = background / background.max() + 0.01 * rng.normal(size=(h, w, b))
    cube[12:14, 20] += rng.normal(size=b)
    scores, _ = examine(cube, "cnn", iterations=150)
    assert scores[12:14, 20].min() > np.quantile(scores, 0.99)


def test_cnn_stops_early_or_not(cube):
    _, long = examine(cube, "cnn", iterations=80, patience=0)
    _, short = examine(cube, "cnn", iterations=400, patience=5)
    assert len(long["losses"]) == 80
    assert len(short["losses"]) < 400


def test_cnn_can_look_for_noise(cube):
    wide = {"bottleneck": 12, "channels": 16, "iterations": 150, "patience": 0}
    scores, found = examine(cube, "cnn", task="denoise", noise=1.0, learning_rate=5e-3, **wide)
    assert found["losses"][-5:].mean() < 0.9  # 1 if nothing is found
    assert (scores > scores[9, 13]).sum() < 3


def test_msnet_without_a_mask_is_told_the_mean_squared_error(cube):
    """In the first round the mask is empty, so the first term is the error of all pixels."""
    detector = detectors.load("msnet")(rounds=1, steps=1)
    pixels = cube.reshape(-1, 12)
    bands, _ = detector.scale(pixels)
    np.testing.assert_array_equal(bands, np.arange(12))
    valid = np.ones(cube.shape[:2], dtype=bool)
    image = as_image(bandz(pixels)(pixels), valid)
    made = (torch.zeros_like(image), image)
    terms = _loss(image, made, torch.zeros(24, 26), torch.ones(24, 26), 1e-3)
    assert float(terms["background"]) == pytest.approx(1.0, rel=1e-4)
    assert float(terms["edges"]) == 0.0
    assert float(terms["scales"]) == pytest.approx(0.5, rel=1e-4)
    masked = torch.zeros(24, 26)
    masked[9, 13] = 1.0
    less = _loss(image, made, masked, torch.ones(24, 26), 1e-3)
    errors = (image**2).sum(dim=1)[0]
    expected = (errors.sum() - errors[9, 13]) / (24 * 26 - 1) / 12
    assert float(less["background"]) == pytest.approx(float(expected), rel=1e-4)


def test_msnet_looks_at_the_chosen_bands_only(cube, rng):
    doubled = np.concatenate([cube, cube], axis=2)
    _, found = examine(doubled, "msnet", selected=5)
    assert found["anomalies"].shape == (10, 24)
    assert (np.isfinite(found["anomalies"]).sum(axis=1) == 5).all()
    assert found["mask"].max() == pytest.approx(1)


def test_auto_ad_scales_by_the_scene(cube):
    pixels = cube.reshape(-1, 12)
    _, scaling = detectors.load("auto_ad")().scale(pixels)
    np.testing.assert_array_equal(scaling(pixels), global01(pixels)(pixels))
    assert oddspec.detect(cube, "auto_ad", **QUICK["auto_ad"]).min() >= 0
