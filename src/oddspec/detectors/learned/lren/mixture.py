"""A Gaussian mixture given by soft memberships: its statistics and the energy of a pixel.

With memberships ``G`` (n x k, rows sum to one) of latent pixels ``z`` (n x l)::

    phi_k   = mean_i G_ik                                                              (eq. 9)
    mu_k    = sum_i G_ik z_i / sum_i G_ik                                              (eq. 10)
    Gamma_k = sum_i G_ik (z_i - mu_k)(z_i - mu_k)^T / sum_i G_ik + ridge I             (eq. 11)
    e(z)    = -log sum_k phi_k N(z; mu_k, Gamma_k)                                     (eq. 8)

B. Zong et al., "Deep autoencoding Gaussian mixture model for unsupervised anomaly detection",
ICLR 2018; K. Jiang et al., LREN, AAAI 2021, eqs. 8-11, doi:10.1609/aaai.v35i5.16536.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float

EMPTY = 1e-6
"""Added to a component's total membership, so that an empty one does not divide by zero."""


@dataclass(frozen=True)
class Mixture:
    """A Gaussian mixture, with gradients where its parts have them."""

    shares: Float[torch.Tensor, " k"]
    """Weight phi of each component; they sum to one."""
    means: Float[torch.Tensor, "k l"]
    covariances: Float[torch.Tensor, "k l l"]

    def energy(self, latent: Float[torch.Tensor, "n l"]) -> Float[torch.Tensor, " n"]:
        """Minus the logarithm of the density at each row: large where a pixel is unlikely.

        Sums of densities are taken as logarithms, so nothing underflows far from all components.
        """
        count, width = self.means.shape
        lower = torch.linalg.cholesky(self.covariances)
        identity = torch.eye(width, dtype=lower.dtype, device=lower.device)
        unmix = torch.linalg.solve_triangular(lower, identity.expand_as(lower), upper=False)
        # All components in one product: row block k of `rows` is the inverse factor of component k,
        # so the l columns of block k of the product are pixels whitened by component k.
        rows = unmix.reshape(count * width, width)
        shifts = (unmix @ self.means[:, :, None]).reshape(count * width)
        white = torch.addmm(-shifts, latent.to(rows.dtype), rows.T).reshape(-1, count, width)
        log_scale = torch.log(torch.diagonal(lower, dim1=1, dim2=2)).sum(dim=1)
        log_density = -0.5 * (white**2).sum(dim=2) - log_scale - 0.5 * width * math.log(2 * math.pi)
        return -torch.logsumexp(torch.log(self.shares + 1e-12) + log_density, dim=1)

    def narrowness(self) -> Float[torch.Tensor, ""]:
        """Sum of the inverse variances: a penalty that keeps components from collapsing."""
        return (1 / torch.diagonal(self.covariances, dim1=1, dim2=2)).sum()


def mixture_of(
    membership: Float[torch.Tensor, "n k"],
    latent: Float[torch.Tensor, "n l"],
    ridge: float = 1e-6,
) -> Mixture:
    """The mixture that these memberships describe, in float64.

    Untrained encoders turn strongly correlated bands into nearly collinear latent units, whose
    covariance float32 often cannot factorise; these sums are small, so float64 costs little.

    Parameters
    ----------
    membership
        Share of each component in each pixel.
    latent
        The pixels.
    ridge
        Added to the diagonal of every covariance, in squared latent units.
    """
    membership, latent = membership.double(), latent.double()
    total = membership.sum(dim=0)
    weight = membership / (total + EMPTY)
    # Moments about a common point near all pixels: one product for all components, and little
    # cancellation where float64 squares are subtracted.
    point = latent.detach().mean(dim=0)
    shifted = latent - point
    (count, width), components = latent.shape, weight.shape[1]
    weighted = (weight[:, :, None] * shifted[:, None, :]).reshape(count, components * width)
    second = (weighted.T @ shifted).reshape(components, width, width)
    first, share = weighted.sum(dim=0).reshape(components, width), weight.sum(dim=0)[:, None]
    means = first + share * point
    away = means - point
    # sum w (y - a)(y - a)^T with y = z - point, a = mean - point
    cross = first[:, :, None] * away[:, None, :]
    spread = share[:, :, None] * away[:, :, None] * away[:, None, :]
    identity = torch.eye(width, dtype=latent.dtype, device=latent.device)
    covariances = second - cross - cross.transpose(1, 2) + spread + ridge * identity
    return Mixture(total / count, means, covariances)
