import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddspec.detectors import load
from oddspec.errors import BudgetError
from oddspec.execution import resources
from oddspec.execution.resources import Resources
from oddspec.execution.tiles import (
    Grid,
    Region,
    block_grid,
    check_budget,
    cut,
    fitting_workers,
    needed,
)
from oddspec.io.source import ArraySource
from oddspec.scene import Scene

sides = st.integers(1, 300)


@given(sides, sides, sides, sides)
def test_a_grid_covers_every_pixel_once(height, width, rows, columns):
    seen = np.zeros((height, width), int)
    grid = Grid(height, width, rows, columns)
    for region in grid:
        seen[slice(*region.rows), slice(*region.columns)] += 1
    assert (seen == 1).all()
    assert len(list(grid)) == len(grid)


@given(st.integers(1, 500), st.integers(1, 20_000), st.floats(1, 1e4))
def test_tiles_are_made_of_whole_blocks_within_the_budget(height, width, bytes_per_pixel):
    grid = block_grid(height, width)
    budget = 3.5 * grid.rows * grid.columns * bytes_per_pixel
    tiles = cut(grid, bytes_per_pixel, budget)
    numbers = [number for tile in tiles for number, _ in grid.inside(tile)]
    assert sorted(numbers) == list(range(len(grid)))
    assert all(tile.pixels * bytes_per_pixel <= budget for tile in tiles)


def test_too_small_a_budget_is_refused_with_what_suffices():
    scene = Scene.of(ArraySource(np.zeros((400, 400, 50))))
    rpca = load("rpca")()
    with pytest.raises(
        BudgetError, match=r"--max-memory allows 1 MB: say --max-memory (\d+)MB"
    ) as e:
        check_budget(scene, rpca, Resources(1_000_000), needed(scene, rpca))
    said = int(re.search(r"say --max-memory (\d+)MB", str(e.value))[1]) * 10**6
    check_budget(scene, rpca, Resources(said), needed(scene, rpca))
    with pytest.raises(BudgetError):
        check_budget(scene, rpca, Resources(said - 20_000_000), needed(scene, rpca))


def test_what_children_hold_counts():
    class Helper:
        memory = 10**12

    assert Resources(10**12).left() > 0
    helper = Helper()
    resources.helpers.add(helper)
    try:
        assert Resources(10**12).left() < 0
    finally:
        resources.helpers.discard(helper)


@pytest.mark.parametrize("name", ["rx", "crd"])
def test_as_many_workers_as_the_budget_allows(name):
    scene, detector = Scene.of(ArraySource(np.zeros((99, 99, 50)))), load(name)()
    for workers in (1, 3):
        # Half a worker more than fits.
        need = needed(scene, detector, workers) + needed(scene, detector, workers + 1)
        allowed = Resources(resources.held() + need // 2, 20)
        assert fitting_workers(scene, detector, allowed) == workers
    assert fitting_workers(scene, detector, Resources(1, 20)) == 1


def test_within_cuts_a_region_out_of_an_array():
    array = np.arange(30).reshape(5, 6)
    outer = Region((10, 15), (20, 26))
    inner = Region((11, 13), (22, 26))
    np.testing.assert_array_equal(array[inner.within(outer)], array[1:3, 2:6])
