"""GoDec: a scene as a matrix of low rank, a few large entries, and noise.

Pixels are the n rows of X (n x b)::

    min_{L,S}  ||X - L - S||_F^2   subject to  rank(L) <= r,  at most k entries of S are not 0

alternately, each of which is solved exactly, so the objective never rises::

    L = the nearest matrix of rank r to X - S        = (X - S) V V^T
    S = the k largest entries of X - L, in size

V (b x r) are the leading eigenvectors of ``(X - S)^T (X - S)``. S has few entries, so that Gram
matrix follows from ``X^T X``, made once, by sparse products, and one step costs one pass over the
data for the residual instead of a decomposition of n x b numbers. GoDec's own randomised low-rank
step (a few products with r random directions) is offered too; it only comes near the minimum.

T. Zhou and D. Tao, "GoDec: randomized low-rank & sparse matrix decomposition in noisy case",
ICML 2011.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import linalg, sparse

from oddspec.solvers.blocks import row_blocks

SAMPLE = 1000
"""Pixels from which the size of the largest entries is guessed at first."""


@dataclass(frozen=True)
class Split:
    """Where the iteration stands.

    Attributes
    ----------
    V
        Orthonormal columns that span L's rows.
    A
        Coordinates of the pixels of L: ``L = A V^T``.
    S
        The sparse part.
    objective
        ``||X - L - S||_F^2``.
    least
        Size of the smallest entry of S.
    """

    V: Float[np.ndarray, "b r"]
    A: Float[np.ndarray, "n r"]
    S: sparse.csr_array
    objective: float = float("inf")
    least: float = 0.0


def start(X: Float[np.ndarray, "n b"]) -> Split:
    """Nothing sparse, and no background yet."""
    n, b = X.shape
    return Split(np.zeros((b, 0)), np.zeros((n, 0)), sparse.csr_array((n, b)))


def step(
    state: Split,
    X: Float[np.ndarray, "n b"],
    gram: Float[np.ndarray, "b b"],
    rank: int,
    entries: int,
    rng: np.random.Generator | None = None,
    power: int = 2,
) -> Split:
    """Update L and then S; ``gram`` is ``X^T X``, ``rank`` at most b.

    With ``rng`` L is found by ``power`` + 1 products with random directions, otherwise exactly.
    """
    S = state.S
    if rank == X.shape[1]:
        V = np.eye(rank)
    elif rng is None:
        V = _leading(_gram_without(gram, X, S), rank)
    else:
        V = rng.normal(size=(X.shape[1], rank))
        within = _gram_without(gram, X, S)
        for _ in range(power + 1):
            V = np.linalg.qr(within @ V)[0]
    A = X @ V - S @ V
    S, objective, least = _largest(X, A, V, entries, state.least)
    return Split(V, A, S, objective, least)


def gap(previous: Split, state: Split) -> float:
    """By what fraction the root of the objective has fallen."""
    if not np.isfinite(previous.objective):
        return float("inf")
    before, after = previous.objective**0.5, state.objective**0.5
    return abs(before - after) / before if before > 0 else 0.0


def _leading(gram: np.ndarray, rank: int) -> np.ndarray:
    b = len(gram)
    return np.asarray(linalg.eigh(gram, subset_by_index=[b - rank, b - 1])[1][:, ::-1])


def _gram_without(gram: np.ndarray, X: np.ndarray, S: sparse.csr_array) -> np.ndarray:
    """``(X - S)^T (X - S)``."""
    if not S.nnz:
        return gram
    rows = np.flatnonzero(np.diff(S.indptr))
    # Both products touch only the pixels that S touches.
    some = S[rows]
    cross = np.asarray(some.T @ X[rows])
    return np.asarray(gram - cross - cross.T + (some.T @ some).toarray())


def _largest(
    X: np.ndarray, A: np.ndarray, V: np.ndarray, entries: int, guess: float
) -> tuple[sparse.csr_array, float, float]:
    """The largest entries of ``X - A V^T``, the squares of the others, the least of the entries.

    Only entries above a bound below the guess for the least are collected and sorted; it is lowered
    where it leaves too few.
    """
    if not entries:
        return sparse.csr_array(X.shape), _above(X, A, V, np.inf)[2], 0.0
    bound = 0.8 * guess if guess > 0 else _typical(X, A, V, entries)
    at, value, total = _above(X, A, V, bound)
    while len(at) < entries and bound > 0:
        bound = bound / 2 if bound > 1e-9 * np.sqrt(total) else 0.0
        at, value, total = _above(X, A, V, bound)
    if len(at) > entries:
        # Sorted again by place: a sparse matrix wants its entries row by row.
        largest = np.sort(np.argpartition(-np.abs(value), entries - 1)[:entries])
        at, value = at[largest], value[largest]
    b = X.shape[1]
    S = sparse.csr_array((value, (at // b, at % b)), shape=X.shape)
    least = float(np.abs(value).min()) if len(value) else 0.0
    return S, max(total - float(np.vdot(value, value)), 0.0), least


def _above(
    X: np.ndarray, A: np.ndarray, V: np.ndarray, bound: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Places and values of residuals above the bound in size, and the sum of all squares.

    Places count the entries of X row by row.
    """
    where, values, total = [], [], 0.0
    for rows, (residual, size) in row_blocks(X, 2):
        np.matmul(A[rows], V.T, out=residual)
        np.subtract(X[rows], residual, out=residual)
        total += float(np.vdot(residual, residual))
        if bound < np.inf:
            np.abs(residual, out=size)
            some = np.flatnonzero(size > bound)
            where.append(some + rows.start * X.shape[1])
            values.append(residual.ravel()[some])
    if not where:
        return np.zeros(0, int), np.zeros(0), total
    return np.concatenate(where), np.concatenate(values), total


def _typical(X: np.ndarray, A: np.ndarray, V: np.ndarray, entries: int) -> float:
    """A bound that about twice as many entries exceed as are wanted, from some of the pixels."""
    some = slice(None, None, max(len(X) // SAMPLE, 1))
    size = np.abs(X[some] - A[some] @ V.T)
    return float(np.quantile(size, max(1.0 - 2.0 * entries / X.size, 0.0)))
