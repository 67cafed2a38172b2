import warnings

import numpy as np
import pytest

from oddspec.detectors.learned.lren import lrr
from oddspec.detectors.learned.lren.lrr_optimum import errors, optimum
from oddspec.errors import NotConverged


@pytest.fixture
def problem(rng):
    pixels = rng.normal(size=(200, 5)) * np.linspace(1, 0.2, 5)
    return pixels, pixels[rng.choice(200, 7, replace=False)]


def objective(pixels, atoms, lam, found):
    """From the definition, at the cheapest coefficients of what is represented."""
    represented = (pixels - found) @ np.linalg.pinv(atoms)
    return np.linalg.norm(represented, "nuc") + lam * np.linalg.norm(found, axis=1).sum()


@pytest.mark.parametrize("multiple", [1.5, 4, 15])
def test_it_is_the_solvers_optimum(problem, multiple):
    pixels, atoms = problem
    lam = multiple * lrr.critical_penalty(pixels, atoms)
    found = errors(pixels, optimum(pixels, atoms, lam), lam)
    iterated = lrr.solve(pixels, atoms, lam, mu=0.1, mu_growth=1.0, tol=1e-9, max_iter=5000)
    np.testing.assert_allclose(found, iterated.A, atol=1e-4)
    best = lrr.objective(iterated.J, pixels, atoms, lam)
    assert objective(pixels, atoms, lam, found) == pytest.approx(best, rel=1e-7)


@pytest.mark.parametrize("multiple", [1.5, 4, 15])
def test_no_nearby_point_is_better(problem, rng, multiple):
    pixels, atoms = problem
    lam = multiple * lrr.critical_penalty(pixels, atoms)
    found = errors(pixels, optimum(pixels, atoms, lam), lam)
    best = objective(pixels, atoms, lam, found)
    for size in (1e-3, 1e-2, 1e-1):
        for _ in range(20):
            other = (
                found
                + size * rng.normal(size=found.shape) * (rng.random(len(found)) < 0.1)[:, None]
            )
            assert objective(pixels, atoms, lam, other) > best


def test_below_the_critical_penalty_nothing_is_represented_and_above_it_something(problem):
    pixels, atoms = problem
    lam = lrr.critical_penalty(pixels, atoms)
    below, above = (optimum(pixels, atoms, factor * lam) for factor in (0.95, 1.05))
    assert np.abs(below).max() < 1e-4 * np.abs(above).max()


def test_what_the_atoms_do_not_span_stays_an_error(rng):
    pixels = rng.normal(size=(100, 4))
    atoms = rng.normal(size=(3, 2)) @ np.eye(2, 4)
    lam = 1e3 * lrr.critical_penalty(pixels, atoms)
    found = errors(pixels, optimum(pixels, atoms, lam), lam)
    np.testing.assert_allclose(found[:, 2:], pixels[:, 2:], atol=1e-9)
    assert np.abs(found[:, :2]).max() < 0.2


def test_units_do_not_matter(problem):
    pixels, atoms = problem
    lam = 3 * lrr.critical_penalty(pixels, atoms)
    expected = errors(pixels, optimum(pixels, atoms, lam), lam)
    scaled = errors(1e6 * pixels, optimum(1e6 * pixels, 1e6 * atoms, lam / 1e6), lam / 1e6)
    np.testing.assert_allclose(scaled / 1e6, expected, atol=1e-5)


def test_pixels_of_zeros_need_no_metric():
    assert not optimum(np.zeros((5, 3)), np.eye(3), 1.0).any()


def test_it_warns_where_the_bound_is_far(problem):
    pixels, atoms = problem
    lam = 3 * lrr.critical_penalty(pixels, atoms)
    with pytest.warns(NotConverged, match="after 2 steps"):
        optimum(pixels, atoms, lam, max_iter=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", NotConverged)
        optimum(pixels, atoms, lam, tol=1e-6)
