r"""Low-rank representation of further pixels, with what a solution for many pixels has learnt.

In the problem of `oddspec.solvers.lrr` pixels meet in one place only, the nuclear norm. There are
two ways to score a pixel that was not among the solved ones, and both give the solved ones what
they had:

**At the optimum.** The nuclear norm is the least value of a quadratic form::

    ||W||_* = min_M  1/2 tr(W M^{-1} W^T) + 1/2 tr M,     attained at M = (W^T W)^{1/2}

With M kept, the rows separate into ``min 1/2 w M^{-1} w^T + lam ||psi - w D||``. Its error ``a``
satisfies, with ``K = D^T M D`` and ``t = ||a||``::

    a = psi (I + (lam/t) K)^{-1},    sum_j psi_j^2 / (t + lam k_j)^2 = 1

(psi_j in the eigenvectors of K). The sum falls with t, so there is one root, or none, and then the
pixel is represented without error. All that a pixel needs of the scene is K, which is l x l.

**As far as an iteration got.** A published schedule may stop before the optimum. Its singular value
thresholding multiplies by an m x m matrix; with these matrices recorded, the same steps can be
repeated for any pixel by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as device_of
from jaxtyping import Float

from oddspec.solvers import lrr
from oddspec.solvers.prox import row_norms

__all__ = ["Coupling", "couple", "errors", "metric", "record", "replay"]

NEWTON_STEPS = 12
"""The function whose root is sought is nearly linear: about 5 steps reach rounding."""


@dataclass(frozen=True)
class Coupling:
    """What further pixels need of a solution.

    Attributes
    ----------
    atoms
        The dictionary D, ``(m, l)``.
    penalty
        Weight lam of the errors.
    metric
        K, ``(l, l)``, of an optimum; None where an iteration was recorded.
    factors
        ``(steps, m, m)``: the recorded matrices of the published schedule; None at an optimum.
    """

    atoms: np.ndarray
    penalty: float
    metric: np.ndarray | None = None
    factors: np.ndarray | None = None

    def errors(self, Psi: Float[Any, "n l"]) -> Float[Any, "n l"]:
        """Error of each row, in the kind of array that it came in."""
        xp, where = array_namespace(Psi), device_of(Psi)
        if self.factors is None:
            return errors(Psi, xp.asarray(self.metric, device=where), self.penalty)
        atoms = xp.asarray(self.atoms, device=where)
        return replay(Psi, atoms, self.penalty, tuple(self.factors)).A


def couple(
    Psi: Float[np.ndarray, "n l"],
    D: Float[np.ndarray, "m l"],
    lam: float,
    *,
    published: bool,
    tol: float = 1e-4,
    max_iter: int = 3000,
) -> Coupling:
    """Solve for these pixels, and keep what others need.

    Parameters
    ----------
    Psi, D, lam
        As for `lrr.solve`.
    published
        Follow the published schedule and record it, instead of solving to the optimum.
    tol
        Of the optimum, in units of the median length of a pixel.
    max_iter
        Most steps to the optimum.

    Warns
    -----
    NotConverged
        If the optimum is not reached.
    """
    if published:
        _, factors = record(Psi, D, lam)
        return Coupling(D, lam, factors=np.stack(factors))
    length = float(np.median(row_norms(Psi)))
    # A constant penalty that balances the coefficients' thresholds with their size: measured from
    # 300 to 10000 pixels, three times less or more takes up to twice the steps.
    sizes = np.linalg.svd(Psi @ np.linalg.pinv(D), compute_uv=False)
    typical = float(np.exp(np.log(sizes[sizes > 1e-9 * sizes[0]]).mean()))
    solution = lrr.solve(
        Psi, D, lam, mu=2 / typical, mu_growth=1.0, tol=tol * length, max_iter=max_iter
    )
    return Coupling(D, lam, metric=metric(solution.J, D))


def metric(W: Float[Any, "n m"], D: Float[Any, "m l"]) -> Float[Any, "l l"]:
    """``K = D^T (W^T W)^{1/2} D`` of a solution: what represents cheaply in which direction."""
    xp = array_namespace(W)
    squares, V = xp.linalg.eigh(W.T @ W)
    roots = xp.sqrt(xp.where(squares > 0, squares, xp.zeros_like(squares)))
    return D.T @ ((V * roots) @ V.T) @ D


def errors(Psi: Float[Any, "n l"], K: Float[Any, "l l"], lam: float) -> Float[Any, "n l"]:
    """Error ``a`` of each row of Psi, represented by itself with the metric K kept."""
    xp = array_namespace(Psi)
    stiffness, V = xp.linalg.eigh(K)
    stiffness = lam * xp.where(stiffness > 0, stiffness, xp.zeros_like(stiffness))
    rotated = Psi @ V
    t = _lengths(rotated, stiffness)
    total = t[:, None] + stiffness
    kept = xp.where(total > 0, t[:, None] / xp.where(total > 0, total, xp.ones_like(total)), 0.0)
    return (rotated * kept) @ V.T


def _lengths(rotated: Any, stiffness: Any) -> Any:
    """Root t of ``sum_j psi_j^2 / (t + k_j)^2 = 1`` for each row, 0 where there is none.

    Newton's method on ``1/sqrt(sum) - 1``, which is concave and rising in t, so that from a start
    below the root it climbs without overshooting (J. J. More and D. C. Sorensen, 1983,
    doi:10.1137/0904038, for the same equation of trust regions).
    """
    xp = array_namespace(rotated)
    # No term of the sum may exceed 1, which bounds t from below.
    t = xp.max(xp.abs(rotated) - stiffness, axis=1)
    t = xp.where(t > 0, t, xp.zeros_like(t))
    squares = rotated * rotated
    tiny = 1e-150
    for _ in range(NEWTON_STEPS):
        total = t[:, None] + stiffness + tiny
        ratio = squares / (total * total)
        value = xp.sum(ratio, axis=1) + tiny
        slope = xp.sum(ratio / total, axis=1) + tiny
        # 1/sqrt(value) - 1 over its derivative, slope value^{-3/2}.
        move = (xp.sqrt(value) - 1) * value / slope
        t = t + xp.where(move > 0, move, xp.zeros_like(move))
    return t


def record(
    Psi: Float[Any, "n l"], D: Float[Any, "m l"], lam: float, **schedule: Any
) -> tuple[lrr.Representation, tuple[Any, ...]]:
    """`lrr.solve`, and the matrix by which each of its steps thresholded singular values.

    Parameters
    ----------
    Psi, D, lam
        As for `lrr.solve`.
    **schedule
        Its ``mu``, ``mu_growth``, ``mu_max``, ``tol`` and ``max_iter``.

    Warns
    -----
    NotConverged
        As `lrr.solve` does.
    """
    factors: list[Any] = []

    def thresholded(A: Any, t: float) -> Any:
        factors.append(_factor(A, t))
        return A @ factors[-1]

    return lrr.solve(Psi, D, lam, low_rank=thresholded, **schedule), tuple(factors)


def replay(
    Psi: Float[Any, "n l"],
    D: Float[Any, "m l"],
    lam: float,
    factors: Sequence[Any],
    *,
    mu: float = 1e-3,
    mu_growth: float = 1.2,
    mu_max: float = 1e10,
) -> lrr.Representation:
    """The state of the recorded iteration for other pixels, each by itself."""
    state = lrr.start(Psi, D, mu)
    for factor in factors:
        kept = partial(_times, factor)
        state = lrr.step(state, Psi, D, lam, mu_growth=mu_growth, mu_max=mu_max, low_rank=kept)
    return state


def _times(factor: Any, A: Any, t: float) -> Any:
    xp = array_namespace(A)
    return A @ xp.asarray(factor, device=device_of(A))


def _factor(A: Any, t: float) -> Any:
    """``V max(1 - t/s, 0) V^T``, by which `svt` multiplies a tall A."""
    xp = array_namespace(A)
    squares, V = xp.linalg.eigh(A.T @ A)
    kept = squares > t * t
    roots = xp.sqrt(xp.where(kept, squares, xp.ones_like(squares)))
    return (V * xp.where(kept, 1 - t / roots, xp.zeros_like(squares))) @ V.T
