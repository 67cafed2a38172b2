"""LREN's networks: an autoencoder, and an estimator that shares its latent pixels out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from oddspec.networks.dense import Network, Trainable, draw_network

ESTIMATOR = ("tanh", "softmax")
ESTIMATOR_WIDTH = 60


@dataclass(frozen=True)
class LRENNetworks(Trainable):
    """Encoder Psi and decoder Pi (eqs. 3, 4), and the estimator of memberships (eq. 7)."""

    encoder: Network
    decoder: Network
    estimator: Network

    @classmethod
    def draw(
        cls,
        bands: int,
        hidden: int,
        latent: int,
        components: int,
        rng: torch.Generator,
        device: Any,
        ends: str = "linear",
    ) -> LRENNetworks:
        """Untrained ones, with two layers each; ``ends`` activates codes and reconstructions."""
        coder = ("tanh", ends)
        return cls(
            draw_network((bands, hidden, latent), coder, rng, device=device),
            draw_network((latent, hidden, bands), coder, rng, device=device),
            draw_network((latent, ESTIMATOR_WIDTH, components), ESTIMATOR, rng, device=device),
        )


def choose_atoms(
    pixels: np.ndarray, membership: np.ndarray, kind: Literal["members", "centroids"]
) -> np.ndarray:
    """Two rows per component that some pixel belongs to most.

    Parameters
    ----------
    pixels
        In the space that the atoms shall be in.
    membership
        ``(n, k)``; a pixel is a member of the component in which it has its largest share.
    kind
        ``members``: the member with the largest and the one with the smallest share in the
        component; ``centroids``: the component's mean (eq. 10) and the member farthest from it.
    """
    component = membership.argmax(axis=1)
    atoms = []
    for k in range(membership.shape[1]):
        members = np.flatnonzero(component == k)
        if not len(members):
            continue
        share = membership[members, k]
        if kind == "members":
            atoms += [pixels[members[share.argmax()]], pixels[members[share.argmin()]]]
        else:
            mean = membership[:, k] @ pixels / membership[:, k].sum()
            away = ((pixels[members] - mean) ** 2).sum(axis=1)
            atoms += [mean, pixels[members[away.argmax()]]]
    return np.array(atoms)
