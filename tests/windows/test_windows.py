"""The border rule, tiles, and Gram matrices of rings that share what they can."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddspec.errors import InputError, SettingError
from oddspec.statistics.blas import (
    factoriser,
    gram_adder,
    inner_product_adder,
    solve_factorised,
    square,
)
from oddspec.windows import RingGrams, Tile, Window

WINDOWS = [(1, 3), (3, 5), (1, 5), (3, 9), (1, 9), (5, 11), (3, 19)]


class TestWindow:
    @pytest.mark.parametrize(("guard", "outer"), [(0, 3), (2, 5), (3, 4), (5, 5), (7, 5), (-1, 3)])
    def test_impossible_widths_are_refused(self, guard, outer):
        with pytest.raises(SettingError, match=r"guard|outer"):
            Window(guard, outer)

    def test_a_truth_value_is_no_width(self):
        with pytest.raises(SettingError, match="guard=True"):
            Window(True, 5)

    def test_a_scene_smaller_than_the_window_is_refused_with_what_would_fit(self):
        with pytest.raises(InputError, match=r"1 rows and 40 columns.*outer=9"):
            Window(3, 9).must_fit(1, 40)

    @given(st.sampled_from(WINDOWS), st.integers(0, 12), st.integers(0, 12), st.data())
    def test_every_ring_has_all_its_pixels_and_never_the_tested_one(self, widths, dh, dw, data):
        window = Window(*widths)
        scene = window.outer + dh, window.outer + dw
        row = data.draw(st.integers(0, scene[0] - 1))
        column = data.draw(st.integers(0, scene[1] - 1))
        rows, columns = window.ring(row, column, scene)
        positions = set(zip(rows.tolist(), columns.tolist(), strict=True))
        assert len(positions) == len(rows) == window.size
        assert (row, column) not in positions
        assert rows.min() >= 0
        assert rows.max() < scene[0]
        assert columns.min() >= 0
        assert columns.max() < scene[1]
        low, high = window.reach(row, row + 1, scene[0])
        assert low <= rows.min()
        assert rows.max() < high

    def test_far_from_the_border_both_squares_are_centred(self):
        rows, columns = Window(3, 5).ring(10, 20, (40, 50))
        expected = {
            (10 + i, 20 + j) for i in range(-2, 3) for j in range(-2, 3) if max(abs(i), abs(j)) > 1
        }
        assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == expected


class TestRingGrams:
    @pytest.mark.parametrize("widths", WINDOWS)
    def test_equals_the_sums_over_each_ring(self, widths, rng):
        window = Window(*widths)
        cube = rng.normal(50, 3, (window.outer + 3, window.outer + 10, 4))
        valid = rng.random(cube.shape[:2]) > 0.2
        cube[~valid] = 1e9
        seen = set()
        tile = Tile.whole(cube, valid)
        for ring in RingGrams(tile, window):
            seen.add((ring.row, ring.column))
            origin = cube[ring.row, ring.column] - ring.pixel
            pixels = tile.ring(window, ring.row, ring.column)
            rows = np.column_stack([np.ones(len(pixels)), pixels - origin])
            upper = np.triu_indices(5)
            np.testing.assert_allclose(
                ring.gram[:-1, :-1][upper], (rows.T @ rows)[upper], rtol=1e-12, atol=1e-9
            )
        some = {(r, c) for r, c in np.argwhere(valid).tolist() if len(tile.ring(window, r, c))}
        assert seen == some

    def test_no_trace_is_left_of_what_lies_in_the_guard_square(self, rng):
        cube = rng.normal(0, 1, (24, 24, 3))
        window = Window(5, 11)
        plain = {(r.row, r.column): r.gram.copy() for r in RingGrams(_whole(cube), window)}
        cube[12, 12] = 1e15
        bright = {(r.row, r.column): r.gram.copy() for r in RingGrams(_whole(cube), window)}
        upper = np.triu_indices(4)
        for position in ((11, 12), (12, 11), (13, 14)):
            assert np.abs(bright[position][:-1, :-1][upper]).max() < 1e3
            # Its square's origin may not hold the bright pixel either, so nothing changes at all.
            np.testing.assert_array_equal(
                bright[position][:-1, :-1][upper], plain[position][:-1, :-1][upper]
            )

    def test_scratch_is_what_it_allocates(self):
        window = Window(7, 25)
        grams = RingGrams(_whole(np.zeros((30, 30, 20))), window)
        held = grams._patch.nbytes + grams._rows.nbytes
        held += sum(work.padded.nbytes for work in grams._works)
        assert held <= RingGrams.scratch(window, 20) <= 3 * held


class TestLapack:
    def test_products_and_factors(self, rng):
        rows = rng.normal(size=(30, 17))
        for adder, expected in (
            (gram_adder, rows.T @ rows),
            (inner_product_adder, rows @ rows.T + 0.0),
        ):
            total = square(len(expected))
            add = adder(rows, total)
            add()
            add()
            np.testing.assert_allclose(np.triu(total), 2 * np.triu(expected), atol=1e-12)
        total = square(17)
        gram_adder(rows, total)()
        assert factoriser(total)()
        factor = np.triu(total)
        np.testing.assert_allclose(factor.T @ factor, rows.T @ rows)
        right = rng.normal(size=17)
        solution = right.copy()
        solve_factorised(total, solution)
        np.testing.assert_allclose(rows.T @ rows @ solution, right, rtol=1e-9)

    def test_an_indefinite_matrix_is_told(self):
        matrix = square(5)
        matrix[...] = np.diag([1.0, 1.0, -1.0, 1.0, 1.0])
        assert not factoriser(matrix)()

    def test_wrong_layouts_are_refused(self, rng):
        total = square(4)
        for rows in (np.ones((3, 4), np.float32), np.ones((4, 3)).T, np.ones((3, 5))):
            with pytest.raises(ValueError, match=r"float64|cannot take"):
                gram_adder(rows, total)
        with pytest.raises(ValueError, match="square"):
            factoriser(np.ones((3, 4)))
        with pytest.raises(ValueError, match="vector"):
            solve_factorised(total, np.ones(8)[::2])


def _whole(cube):
    return Tile.whole(cube, np.ones(cube.shape[:2], dtype=np.bool_))
