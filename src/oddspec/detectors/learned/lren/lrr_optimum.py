r"""The optimum of a low-rank representation, from its metric alone (ours; not in the paper).

**One pixel.** In the problem of `lrr` pixels meet in one place only, the nuclear norm, which is the
least value of a quadratic form::

    ||W||_* = min_M  1/2 tr(W M^{-1} W^T) + 1/2 tr M,     attained at M = (W^T W)^{1/2}

With M held fixed, the rows separate into ``min 1/2 w M^{-1} w^T + lam ||psi - w D||``. Its error
``a`` satisfies, with ``K = D^T M D`` and ``t = ||a||``::

    a = psi (I + (lam/t) K)^{-1},    sum_j psi_j^2 / (t + lam k_j)^2 = 1

(psi_j in the eigenvectors of K). The sum falls with t, so there is one root, or none, and then the
pixel is represented without error. All that a pixel needs of the scene is the metric K, l x l.

**All pixels.** With it the scene's problem has few unknowns. Let ``D = Q T^T`` with orthonormal
columns in Q, and ``M = Q P Q^T`` (what lies outside Q represents nothing)::

    min_P  sum_i phi_i(K) + 1/2 tr P,     K = T P T^T,     P symmetric, without negative eigenvalues

where ``phi_i(K)`` is what pixel i costs. This is convex and smooth: the gradient of phi_i is
``-1/2 u u^T`` with ``u = lam a/t``, the pixel's dual variable. `optimum` minimises over B with
``P = B B^T`` by a quasi-Newton method; a square B adds no local minima (S. Burer and
R. Monteiro, Math. Program. 103, 2005, doi:10.1007/s10107-004-0564-1). The dual problem, ``max
sum_i u_i psi_i^T`` subject to ``||u_i|| <= lam`` and ``||U D^T||_2 <= 1``, bounds how far the
optimum can be.

A step costs about what one of `lrr` costs. Some thirty reach a gap of 1e-8, where that iteration
takes hundreds to thousands for a gap of 1e-4 to 1e-6.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float
from scipy.optimize import minimize

from oddspec.errors import NotConverged

MEMORY = 20
"""Steps from which the quasi-Newton method estimates curvature."""

LEAST_FALL, LEAST_GRADIENT = 1e-15, 1e-10
"""Where to stop, of an objective that is 1 where nothing is represented: near rounding."""

ROOTS = 1e-12
"""Relative error of the pixels' equations, well below that."""

NEWTON_STEPS = 12
"""The function whose root is sought is nearly linear: about 5 steps reach rounding."""


def errors(Psi: Float[Any, "n l"], K: Float[Any, "l l"], lam: float) -> Float[Any, "n l"]:
    """Error ``a`` of each row of Psi, represented by itself with the metric K held fixed."""
    xp = array_namespace(Psi)
    stiff, V = stiffness(K, lam)
    rotated = Psi @ V
    t = lengths(rotated, stiff)
    total = t[:, None] + stiff
    # The share t / (t + k_j) of each component that stays an error; 0 / 0 is 0.
    share = xp.where(total > 0, t[:, None] / xp.where(total > 0, total, xp.ones_like(total)), 0.0)
    return (rotated * share) @ V.T


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
    tiny = 1e-150  # its square is still above zero: no division by zero where psi and k vanish
    for _ in range(NEWTON_STEPS):
        total = t[:, None] + (stiff + tiny)
        ratio = squares / (total * total)
        value = xp.sum(ratio, axis=1) + tiny
        ratio /= total
        # d value / dt = -2 falling, so 1/sqrt(value) - 1 has the derivative falling value^{-3/2}.
        falling = xp.sum(ratio, axis=1) + tiny
        move = (xp.sqrt(value) - 1) * value / falling
        move = xp.where(move > 0, move, xp.zeros_like(move))
        t = t + move
        if tolerance is not None and not xp.any(move > tolerance * t):
            break
    return t


def optimum(
    Psi: Float[np.ndarray, "n l"],
    D: Float[np.ndarray, "m l"],
    lam: float,
    *,
    tol: float = 1e-4,
    max_iter: int = 500,
) -> Float[np.ndarray, "l l"]:
    """The metric K of the optimum of ``||W||_* + lam ||Psi - W D||_{2,1}``.

    Parameters
    ----------
    Psi, D, lam
        Pixels, atoms and the weight of the error.
    tol
        Largest gap between the objective and its dual bound, as a part of the objective, that is
        not warned of.
    max_iter
        Most steps.

    Warns
    -----
    NotConverged
        If the gap is larger than ``tol``.
    """
    _, s, Vt = np.linalg.svd(D, full_matrices=False)
    spanned = s > 1e-9 * s[0]
    # T^T inverse = I: rows @ inverse are coefficients of the orthonormal columns of Q.
    T, inverse = Vt[spanned].T * s[spanned], Vt[spanned].T / s[spanned]
    # Objective where nothing is represented, and size of the start: both are brought to 1, so that
    # the criteria for stopping have no units.
    whole = lam * float(np.sqrt(np.vecdot(Psi, Psi)).sum())
    first = _start(Psi @ inverse)
    size = float(np.linalg.norm(first))
    if not size > 0:
        return np.zeros((Psi.shape[1], Psi.shape[1]))

    def value(b: np.ndarray) -> tuple[float, np.ndarray]:
        B = size * b.reshape(first.shape)
        errors, explained, U = _pixels(Psi, T @ B @ B.T @ T.T, lam)
        UT = U @ T
        # In P it is 1/2 I - 1/2 (U T)^T (U T); since P = B B^T, twice that times B in B.
        gradient = B - UT.T @ (UT @ B)
        cost = errors + explained / 2 + float(np.vdot(B, B)) / 2
        return cost / whole, size / whole * gradient.ravel()

    found = minimize(
        value,
        first.ravel() / size,
        jac=True,
        method="L-BFGS-B",
        options={
            "maxcor": MEMORY,
            "maxiter": max_iter,
            "maxfun": 10 * max_iter,
            "ftol": LEAST_FALL,
            "gtol": LEAST_GRADIENT,
        },
    )
    B = size * found.x.reshape(first.shape)
    K = T @ B @ B.T @ T.T
    gap = _gap(Psi, K, lam, T, inverse)
    if gap > tol:
        warnings.warn(
            f"not converged after {found.nit} steps: the objective may be {gap:.2g} of itself "
            f"above the optimum, the tolerance is {tol:.2g}",
            NotConverged,
            stacklevel=2,
        )
    return K


def _start(W: np.ndarray) -> np.ndarray:
    """B of the representation without errors: no direction of the optimum is missing in it."""
    squares, V = np.linalg.eigh(W.T @ W)
    return V * np.maximum(squares, 0) ** 0.25


def _pixels(Psi: np.ndarray, K: np.ndarray, lam: float) -> tuple[float, float, np.ndarray]:
    """``lam sum ||a||``, ``sum u (psi - a)^T`` and the u, for the metric K."""
    stiff, V = stiffness(K, lam)
    rotated = Psi @ V
    t = lengths(rotated, stiff, ROOTS)
    total = t[:, None] + stiff
    u = rotated / np.where(total > 0, total, np.inf)
    u *= lam
    # psi - a = u K
    explained = float(np.sum(u * u, axis=0) @ stiff) / lam
    return lam * float(t.sum()), explained, u @ V.T


def _gap(Psi: np.ndarray, K: np.ndarray, lam: float, T: np.ndarray, inverse: np.ndarray) -> float:
    """How far the metric's solution may be above the optimum, as a part of the objective."""
    errors, _, U = _pixels(Psi, K, lam)
    represented = U @ (K @ inverse)
    objective = errors + float(np.linalg.svd(represented, compute_uv=False).sum())
    # A feasible dual point: too steep directions are shortened, most of them hardly in the data.
    squares, V = np.linalg.eigh((U @ T).T @ (U @ T))
    short = 1.0 - 1.0 / np.sqrt(np.maximum(squares, 1.0))
    U = U - (U @ T) @ ((V * short) @ V.T) @ inverse.T
    longest = float(np.sqrt(np.vecdot(U, U).max()))
    bound = float(np.vdot(U, Psi)) / max(1.0, longest / lam)
    return (objective - bound) / objective
