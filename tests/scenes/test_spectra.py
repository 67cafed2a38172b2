"""Known absorptions are where they should be."""

import numpy as np
import pytest

from oddspec.scenes.atmosphere import Atmosphere, through_bands
from oddspec.scenes.spectra import BACKGROUND, TARGETS, reflectance

FINE = np.arange(400.0, 2501.0)


def at(material: str, *nanometres: float) -> np.ndarray:
    return reflectance(material, np.array(nanometres, dtype=np.float64))


def depth(material: str, left: float, centre: float, right: float) -> float:
    """Depth of a band below the straight line between its shoulders."""
    low, middle, high = at(material, left, centre, right)
    part = (centre - left) / (right - left)
    return float(1 - middle / ((1 - part) * low + part * high))


@pytest.mark.parametrize("material", [*BACKGROUND, *TARGETS])
def test_reflectances_are_physical(material: str):
    spectrum = reflectance(material, FINE)
    assert spectrum.min() >= 0
    assert spectrum.max() < 0.9
    assert np.abs(np.diff(spectrum)).max() < 0.04


@pytest.mark.parametrize(
    "material", ["crop, dense", "crop, young", "grass", "broadleaf", "conifer"]
)
def test_vegetation(material: str):
    blue, green, red, edge = at(material, 450, 555, 670, 800)
    assert green > 1.3 * blue
    assert green > 1.3 * red
    assert edge > 3 * red
    steepest = FINE[np.argmax(np.gradient(reflectance(material, FINE)))]
    assert 700 < steepest < 730
    for left, centre, right in ((1100, 1200, 1280), (1280, 1450, 1660), (1660, 1940, 2180)):
        assert depth(material, left, centre, right) > 0.05


def test_soil_has_clay_and_iron():
    assert depth("soil, clay", 2130, 2207, 2280) > 0.08
    assert depth("soil, red", 760, 885, 1100) > 0.1
    assert depth("soil, red", 760, 885, 1100) > depth("soil, clay", 760, 885, 1100)


def test_dry_matter_has_cellulose():
    assert depth("stubble", 2020, 2100, 2200) > 0.05
    assert depth("crop, dense", 2020, 2100, 2200) < 0.0


def test_concrete_has_carbonate():
    assert depth("concrete", 2250, 2337, 2410) > 0.05


def test_water_is_dark_beyond_the_visible():
    assert at("water, clear", 1000, 1600, 2200).max() < 0.003


@pytest.mark.parametrize("material", ["green paint", "white paint", "blue tarpaulin"])
def test_plastics_and_paints_have_hydrocarbon_bands(material: str):
    assert depth(material, 1650, 1728, 1820) > 0.12
    assert depth(material, 2220, 2310, 2410) > 0.12


def test_deep_water_bands_are_blind():
    bands = np.linspace(400, 2500, 224)
    air = Atmosphere.clear(bands)
    assert {1380, 1870} <= {int(round(b, -1)) for b in bands[air.blind]} | {1380, 1870}
    assert air.blind[np.abs(bands - 1380).argmin()]
    assert air.blind[np.abs(bands - 1880).argmin()]
    assert not air.blind[bands < 1300].any()
    assert 15 < air.blind.sum() < 40
    for absorbed, beside in ((762, 780), (940, 1000), (1130, 1060), (2010, 2130)):
        here, there = (air.white[np.abs(bands - x).argmin()] for x in (absorbed, beside))
        assert here < 0.92 * there
    assert air.skylight[0] > 3 * air.skylight[-1]
    assert air.path[0] > 10 * air.path[100]


def test_bands_average_what_they_cover():
    fine = np.arange(300.0, 2600.0)
    bands = np.linspace(400, 2500, 224)
    np.testing.assert_allclose(through_bands(fine, 2 * fine, bands), 2 * bands, rtol=1e-9)
    line = np.exp(-0.5 * ((fine - 1000) / 2) ** 2)
    seen = through_bands(fine, line, bands)
    # Widths add in quadrature: the band's is 9.417 nm at half height.
    sigma = np.hypot(2, (bands[1] - bands[0]) / 2.3548)
    expected = 2 / sigma * np.exp(-0.5 * ((bands - 1000) / sigma) ** 2)
    np.testing.assert_allclose(seen, expected, atol=1e-3)
