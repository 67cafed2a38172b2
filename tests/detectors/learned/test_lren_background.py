import warnings

import numpy as np
import pytest
from scipy.optimize import minimize

from oddspec.detectors.learned.lren import lrr
from oddspec.detectors.learned.lren.background import couple
from oddspec.detectors.learned.lren.lrr_optimum import errors
from oddspec.errors import NotConverged


@pytest.fixture
def problem(rng):
    pixels = rng.normal(size=(300, 5)) * np.linspace(1, 0.2, 5)
    atoms = pixels[rng.choice(300, 8, replace=False)]
    return pixels, atoms, 12 * lrr.critical_penalty(pixels, atoms)


def metric_of(W, D):
    """``K = D^T (W^T W)^{1/2} D`` of a solution: what represents cheaply in which direction."""
    squares, V = np.linalg.eigh(W.T @ W)
    return D.T @ (V * np.sqrt(np.maximum(squares, 0))) @ V.T @ D


def test_at_the_optimum_pixels_by_themselves_get_what_they_had_together(problem):
    pixels, atoms, lam = problem
    together = lrr.solve(pixels, atoms, lam, mu=0.1, mu_growth=1.0, tol=1e-9, max_iter=5000)
    metric = metric_of(together.J, atoms)
    alone = errors(pixels, metric, lam)
    np.testing.assert_allclose(alone, together.A, atol=1e-6)
    assert (np.linalg.norm(alone, axis=1) < 1e-12).any(), "some pixels are represented exactly"
    np.testing.assert_allclose(errors(pixels[7:9], metric, lam), alone[7:9])


def test_errors_minimise_the_separated_problem(rng):
    metric = np.diag([2.0, 0.5, 0.1])
    lam = 0.7

    def objective(a, psi):
        # 1/2 w M^-1 w^T at the cheapest w with w D = psi - a is 1/2 (psi - a) K^-1 (psi - a)^T.
        rest = psi - a
        return 0.5 * rest @ np.linalg.solve(metric, rest) + lam * np.sqrt(a @ a + 1e-18)

    for psi in rng.normal(size=(10, 3)) * 2:
        found = errors(psi[None], metric, lam)[0]
        best = minimize(objective, psi * 0.5, (psi,), method="Nelder-Mead", tol=1e-12).fun
        assert objective(found, psi) <= best + 1e-8


def test_without_a_metric_a_pixel_is_its_own_error(rng):
    pixels = rng.normal(size=(4, 3))
    np.testing.assert_allclose(errors(pixels, np.zeros((3, 3)), 0.5), pixels)


def test_a_pixel_of_zeros_has_no_error():
    assert not errors(np.zeros((2, 3)), np.eye(3), 0.5).any()
    assert not errors(np.zeros((2, 3)), np.zeros((3, 3)), 0.5).any()


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_length_solves_its_equation(rng, size):
    pixels = rng.normal(size=(200, 4)) * size
    stiffness = np.array([2.0, 1.0, 0.1, 0.0])
    lengths = np.linalg.norm(errors(pixels, np.diag(stiffness), 0.3), axis=1)
    some = lengths > 0
    assert some.any()
    total = (pixels**2 / (lengths[:, None] + 0.3 * stiffness) ** 2).sum(axis=1)
    np.testing.assert_allclose(total[some], 1, rtol=1e-9)


def test_a_replayed_iteration_is_the_iteration(problem):
    pixels, atoms, lam = problem
    together, factors = lrr.record(pixels, atoms, lam)
    np.testing.assert_allclose(together.A, lrr.solve(pixels, atoms, lam).A, atol=1e-10)
    again = lrr.replay(pixels, atoms, lam, factors)
    np.testing.assert_allclose(again.A, together.A, atol=1e-10)
    part = lrr.replay(pixels[3:50], atoms, lam, factors)
    np.testing.assert_allclose(part.A, together.A[3:50], atol=1e-10)


@pytest.mark.parametrize("published", [True, False])
def test_couple_keeps_what_pixels_need(problem, published):
    pixels, atoms, lam = problem
    coupling = couple(pixels, atoms, lam, published=published)
    if published:
        expected = lrr.solve(pixels, atoms, lam).A
    else:
        expected = lrr.solve(pixels, atoms, lam, mu=0.1, mu_growth=1.0, tol=1e-9, max_iter=5000).A
    length = np.median(np.linalg.norm(pixels, axis=1))
    np.testing.assert_allclose(coupling.errors(pixels), expected, atol=1e-3 * length)


def test_below_the_critical_penalty_every_pixel_is_its_own_error(problem):
    pixels, atoms, _ = problem
    lam = 0.9 * lrr.critical_penalty(pixels, atoms)
    coupling = couple(pixels, atoms, lam, published=False)
    np.testing.assert_allclose(coupling.errors(pixels), pixels, atol=1e-3)


def test_too_few_steps_warn(problem):
    with pytest.warns(NotConverged):
        couple(*problem, published=False, max_iter=1)


def test_tensors_give_the_same(problem):
    torch = pytest.importorskip("torch")
    pixels, atoms, lam = problem
    for published in (True, False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotConverged)
            coupling = couple(pixels, atoms, lam, published=published)
        found = coupling.errors(torch.from_numpy(pixels))
        assert isinstance(found, torch.Tensor)
        np.testing.assert_allclose(found.numpy(), coupling.errors(pixels), atol=1e-10)
