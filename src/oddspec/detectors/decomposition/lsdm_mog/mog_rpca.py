"""Robust PCA under mixture-of-Gaussians noise, by variational Bayes.

Entries of the n x b data X (pixels are rows) are products of unknown factors plus noise of one of k
kinds::

    x_ij = p_i . q_j + e_ij,    e_ij ~ sum_k pi_k N(mu_k, 1 / tau_k)

    p_i, q_j ~ N(0, diag(gamma)^{-1}),  gamma_l ~ Gamma(a0, b0)      (relevance of column l)
    mu_k, tau_k ~ Normal-Gamma(mu0, beta0, c0, d0),  pi ~ Dirichlet(alpha0)

The posterior is approximated by a product: a Gaussian for each p_i and q_j, Normal-Gamma for each
kind, Gamma for each gamma_l, Dirichlet for pi, and responsibilities R_ijk. One `step` puts one
after another at its optimum for the others, so the evidence's lower bound never falls, except
where columns that have become irrelevant are dropped. With ``A = sum_k R_k tau_k`` and
``B = A o X - sum_k R_k tau_k mu_k``::

    Sigma_q,j = (sum_i A_ij (p_i p_i^T + Sigma_p,i) + diag gamma)^{-1},   q_j = (B_:j^T P) Sigma_q,j

and likewise for pixels. Second moments must be those of the factors that are left after dropping;
taken from before it they make variances negative.

Q. Zhao, D. Meng, Z. Xu, W. Zuo and L. Zhang, "Robust principal component analysis with complex
noise", ICML 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import digamma

from oddspec.detectors.decomposition.lsdm_mog.posteriors import (
    PRIOR,
    Factor,
    NoiseMixture,
    divergence,
)
from oddspec.solvers.blocks import row_blocks

IRRELEVANT = 100.0
"""Columns are dropped whose relevance gamma exceeds the least by this factor."""


class Noise(NamedTuple):
    """What is known of single entries.

    Attributes
    ----------
    R
        Responsibilities.
    A, B
        Weights of the entries, and their weighted values less the kinds' means.
    """

    R: Float[np.ndarray, "k n b"]
    A: Float[np.ndarray, "n b"]
    B: Float[np.ndarray, "n b"]


@dataclass(frozen=True)
class MixtureState:
    """Where the iteration stands; ``background`` is P Q^T."""

    pixels: Factor
    bands: Factor
    gamma: Float[np.ndarray, " r"]
    mixture: NoiseMixture
    noise: Noise
    background: Float[np.ndarray, "n b"]
    bound: float = -np.inf
    """The evidence's lower bound, without constants."""
    change: float = np.inf
    """Of the background in the last step, as a fraction of its norm."""


def start(
    X: Float[np.ndarray, "n b"], rank: int, kinds: int, rng: np.random.Generator
) -> MixtureState:
    """Factors from the singular value decomposition; entries in the kind of the nearest of k."""
    values, V = np.linalg.eigh(X.T @ X)
    values, V = np.maximum(values[::-1][:rank], 0.0), V[:, ::-1][:, :rank]
    roots = np.maximum(values, values[0] * 1e-16) ** 0.25
    size = float(np.sqrt(np.mean(X * X)))
    pixels = _isotropic((X @ V) / roots, size)
    bands = _isotropic(V * roots, size)
    background = pixels.mean @ bands.mean.T
    R = _nearest(X - background, kinds, rng)
    E1, E2 = _residuals(X, pixels, bands, background)
    mixture = _mixture(R, E1, E2)
    A, B = _weights(R, X, mixture)
    return MixtureState(pixels, bands, np.full(rank, size), mixture, Noise(R, A, B), background)


def step(state: MixtureState, X: Float[np.ndarray, "n b"]) -> MixtureState:
    """Bands, pixels, relevances, kinds of noise, and responsibilities, each given the others.

    Memory of the old state's noise is used again for the new one's.
    """
    noise = state.noise
    bands = _factor(noise.A.T, noise.B.T, state.pixels, state.gamma)
    pixels = _factor(noise.A, noise.B, bands, state.gamma)
    count = PRIOR + (len(X) + X.shape[1]) / 2
    rates = PRIOR + (bands.squares() + pixels.squares()) / 2
    gamma = count / rates
    # Before anything is made of the factors: their second moments must be those of what is left.
    left = np.flatnonzero(gamma <= IRRELEVANT * gamma.min())
    bands, pixels, gamma, rates = bands.only(left), pixels.only(left), gamma[left], rates[left]
    background = pixels.mean @ bands.mean.T
    E1, E2 = _residuals(X, pixels, bands, background)
    mixture = _mixture(noise.R, E1, E2)
    evidence = _responsibilities(noise, X, E1, E2, mixture)
    bound = evidence - divergence(pixels, bands, gamma, count, rates, mixture)
    moved = float(np.linalg.norm(background - state.background))
    change = moved / max(float(np.linalg.norm(background)), 1e-300)
    return MixtureState(pixels, bands, gamma, mixture, noise, background, bound, change)


def _isotropic(mean: np.ndarray, variance: float) -> Factor:
    """Rows with these means and one variance in all directions."""
    return Factor(mean, np.tile(variance * np.eye(mean.shape[1]), (len(mean), 1, 1)))


def _nearest(E: np.ndarray, kinds: int, rng: np.random.Generator) -> np.ndarray:
    """Hard responsibilities: which of some randomly drawn entries is nearest."""
    drawn = np.sort(E.ravel()[rng.choice(E.size, kinds, replace=False)])
    number = np.searchsorted((drawn[1:] + drawn[:-1]) / 2, E)
    return (number == np.arange(kinds)[:, None, None]).astype(float)


def _residuals(
    X: np.ndarray, pixels: Factor, bands: Factor, background: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Expected residuals and expected squared residuals."""
    i, j = np.triu_indices(pixels.mean.shape[1])
    E1 = X - background
    E2 = pixels.second() @ (bands.second() * np.where(i == j, 1.0, 2.0)).T
    for rows, (product,) in row_blocks(X, 1):
        # x^2 - 2 x l = e^2 - l^2, and what is added is at least l^2.
        np.multiply(background[rows], background[rows], out=product)
        E2[rows] -= product
        np.maximum(E2[rows], 0.0, out=E2[rows])
        np.multiply(E1[rows], E1[rows], out=product)
        E2[rows] += product
    return E1, E2


def _mixture(R: np.ndarray, E1: np.ndarray, E2: np.ndarray) -> NoiseMixture:
    count = np.array([r.sum() for r in R])
    first = np.array([np.vdot(r, E1) for r in R])
    second = np.array([np.vdot(r, E2) for r in R])
    beta = PRIOR + count
    c, d = PRIOR + count / 2, PRIOR + (second - first**2 / beta) / 2
    return NoiseMixture(PRIOR + count, beta, first / beta, c, np.maximum(d, PRIOR))


def _weights(R: np.ndarray, X: np.ndarray, mixture: NoiseMixture) -> tuple[np.ndarray, np.ndarray]:
    A = np.tensordot(mixture.tau, R, axes=1)
    return A, A * X - np.tensordot(mixture.tau * mixture.mu, R, axes=1)


def _factor(A: np.ndarray, B: np.ndarray, other: Factor, gamma: np.ndarray) -> Factor:
    """The rows' posteriors, given the weights A and the values B against the other factor."""
    r = len(gamma)
    i, j = np.triu_indices(r)
    packed = A @ other.second()  # upper triangles of sum_i A_ij (p_i p_i^T + Sigma_p,i)
    precision = np.empty((len(A), r, r))
    precision[:, i, j] = packed
    precision[:, j, i] = packed
    precision[:, range(r), range(r)] += gamma
    covariance = np.linalg.inv(precision)
    covariance = (covariance + covariance.transpose(0, 2, 1)) / 2
    return Factor(np.einsum("mr,mrs->ms", B @ other.mean, covariance), covariance)


def _responsibilities(
    noise: Noise, X: np.ndarray, E1: np.ndarray, E2: np.ndarray, mixture: NoiseMixture
) -> float:
    """Write the new responsibilities and weights; returns their part of the bound."""
    tau, mu = mixture.tau, mixture.mu
    constants = (
        -0.5 * (1.0 / mixture.beta + tau * mu * mu)
        + digamma(mixture.alpha)
        - digamma(mixture.alpha.sum())
        + 0.5 * (digamma(mixture.c) - np.log(mixture.d))
        - 0.5 * np.log(2 * np.pi)
    )
    total = 0.0
    for rows, (most, normaliser, product) in row_blocks(X, 3):
        # A view: the old responsibilities become logarithms in place, and those the new ones.
        R = noise.R[:, rows]
        for k, log in enumerate(R):
            np.multiply(E1[rows], tau[k] * mu[k], out=log)
            np.multiply(E2[rows], -0.5 * tau[k], out=product)
            log += product
            log += constants[k]
        np.max(R, axis=0, out=most)
        normaliser.fill(0.0)
        for log in R:
            log -= most
            np.exp(log, out=log)
            normaliser += log
        total += float(most.sum() + np.log(normaliser).sum())
        np.divide(1.0, normaliser, out=normaliser)
        A, B = noise.A[rows], noise.B[rows]
        A.fill(0.0)
        B.fill(0.0)
        for k, share in enumerate(R):
            share *= normaliser
            np.multiply(share, tau[k], out=product)
            A += product
            product *= -mu[k]
            B += product
        np.multiply(A, X[rows], out=product)
        B += product
    return total
