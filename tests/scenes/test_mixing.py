"""Values depend on the recipe alone, and targets are mixed in linearly."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddspec.scenes.mixing import Renderer
from oddspec.scenes.recipe import Recipe
from oddspec.scenes.spectra import reflectance
from oddspec.scenes.targets import Target

SMALL = {"rows": 40, "columns": 50, "bands": 30}
WHOLE = Renderer(Recipe(**SMALL, stripes=True, dead_pixels=4, bad_lines=2, nodata_border=2))
CUBE = WHOLE.rows(0, 40)


@settings(deadline=None, max_examples=5)
@given(cuts=st.sets(st.integers(1, 39)))
def test_strips_do_not_matter(cuts: set[int]):
    edges = [0, *sorted(cuts), 40]
    # Last strip first, since the order must not matter either.
    strips = [WHOLE.rows(*edges[k : k + 2]) for k in reversed(range(len(edges) - 1))]
    np.testing.assert_array_equal(np.concatenate(strips[::-1]), CUBE)


def test_a_seed_is_a_scene():
    again = Renderer(Recipe(**SMALL, stripes=True, dead_pixels=4, bad_lines=2, nodata_border=2))
    np.testing.assert_array_equal(again.rows(0, 40), CUBE)
    other = Renderer(Recipe(**SMALL, seed=1)).rows(0, 40)
    assert (other != Renderer(Recipe(**SMALL)).rows(0, 40)).mean() > 0.9


def test_a_shorter_scene_is_the_beginning_of_a_longer_one():
    longer = Renderer(Recipe(**{**SMALL, "rows": 90}, targets=0)).rows(0, 40)
    np.testing.assert_array_equal(Renderer(Recipe(**SMALL, targets=0)).rows(0, 40), longer)


@pytest.mark.parametrize("quantity", ["reflectance", "radiance"])
def test_targets_are_mixed_linearly(quantity: str, target_abundance):
    targets = (
        Target(5, 7, 3, 2, 1.0, "blue tarpaulin"),
        Target(12, 30, 1, 1, 0.5, "orange fabric"),
        Target(30, 20, 1, 2, 0.15, "bare metal"),
    )
    without, with_targets = clean(quantity, ()), clean(quantity, targets)
    implanted = target_abundance(recipe(quantity, targets))
    changed = (with_targets != without).any(axis=2)
    np.testing.assert_array_equal(changed, implanted > 0)
    renderer = Renderer(recipe(quantity, targets))
    sensor, air = renderer.sensor, renderer.air
    path = sensor.gain * air.path - sensor.dark
    for target in targets:
        row, column = target.row, target.column
        material = (
            sensor.gain * air.white * reflectance(target.material, renderer.recipe.wavelengths)
        )
        sunlit, shaded = material * (1 - air.skylight), material * air.skylight
        background = without[row, column] - path
        rest = with_targets[row, column] - path - (1 - target.abundance) * background
        # What is left is the target under some sunlight, one number for all bands.
        lit = rest / target.abundance - shaded
        sun = (lit @ sunlit) / (sunlit @ sunlit)
        assert 0.1 < sun < 2.0
        scale = np.abs(material).max()
        np.testing.assert_allclose(lit, sun * sunlit, atol=2e-5 * scale / target.abundance)


def recipe(quantity: str, targets: Sequence[Target]) -> Recipe:
    return Recipe(
        **SMALL, dtype="float64", quantity=quantity, targets=targets, noise_snr=float("inf")
    )


def clean(quantity: str, targets: Sequence[Target]) -> np.ndarray:
    return Renderer(recipe(quantity, targets)).rows(0, 40)


def test_lost_rows_dead_elements_and_border():
    assert (CUBE[:2] == -9999).all()
    assert (CUBE[-2:] == -9999).all()
    assert (CUBE[:, :2] == -9999).all()
    assert (CUBE[:, -2:] == -9999).all()
    inside = CUBE[2:-2, 2:-2]
    assert inside.min() > -9999
    for row in WHOLE.recipe.lost:
        assert (CUBE[row, 2:-2] == 0).all()
    for column, band in WHOLE.recipe.dead:
        assert (CUBE[2:-2, column, band] == 0).all()
    assert len(WHOLE.recipe.lost) == 2
    assert len(WHOLE.recipe.dead) == 4
    assert (inside == 0).all(axis=2).sum() == 2 * 46


def test_unsigned_values_stay_below_nodata():
    renderer = Renderer(Recipe(**SMALL, dtype="uint16", nodata_border=1))
    cube = renderer.rows(0, 40)
    assert (cube[0] == 65535).all()
    assert cube[1:-1, 1:-1].max() < 65535


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32", "float64"])
def test_types_hold_the_same_values(dtype: str):
    cube = Renderer(Recipe(**SMALL, dtype=dtype)).rows(0, 40)
    standard = Renderer(Recipe(**SMALL)).rows(0, 40)
    assert cube.dtype == dtype
    low, high = (0 if dtype == "uint16" else -9998), 32767
    difference = np.abs(np.clip(cube.astype(np.float64), low, high) - np.maximum(standard, low))
    assert difference.max() <= (0.5 if dtype.startswith("float") else 0)


def test_stripes_are_constant_along_columns():
    settings = {**SMALL, "dtype": "float64", "noise_snr": float("inf")}
    plain = Renderer(Recipe(**settings)).rows(0, 40)
    striped = Renderer(Recipe(**settings, stripes=0.03)).rows(0, 40)
    gain = striped[:, :, 3] / plain[:, :, 3]
    np.testing.assert_allclose(gain, gain[:1] * np.ones((40, 1)), rtol=1e-5)
    assert 0.01 < gain[0].std() < 0.06


def test_global_generators_are_left_alone():
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    Renderer(Recipe(**SMALL)).rows(0, 3)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_plain_rx_finds_most_targets_but_not_all(target_abundance):
    scene = Recipe(rows=100, columns=250, bands=120, targets=24)
    renderer = Renderer(scene)
    pixels = renderer.rows(0, 100)[:, :, ~renderer.air.blind].reshape(25_000, -1).astype(float)
    pixels -= pixels.mean(axis=0)
    inverse = np.linalg.inv(pixels.T @ pixels / (len(pixels) - 1))
    scores = np.einsum("ij,ij->i", pixels @ inverse, pixels).reshape(100, 250)
    filled = target_abundance(scene)
    background = np.sort(scores[filled == 0])

    def above(part: np.ndarray) -> np.ndarray:
        """Fraction of the background below each of those pixels."""
        return np.searchsorted(background, scores[part]) / len(background)

    assert 0.9 < above(filled > 0).mean() < 0.9995
    assert np.median(above(filled == 1)) > 0.999
    assert above((filled > 0) & (filled < 0.5)).min() < 0.999
