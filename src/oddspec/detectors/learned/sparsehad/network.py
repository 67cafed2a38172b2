"""sparseHAD's networks: an autoencoder, a second encoder of what it decodes, a discriminator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from array_api_compat import array_namespace

from oddspec.networks.dense import Network
from oddspec.networks.train import fused_adam

LAYERS = ("leaky_relu", "leaky_relu")
"""Activations of all four networks."""


@dataclass(frozen=True)
class SparseHADNetworks:
    """An encoder G_E, a decoder G_D and a second encoder E, trained, in NumPy arrays."""

    encoder: Network
    decoder: Network
    second: Network
    """Encodes reconstructed spectra: the decoder's transpose, or a network of its own."""

    def difference(self, scaled: Any, *, latent: bool, absolute: bool) -> Any:
        """What a spectrum x and its reconstruction x^ differ by, one row per pixel, in float64.

        Parameters
        ----------
        scaled
            ``(n, b)``: pixels on the scale that the networks know, as an array of any library.
        latent
            Strategy 2 of eq. 10, ``z - E(x^)`` with z = G_E(x), instead of strategy 1, ``x - x^``.
        absolute
            Without its sign.
        """
        xp = array_namespace(scaled)
        single = xp.astype(scaled, xp.float32)
        code = self.encoder(single)
        reconstructed = self.decoder(code)
        difference = code - self.second(reconstructed) if latent else single - reconstructed
        return xp.astype(xp.abs(difference) if absolute else difference, xp.float64)

    def rebuild(self, scaled: Any) -> Any:
        """Reconstructed spectra x^, on the scale that the networks know, in float64."""
        xp = array_namespace(scaled)
        return xp.astype(self.decoder(self.encoder(xp.astype(scaled, xp.float32))), xp.float64)


def tied(decoder: Network) -> Network:
    """The decoder's matrices transposed and in reverse order, without biases (E in eq. 7).

    It shares the decoder's parameters: what trains one trains the other.
    """
    return Network(tuple(w.T for w in reversed(decoder.weights)), (), decoder.activations)


class Discriminator:
    """Features f whose mean over spectra x shall differ from that over reconstructions x^ (eq. 5).

    Parameters
    ----------
    features
        The network f; changed in place.
    bound
        Its weights are clipped to +- this: without it the mean features, and with them the loss,
        could grow without end.
    rate
        Step size of its optimiser.
    """

    def __init__(self, features: Network, bound: float, rate: float) -> None:
        self.features, self.bound = features, bound
        # The same memory without gradients: the optimiser's steps show here, and what the other
        # networks send back through it leaves the discriminator as it is.
        self.constant = Network(
            tuple(w.detach() for w in features.weights),
            tuple(c.detach() for c in features.biases),
            features.activations,
        )
        self.optimiser = fused_adam(features.parameters, lr=rate)

    def learn(self, rows: torch.Tensor, reconstructed: torch.Tensor) -> None:
        """One step that enlarges the distance; ``reconstructed`` is a constant."""
        apart = self.features(rows).mean(dim=0) - self.features(reconstructed).mean(dim=0)
        self.optimiser.zero_grad(set_to_none=True)
        (-(apart**2).sum()).backward()
        self.optimiser.step()
        for values in self.constant.parameters:
            values.clamp_(-self.bound, self.bound)

    def distance(self, rows: torch.Tensor, reconstructed: torch.Tensor) -> torch.Tensor:
        """Squared distance of the mean features, for the networks that made ``reconstructed``."""
        apart = self.constant(rows).mean(dim=0) - self.constant(reconstructed).mean(dim=0)
        return (apart**2).sum()
