"""Which bands are meant, in every way in which they may be given."""

import numpy as np
import pytest

from oddspec.errors import InputError, OddspecError, SettingError
from oddspec.io.source import ArraySource, Metadata
from oddspec.scene import Scene

CUBE = np.random.default_rng(0).normal(size=(6, 5, 10))
SOURCE = ArraySource(CUBE, Metadata(wavelengths=np.linspace(400, 1300, 10)))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.arange(10) < 8, range(8)),
        ([True] * 8 + [False] * 2, range(8)),
        (np.ma.masked_array(np.ones(10, bool), np.arange(10) > 7), range(8)),
        (np.ma.masked_array([1, 2, 3], [False, True, False]), [1, 3]),
        (slice(2, 8, 2), [2, 4, 6]),
        (slice(None, None, -1), range(10)),
        (slice(-3, None), [7, 8, 9]),
        (range(3), [0, 1, 2]),
        ((5, 1, 5), [1, 5]),
        ({4, 2}, [2, 4]),
        ((n for n in (1, 2)), [1, 2]),
        (np.array([[1], [2]]), [1, 2]),
        ([1.0, 2.0], [1, 2]),
        (np.array([3, 4], np.uint8), [3, 4]),
        ("2-4,7", [1, 2, 3, 6]),
        ("400-600nm, 1300nm", [0, 1, 2, 9]),
        (["1-2", "5"], [0, 1, 4]),
    ],
)
def test_ways_to_name_bands(given, expected):
    assert Scene.of(SOURCE, given).bands.tolist() == list(expected)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (np.arange(9) < 8, "mask of 9 truth values, but the scene has 10 bands"),
        ([-1, 2], "holds -1: positions count from 0 to 9, not from the end"),
        ([0.5, 2], "holds 0.5: expected positions from 0, a mask"),
        ([np.nan, 2], "holds nan: expected"),
        ([1, 10], "band 11 was asked for, but the scene has bands 1 to 10"),
        ("one to three", "cannot read 'onetothree'"),
        ("0-3", "--bands asks for 0-3, but the scene has bands 1 to 10"),
        (["a"], "cannot read 'a'"),
        (5, "bands=5: expected positions"),
        (True, "bands=True: expected"),
        (np.eye(10, dtype=bool), "expected positions"),
        ([[1], [2, 3]], "expected positions"),
        ([None, 1], "expected positions"),
        (slice("a", None), "expected positions"),
        (
            [1] * 8 + [0] * 2,
            "holds 10 numbers 0 and 1, as many as there are bands",
        ),
        (np.ones(10), "a mask is of truth values"),
        (slice(0, 1), "1 of 10 bands remain, but at least 2 are needed"),
        ([], "0 of 10 bands remain"),
        (np.zeros(10, bool), "0 of 10 bands remain"),
    ],
)
def test_what_names_no_bands_gets_a_sentence(given, says):
    with pytest.raises((InputError, SettingError)) as caught:
        Scene.of(SOURCE, given)
    assert isinstance(caught.value, OddspecError)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
