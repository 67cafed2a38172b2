"""Noise that is a function of position."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddspec.scenes.lattice import Field, Meander, salt, uniform


def test_uniform_numbers_are_uniform_and_independent():
    i, j = np.divmod(np.arange(200_000), 500)
    u = uniform(salt(1, "x"), i, j)
    assert u.min() >= 0
    assert u.max() < 1
    counts = np.histogram(u, 50, (0, 1))[0]
    # Chi-square with 49 degrees of freedom: 99.99 % lie below 94.
    assert ((counts - 4000) ** 2 / 4000).sum() < 94
    grid = u.reshape(400, 500) - 0.5
    for shifted in (grid[1:, :] * grid[:-1, :], grid[:, 1:] * grid[:, :-1]):
        assert abs(12 * shifted.mean()) < 5 / np.sqrt(shifted.size)


@given(seed=st.integers(0, 2**63 - 1), i=st.integers(-(2**40), 2**40), j=st.integers(-9, 9))
def test_uniform_depends_on_all_its_arguments(seed: int, i: int, j: int):
    key = salt(seed, "x")
    one = uniform(key, np.array([i]), j)
    assert one == uniform(key, np.array([i]), j)
    assert one != uniform(key, np.array([i + 1]), j)
    assert one != uniform(key, np.array([i]), j + 1)
    assert one != uniform(salt(seed, "y"), np.array([i]), j)


def test_a_field_is_standardised_and_smooth():
    field = Field(3, "f", 6.0, 600, octaves=3)
    values = np.array([field.row(row) for row in range(600)])
    assert abs(values.mean()) < 0.05
    assert values.std() == pytest.approx(1.0, abs=0.06)
    near = np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1]
    down = np.corrcoef(values[1:].ravel(), values[:-1].ravel())[0, 1]
    far = np.corrcoef(values[:, 40:].ravel(), values[:, :-40].ravel())[0, 1]
    assert near > 0.6
    assert down == pytest.approx(near, abs=0.03)
    assert abs(far) < 0.05


def test_the_slope_is_the_derivative():
    field = Field(5, "f", 40.0, 50, octaves=2)
    across, down = field.gradient(7)
    before, here, after = (field.row(row) for row in (6, 7, 8))
    np.testing.assert_allclose(across[1:-1], (here[2:] - here[:-2]) / 2, atol=0.01)
    np.testing.assert_allclose(down, (after - before) / 2, atol=0.01)


def test_a_narrower_field_is_part_of_a_wider_one():
    np.testing.assert_array_equal(
        Field(1, "f", 9.0, 40, octaves=2).row(11), Field(1, "f", 9.0, 90, octaves=2).row(11)[:40]
    )


def test_a_meander_is_standardised_and_a_function_of_position():
    meander = Meander(2, "m", 10.0)
    along = np.arange(-20_000.0, 20_000.0)
    values = meander.at(along)
    assert values.std() == pytest.approx(1.0, abs=0.05)
    np.testing.assert_array_equal(meander.at(along[100:200]), values[100:200])
