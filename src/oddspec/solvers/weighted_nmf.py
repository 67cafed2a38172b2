"""Non-negative factorization under losses that weigh residuals: L1, L2,1, Huber and entropy.

Pixels are the n rows of X (n x b), abundances the rows of H (n x r), endmembers the rows of
W (r x b), and ``E = X - H W``. Each of these losses is, at the present residual, touched from above
by a weighted sum of squares ``sum A o E^2`` (plus a constant):

========= =========================================== ==========================================
loss      minimised                                   weights A
========= =========================================== ==========================================
`L1`      sum sqrt(e^2 + d^2), nearly sum |e|         1 / (2 sqrt(e^2 + d^2))
`L21`     sum sqrt(||e_i||^2 + d^2), over pixels      1 / (2 sqrt(||e_i||^2 + d^2))
`Huber`   sum ||e_i||^2 to a width c, then 2 c ||e_i||-c^2  min(1, c / ||e_i||)
`Entropy` min_T sum T o E^2 + g T log(b T), T's rows  T itself: softmax over bands of -e^2 / g
          sum to 1: -g sum log mean exp(-e^2 / g)
========= =========================================== ==========================================

One `step` fixes the weights, and then updates::

    H <- H o ((A o X) W^T) / ((A o H W) W^T)
    W <- W o (H^T (A o X)) / (H^T (A o H W))

Neither raises the weighted sum of squares, so the loss never rises. A factor on a pixel's weights
cancels in the rule for H; softmax's denominators are therefore left to the rule for W.

L1, L2,1: D. Kong, C. Ding and H. Huang, "Robust nonnegative matrix factorization using L21-norm",
CIKM 2011. doi:10.1145/2063576.2063676; N. Guan et al., "MahNMF: Manhattan non-negative matrix
factorization", 2012. doi:10.48550/arXiv.1207.3438. Entropy: J. Wei et al., "An entropy weighted
nonnegative matrix factorization algorithm for feature representation", IEEE Trans. Neural Netw.
Learn. Syst. 34(9), 5381-5391, 2023. doi:10.48550/arXiv.2111.14007
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float

from oddspec.solvers.blocks import row_blocks
from oddspec.solvers.nmf import Factors, unit_endmembers

UNDERFLOW = {np.float64: -300.0, np.float32: -40.0}
"""Exponents that leave much room above the smallest numbers."""

Weights: TypeAlias = tuple[np.ndarray, np.ndarray | None, float]
"""Of some pixels: weights of entries (m x b) or of pixels (m x 1); a factor per pixel that they
still lack; the loss."""


@runtime_checkable
class Loss(Protocol):
    """What is minimised."""

    def weigh(self, E: np.ndarray) -> Weights:
        """Weights and loss of these residuals, which may be overwritten."""


@dataclass(frozen=True)
class L1:
    """``sum sqrt(e^2 + d^2)``: the sum of absolute residuals, rounded off below d."""

    d: float

    def weigh(self, E: np.ndarray) -> Weights:
        """Weights ``1 / sqrt(e^2 + d^2)``, without the factor of a half."""
        np.multiply(E, E, out=E)
        E += self.d * self.d
        np.sqrt(E, out=E)
        loss = float(E.sum(dtype=np.float64))
        np.divide(1.0, E, out=E)
        return E, None, loss


@dataclass(frozen=True)
class L21:
    """``sum_i sqrt(||e_i||^2 + d^2)``: the sum of the pixels' residual norms."""

    d: float

    def weigh(self, E: np.ndarray) -> Weights:
        """Weights ``1 / sqrt(||e_i||^2 + d^2)`` of the pixels."""
        norms = np.sqrt(np.vecdot(E, E) + self.d * self.d)
        return 1.0 / norms[:, None], None, float(norms.sum(dtype=np.float64))


@dataclass(frozen=True)
class Huber:
    """Squared residual norms up to a width, their multiple beyond."""

    width: float

    def weigh(self, E: np.ndarray) -> Weights:
        """Weights ``min(1, width / ||e_i||)`` of the pixels."""
        norms = np.sqrt(np.vecdot(E, E))
        cut = np.minimum(norms, self.width)
        weights = cut / np.where(norms > 0, norms, 1.0)
        weights[norms == 0] = 1.0
        return weights[:, None], None, float((cut * (2 * norms - cut)).sum(dtype=np.float64))


@dataclass(frozen=True)
class Entropy:
    """``sum T o E^2 + g sum T log(b T)``, with T's rows at their minimum.

    The constant ``g n log b`` beside the published objective makes it vanish with E.
    """

    g: float

    def weigh(self, E: np.ndarray) -> Weights:
        """Numerators of the softmax as weights, and one over the denominators."""
        np.multiply(E, E, out=E)
        E *= -1.0 / self.g
        if E.min() > -0.1:
            # Nearly even weights: what matters are the digits after 1 - e^2 / g.
            np.expm1(E, out=E)
            mean = E.mean(axis=1)
            E += 1.0
            loss = -self.g * float(np.log1p(mean).sum(dtype=np.float64))
            return E, 1.0 / (E.shape[1] * (1.0 + mean)), loss
        # Only rows whose exponents are far from zero need the largest subtracted.
        most = np.zeros(len(E), E.dtype)
        low = E[:, 0] < UNDERFLOW[E.dtype.type]
        if low.any():
            most[low] = E[low].max(axis=1)
            E[low] -= most[low, None]
        np.exp(E, out=E)
        total = E.sum(axis=1)
        loss = -self.g * float((np.log(total / E.shape[1]) + most).sum(dtype=np.float64))
        return E, 1.0 / total, loss


def step(state: Factors, X: Float[np.ndarray, "n b"], loss: Loss) -> Factors:
    """One sweep over weights, H and W; the objective is that of the state before it.

    The values of X should be of the order of one, float64 or (twice as fast) float32.
    """
    W, total = state.W, 0.0
    H = np.empty_like(state.H)
    gain, cost = np.zeros_like(W.T), np.zeros_like(W.T)
    floor = np.sqrt(np.finfo(X.dtype).tiny)  # what is divided by it stays finite
    for rows, (product, residual, wanted) in row_blocks(X, 3):
        before = state.H[rows]
        np.matmul(before, W, out=product)
        np.subtract(X[rows], product, out=residual)
        weights, share, part = loss.weigh(residual)
        total += part
        np.multiply(weights, X[rows], out=wanted)
        product *= weights
        # A factor per pixel (share) would cancel here; the rule for W needs it.
        h = before * ((W @ wanted.T) / np.maximum(W @ product.T, floor)).T
        H[rows] = h
        np.matmul(h, W, out=product)
        product *= weights
        if share is not None:
            h *= share[:, None]
        gain += wanted.T @ h
        cost += product.T @ h
    W, norms = unit_endmembers(W * (gain / np.maximum(cost, floor)).T)
    return Factors(H * norms, W, total)


def evaluate_fit(
    state: Factors, X: Float[np.ndarray, "n b"], loss: Loss
) -> tuple[float, Float[np.ndarray, " n"], Float[np.ndarray, " b"]]:
    """The loss of these factors; mean weight of each pixel over its bands, and of each band."""
    total, pixels, bands = 0.0, np.empty(len(X)), np.zeros(X.shape[1])
    for rows, (product, residual) in row_blocks(X, 2):
        np.matmul(state.H[rows], state.W, out=product)
        np.subtract(X[rows], product, out=residual)
        weights, share, part = loss.weigh(residual)
        total += part
        if share is not None:
            weights = weights * share[:, None]
        pixels[rows] = weights.mean(axis=1)
        bands += weights.sum(axis=0)
    return total, pixels, bands / len(X)
