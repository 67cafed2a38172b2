"""The noise is the noise asked for."""

import numpy as np
import pytest

from oddspec.errors import SettingError
from oddspec.scenes.atmosphere import Atmosphere
from oddspec.scenes.mixing import Renderer
from oddspec.scenes.recipe import Recipe
from oddspec.scenes.sensor import Sensor, dead_elements, row_noise, stripe_pattern

BANDS = np.linspace(400, 2500, 60)
AIR = Atmosphere.clear(BANDS)


@pytest.mark.parametrize("quantity", ["reflectance", "radiance"])
def test_the_ratio_per_band_is_met_at_the_reference(quantity: str):
    asked = np.linspace(20, 400, len(BANDS))
    sensor = Sensor.of(AIR, quantity, asked)
    # Signal and noise in the unit of the light, whatever the unit of the values.
    light = (sensor.reference + sensor.dark) / sensor.gain
    noise = sensor.deviation(sensor.reference) / sensor.gain
    np.testing.assert_allclose(light, 0.3 * AIR.white + AIR.path, rtol=1e-12)
    np.testing.assert_allclose(light / noise, asked, rtol=1e-12)


def test_one_ratio_is_that_of_the_best_band():
    sensor = Sensor.of(AIR, "radiance", 200.0)
    ratio = sensor.reference / sensor.deviation(sensor.reference)
    assert ratio.max() == pytest.approx(200.0)
    assert np.argmax(ratio) == np.argmax(sensor.reference)
    assert ratio[AIR.blind].max() < 20


def test_reflectance_is_ten_thousand_at_white():
    sensor = Sensor.of(AIR, "reflectance", np.inf)
    good = ~AIR.blind
    np.testing.assert_allclose(sensor.reference[good], 3000.0)
    np.testing.assert_array_equal(sensor.deviation(sensor.reference), 0.0)


@pytest.mark.parametrize("quantity", ["reflectance", "radiance"])
def test_the_noise_in_a_scene_is_the_noise_asked_for(quantity: str):
    asked = tuple(np.linspace(30, 300, 40))
    settings = {"rows": 25, "columns": 900, "bands": 40, "dtype": "float32", "quantity": quantity}
    clean = Renderer(Recipe(**settings, noise_snr=float("inf"))).rows(0, 25).astype(np.float64)
    renderer = Renderer(Recipe(**settings, noise_snr=asked))
    noisy = renderer.rows(0, 25).astype(np.float64)
    good = ~renderer.air.blind
    standard = ((noisy - clean) / renderer.sensor.deviation(clean))[:, :, good].reshape(
        -1, good.sum()
    )
    n = len(standard)
    assert np.abs(standard.mean(axis=0)).max() < 5 / np.sqrt(n)
    np.testing.assert_allclose(standard.std(axis=0), 1.0, atol=5 / np.sqrt(2 * n))
    # Independent between bands, and between pixels.
    correlation = np.corrcoef(standard.T)
    assert np.abs(correlation - np.eye(len(correlation))).max() < 6 / np.sqrt(n)
    assert np.abs((standard[1:] * standard[:-1]).mean(axis=0)).max() < 6 / np.sqrt(n)


def test_rows_have_noise_of_their_own():
    first, second, other = (
        row_noise(*key).standard_normal(1000) for key in ((0, 5), (0, 6), (1, 5))
    )
    np.testing.assert_array_equal(first, row_noise(0, 5).standard_normal(1000))
    for one in (second, other):
        assert abs(np.corrcoef(first, one)[0, 1]) < 0.2


def test_stripes_have_the_strength_asked_for():
    pattern = stripe_pattern(3, 2000, 50, 0.02)
    assert pattern.std() == pytest.approx(0.02, rel=0.05)
    # Half of the variance is common to all bands of a column.
    assert pattern.mean(axis=0).var() == pytest.approx(0.02**2 / 2, rel=0.15)


def test_dead_elements_are_distinct_and_inside():
    dead = dead_elements(0, 30, 20, 5, border=4)
    assert len(set(dead)) == 30
    assert all(4 <= column < 16 and 0 <= band < 5 for column, band in dead)
    with pytest.raises(SettingError, match="only 60 detector elements"):
        dead_elements(0, 61, 20, 5, border=4)


@pytest.mark.parametrize(
    ("ratio", "message"),
    [(0.0, "positive"), (-3.0, "positive"), (float("nan"), "positive"), (np.ones(3), "3 numbers")],
)
def test_impossible_ratios(ratio: float, message: str):
    with pytest.raises(SettingError, match=message):
        Sensor.of(AIR, "radiance", ratio)
