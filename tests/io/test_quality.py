"""Flags of pixels: words, bits, and what of them leaves pixels out."""

import numpy as np
import pytest

from oddspec.errors import SettingError
from oddspec.io.quality import (
    DEFAULT_MASK,
    QUALITY_FLAGS,
    flag_bits,
    flags_of_layers,
    parse_flags,
)


def test_bits_are_fixed_since_files_hold_them():
    names = (
        *("fill", "saturated", "cloud", "cirrus", "cloud-shadow", "haze", "snow", "water"),
        *("glint", "terrain-shadow", "bad-detector", "product-invalid"),
    )
    assert {name: int(bit) for name, bit in QUALITY_FLAGS.items()} == {
        name: 2**at for at, name in enumerate(names)
    }
    assert flag_bits(["cloud", "water"]) == 4 + 128
    assert flag_bits([]) == 0


def test_words():
    assert parse_flags("cloud, Cloud_Shadow ,water") == ("cloud", "cloud-shadow", "water")
    assert parse_flags("default,snow") == (*DEFAULT_MASK, "snow")
    assert parse_flags("none") == ()
    with pytest.raises(SettingError, match=r"'clouds'.*cirrus"):
        parse_flags("clouds")


def test_layers_are_put_together():
    cloud = np.eye(3, dtype=bool)
    layers = {
        "cloud": lambda rows, columns: cloud[slice(*rows), slice(*columns)],
        "fill": lambda rows, columns: ~cloud[slice(*rows), slice(*columns)],
    }
    assert flags_of_layers(layers, (1, 3), (0, 2)).tolist() == [[1, 4], [1, 1]]
    assert flags_of_layers(layers, (0, 1), (0, 1)).dtype == np.uint16
