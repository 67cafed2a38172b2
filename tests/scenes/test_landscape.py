"""Abundances are abundances, and the landscape is varied."""

import numpy as np
import pytest

from oddspec.scenes.landscape import Landscape
from oddspec.scenes.painting import INDEX, MATERIALS, line, paint, smooth_step


@pytest.mark.parametrize("seed", [0, 4])
def test_abundances_add_up(seed: int):
    landscape = Landscape(seed, 200)
    rows = [landscape.row(row) for row in range(0, 200, 8)]
    cover = np.stack([row.abundance for row in rows])
    np.testing.assert_allclose(cover.sum(axis=1), 1.0, rtol=1e-12)
    assert cover.min() >= 0.0
    sun = np.stack([row.sun for row in rows])
    assert sun.min() >= 0.0
    assert sun.max() < 2.5
    assert sun.std() > 0.05
    # Most materials are there, and none is nearly everything.
    share = cover.mean(axis=(0, 2))
    assert (share > 1e-3).sum() >= len(MATERIALS) - 4
    assert share.max() < 0.6
    # Edges and undergrowth make mixed pixels, but not all are.
    purest = cover.max(axis=1)
    assert 0.02 < (purest > 0.95).mean() < 0.9


def test_neighbours_are_alike():
    landscape = Landscape(1, 300)
    above, below, far = (landscape.row(row).abundance for row in (100, 101, 260))
    assert np.abs(above - below).sum(axis=0).mean() < 0.4 * np.abs(above - far).sum(axis=0).mean()


def test_the_river_is_wet_and_the_landscape_goes_on():
    water = [INDEX["water, clear"], INDEX["water, turbid"]]
    landscape = Landscape(0, 400)
    for first in (0, 100_000):
        cover = np.stack([landscape.row(first + row).abundance for row in range(0, 800, 40)])
        assert cover[:, water].sum(axis=1).max() > 0.99


def test_painting_covers_the_part_asked_for():
    cover = np.zeros((len(MATERIALS), 3))
    cover[INDEX["grass"]] = 1.0
    paint(cover, "asphalt", np.array([0.0, 0.25, 1.0]))
    np.testing.assert_allclose(cover[INDEX["asphalt"]], [0.0, 0.25, 1.0])
    np.testing.assert_allclose(cover[INDEX["grass"]], [1.0, 0.75, 0.0])


def test_lines_and_edges_are_antialiased():
    # A line 0.5 wide fills half of the pixel it runs through, wherever it runs in it.
    np.testing.assert_allclose(line(np.array([0.0, 0.2, 0.25]), 0.25), 0.5)
    np.testing.assert_allclose(line(np.array([0.0, 2.0, 3.0]), 2.0), [1.0, 0.5, 0.0])
    np.testing.assert_allclose(smooth_step(np.array([-2.0, 0.0, 2.0]), 1.0), [0.0, 0.5, 1.0])
