"""The tail of a scene: mergeable, exact, and the empirical law of its scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from oddspec.errors import InputError, SettingError
from oddspec.threshold import Tail
from oddspec.threshold.tail import allowed_exceedances

SCORES = arrays(
    np.float64,
    st.integers(0, 40),
    elements=st.one_of(st.integers(-5, 5).map(float), st.just(np.nan)),
)


@given(SCORES, st.integers(1, 50), st.lists(st.integers(0, 40), max_size=4))
def test_parts_add_up_to_the_whole(scores, size, cuts):
    whole = Tail.of(scores, size)
    parts = [Tail.of(part, size) for part in np.split(scores, sorted(cuts))]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged + part
    backwards = parts[-1]
    for part in parts[-2::-1]:
        backwards = backwards + part
    for tail in (merged, backwards):
        assert (tail.count, tail.invalid, tail.size) == (whole.count, whole.invalid, whole.size)
        np.testing.assert_array_equal(tail.scores, whole.scores)


@given(SCORES, st.integers(1, 50))
def test_holds_the_largest_scores(scores, size):
    tail = Tail.of(scores, size)
    valid = np.sort(scores[~np.isnan(scores)])[::-1]
    np.testing.assert_array_equal(tail.scores, valid[:size])
    assert tail.count == valid.size
    assert tail.invalid == scores.size - valid.size


@given(SCORES.filter(lambda s: np.isfinite(s).any()), st.floats(1e-6, 1 - 1e-6))
def test_quantile_is_the_lowest_score_with_few_enough_above(scores, pfa):
    tail = Tail.of(scores)
    valid = scores[~np.isnan(scores)]
    value, allowed = tail.isf(pfa), allowed_exceedances(pfa, valid.size)
    assert (valid > value).sum() <= allowed
    lower = valid[valid < value]
    if lower.size:
        assert (valid > lower.max()).sum() > allowed


def test_a_whole_number_of_pixels_is_not_lost_to_rounding():
    assert [allowed_exceedances(p, 100) for p in (0.29, 0.57, 0.07)] == [29, 57, 7]
    assert allowed_exceedances(1e-4, 9_999) == 0
    assert all(allowed_exceedances(10 / n, n) == 10 for n in range(11, 5000))


def test_p_values_by_counting():
    tail = Tail.of(np.array([1.0, 2.0, 2.0, 5.0]))
    np.testing.assert_allclose(tail.sf(np.array([9.0, 5.0, 2.0, 0.0])), [0.2, 0.4, 0.8, 1.0])
    short = Tail.of(np.array([1.0, 2.0, 2.0, 5.0]), 2)
    np.testing.assert_allclose(short.sf(np.array([5.0, 1.0, np.nan])), [0.4, np.nan, np.nan])


def test_size_serves_the_rate_and_stays_small():
    assert Tail.size_for(10_000) == 1000
    assert Tail.size_for(1) == 1
    assert Tail.size_for(0) == 1
    assert Tail.size_for(500_000_000, 1e-5) == 100_000
    assert Tail.size_for(500_000_000, 1e-3) == 500_001
    assert Tail.of(np.arange(1e4), Tail.size_for(10_000, 0.3)).isf(0.3) == 6999


def test_says_what_is_wrong():
    with pytest.raises(InputError, match="1 scores are infinite"):
        Tail.of(np.array([1.0, np.inf]))
    with pytest.raises(InputError, match="real numbers"):
        Tail.of(np.array([1j]))
    with pytest.raises(InputError, match="no valid score"):
        Tail.of(np.array([np.nan])).isf(0.1)
    with pytest.raises(InputError, match="keep at least 51"):
        Tail.of(np.arange(100.0), 20).isf(0.5)
    with pytest.raises(SettingError, match="size=0"):
        Tail.of(np.arange(3.0), 0)
