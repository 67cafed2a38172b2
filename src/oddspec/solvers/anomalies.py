"""Rows of S that a factorization with an encoder leaves to the anomalies, exactly and unformed.

Pixel by pixel, with e and g rows of ``E = X - H W`` and ``G = X M - H``, the row s of S minimises::

    ||s - e||^2 + beta ||s M - g||^2 + lam ||s||

With the thin singular value decomposition ``M = U diag(sigma) V^T`` and ``c = e + beta g M^T`` the
minimiser is zero where ``||c|| <= lam / 2``, and otherwise
``s = c (I + beta M M^T + lam / (2 t) I)^{-1}`` with ``t = ||s||``, the root of::

    sum_j c_j^2 / ((1 + beta sigma_j^2) t + lam / 2)^2 = 1

over the components c_j along U's columns and the one across them (sigma = 0). Newton's method on
the inverse root of that sum, a concave function of t, approaches the root from below. Without an
encoder (beta = 0) this is ``shrink_rows(E, lam / 2)``.

S is never formed: ``S = diag(d) E + C U^T`` with a weight d and a few numbers C per pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace
from jaxtyping import Float

__all__ = ["Anomalies", "shrink", "shrink_without_encoder"]

SMALL = 1e-6
"""Directions that the encoder keeps by less than this part of its strongest one count as lost."""

NEWTON_STEPS = 40
"""Far more than needed: two to six suffice."""

NEWTON_TOLERANCE = 1e-10
"""Last change of a norm, as a part of the largest: convergence is quadratic."""


@dataclass(frozen=True)
class Anomalies:
    """``S = diag(weight) (X - H W) + C U^T`` without the array."""

    H: Float[Any, "n r"]
    W: Float[Any, "r b"]
    weight: Float[Any, n]
    C: Float[Any, "n q"]
    U: Float[Any, "b q"]
    norms: Float[Any, n]
    """``||s_i||``; exactly zero where the pixel is not odd at all."""

    def rows(self, X: Float[Any, "n b"]) -> Float[Any, "n b"]:
        """S itself."""
        return self.weight[:, None] * (X - self.H @ self.W) + self.C @ self.U.T

    def times(self, XA: Float[Any, "n k"], A: Float[Any, "b k"]) -> Float[Any, "n k"]:
        """``(X - S) A`` from ``X A``."""
        kept = (1.0 - self.weight)[:, None] * XA
        kept += self.weight[:, None] * (self.H @ (self.W @ A))
        return kept - self.C @ (self.U.T @ A)

    def transposed_times(self, X: Float[Any, "n b"], Z: Float[Any, "n k"]) -> Float[Any, "b k"]:
        """``(X - S)^T Z``, the one that reads the data."""
        out = X.T @ ((1.0 - self.weight)[:, None] * Z)
        out += self.W.T @ (self.H.T @ (self.weight[:, None] * Z))
        return out - self.U @ (self.C.T @ Z)


def shrink_without_encoder(
    H: Float[Any, "n r"], W: Float[Any, "r b"], residuals: Float[Any, n], lam: float
) -> tuple[Anomalies, float]:
    """The minimiser for beta = 0, and the objective, from the residuals' norms."""
    xp = array_namespace(H)
    norms = residuals - lam / 2
    norms = xp.where(norms > 0, norms, xp.zeros_like(norms))
    weight = norms / xp.where(norms > 0, residuals, 1.0)
    left = residuals - norms
    S = Anomalies(H, W, weight, H[:, :0], W.T[:, :0], norms)
    return S, float(left @ left + lam * xp.sum(norms))


def shrink(
    H: Float[Any, "n r"],
    W: Float[Any, "r b"],
    M: Float[Any, "b r"],
    XM: Float[Any, "n r"],
    residuals: Float[Any, n],
    lam: float,
    beta: float,
    guess: Float[Any, n] | None = None,
) -> tuple[Anomalies, Float[Any, "n r"], float]:
    """The minimiser, ``(X - S) M``, and the whole objective.

    Parameters
    ----------
    H, W, M
        Abundances, spectra, encoder.
    XM, residuals
        ``X M`` and the norms of the rows of ``X - H W``: the data themselves are not needed.
    lam, beta
        Weights of the anomalies and of the encoder.
    guess
        Norms of S to start from.
    """
    xp = array_namespace(H)
    U, V, sigma = _directions(M)
    inverse = xp.where(sigma > 0, 1.0 / xp.where(sigma > 0, sigma, 1.0), 0.0)
    eU = XM @ (V * inverse) - H @ (W @ U)
    across = residuals * residuals - xp.vecdot(eU, eU)
    across = xp.where(across > 0, across, xp.zeros_like(across))
    cU = eU + ((XM - H) @ V) * (beta * sigma)
    strength = 1.0 + beta * sigma * sigma
    norms = _lengths(across, cU, strength, lam / 2, guess)
    weight = norms / (norms + lam / 2)
    sU = cU * (norms[:, None] / (norms[:, None] * strength + lam / 2))
    YM = XM - (sU * sigma) @ V.T
    objective = (
        (1.0 - weight) ** 2 @ across
        + xp.linalg.vector_norm(eU - sU) ** 2
        + beta * xp.linalg.vector_norm(H - YM) ** 2
        + lam * xp.sum(norms)
    )
    S = Anomalies(H, W, weight, sU - weight[:, None] * eU, U, norms)
    return S, YM, float(objective)


def _directions(M: Any) -> tuple[Any, Any, Any]:
    """Thin singular value decomposition; lost directions get strength and vector zero."""
    xp = array_namespace(M)
    U, sigma, Vt = xp.linalg.svd(M, full_matrices=False)
    kept = sigma > SMALL * sigma[0]
    return U * xp.where(kept, 1.0, 0.0), Vt.T, xp.where(kept, sigma, xp.zeros_like(sigma))


def _lengths(across: Any, along: Any, strength: Any, half: float, guess: Any) -> Any:
    """Norms t of the rows of S: ``across/(t + half)^2 + sum along^2/(strength t + half)^2 = 1``."""
    xp = array_namespace(across)
    squares = along * along
    total = across + xp.vecdot(along, along)
    odd = total > half * half
    least = xp.where(odd, (xp.sqrt(total) - half) / xp.max(strength), 0.0)
    t = least if guess is None else xp.where(guess > least, guess, least)
    for _ in range(NEWTON_STEPS):
        near = 1.0 / (t + half)
        inverse = 1.0 / (t[:, None] * strength + half)
        terms = squares * (inverse * inverse)
        first = across * (near * near)
        value = xp.where(odd, first + xp.sum(terms, axis=1), 1.0)
        slope = xp.where(odd, first * near + (terms * inverse) @ strength, 1.0)
        change = value * (xp.sqrt(value) - 1.0) / slope
        # A first guess above the root may send the tangent's root far below it.
        t = xp.where(t + change > least, t + change, least)
        if float(xp.max(xp.abs(change))) <= NEWTON_TOLERANCE * float(xp.max(t)):
            break
    return xp.where(odd, t, xp.zeros_like(t))
