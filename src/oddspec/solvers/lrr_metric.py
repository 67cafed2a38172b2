r"""Low-rank representation of a pixel by itself, once the scene has said what is cheap.

In the problem of `oddspec.solvers.lrr` pixels meet in one place only, the nuclear norm, which is
the least value of a quadratic form::

    ||W||_* = min_M  1/2 tr(W M^{-1} W^T) + 1/2 tr M,     attained at M = (W^T W)^{1/2}

With M kept, the rows separate into ``min 1/2 w M^{-1} w^T + lam ||psi - w D||``. Its error ``a``
satisfies, with ``K = D^T M D`` and ``t = ||a||``::

    a = psi (I + (lam/t) K)^{-1},    sum_j psi_j^2 / (t + lam k_j)^2 = 1

(psi_j in the eigenvectors of K). The sum falls with t, so there is one root, or none, and then the
pixel is represented without error. All that a pixel needs of the scene is the metric K, l x l.
"""

from __future__ import annotations

from typing import Any

from array_api_compat import array_namespace
from jaxtyping import Float

__all__ = ["errors", "lengths", "metric", "stiffness"]

NEWTON_STEPS = 12
"""The function whose root is sought is nearly linear: about 5 steps reach rounding."""


def metric(W: Float[Any, "n m"], D: Float[Any, "m l"]) -> Float[Any, "l l"]:
    """``K = D^T (W^T W)^{1/2} D`` of a solution: what represents cheaply in which direction."""
    xp = array_namespace(W)
    squares, V = xp.linalg.eigh(W.T @ W)
    roots = xp.sqrt(xp.where(squares > 0, squares, xp.zeros_like(squares)))
    return D.T @ ((V * roots) @ V.T) @ D


def errors(Psi: Float[Any, "n l"], K: Float[Any, "l l"], lam: float) -> Float[Any, "n l"]:
    """Error ``a`` of each row of Psi, represented by itself with the metric K kept."""
    xp = array_namespace(Psi)
    stiff, V = stiffness(K, lam)
    rotated = Psi @ V
    t = lengths(rotated, stiff)
    total = t[:, None] + stiff
    kept = xp.where(total > 0, t[:, None] / xp.where(total > 0, total, xp.ones_like(total)), 0.0)
    return (rotated * kept) @ V.T


def stiffness(K: Float[Any, "l l"], lam: float) -> tuple[Float[Any, " l"], Float[Any, "l l"]]:
    """``lam`` times the eigenvalues of K, none below zero, and its eigenvectors."""
    xp = array_namespace(K)
    values, V = xp.linalg.eigh(K)
    return lam * xp.where(values > 0, values, xp.zeros_like(values)), V


def lengths(
    rotated: Float[Any, "n l"], stiff: Float[Any, " l"], tolerance: float | None = None
) -> Float[Any, " n"]:
    """Root t of ``sum_j psi_j^2 / (t + k_j)^2 = 1`` for each row, 0 where there is none.

    Newton's method on ``1/sqrt(sum) - 1``, which is concave and rising in t, so that from a start
    below the root it climbs without overshooting (J. J. More and D. C. Sorensen, 1983,
    doi:10.1137/0904038, for the same equation of trust regions).

    Parameters
    ----------
    rotated, stiff
        The psi_j and the k_j, lam included.
    tolerance
        Stop when no root moves by more than this part of it. None takes a fixed number of steps,
        so that no row's last digits depend on the other rows.
    """
    xp = array_namespace(rotated)
    # No term of the sum may exceed 1, which bounds t from below.
    t = xp.max(xp.abs(rotated) - stiff, axis=1)
    t = xp.where(t > 0, t, xp.zeros_like(t))
    squares = rotated * rotated
    tiny = 1e-150
    for _ in range(NEWTON_STEPS):
        total = t[:, None] + (stiff + tiny)
        ratio = squares / (total * total)
        value = xp.sum(ratio, axis=1) + tiny
        ratio /= total
        slope = xp.sum(ratio, axis=1) + tiny
        # 1/sqrt(value) - 1 over its derivative, slope value^{-3/2}.
        move = (xp.sqrt(value) - 1) * value / slope
        move = xp.where(move > 0, move, xp.zeros_like(move))
        t = t + move
        if tolerance is not None and not xp.any(move > tolerance * t):
            break
    return t
