import dataclasses

import numpy as np
import pytest

import oddspec
from oddspec.detectors.learned.bsdm import BSDM
from oddspec.detectors.learned.bsdm.denoiser import schedule
from oddspec.errors import InputError, SettingError

QUICK = {"steps": 6}


def fit(pixels, **settings):
    detector = BSDM(**{**QUICK, **settings})
    return detector.fit(detector.summarise(pixels, np.arange(len(pixels))))


def test_the_schedule_is_that_of_the_chain():
    """The chain simulated: in every step the same noise is added to what there is."""
    x, noise = 0.3, 1.7
    state = x
    for beta in np.linspace(1e-4, 0.02, 1000)[:500]:
        state = np.sqrt(1 - beta) * state + np.sqrt(beta) * noise
    signal, amount = schedule(500)
    assert signal * x + amount * noise == pytest.approx(state, rel=1e-12)
    assert schedule(501).signal ** 2 == pytest.approx(0.0778, rel=1e-3)
    assert amount == pytest.approx(17.56, rel=1e-3)
    first = schedule(1)
    assert (first.signal, first.noise) == pytest.approx((np.sqrt(1 - 1e-4), 0.01))


def test_without_removals_it_is_rx(cube):
    found = oddspec.detect(cube, "bsdm", removals=0, steps=1)
    np.testing.assert_allclose(found, oddspec.detect(cube, "rx"), rtol=1e-8)


def test_a_network_that_finds_nothing_leaves_rx(cube):
    pixels = cube.reshape(-1, cube.shape[2])
    background = fit(pixels, steps=1, removals=3)
    last = background.network.last
    silent = dataclasses.replace(
        last,
        weights=tuple(0 * w for w in last.weights),
        biases=tuple(0 * c for c in last.biases),
    )
    quiet = dataclasses.replace(
        background, network=dataclasses.replace(background.network, last=silent)
    )
    signal, _ = background.schedule
    expected = background.scaling(pixels) / signal**3
    np.testing.assert_allclose(quiet.rest(pixels), expected, rtol=1e-10)


def test_what_the_network_finds_is_removed(cube):
    pixels = cube.reshape(-1, cube.shape[2])
    background = fit(pixels, removals=2)
    signal, noise = background.schedule
    x = background.scaling(pixels)
    for _ in range(2):
        x = (x - noise * background.network(x.astype(np.float32)).astype(float)) / signal
    np.testing.assert_allclose(background.rest(pixels), x, rtol=1e-6)
    centred = x - x.mean(axis=0)
    expected = np.einsum("ij,ij->i", centred @ np.linalg.inv(np.cov(x.T)), centred)
    np.testing.assert_allclose(background.score(pixels), expected, rtol=1e-4)


def test_training_moves_every_parameter_and_finds_more_of_the_noise(cube):
    pixels = cube.reshape(-1, cube.shape[2])
    few, many = fit(pixels, steps=1), fit(pixels, steps=40, learning_rate=1e-3)
    for one, other in zip(few.network.parameters, many.network.parameters, strict=True):
        assert (one != other).any()
    assert many.losses[-1, 0] < 0.8 * many.losses[0, 0]
    assert np.ptp(many.network(many.scaling(pixels).astype(np.float32)), axis=0).min() > 0


def test_seeds_differ_and_repeat(cube):
    pixels = cube.reshape(-1, cube.shape[2])
    first = fit(pixels, removals=1).score(pixels)
    np.testing.assert_array_equal(first, fit(pixels, removals=1).score(pixels))
    assert not np.array_equal(first, fit(pixels, removals=1, seed=1).score(pixels))


@pytest.mark.parametrize(
    "settings",
    [{"removals": -1}, {"time": 0}, {"time": 1001}, {"steps": 0}, {"learning_rate": 0.0},
     {"sample": 5}],
)  # fmt: skip
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        BSDM(**settings)


def test_too_few_or_equal_pixels_are_refused():
    with pytest.raises(InputError, match="at least 2"):
        fit(np.ones((1, 5)))
    with pytest.raises(InputError, match="all valid pixels are equal"):
        fit(np.ones((30, 5)))
