from types import SimpleNamespace

import pytest

from oddspec.errors import SettingError
from oddspec.settings import above_zero, at_least


def settings(value):
    return SimpleNamespace(rank=3, penalty=value)


@pytest.mark.parametrize("value", [None, 1, 1.0, 7])
def test_what_is_in_range_or_not_set_passes(value):
    at_least(settings(value), 1, "rank", "penalty")
    above_zero(settings(value), "rank", "penalty")


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_what_is_out_of_range_is_named(value):
    with pytest.raises(SettingError, match=f"penalty={value}: expected 0 or more"):
        at_least(settings(value), 0, "rank", "penalty")
    with pytest.raises(SettingError, match=f"penalty={value}: expected a number above 0"):
        above_zero(settings(value), "rank", "penalty")


def test_limits_themselves():
    with pytest.raises(SettingError, match="penalty=0: expected at least 1"):
        at_least(settings(0), 1, "penalty")
    with pytest.raises(SettingError, match="above 0"):
        above_zero(settings(0), "penalty")
