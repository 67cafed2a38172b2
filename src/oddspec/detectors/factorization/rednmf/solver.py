"""Robust asymmetric encoder-decoder NMF: a few endmembers, an encoder, and sparse anomalies.

Pixels are the n rows of X (n x b) >= 0, abundances the rows of H (n x r), endmembers the rows of
W (r x b) with unit norm, M (b x r) encodes, and the rows of S (n x b) are the anomalies::

    min  ||X - H W - S||_F^2 + beta ||H - (X - S) M||_F^2 + lam ||S||_{2,1},    H, W, M >= 0

with ``||S||_{2,1}`` the sum of the pixels' norms (eq. 10 of the paper, see `REDNMF`). One `step`
updates, with ``Y = X - S`` and ``a_k = ||h_k - Y m_k||^2`` (columns k)::

    W <- W o (H^T Y)+ / (H^T H W + (H^T Y)- + beta a W)          then unit norm, scale to H and M
    M <- M o ((Y^T H)+ + (Y^T Y M)-) / ((Y^T Y M)+ + (Y^T H)-)   and the best step that way
    H <- H o (Y W^T + beta Y M)+ / (H W W^T + beta H + (Y W^T + beta Y M)-)
    S <- the minimiser for these H, W, M, pixel by pixel (module `anomalies`)

where the paper has eqs. 24, 15, 16 and 17. ``A = A+ - A-``, both not below zero.
None of them increases the objective:

* ``(W/e, e H, e M)`` changes only the encoder's term, by ``e^2``: without a norm on the
  endmembers the term can be scaled away. With unit norm the objective equals
  ``||Y - H W||^2 + sum_k beta ||w_k||^2 a_k + lam ||S||_{2,1}`` for whatever norms, which is what
  the rule for W decreases; moving the scale afterwards changes nothing.
  ``unit_norm=False`` leaves both out, as the paper does.
* M's rule is a descent direction for each column, along which the (quadratic) term is minimised
  exactly, up to twice the rule's step and short of where an entry would reach zero.

One step reads the data twice, for ``X [W^T, change of M]`` and ``X^T [Z, Z']``: 8 n b r
operations (4 n b r without an encoder), and memory for some n x r arrays. Forming S would add
2 n b r operations and, what is worse, write and read n b numbers several times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace, device
from jaxtyping import Float

from oddspec.detectors.factorization.rednmf.anomalies import (
    Anomalies,
    shrink,
    shrink_without_encoder,
)
from oddspec.solvers.nmf import (
    beside,
    by_columns,
    inner,
    multiply,
    residual_norms,
    times,
    unit_endmembers,
)

LONGEST = 2.0
"""Longest step of the encoder. Longer ones lower the objective faster, but multiply rounding
errors from step to step until the result depends on them."""


@dataclass(frozen=True)
class REDNMFProblem:
    """What does not change."""

    X: Float[Any, "n b"]
    squares: Float[Any, " n"]
    """Squared norms of the pixels."""
    lam: float
    beta: float
    unit_norm: bool = True

    @classmethod
    def of(
        cls, X: Float[Any, "n b"], lam: float, beta: float, unit_norm: bool = True
    ) -> REDNMFProblem:
        """The problem for these pixels, weights in the units of the objective."""
        return cls(X, array_namespace(X).vecdot(X, X), lam, beta, unit_norm)


@dataclass(frozen=True)
class EncodedFactors:
    """Where the iteration stands, after S has been updated."""

    H: Float[Any, "n r"]
    W: Float[Any, "r b"]
    M: Float[Any, "b r"]
    S: Anomalies
    XM: Float[Any, "n r"]
    YM: Float[Any, "n r"]
    apart: Float[Any, "n r"]
    """``H - Y M``."""
    residuals: Float[Any, " n"]
    """``||x_i - h_i W||``."""
    objective: float = math.inf


def start(
    problem: REDNMFProblem, H: Float[Any, "n r"], W: Float[Any, "r b"], M: Float[Any, "b r"]
) -> EncodedFactors:
    """The model with S at its minimiser for the given factors."""
    X = problem.X
    return _model(problem, by_columns(H), W, M, times(X, W.T), times(X, M), None)


def step(state: EncodedFactors, problem: REDNMFProblem) -> EncodedFactors:
    """One sweep over W, M, H and S."""
    return _plain_step(state, problem) if problem.beta == 0 else _full_step(state, problem)


def explain(state: EncodedFactors, problem: REDNMFProblem) -> EncodedFactors:
    """One sweep over H and S alone: for endmembers and an encoder that another scene has given."""
    xp = array_namespace(problem.X)
    H, W, S = state.H, state.W, state.S
    XW = times(problem.X, W.T)
    wanted, gram = S.times(XW, W.T), W @ W.T
    if problem.beta:
        wanted = wanted + problem.beta * state.YM
        gram = gram + problem.beta * xp.eye(len(W), dtype=W.dtype, device=device(W))
    H = multiply(H, wanted, times(H, gram))
    return _model(problem, H, W, state.M, XW, state.XM, S.norms if problem.beta else None)


def encoder(X: Float[Any, "n b"], H: Float[Any, "n r"], sweeps: int = 100) -> Float[Any, "b r"]:
    """M >= 0 with ``X M`` near H, by multiplicative updates from the best constant columns."""
    xp = array_namespace(X)
    gram, wanted = X.T @ X, X.T @ H
    ones = xp.ones((X.shape[1], 1), dtype=X.dtype, device=device(X))
    level = xp.sum(gram)
    M = ones * (xp.sum(wanted, axis=0) / xp.where(level > 0, level, 1.0))[None, :]
    for _ in range(sweeps):
        M = multiply(M, wanted, gram @ M)
    return M


def _plain_step(state: EncodedFactors, problem: REDNMFProblem) -> EncodedFactors:
    """Without an encoder: M stays as it is."""
    X, S = problem.X, state.S
    W = multiply(state.W, S.transposed_times(X, state.H).T, (state.H.T @ state.H) @ state.W)
    W, H, _ = _scaled(W, state.H, problem.unit_norm)
    XW = times(X, W.T)
    H = multiply(H, S.times(XW, W.T), times(H, W @ W.T))
    return _model(problem, H, W, state.M, XW, state.XM, None)


def _full_step(state: EncodedFactors, problem: REDNMFProblem) -> EncodedFactors:
    """With an encoder: W, M, H and S, from two passes over the data."""
    xp = array_namespace(problem.X)
    X, beta, S = problem.X, problem.beta, state.S
    H, M, YM, apart = state.H, state.M, state.YM, state.apart
    rank = H.shape[1]
    products = S.transposed_times(X, beside(H, YM))
    YH, YYM = products[:, :rank], products[:, rank:]  # Y^T H and Y^T Y M
    change = multiply(M, YH + xp.maximum(-YYM, 0.0), xp.maximum(YYM, 0.0)) - M
    cost = (H.T @ H) @ state.W
    if problem.unit_norm:
        cost = cost + beta * inner(apart, apart)[:, None] * state.W
    W, H, scale = _scaled(multiply(state.W, YH.T, cost), H, problem.unit_norm)
    both = xp.concat([W.T, change], axis=1)
    ahead = times(X, both)  # X W^T and X times M's change
    cleaned = S.times(ahead, both)  # the same products of Y = X - S
    moved = cleaned[:, rank:]
    length = _best_step(M, change, apart, moved)
    # H and, with it, M's columns take over the scale of the endmembers, and so does X M.
    M = (M + length * change) * scale
    XM = _onward(state.XM, length, ahead[:, rank:], scale)
    wanted = _onward(YM, length, moved, beta * scale)
    wanted += cleaned[:, :rank]  # Y W^T + beta Y M
    same = xp.eye(rank, dtype=X.dtype, device=device(X))
    H = multiply(H, wanted, times(H, W @ W.T + beta * same))
    return _model(problem, H, W, M, ahead[:, :rank], XM, state.S.norms)


def _model(
    problem: REDNMFProblem, H: Any, W: Any, M: Any, XW: Any, XM: Any, guess: Any
) -> EncodedFactors:
    """The model with S at its minimiser, from the products of the data that it needs."""
    residuals = residual_norms(H, W, XW, problem.squares)
    if problem.beta == 0:
        S, objective = shrink_without_encoder(H, W, residuals, problem.lam)
        return EncodedFactors(H, W, M, S, XM, XM, H, residuals, objective)
    weights = problem.lam, problem.beta
    S, YM, apart, objective = shrink(H, W, M, XM, residuals, *weights, guess)
    return EncodedFactors(H, W, M, S, XM, YM, apart, residuals, objective)


def _scaled(W: Any, H: Any, unit_norm: bool) -> tuple[Any, Any, Any]:
    """Endmembers of unit norm, the abundances that go with them, and the factor on M's columns."""
    if not unit_norm:
        xp = array_namespace(W)
        return W, H, xp.ones_like(W[:, 0])
    W, norms = unit_endmembers(W)
    return W, H * norms, norms


def _best_step(M: Any, change: Any, apart: Any, moved: Any) -> Any:
    """How far to go along each column of the change, 1 being all of it.

    Minimises ``||apart_k - t moved_k||`` over t >= 0, at most nine tenths of the way to where
    the first entry would become zero (entries at zero never leave it).
    """
    xp = array_namespace(M)
    squares = inner(moved, moved)
    best = inner(apart, moved) / xp.where(squares > 0, squares, xp.ones_like(squares))
    loss = xp.max(xp.where(M > 0, -change / xp.where(M > 0, M, 1.0), 0.0), axis=0)
    limit = xp.where(loss > 0, 0.9 / xp.where(loss > 0, loss, 1.0), 1.0)
    return xp.maximum(xp.minimum(best, xp.minimum(limit, LONGEST)), 0.0)


def _onward(A: Any, length: Any, change: Any, scale: Any) -> Any:
    """``(A + length change) scale``, column by column."""
    moved = change * length
    moved += A
    moved *= scale
    return moved
