"""Posteriors of robust PCA under mixture-of-Gaussians noise, and how far they are from the priors.

The model is that of the module `mog_rpca`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import digamma, gammaln

PRIOR = 1e-6
"""All of a0, b0, c0, d0, alpha0, beta0; mu0 is 0."""


class Factor(NamedTuple):
    """Gaussian posteriors of the rows of a factor."""

    mean: Float[np.ndarray, "m r"]
    covariance: Float[np.ndarray, "m r r"]

    def only(self, columns: np.ndarray) -> Factor:
        """These columns of it."""
        return Factor(self.mean[:, columns], self.covariance[:, columns][:, :, columns])

    def second(self) -> Float[np.ndarray, "m pairs"]:
        """``p p^T + Sigma``, upper triangles."""
        i, j = np.triu_indices(self.mean.shape[1])
        return self.mean[:, i] * self.mean[:, j] + self.covariance[:, i, j]

    def squares(self) -> Float[np.ndarray, " r"]:
        """Sum over rows of the expected squares of each column."""
        own = np.einsum("mrr->r", self.covariance)
        return (self.mean**2).sum(axis=0) + own


class NoiseMixture(NamedTuple):
    """Posteriors of the k kinds of noise."""

    alpha: Float[np.ndarray, " k"]
    beta: Float[np.ndarray, " k"]
    mu: Float[np.ndarray, " k"]
    c: Float[np.ndarray, " k"]
    d: Float[np.ndarray, " k"]

    @property
    def tau(self) -> Float[np.ndarray, " k"]:
        """Expected precisions."""
        return self.c / self.d

    @property
    def deviations(self) -> Float[np.ndarray, " k"]:
        """Standard deviations."""
        return np.sqrt(self.d / self.c)


def divergence(
    pixels: Factor,
    bands: Factor,
    gamma: np.ndarray,
    count: float,
    rates: np.ndarray,
    mixture: NoiseMixture,
) -> float:
    """Divergence of the posteriors of factors, relevances and kinds of noise from their priors."""
    log_gamma = digamma(count) - np.log(rates)
    total = -float(((count - PRIOR) * log_gamma).sum())
    total += 0.5 * float(gamma @ (pixels.squares() + bands.squares()))
    for factor in (pixels, bands):
        total -= 0.5 * float(np.linalg.slogdet(factor.covariance)[1].sum())
        total -= 0.5 * factor.mean.size
    total += float(_gamma_divergence(np.full(len(rates), count), rates).sum())
    return total + _mixture_divergence(mixture)


def _mixture_divergence(mixture: NoiseMixture) -> float:
    alpha, beta, mu, c, d = mixture
    k = len(alpha)
    total = float(gammaln(alpha.sum()) - gammaln(alpha).sum())
    total += float(k * gammaln(PRIOR) - gammaln(k * PRIOR))
    total += float(((alpha - PRIOR) * (digamma(alpha) - digamma(alpha.sum()))).sum())
    normal = 0.5 * (PRIOR / beta - 1 + np.log(beta / PRIOR) + PRIOR * mixture.tau * mu**2)
    return total + float((normal + _gamma_divergence(c, d)).sum())


def _gamma_divergence(shape: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Kullback-Leibler divergence of Gamma(shape, rate) from Gamma(PRIOR, PRIOR)."""
    return np.asarray(
        (shape - PRIOR) * digamma(shape)
        - gammaln(shape)
        + gammaln(PRIOR)
        + PRIOR * (np.log(rate) - np.log(PRIOR))
        + shape * (PRIOR - rate) / rate
    )
