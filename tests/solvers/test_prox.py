import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from oddspec.solvers.prox import nuclear_norm, row_norms, shrink_rows, soft, svt, svt_factor


def nuclear(A):
    return np.linalg.norm(A, "nuc")


PROBLEMS = [
    (soft, lambda A: np.abs(A).sum()),
    (shrink_rows, lambda A: np.linalg.norm(A, axis=1).sum()),
    (svt, nuclear),
]


@pytest.mark.parametrize(("prox", "norm"), PROBLEMS)
@pytest.mark.parametrize("shape", [(9, 4), (4, 9)])
def test_prox_is_the_minimiser(rng, prox, norm, shape):
    A, t = rng.normal(size=shape), 0.7
    best = prox(A, t)

    def value(Z):
        return t * norm(Z) + 0.5 * ((Z - A) ** 2).sum()

    for size in (1e-3, 1e-1, 1.0):
        for _ in range(50):
            assert value(best) <= value(best + size * rng.normal(size=shape)) + 1e-12
    assert value(best) < value(A)


@given(seed=st.integers(0, 1000), t=st.floats(0.01, 5))
def test_moreau_what_is_left_lies_in_the_dual_ball(seed, t):
    A = np.random.default_rng(seed).normal(size=(8, 3))
    assert np.abs(A - soft(A, t)).max() <= t * (1 + 1e-9)
    assert row_norms(A - shrink_rows(A, t)).max() <= t * (1 + 1e-9)
    assert np.linalg.norm(A - svt(A, t), 2) <= t * (1 + 1e-9)


def test_rows_are_exactly_zero_up_to_the_threshold(rng):
    A = rng.normal(size=(200, 3))
    zero = (shrink_rows(A, 1.2) == 0).all(axis=1)
    np.testing.assert_array_equal(zero, np.linalg.norm(A, axis=1) <= 1.2)
    assert zero.any()
    assert not zero.all()
    assert (shrink_rows(np.zeros((2, 3)), 0.1) == 0).all()


def test_svt_equals_the_definition(rng):
    A = rng.normal(size=(30, 6)) @ np.diag(10.0 ** np.arange(6)[::-1] / 1e3)
    left, s, right = np.linalg.svd(A, full_matrices=False)
    expected = left * np.maximum(s - 0.4, 0) @ right
    np.testing.assert_allclose(svt(A, 0.4), expected, atol=1e-10)
    np.testing.assert_allclose(A @ svt_factor(A, 0.4), expected, atol=1e-10)
    np.testing.assert_allclose(nuclear_norm(A), s.sum(), rtol=1e-10)


@pytest.mark.parametrize("prox", [soft, shrink_rows, svt])
def test_numpy_and_torch_agree(rng, prox):
    A = rng.normal(size=(40, 7))
    np.testing.assert_allclose(prox(torch.tensor(A), 0.8).numpy(), prox(A, 0.8), atol=1e-12)


@pytest.mark.parametrize("prox", [soft, shrink_rows, svt])
def test_gradients_equal_finite_differences(prox):
    A = torch.randn(8, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    t = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(prox, (A.requires_grad_(), t))


def test_gradients_survive_equal_and_vanishing_singular_values():
    A = torch.zeros(8, 5, dtype=torch.float64)
    A[:4, :4] = 2 * torch.eye(4)
    t = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(svt, (A.requires_grad_(), t))
    zero = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
    (shrink_rows(zero, t) + svt(zero, t) + row_norms(zero)[:, None]).sum().backward()
    assert torch.isfinite(zero.grad).all()


def test_gradient_of_the_nuclear_norm():
    A = torch.randn(9, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert torch.autograd.gradcheck(nuclear_norm, (A.requires_grad_(),))
