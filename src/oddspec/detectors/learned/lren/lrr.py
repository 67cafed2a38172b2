"""Low-rank representation: pixels as combinations of atoms with few independent patterns.

Pixels are the n rows of Psi (n x l), the m rows of D (m x l) are atoms, W (n x m) coefficients and
the rows of A (n x l) what the atoms cannot represent::

    min_{W,A}  ||W||_* + lam ||A||_{2,1}    subject to  Psi = W D + A

with ``||W||_*`` the sum of singular values and ``||A||_{2,1}`` the sum of row norms. The inexact
augmented Lagrangian method with a copy J of W and unscaled multipliers Y1, Y2 repeats `step`::

    J  = svt(W + Y2/mu, 1/mu)
    A  = shrink_rows(Psi - W D + Y1/mu, lam/mu)
    W  = [(Psi - A + Y1/mu) D^T + J - Y2/mu] (D D^T + I)^{-1}
    Y1 = Y1 + mu (Psi - W D - A)
    Y2 = Y2 + mu (W - J)
    mu = min(mu_growth mu, mu_max)

Given W, the blocks J and A are independent, so this is two-block ADMM and converges to the optimum
for every constant mu. A growing mu makes the iterates feasible, often long before they are
optimal: the published schedule (1e-3, times 1.2) stops far above the optimum, by 52 and
13 per cent on two scenes.

These are LREN's eqs. 15, 18 (with mu/2 in front of its second term), 17, 19 and 20, transposed:
there pixels are columns. The order is that of the authors' code.

With `damp` in place of `shrink_rows` the error's norm is Frobenius's, ``lam ||A||_F^2``.

The nuclear norm alone couples pixels. `record` keeps the m x m matrices by which `svt` multiplied
in each step, and `replay` repeats the steps with them for any pixel by itself.

G. Liu et al., "Robust recovery of subspace structures by low-rank representation", IEEE Trans.
Pattern Anal. Mach. Intell. 35(1), 171-184, 2013. doi:10.1109/TPAMI.2012.88
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from array_api_compat import array_namespace, device
from jaxtyping import Float

from oddspec.solvers.iterate import converge
from oddspec.solvers.prox import row_norms, shrink_rows, svt, svt_factor


@dataclass(frozen=True)
class LowRankRepresentation:
    """Where the iteration stands; the symbols are those of the module's docstring."""

    W: Float[Any, "n m"]
    J: Float[Any, "n m"]
    A: Float[Any, "n l"]
    Y1: Float[Any, "n l"]
    Y2: Float[Any, "n m"]
    mu: float
    residual: float = float("inf")
    """Largest entry, in size, of ``Psi - W D - A`` and ``W - J``."""


def start(Psi: Float[Any, "n l"], D: Float[Any, "m l"], mu: float = 1e-3) -> LowRankRepresentation:
    """All zero, with the penalty mu of the first step."""
    xp = array_namespace(Psi)
    W = xp.zeros((Psi.shape[0], D.shape[0]), dtype=Psi.dtype, device=device(Psi))
    A = xp.zeros_like(Psi)
    return LowRankRepresentation(W, W, A, A, W, mu)


def step(
    state: LowRankRepresentation,
    Psi: Float[Any, "n l"],
    D: Float[Any, "m l"],
    lam: float,
    *,
    mu_growth: float = 1.2,
    mu_max: float = 1e10,
    low_rank: Callable[[Any, float], Any] = svt,
    shrink: Callable[[Any, float], Any] = shrink_rows,
) -> LowRankRepresentation:
    """The next state; ``mu_growth=1`` keeps the penalty constant.

    ``low_rank`` is the proximal operator of the nuclear norm; `record` and `replay` put their own
    in its place. ``shrink`` is that of the error's norm: `shrink_rows` or `damp`.
    """
    xp = array_namespace(Psi)
    W, Y1, Y2, mu = state.W, state.Y1, state.Y2, state.mu
    J = low_rank(W + Y2 / mu, 1 / mu)
    A = shrink(Psi - W @ D + Y1 / mu, lam / mu)
    # Both constraints have the same mu, which cancels: the system never changes (eq. 17).
    system = D @ D.T + xp.eye(D.shape[0], dtype=D.dtype, device=device(D))
    right = (Psi - A + Y1 / mu) @ D.T + J - Y2 / mu
    W = xp.linalg.solve(system, right.T).T
    unexplained, apart = Psi - W @ D - A, W - J
    residual = max(_largest(unexplained), _largest(apart))
    grown = min(mu_growth * mu, mu_max)
    return LowRankRepresentation(W, J, A, Y1 + mu * unexplained, Y2 + mu * apart, grown, residual)


def gap(previous: LowRankRepresentation, state: LowRankRepresentation) -> float:
    """Largest residual or change of an entry in the last step, as the published code stops on."""
    changes = (
        _largest(state.W - previous.W),
        _largest(state.J - previous.J),
        _largest(state.A - previous.A),
    )
    return max(state.residual, *changes)


def solve(
    Psi: Float[Any, "n l"],
    D: Float[Any, "m l"],
    lam: float,
    *,
    mu: float = 1e-3,
    mu_growth: float = 1.2,
    mu_max: float = 1e10,
    tol: float = 1e-8,
    max_iter: int = 500,
    low_rank: Callable[[Any, float], Any] = svt,
    shrink: Callable[[Any, float], Any] = shrink_rows,
) -> LowRankRepresentation:
    """Iterate from zero until the gap is at most tol.

    Parameters
    ----------
    Psi, D, lam
        Pixels, atoms and the weight of the error, see the module's docstring.
    mu, mu_growth, mu_max
        Penalty of the first step, its growth per step and its largest value. The defaults are the
        published schedule; with ``mu_growth=1`` the limit is an optimum.
    tol
        Absolute, in the units of Psi.
    max_iter
        Most steps.
    low_rank, shrink
        As for `step`.

    Warns
    -----
    NotConverged
        If the gap is still larger after ``max_iter`` steps.
    """
    return converge(
        lambda state: step(
            state,
            Psi,
            D,
            lam,
            mu_growth=mu_growth,
            mu_max=mu_max,
            low_rank=low_rank,
            shrink=shrink,
        ),
        start(Psi, D, mu),
        gap=gap,
        tol=tol,
        max_iter=max_iter,
    )


def damp(A: Any, t: float) -> Any:
    """Proximal operator of ``t ||A||_F^2``."""
    return A / (1 + 2 * t)


def record(
    Psi: Float[Any, "n l"],
    D: Float[Any, "m l"],
    lam: float,
    shrink: Callable[[Any, float], Any] = shrink_rows,
) -> tuple[LowRankRepresentation, Float[Any, "steps m m"]]:
    """`solve` by the published schedule, and the matrix that each step thresholded with.

    Warns
    -----
    NotConverged
        As `solve` does.
    """
    factors: list[Any] = []

    def thresholded(A: Any, t: float) -> Any:
        factors.append(svt_factor(A, t))
        return A @ factors[-1]

    state = solve(Psi, D, lam, low_rank=thresholded, shrink=shrink)
    return state, array_namespace(Psi).stack(factors)


def replay(
    Psi: Float[Any, "n l"],
    D: Float[Any, "m l"],
    lam: float,
    factors: Float[Any, "steps m m"],
    shrink: Callable[[Any, float], Any] = shrink_rows,
) -> LowRankRepresentation:
    """The state of the recorded iteration for other pixels, each by itself."""
    state = start(Psi, D)
    for factor in factors:
        state = step(state, Psi, D, lam, low_rank=partial(_times, factor), shrink=shrink)
    return state


def _times(factor: Any, A: Any, t: float) -> Any:
    """In place of `svt`; the threshold is in the factor."""
    return A @ factor


def objective(J: Any, Psi: Any, D: Any, lam: float) -> float:
    """``||J||_* + lam ||Psi - J D||_{2,1}`` at the feasible point (J, Psi - J D)."""
    xp = array_namespace(J)
    squares = xp.linalg.eigvalsh(J.T @ J)
    nuclear = xp.sum(xp.sqrt(xp.where(squares > 0, squares, xp.zeros_like(squares))))
    return float(nuclear + lam * xp.sum(row_norms(Psi - J @ D)))


def critical_penalty(Psi: Float[Any, "n l"], D: Float[Any, "m l"]) -> float:
    """The lam up to which representing nothing (W = 0) is optimal.

    ``1 / ||U D^T||_2`` with the spectral norm, where U has the pixels divided by their lengths as
    rows: at W = 0 the error's subgradient is U, and W = 0 is optimal where ``lam ||U D^T||_2 <= 1``
    (if and only if, where no pixel is zero). A useful lam is a multiple of this one; it has no
    units to choose.
    """
    xp = array_namespace(Psi)
    norms = row_norms(Psi)
    U = Psi / xp.where(norms > 0, norms, xp.ones_like(norms))[:, None]
    correlations = U @ D.T
    return 1 / float(xp.linalg.eigvalsh(correlations.T @ correlations)[-1]) ** 0.5


def _largest(A: Any) -> float:
    xp = array_namespace(A)
    return float(xp.max(xp.abs(A)))
