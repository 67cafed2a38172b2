"""Cutting scenes in random ways: each piece must have the scores of the whole, to the bit."""

import warnings

import numpy as np
from hypothesis import strategies as st

from oddspec.errors import DataWarning
from oddspec.windows import Tile


def cut(cube, valid, window, rows, columns):
    """The tile that scores these rows and columns, with no pixel more than it needs."""
    h, w = valid.shape
    (top, bottom), (left, right) = window.reach(*rows, h), window.reach(*columns, w)
    return Tile(
        cube[top:bottom, left:right].copy(),
        valid[top:bottom, left:right].copy(),
        top,
        left,
        rows,
        columns,
        (h, w),
    )


def check_any_tiling(data, detectors):
    """Cut a random scene in random ways: each piece must equal that piece of the whole."""
    detector = data.draw(st.sampled_from(detectors))
    window = detector.window
    h = window.outer + data.draw(st.integers(0, 14))
    w = window.outer + data.draw(st.integers(0, 14))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    cube = rng.normal(100, 5, (h, w, data.draw(st.integers(2, 9))))
    valid = rng.random((h, w)) >= data.draw(st.sampled_from([0.0, 0.1, 0.6]))
    cube[~valid] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        whole = detector.score_tile(Tile.whole(cube, valid))
        top = data.draw(st.integers(0, h - 1))
        bottom = data.draw(st.integers(top + 1, h))
        left = data.draw(st.integers(0, w - 1))
        right = data.draw(st.integers(left + 1, w))
        part = detector.score_tile(cut(cube, valid, window, (top, bottom), (left, right)))
    np.testing.assert_array_equal(part, whole[top:bottom, left:right])
