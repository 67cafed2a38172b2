"""The numbers of a box-and-whisker plot."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddspec.errors import InputError
from oddspec.metrics import Box, Classes, Separability


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_quantiles_are_numpys(values):
    box = Box.of(np.sort(values))
    expected = np.quantile(values, [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1])
    np.testing.assert_allclose(list(vars(box).values()), expected, rtol=1e-12, atol=1e-9)


def test_gap_is_in_background_boxes():
    classes = Classes(np.linspace(0, 10, 1001), np.linspace(20, 30, 101))
    separability = Separability.of(classes)
    assert separability.gap == pytest.approx((21 - 9) / 5)
    assert separability.as_dict()["targets"]["median"] == 25.0
    assert Separability.of(Classes(np.zeros(4), np.ones(2))).gap is None


def test_undefined_without_pixels():
    with pytest.raises(InputError, match="without pixels"):
        Box.of(np.zeros(0))
