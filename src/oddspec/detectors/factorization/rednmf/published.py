"""REDNMF's update rules as the paper publishes them: for comparison, not for use.

Symbols as in `solver`, S formed. In the order of Algorithm 1::

    S <- E o max(0, 1 - lam / ||band of E||)                                            (17)
    W <- W o (H^T X + H^T S) / (H^T H W + H^T S)                                        (14)
    M <- M o [(X + S-)^T H + (S+^T X + X^T S+ + (S^T S)-) M]
             / [(X^T X + S-^T X + X^T S- + (S^T S)+) M + S+^T H]                        (15)
    H <- H o (X W^T + S- W^T + beta (X + S-) M) / (H W W^T + S+ W^T + beta H + beta S+ M)   (16)

Eq. 14 is not the split of eq. 20's gradient (eq. 24 is); it can raise the objective and make W
negative. Eq. 17 lacks a half (the objective has none), takes the norm of a row, which is a band
where pixels are columns, and leaves out that S is in the encoder's term too.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float

from oddspec.detectors.factorization.rednmf.solver import REDNMFProblem
from oddspec.errors import NotConverged
from oddspec.progress import Progress
from oddspec.solvers.prox import row_norms, shrink_rows


@dataclass(frozen=True)
class Published:
    """Where the iteration stands."""

    H: Float[Any, "n r"]
    W: Float[Any, "r b"]
    M: Float[Any, "b r"]
    S: Float[Any, "n b"]
    objective: float = math.inf


def run_published(
    problem: REDNMFProblem, H: Any, W: Any, M: Any, iterations: int, progress: Progress
) -> tuple[Published, np.ndarray]:
    """The state after that many passes from S = 0, and the objectives from the start on.

    Warns
    -----
    NotConverged
        If the numbers leave their range; the last finite state is given.
    """
    state = Published(H, W, M, array_namespace(problem.X).zeros_like(problem.X))
    curve = [objective(problem, H, W, M, state.S)]
    with np.errstate(all="ignore"):
        for count in range(1, iterations + 1):
            following = step(state, problem)
            if not math.isfinite(following.objective):
                warnings.warn(
                    f"the printed rules left the range of numbers after {count - 1} sweeps; the "
                    f"last finite state is scored",
                    NotConverged,
                    stacklevel=2,
                )
                break
            state = following
            curve.append(state.objective)
            progress(count, iterations, "factorizing")
    return state, np.array(curve)


def step(state: Published, problem: REDNMFProblem) -> Published:
    """One pass of Algorithm 1."""
    X, beta = problem.X, problem.beta
    H, W, M = state.H, state.W, state.M
    S = shrink_rows((X - H @ W).T, problem.lam).T  # (17): bands are shrunk, not pixels
    plus, minus = _parts(S)
    W = W * _ratio(H.T @ X + H.T @ S, (H.T @ H) @ W + H.T @ S)  # (14)
    gram_plus, gram_minus = _parts(S.T @ S)
    cross = plus.T @ X
    gain = (X + minus).T @ H + (cross + cross.T + gram_minus) @ M
    cross = minus.T @ X
    cost = (X.T @ X + cross + cross.T + gram_plus) @ M + plus.T @ H
    M = M * _ratio(gain, cost)  # (15)
    gain = (X + minus) @ W.T + beta * ((X + minus) @ M)
    cost = H @ (W @ W.T) + plus @ W.T + beta * (H + plus @ M)
    H = H * _ratio(gain, cost)  # (16)
    return Published(H, W, M, S, objective(problem, H, W, M, S))


def objective(problem: REDNMFProblem, H: Any, W: Any, M: Any, S: Any) -> float:
    """Eq. 10, straight from its definition."""
    xp = array_namespace(S)
    Y = problem.X - S
    return float(
        xp.sum((Y - H @ W) ** 2)
        + problem.beta * xp.sum((H - Y @ M) ** 2)
        + problem.lam * xp.sum(row_norms(S))
    )


def _parts(A: Any) -> tuple[Any, Any]:
    """``A+`` and ``A-``, both non-negative."""
    size = array_namespace(A).abs(A)
    return (size + A) / 2, (size - A) / 2


def _ratio(gain: Any, cost: Any) -> Any:
    """A rule's fraction, kept from dividing by zero."""
    return gain / (cost + 1e-12)
