import numpy as np
import pytest
import torch

from oddspec.detectors.learned.lren import lrr
from oddspec.errors import NotConverged

pytestmark = pytest.mark.filterwarnings("ignore::oddspec.errors.NotConverged")


@pytest.fixture
def problem(rng):
    Psi = rng.normal(size=(300, 9))
    D = Psi[rng.choice(300, 14, replace=False)]
    return Psi, D, lrr.critical_penalty(Psi, D)


@pytest.mark.parametrize("ratio", [0.5, 0.99])
def test_nothing_is_represented_up_to_the_critical_penalty(problem, ratio):
    Psi, D, critical = problem
    state = lrr.solve(Psi, D, ratio * critical, mu=1e-2, mu_growth=1.0, max_iter=3000)
    assert np.abs(state.J).max() == 0
    np.testing.assert_allclose(state.A, Psi, atol=1e-6)


def test_something_is_represented_above_it(problem):
    Psi, D, critical = problem
    state = lrr.solve(Psi, D, 1.02 * critical, mu=1e-2, mu_growth=1.0)
    assert np.linalg.norm(state.J) > 1e-2


def test_the_fixed_point_is_optimal(problem, rng):
    Psi, D, critical = problem
    lam = 5 * critical
    state = lrr.solve(Psi, D, lam, mu=1e-2, mu_growth=1.0, max_iter=2000)
    assert state.residual < 1e-7
    best = lrr.objective(state.J, Psi, D, lam)
    for size in (1e-4, 1e-2, 1.0):
        for _ in range(20):
            other = state.J + size * rng.normal(size=state.J.shape)
            assert best <= lrr.objective(other, Psi, D, lam)
    # Subgradients: of lam ||A||_{2,1} the multiplier, and of ||W||_* its image under D.
    lengths = np.linalg.norm(state.Y1, axis=1)
    assert lengths.max() <= lam * (1 + 1e-6)
    some = np.linalg.norm(state.A, axis=1) > 1e-3
    np.testing.assert_allclose(lengths[some], lam, rtol=1e-4)
    assert np.linalg.norm(state.Y1 @ D.T, 2) <= 1 + 1e-6


def test_the_published_schedule_stops_above_the_optimum(problem):
    Psi, D, critical = problem
    lam = 0.99 * critical
    optimum = lrr.objective(lrr.solve(Psi, D, lam, mu=1e-2, mu_growth=1.0).J, Psi, D, lam)
    published = lrr.solve(Psi, D, lam)
    assert published.residual < 1e-7
    assert lrr.objective(published.J, Psi, D, lam) > 1.005 * optimum


def test_gap_falls_and_the_schedules_agree_where_the_error_is_expensive(problem):
    Psi, D, critical = problem
    lam = 10 * critical
    published = lrr.solve(Psi, D, lam)
    patient = lrr.solve(Psi, D, lam, mu=1e-1, mu_growth=1.0, max_iter=2000)
    values = [lrr.objective(s.J, Psi, D, lam) for s in (published, patient)]
    assert values[0] == pytest.approx(values[1], rel=1e-5)


def test_numpy_and_torch_steps_agree(problem):
    Psi, D, critical = problem
    ours, theirs = lrr.start(Psi, D), lrr.start(torch.tensor(Psi), torch.tensor(D))
    for _ in range(20):
        ours = lrr.step(ours, Psi, D, 10 * critical)
        theirs = lrr.step(theirs, torch.tensor(Psi), torch.tensor(D), 10 * critical)
    for name in ("W", "J", "A", "Y1", "Y2"):
        np.testing.assert_allclose(
            getattr(theirs, name).numpy(), getattr(ours, name), atol=1e-10, rtol=1e-10
        )


def test_it_says_so_when_it_has_not_converged(problem):
    Psi, D, critical = problem
    with pytest.warns(NotConverged):
        lrr.solve(Psi, D, 2 * critical, max_iter=5)
