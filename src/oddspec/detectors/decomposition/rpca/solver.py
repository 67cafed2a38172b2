"""Row-sparse robust PCA (outlier pursuit): a background of low rank, and pixels that stand out.

Pixels are the n rows of X (n x b)::

    min_{L,S}  ||L||_* + lam ||S||_{2,1}    subject to  X = L + S

with ``||L||_*`` the sum of singular values and ``||S||_{2,1}`` the sum of row norms. The problem is
convex; ADMM with scaled multipliers U and a constant penalty mu repeats::

    L = svt(X - S + U, 1/mu)
    S = shrink_rows(X - L + U, lam/mu)
    U = U + X - L - S                     = what shrink_rows takes off

Two blocks, so it converges for every mu. mu follows the two residuals (Boyd et al., section 3.4.1)
for the first steps, since a wrong one makes it slow, and is constant thereafter. At the optimum
``Q = mu U`` has rows no longer than lam and singular values no larger than 1, of which as many as
the rank of L are equal to 1; so ``rank(L) <= n lam^2``.

H. Xu, C. Caramanis and S. Sanghavi, "Robust PCA via outlier pursuit", IEEE Trans. Inf. Theory
58(5), 3047-3064, 2012. doi:10.1109/TIT.2011.2173156; S. Boyd et al., "Distributed optimization and
statistical learning via the alternating direction method of multipliers", Found. Trends Mach.
Learn. 3(1), 2011. doi:10.1561/2200000016
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import linalg

from oddspec.solvers.blocks import row_blocks

ADAPTIVE = 50
"""Steps during which mu may change: convergence is proven from where it no longer does."""

APART = 5.0
"""Ratio of the residuals at which mu is changed (10 in Boyd et al., eq. 3.13)."""


@dataclass(frozen=True)
class Pursuit:
    """Where the iteration stands.

    Attributes
    ----------
    A, V
        ``L = A V^T`` with orthonormal columns V.
    S, U
        Row-sparse part, scaled multipliers.
    values
        Singular values of L, descending.
    mu
        Penalty of the next step.
    primal, dual
        ``||X - L - S||_F`` and ``||S - previous S||_F``.
    count
        Steps so far.
    """

    A: Float[np.ndarray, "n r"]
    V: Float[np.ndarray, "b r"]
    S: Float[np.ndarray, "n b"]
    U: Float[np.ndarray, "n b"]
    values: Float[np.ndarray, " r"]
    mu: float
    primal: float = math.inf
    dual: float = math.inf
    count: int = 0


def start(X: Float[np.ndarray, "n b"], mu: float) -> Pursuit:
    """All zero."""
    n, b = X.shape
    zero = np.zeros_like(X)
    return Pursuit(np.zeros((n, 0)), np.zeros((b, 0)), zero, zero, np.zeros(0), mu)


def step(state: Pursuit, X: Float[np.ndarray, "n b"], lam: float) -> Pursuit:
    """One step for L, S and U."""
    M = X - state.S
    M += state.U
    A, V, values = _low_rank(M, 1.0 / state.mu)
    S, U = np.empty_like(X), M
    primal = dual = 0.0
    limit = lam / state.mu
    # U takes the memory of M, which is done with once L is known.
    for rows, (product, rest) in row_blocks(X, 2):
        np.matmul(A[rows], V.T, out=product)
        np.subtract(X[rows], product, out=rest)
        np.add(rest, state.U[rows], out=product)
        norms = np.sqrt(np.vecdot(product, product))
        shrunk = np.maximum(norms - limit, 0.0) / np.where(norms > 0, norms, 1.0)
        np.multiply(product, shrunk[:, None], out=S[rows])
        np.subtract(product, S[rows], out=U[rows])
        rest -= S[rows]
        primal += float(np.vdot(rest, rest))
        np.subtract(S[rows], state.S[rows], out=rest)
        dual += float(np.vdot(rest, rest))
    primal, dual = math.sqrt(primal), math.sqrt(dual)
    factor = _factor(primal, dual, state.count)
    if factor != 1.0:
        U /= factor  # the unscaled multipliers mu U stay what they are
    return Pursuit(A, V, S, U, values, state.mu * factor, primal, dual, state.count + 1)


def gap(size: float, state: Pursuit) -> float:
    """The larger residual, as a fraction of the size of the data."""
    return max(state.primal, state.dual) / size


def _factor(primal: float, dual: float, count: int) -> float:
    """What mu is multiplied by: a larger one presses the constraint, a smaller one the change."""
    if count >= ADAPTIVE:
        return 1.0
    if primal > APART * dual:
        return 2.0
    return 0.5 if dual > APART * primal else 1.0


def _low_rank(M: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The factors of ``svt(M, t)``, from the eigenvalues above t^2 of the Gram matrix."""
    gram = M.T @ M
    top = max(float(np.trace(gram)), t * t) * 2.0
    squares, V = linalg.eigh(gram, subset_by_value=[t * t, top])
    roots, V = np.sqrt(squares[::-1]), np.ascontiguousarray(V[:, ::-1])
    return (M @ V) * (1.0 - t / roots), V, roots - t
