"""DeLong's interval against its definition, the bootstrap and repeated experiments."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddspec.errors import InputError, SettingError
from oddspec.metrics import Classes, bootstrap, delong, roc_area


def naive_variance(classes: Classes) -> float:
    """All pairs, as DeLong et al. write it."""
    kernel = (classes.targets[:, None] > classes.background) + 0.5 * (
        classes.targets[:, None] == classes.background
    )
    by_target, by_background = kernel.mean(axis=1), kernel.mean(axis=0)
    return float(
        by_target.var(ddof=1) / by_target.size + by_background.var(ddof=1) / by_background.size
    )


VALUES = st.lists(st.integers(0, 6).map(float), min_size=2, max_size=30)


@given(VALUES, VALUES)
def test_variance_is_delongs_with_ties(background, targets):
    classes = Classes(np.sort(background), np.sort(targets))
    found = delong(classes)
    assert found.error**2 == pytest.approx(naive_variance(classes), abs=1e-12)
    assert found.estimate == roc_area(classes)
    assert 0 <= found.low <= found.estimate <= found.high <= 1


def draw(random):
    background = np.sort(np.round(random.normal(0, 1, 400), 1))
    return Classes(background, np.sort(np.round(random.normal(1.2, 1.3, 60), 1)))


def test_agrees_with_the_bootstrap(rng):
    classes = draw(rng)
    by_theory, by_drawing = delong(classes), bootstrap(classes)
    assert by_drawing.error == pytest.approx(by_theory.error, rel=0.08)
    assert by_drawing.low == pytest.approx(by_theory.low, abs=0.01)
    assert by_drawing.high == pytest.approx(by_theory.high, abs=0.01)
    assert by_drawing.estimate == by_theory.estimate


def test_bootstrap_draws_pixels_evenly(rng):
    """The cells' multinomial law is that of drawing pixel by pixel."""
    classes = Classes(np.sort(rng.integers(0, 9, 50).astype(float)), np.array([2.0, 5.0, 5.0, 8.0]))
    areas = [
        roc_area(
            Classes(
                np.sort(rng.choice(classes.background, 50)), np.sort(rng.choice(classes.targets, 4))
            )
        )
        for _ in range(3000)
    ]
    assert bootstrap(classes).error == pytest.approx(np.std(areas), rel=0.08)


def test_covers_the_true_area_as_often_as_stated(rng):
    truth = roc_area(
        Classes(
            np.sort(np.round(rng.normal(0, 1, 400_000), 1)),
            np.sort(np.round(rng.normal(1.2, 1.3, 400_000), 1)),
        )
    )
    inside = 0
    for _ in range(400):
        found = delong(draw(rng), level=0.9)
        inside += found.low <= truth <= found.high
    assert 0.85 < inside / 400 < 0.95


def test_same_seed_same_interval(rng):
    classes = draw(rng)
    assert bootstrap(classes, seed=3) == bootstrap(classes, seed=3)
    assert bootstrap(classes, seed=3) != bootstrap(classes, seed=4)


def test_perfect_separation_has_no_width():
    found = delong(Classes(np.arange(5.0), np.arange(10.0, 13.0)))
    assert (found.low, found.estimate, found.high) == (1.0, 1.0, 1.0)


def test_undefined_or_wrong():
    classes = Classes(np.arange(5.0), np.ones(1))
    for interval in (delong, bootstrap):
        with pytest.raises(InputError, match="1 target and 5 background"):
            interval(classes)
        with pytest.raises(SettingError, match="level=95"):
            interval(classes, 95.0)
    with pytest.raises(SettingError, match="resamples=10"):
        bootstrap(Classes(np.arange(5.0), np.arange(3.0)), resamples=10)
