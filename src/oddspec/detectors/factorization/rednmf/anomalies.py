"""REDNMF's anomalies S: the exact minimiser for given factors, without forming the array.

Pixel by pixel, with e and g rows of ``E = X - H W`` and ``G = X M - H``, the row s of S minimises::

    ||s - e||^2 + beta ||s M - g||^2 + lam ||s||

With the thin singular value decomposition ``M = U diag(sigma) V^T`` and ``c = e + beta g M^T`` the
minimiser is zero where ``||c|| <= lam / 2``, and otherwise
``s = c (I + beta M M^T + lam / (2 t) I)^{-1}`` with ``t = ||s||``, the root of::

    sum_j c_j^2 / ((1 + beta sigma_j^2) t + lam / 2)^2 = 1

over the components c_j along U's columns and the one across them (sigma = 0). Newton's method on
the inverse root of that sum, a concave function of t, approaches the root from below. Without an
encoder (beta = 0) this is ``shrink_rows(E, lam / 2)``.

S is never formed. With a weight d and a few numbers C per pixel ``S = diag(d) E + C U^T``, and
so ``X - S = diag(1 - d) X + B V`` with ``B = [diag(d) H, -C]`` and V the rows of W and of U^T.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace
from jaxtyping import Float

from oddspec.solvers.nmf import beside, inner, times

SMALL = 1e-6
"""Directions that the encoder keeps by less than this part of its strongest one count as lost."""

NEWTON_STEPS = 40
"""Far more than needed: two to six suffice."""

NEWTON_TOLERANCE = 3e-6
"""Last change of a norm plus lam / 2, as a part of it. The function is nearly linear and
convergence quadratic: what is left after that change is about the square of this."""


@dataclass(frozen=True)
class Anomalies:
    """S without the array: ``X - S = diag(1 - weight) X + B V``."""

    weight: Float[Any, " n"]
    B: Float[Any, "n q"]
    V: Float[Any, "q b"]
    norms: Float[Any, " n"]
    """``||s_i||``; exactly zero where the pixel is not anomalous at all."""

    def rows(self, X: Float[Any, "n b"]) -> Float[Any, "n b"]:
        """S itself."""
        return self.weight[:, None] * X - self.B @ self.V

    def times(self, XA: Float[Any, "n k"], A: Float[Any, "b k"]) -> Float[Any, "n k"]:
        """``(X - S) A`` from ``X A``."""
        product = times(self.B, self.V @ A)
        product += (1.0 - self.weight)[:, None] * XA
        return product

    def transposed_times(self, X: Float[Any, "n b"], Z: Float[Any, "n k"]) -> Float[Any, "b k"]:
        """``(X - S)^T Z``, the one of these products that reads the data."""
        out = X.T @ ((1.0 - self.weight)[:, None] * Z)
        out += self.V.T @ (self.B.T @ Z)
        return out


def shrink_without_encoder(
    H: Float[Any, "n r"], W: Float[Any, "r b"], residuals: Float[Any, " n"], lam: float
) -> tuple[Anomalies, float]:
    """The minimiser for beta = 0, and the objective, from the residuals' norms."""
    xp = array_namespace(H)
    norms = xp.maximum(residuals - lam / 2, 0.0)
    weight = norms / xp.where(norms > 0, residuals, 1.0)
    left = residuals - norms
    S = Anomalies(weight, weight[:, None] * H, W, norms)
    return S, float(left @ left + lam * xp.sum(norms))


def shrink(
    H: Float[Any, "n r"],
    W: Float[Any, "r b"],
    M: Float[Any, "b r"],
    XM: Float[Any, "n r"],
    residuals: Float[Any, " n"],
    lam: float,
    beta: float,
    guess: Float[Any, " n"] | None = None,
) -> tuple[Anomalies, Float[Any, "n r"], Float[Any, "n r"], float]:
    """The minimiser, ``(X - S) M``, ``H - (X - S) M``, and the whole objective.

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
    eU = times(XM, V * inverse)
    eU -= times(H, W @ U)
    across = xp.maximum(residuals * residuals - xp.sum(eU * eU, axis=1), 0.0)
    cU = times(XM - H, V * (beta * sigma))
    cU += eU
    strength = 1.0 + beta * sigma * sigma
    norms = _lengths(across, cU, strength, lam / 2, guess)
    weight = norms / (norms + lam / 2)
    # s = c (strength I + lam / (2 t) I)^{-1}, multiplied by t above and below: t may be zero.
    sU = (norms[:, None] * cU) / (norms[:, None] * strength + lam / 2)
    YM = XM - times(sU, sigma[:, None] * V.T)
    apart = H - YM
    left, leftU = 1.0 - weight, eU - sU
    objective = (
        (left * left) @ across
        + xp.sum(inner(leftU, leftU))
        + beta * xp.sum(inner(apart, apart))
        + lam * xp.sum(norms)
    )
    # C = sU - weight eU, so B needs weight eU - sU = (eU - sU) - (1 - weight) eU: in eU's memory.
    eU *= left[:, None]
    leftU -= eU
    B = beside(weight[:, None] * H, leftU)
    return Anomalies(weight, B, xp.concat([W, U.T]), norms), YM, apart, float(objective)


def _directions(M: Any) -> tuple[Any, Any, Any]:
    """Thin singular value decomposition; lost directions get strength and vector zero."""
    xp = array_namespace(M)
    U, sigma, Vt = xp.linalg.svd(M, full_matrices=False)
    seen = sigma > SMALL * sigma[0]
    return U * xp.where(seen, 1.0, 0.0), Vt.T, xp.where(seen, sigma, xp.zeros_like(sigma))


def _lengths(across: Any, along: Any, strength: Any, half: float, guess: Any) -> Any:
    """Norms t of the rows of S: ``across/(t + half)^2 + sum along^2/(strength t + half)^2 = 1``."""
    xp = array_namespace(across)
    squares = along * along
    total = across + xp.sum(squares, axis=1)
    anomalous = total > half * half  # ||c|| > lam / 2
    # Were every strength the largest one, this would be the root: a lower bound.
    least = xp.where(anomalous, (xp.sqrt(total) - half) / xp.max(strength), 0.0)
    t = least if guess is None else xp.where(anomalous, xp.maximum(guess, least), 0.0)
    squares /= strength * strength
    shifts = half / strength
    for _ in range(NEWTON_STEPS):
        # Every term is a / (t + shift)^2; the one across has the shift half.
        near, apart = t + half, t[:, None] + shifts
        terms = squares / apart
        terms /= apart
        first = across / (near * near)
        value = xp.where(anomalous, first + xp.sum(terms, axis=1), 1.0)
        terms /= apart
        # Minus half the gradient of value. Newton's change is -f / f' of f = value^(-1/2) - 1.
        gradient = xp.where(anomalous, first / near + xp.sum(terms, axis=1), 1.0)
        change = value * (xp.sqrt(value) - 1.0) / gradient
        # A first guess above the root may send the tangent's root far below it.
        t = xp.maximum(t + change, least)
        if float(xp.max(xp.abs(change) / near)) <= NEWTON_TOLERANCE:
            break
    return t
