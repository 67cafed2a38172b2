"""An autoencoder with a discriminator and a second encoder that re-encodes what it decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from array_api_compat import array_namespace

from oddspec.networks.networks import Network, draw
from oddspec.networks.train import Training, epochs_of, fused_adam, train
from oddspec.progress import Progress, silent

__all__ = ["LAYERS", "Rebuilder", "SparseGAN", "learn", "tied"]


@dataclass(frozen=True)
class Rebuilder:
    """An encoder, a decoder and a second encoder, trained, in NumPy arrays."""

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
            Encoded, ``z - E(x^)`` with z = G_E(x), instead of ``x - x^``.
        absolute
            Without its sign.
        """
        xp = array_namespace(scaled)
        single = xp.astype(scaled, xp.float32)
        code = self.encoder(single)
        again = self.decoder(code)
        difference = code - self.second(again) if latent else single - again
        return xp.astype(xp.abs(difference) if absolute else difference, xp.float64)


LAYERS = ("leaky_relu", "leaky_relu")
"""Activations of all four networks."""


@dataclass(frozen=True)
class SparseGAN:
    """What training leaves."""

    rebuilder: Rebuilder
    training: Training


def learn(
    pixels: Any,
    *,
    latent: int,
    hidden: int,
    own_encoder: bool,
    reconstruction_weight: float,
    adversarial_weight: float,
    sparsity_weight: float,
    bound: float,
    steps: int,
    batch: int,
    rate: float,
    patience: int,
    seed: int,
    progress: Progress = silent,
) -> SparseGAN:
    r"""Train on background pixels x, on the device that they are on.

    With code z, reconstruction x^, second encoder E and discriminator features f, the networks
    minimise the weighted sum of::

        reconstruction  mean |x - x^|
        adversarial     || mean f(x) - mean f(x^) ||^2        (which f is trained to enlarge)
        sparsity        mean ( ||z - E(x^)||  +  mean_j |x^_j| )

    Parameters
    ----------
    pixels
        ``(n, b)``, scaled.
    latent, hidden
        Latent units and width of the hidden layers.
    own_encoder
        Whether E has parameters of its own; else it is the decoder transposed, see `tied`.
    reconstruction_weight, adversarial_weight, sparsity_weight
        Weights of the terms; a term without weight is left out, with its networks.
    bound
        The discriminator's weights are clipped to +- this: without it the mean features, and with
        them the loss, could grow without end.
    steps, batch
        Most steps of the optimiser and pixels per step; batch 0 takes all.
    rate
        Step size.
    patience
        See `train`; 0 runs all steps.
    seed
        Of the weights and the batches.
    progress
        Told the epochs done.

    Raises
    ------
    SettingError
        If the loss becomes infinite or NaN.
    """
    data = torch.as_tensor(pixels).to(torch.float32)
    bands, device = data.shape[1], data.device
    numbers = torch.Generator().manual_seed(seed)
    encoder = draw((bands, hidden, latent), LAYERS, numbers, device=device)
    decoder = draw((latent, hidden, bands), LAYERS, numbers, device=device)
    own = draw((bands, hidden, latent), LAYERS, numbers, device=device)
    opponent = _Opponent(draw((bands, hidden, latent), LAYERS, numbers, device=device), bound, rate)

    def loss(rows: torch.Tensor) -> dict[str, torch.Tensor]:
        code = encoder(rows)
        again = decoder(code)
        miss = torch.nn.functional.l1_loss(again, rows)
        found = {"reconstruction": reconstruction_weight * miss}
        if adversarial_weight:
            # Its turn comes first, and here, as it needs the same reconstruction.
            opponent.learn(rows, again.detach())
            found["adversarial"] = adversarial_weight * opponent.tell_apart(rows, again)
        if sparsity_weight:
            # Transposed anew in every step: the optimiser changes the decoder in place.
            second = own if own_encoder else tied(decoder)
            change = torch.linalg.vector_norm(code - second(again), dim=1).mean()
            found["sparsity"] = sparsity_weight * (change + again.abs().mean())
        return found

    parameters = encoder.parameters + decoder.parameters
    if own_encoder and sparsity_weight:
        parameters += own.parameters
    epochs, batch = epochs_of(steps, batch, len(data))
    training = train(
        parameters,
        loss,
        data,
        epochs=epochs,
        rate=rate,
        batch=batch,
        generator=numbers,
        optimiser=fused_adam,
        patience=patience or None,
        progress=progress,
        name="sparsehad",
    )
    frozen = decoder.frozen()
    second = own.frozen() if own_encoder else tied(frozen)
    return SparseGAN(Rebuilder(encoder.frozen(), frozen, second), training)


def tied(decoder: Network) -> Network:
    """The decoder's matrices transposed and in reverse order, without biases.

    It shares the decoder's parameters: what trains one trains the other.
    """
    return Network(tuple(w.T for w in reversed(decoder.weights)), (), decoder.activations)


class _Opponent:
    """The discriminator, which learns to enlarge the distance of mean features."""

    def __init__(self, critic: Network, bound: float, rate: float) -> None:
        self.critic, self.bound = critic, bound
        # The same numbers without slopes, for the networks' turn.
        self.still = Network(
            tuple(w.detach() for w in critic.weights),
            tuple(c.detach() for c in critic.biases),
            critic.activations,
        )
        self.optimiser = fused_adam(critic.parameters, lr=rate)

    def learn(self, rows: torch.Tensor, again: torch.Tensor) -> None:
        """One step of its own; ``again`` does not depend on the other networks' parameters."""
        features = self.critic(rows).mean(dim=0) - self.critic(again).mean(dim=0)
        self.optimiser.zero_grad(set_to_none=True)
        (-(features**2).sum()).backward()
        self.optimiser.step()
        for values in self.still.parameters:
            values.clamp_(-self.bound, self.bound)

    def tell_apart(self, rows: torch.Tensor, again: torch.Tensor) -> torch.Tensor:
        """Squared distance of the mean features, as the networks that made ``again`` see it."""
        features = self.still(rows).mean(dim=0) - self.still(again).mean(dim=0)
        return (features**2).sum()
