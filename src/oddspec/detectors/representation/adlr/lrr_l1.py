"""Low-rank representation with errors in few entries.

Rows of S (n x p) are represented by the m rows of D (m x p)::

    min_{Z,E}  ||Z||_* + lam ||E||_1    subject to  S = Z D + E

The inexact augmented Lagrangian method with a copy J of Z and unscaled multipliers Y1, Y2::

    J  = svt(Z + Y2/mu, 1/mu)
    Z  = [(S - E + Y1/mu) D^T + J - Y2/mu] (D D^T + I)^{-1}
    E  = soft(S - Z D + Y1/mu, lam/mu)
    Y1 = Y1 + mu (S - Z D - E)
    Y2 = Y2 + mu (Z - J)
    mu = min(mu_growth mu, MU_MAX)

Started at zero, the rows of Z, J and Y2 never leave the span of D's columns. With ``D = Q T``, Q of
orthonormal columns, ``Z = W Q^T`` makes it the same iteration with T in place of D and W in place
of Z: what a step costs does not depend on the number of atoms. Since singular values do not change
either, neither does the problem.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from oddspec.solvers.prox import soft, svt

MU_MAX = 1e10
"""The penalty grows to here at most, so that all products with it stay finite."""


@dataclass(frozen=True)
class L1Representation:
    """Where the iteration stands; the symbols are those of the module's docstring."""

    Z: Float[np.ndarray, "n m"]
    J: Float[np.ndarray, "n m"]
    E: Float[np.ndarray, "n p"]
    Y1: Float[np.ndarray, "n p"]
    Y2: Float[np.ndarray, "n m"]
    mu: float
    residual: float = float("inf")
    """Largest entry, in size, of ``S - Z D - E`` and ``Z - J``."""


def condense(D: Float[np.ndarray, "m p"]) -> Float[np.ndarray, "r p"]:
    """T: as many rows as D has independent ones, which represent the same at the same cost."""
    _, s, Vt = np.linalg.svd(D, full_matrices=False)
    independent = s > 1e-12 * s[0]
    return np.ascontiguousarray(s[independent, None] * Vt[independent])


def start(S: Float[np.ndarray, "n p"], D: Float[np.ndarray, "m p"], mu: float) -> L1Representation:
    """All zero, with the penalty mu of the first step."""
    Z, E = np.zeros((len(S), len(D))), np.zeros_like(S)
    return L1Representation(Z, Z, E, E, Z, mu)


def step(
    state: L1Representation,
    S: Float[np.ndarray, "n p"],
    D: Float[np.ndarray, "m p"],
    lam: float,
    *,
    mu_growth: float = 1.1,
) -> L1Representation:
    """The next state; ``mu_growth=1`` keeps the penalty constant."""
    mu, Y1, Y2 = state.mu, state.Y1, state.Y2
    J = svt(state.Z + Y2 / mu, 1.0 / mu)
    right = (S - state.E + Y1 / mu) @ D.T + J - Y2 / mu
    Z = np.linalg.solve(D @ D.T + np.eye(len(D)), right.T).T
    E = soft(S - Z @ D + Y1 / mu, lam / mu)
    unexplained, apart = S - Z @ D - E, Z - J
    residual = float(max(np.abs(unexplained).max(), np.abs(apart).max()))
    grown = min(mu_growth * mu, MU_MAX)
    return L1Representation(Z, J, E, Y1 + mu * unexplained, Y2 + mu * apart, grown, residual)


def critical_l1_penalty(S: Float[np.ndarray, "n p"], D: Float[np.ndarray, "m p"]) -> float:
    """The lam up to which representing nothing (Z = 0) is optimal: ``1 / ||sign(S) D^T||_2``."""
    return 1.0 / float(np.linalg.norm(np.sign(S) @ D.T, 2))
