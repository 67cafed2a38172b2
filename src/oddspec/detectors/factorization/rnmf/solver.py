"""Non-negative factorization that sets anomalous entries apart: the updates of `RNMF`.

Pixels are the n rows of X (n x b), abundances the rows of H (n x r), endmembers the rows of
W (r x b), and S (n x b) is sparse::

    min_{H, W >= 0, S}  ||X - H W - S||_F^2 + lam ||S||_1

For given factors ``S = soft(X - H W, lam/2)`` (there is no half in the objective), which leaves a
Huber loss of the residual E: e^2 up to lam/2, ``lam |e| - lam^2/4`` beyond. S is never formed:
``Y = X - S`` is H W plus the residual cut off at lam/2, C. One `step` puts S at its minimum and
then updates H and W for that S, with ``gain = Y W^T = H W W^T + C W^T`` (``H^T Y`` likewise)::

    H <- H o gain / (H W W^T)   where gain > 0, and a hundredth of H elsewhere

none of which raises the objective. Y may be negative; the rule that clips the gain at zero gives
such entries zeros for ever, and a hundredth of the way from there does not, while lying between the
old entry and the minimum of the parabola that bounds the objective.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from oddspec.solvers.blocks import row_blocks
from oddspec.solvers.nmf import Factors, unit_endmembers

RECOVERABLE = 0.01
"""What is left of an entry that the rule would set to zero."""


def step(state: Factors, X: Float[np.ndarray, "n b"], lam: float) -> Factors:
    """One sweep over S, H and W; the objective is that of the state before it."""
    H, W, half = state.H, state.W, lam / 2
    gram = W @ W.T
    following = np.empty_like(H)
    gain, loss = np.zeros_like(W.T), 0.0
    for rows, (product, residual) in row_blocks(X, 2):
        np.matmul(H[rows], W, out=product)
        np.subtract(X[rows], product, out=residual)
        np.clip(residual, -half, half, out=product)  # C takes the memory of H W
        loss += _huber(residual, product)
        cost = H[rows] @ gram
        h = _multiply(H[rows], cost + (W @ product.T).T, cost)
        following[rows] = h
        gain += product.T @ h
    gain = gain.T + (following.T @ H) @ W  # H'^T Y = H'^T C + H'^T H W, with the new H'
    W, norms = unit_endmembers(_multiply(W, gain, (following.T @ following) @ W))
    return Factors(following * norms, W, loss)


def objective(state: Factors, X: Float[np.ndarray, "n b"], lam: float) -> float:
    """With S at its minimum."""
    loss = 0.0
    for rows, (product, residual) in row_blocks(X, 2):
        np.matmul(state.H[rows], state.W, out=product)
        np.subtract(X[rows], product, out=residual)
        np.clip(residual, -lam / 2, lam / 2, out=product)
        loss += _huber(residual, product)
    return loss


def _huber(residual: np.ndarray, cut: np.ndarray) -> float:
    """Sum of ``c (2 e - c)``, which is e^2 within the limit and lam |e| - lam^2/4 beyond."""
    return float(2.0 * np.vdot(cut, residual) - np.vdot(cut, cut))


def _multiply(A: np.ndarray, gain: np.ndarray, cost: np.ndarray) -> np.ndarray:
    # A zero row or column has nothing to gain, and must not divide zero by zero.
    floor = 1e-16 * cost.max() + 1e-290
    return A * np.where(gain > 0, gain / np.maximum(cost, floor), RECOVERABLE)
