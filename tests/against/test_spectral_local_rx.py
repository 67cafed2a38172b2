"""Local RX against Spectral Python's."""

import numpy as np
import pytest

from oddspec.detectors.statistical.local_rx import LocalRX
from oddspec.windows import Tile

spectral = pytest.importorskip("spectral")


def spectral_python(cube, guard, outer):
    spectral.settings.show_progress = False
    return spectral.rx(cube, window=(guard, outer))


def ours(cube, guard, outer):
    valid = np.ones(cube.shape[:2], dtype=np.bool_)
    return LocalRX(guard, outer, ridge=0.0).score_tile(Tile.whole(cube, valid))


@pytest.mark.parametrize("widths", [(1, 7), (3, 9)])
def test_equal_to_spectral_python_up_to_the_border(rng, widths):
    """Both divide by s - 1 and let both squares slide; its scores are kept in float32."""
    cube = rng.normal(100, 3, (20, 24, 5))
    np.testing.assert_allclose(ours(cube, *widths), spectral_python(cube, *widths), rtol=1e-6)


def test_equal_to_spectral_python_on_a_real_scene(shared):
    from scipy.io import loadmat

    cube = loadmat(shared / "data" / "sandiego-2.mat")["data"][:25, :26].astype(np.float64)
    mine, theirs = ours(cube, 7, 25), spectral_python(cube, 7, 25)
    np.testing.assert_allclose(mine, theirs, rtol=1e-5)
