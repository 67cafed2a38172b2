"""Pixels as a low-rank part by background atoms and a sparse part by anomaly atoms.

Pixels are the n rows of X (n x b), atoms the rows of B (m x b) and A (k x b)::

    min_{Z,S,E}  ||Z||_* + beta ||S||_1 + lam ||E||_{2,1}    subject to  X = Z B + S A + E

The inexact augmented Lagrangian method with copies J of Z and L of S repeats::

    J  = svt(Z + Y2/mu, 1/mu)
    L  = soft(S + Y3/mu, beta/mu)
    E  = shrink_rows(X - Z B - S A + Y1/mu, lam/mu)
    Z  = [(X - S A - E + Y1/mu) B^T + J - Y2/mu] (B B^T + I)^{-1}
    S  = [(X - Z B - E + Y1/mu) A^T + L - Y3/mu] (A A^T + I)^{-1}
    Y1 = Y1 + mu (X - Z B - S A - E),  Y2 = Y2 + mu (Z - J),  Y3 = Y3 + mu (S - L)
    mu = min(mu_growth mu, MU_MAX)

With ``B = U diag(sigma) V^T`` no norm changes if all spectra are taken along V (and across it) and
Z along U: the rows of Z never leave the span of U. Then ``Z B`` is ``Z * sigma`` in the first r
coordinates and zero in the others, and Z is updated number by number, whatever the number of
background atoms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from oddspec.solvers.prox import shrink_rows, soft, svt

MU_MAX = 1e10
"""The penalty grows to here at most, so that all products with it stay finite."""


@dataclass(frozen=True)
class TwoDictionariesProblem:
    """What stays the same, with spectra along the background's right singular vectors."""

    X: Float[np.ndarray, "n b"]
    sigma: Float[np.ndarray, " r"]
    A: Float[np.ndarray, "k b"]
    beta: float
    lam: float

    @classmethod
    def of(
        cls,
        X: Float[np.ndarray, "n b"],
        B: Float[np.ndarray, "m b"],
        A: Float[np.ndarray, "k b"],
        beta: float,
        lam: float,
    ) -> TwoDictionariesProblem:
        """With X and A in the coordinates along (and across) V."""
        _, sigma, Vt = np.linalg.svd(B, full_matrices=True)
        sigma = sigma[sigma > 1e-12 * sigma[0]]
        return cls(X @ Vt.T, sigma, A @ Vt.T, beta, lam)


@dataclass(frozen=True)
class Decomposition:
    """Where the iteration stands; the symbols are those of the module's docstring."""

    Z: Float[np.ndarray, "n r"]
    S: Float[np.ndarray, "n k"]
    E: Float[np.ndarray, "n b"]
    Y1: Float[np.ndarray, "n b"]
    Y2: Float[np.ndarray, "n r"]
    Y3: Float[np.ndarray, "n k"]
    J: Float[np.ndarray, "n r"]
    mu: float
    residual: float = float("inf")
    """Largest entry, in size, of the three constraints' differences."""


def start(problem: TwoDictionariesProblem, mu: float) -> Decomposition:
    """All zero, with the penalty mu of the first step."""
    Z = np.zeros((len(problem.X), len(problem.sigma)))
    S, E = np.zeros((len(problem.X), len(problem.A))), np.zeros_like(problem.X)
    return Decomposition(Z, S, E, E, Z, S, Z, mu)


def step(
    state: Decomposition, problem: TwoDictionariesProblem, *, mu_growth: float = 1.1
) -> Decomposition:
    """The next state; ``mu_growth=1`` keeps the penalty constant."""
    sigma, A, mu, rank = problem.sigma, problem.A, state.mu, len(problem.sigma)
    J = svt(state.Z + state.Y2 / mu, 1.0 / mu)
    L = soft(state.S + state.Y3 / mu, problem.beta / mu)
    target = problem.X + state.Y1 / mu
    anomalous = state.S @ A
    residual = target - anomalous
    residual[:, :rank] -= state.Z * sigma
    E = shrink_rows(residual, problem.lam / mu)
    # From here on target loses what E, Z and S explain, one after another, in place.
    target -= E
    Z = (target[:, :rank] - anomalous[:, :rank]) * sigma + J - state.Y2 / mu
    Z /= sigma * sigma + 1.0
    target[:, :rank] -= Z * sigma
    system = A @ A.T + np.eye(len(A))
    S = (target @ A.T + L - state.Y3 / mu) @ np.linalg.inv(system)
    target -= S @ A
    # target is X - Z B - S A - E + Y1/mu.
    Y1 = mu * target
    target -= state.Y1 / mu
    apart, apart_sparse = Z - J, S - L
    unmet = max(_largest(target), _largest(apart), _largest(apart_sparse))
    grown = min(mu_growth * mu, MU_MAX)
    Y2, Y3 = state.Y2 + mu * apart, state.Y3 + mu * apart_sparse
    return Decomposition(Z, S, E, Y1, Y2, Y3, J, grown, unmet)


def _largest(M: np.ndarray) -> float:
    return float(np.abs(M).max()) if M.size else 0.0
