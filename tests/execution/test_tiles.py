import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddspec.errors import BudgetError
from oddspec.execution.tiles import Grid, Region, block_grid, cut

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


def test_too_small_a_budget_is_refused_with_what_is_needed():
    with pytest.raises(BudgetError, match="needs at least 1 MB"):
        cut(block_grid(100, 100), 8.0, 1e3)


def test_within_cuts_a_region_out_of_an_array():
    array = np.arange(30).reshape(5, 6)
    outer = Region((10, 15), (20, 26))
    inner = Region((11, 13), (22, 26))
    np.testing.assert_array_equal(array[inner.within(outer)], array[1:3, 2:6])
