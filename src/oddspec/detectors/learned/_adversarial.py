"""What AAE and SAFL-RX share: an adversarial autoencoder of the scene's spectra.

No text of the papers was at hand; the network is a reading, see Notes of `AAE` (inferred).
"""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from array_api_compat import array_namespace

from oddspec.arrays import Pixels, to_numpy
from oddspec.detector import Insight
from oddspec.detectors._sampled import SampleDetector, losses_insight
from oddspec.networks.dense import Network, draw_network
from oddspec.networks.train import check_spread, fused_adam, train
from oddspec.progress import Progress, silent
from oddspec.settings import above_zero, at_least
from oddspec.statistics.scaling import Scaling, global01
from oddspec.statistics.summary import Sample, enough

RECTIFIER = "leaky_relu_tenth"


@dataclass(frozen=True)
class AdversarialAutoencoder:
    """A trained autoencoder, and the scale of the spectra that it knows.

    Attributes
    ----------
    scaling
        To -1..1 over the scene.
    encoder, decoder
        The networks, in NumPy arrays.
    terms, losses
        See `oddspec.networks.train.Training`.
    opposition
        ``(steps, 2)``: the cross entropy of the discriminator and that of the encoder against it.
    """

    scaling: Scaling
    encoder: Network
    decoder: Network
    terms: tuple[str, ...]
    losses: np.ndarray
    opposition: np.ndarray

    def scaled(self, pixels: Pixels) -> Any:
        """What the encoder is given, in float32."""
        scaled = self.scaling(pixels)
        return array_namespace(scaled).astype(scaled, array_namespace(scaled).float32)

    def codes(self, pixels: Pixels) -> Any:
        """Latent features of each pixel, in float64."""
        codes = self.encoder(self.scaled(pixels))
        return array_namespace(codes).astype(codes, array_namespace(codes).float64)

    def errors(self, pixels: Pixels) -> Any:
        """What each pixel differs by from its reconstruction, in float64, scaled."""
        scaled = self.scaled(pixels)
        error = scaled - self.decoder(self.encoder(scaled))
        return array_namespace(error).astype(error, array_namespace(error).float64)

    def insights(self) -> tuple[Insight, ...]:
        """Losses of the training, those against the discriminator, and the decoder's weights."""
        patterns = self.decoder.weights[-1].astype(np.float64)
        strongest = np.argsort(-np.abs(patterns).sum(axis=1), kind="stable")[:20]
        label = "the decoder's strongest output weights (no units)"
        shown = [
            losses_insight(self.losses, self.terms),
            Insight("patterns", "spectra", patterns[strongest], label),
        ]
        if self.opposition.size:
            label = "cross entropy of the opponent and of the encoder in each step"
            names = ("opponent", "encoder")
            shown.append(Insight("opposition", "curve", self.opposition, label, names))
        return tuple(shown)


@dataclass(frozen=True)
class Adversarial(SampleDetector, ABC):
    """An adversarial autoencoder of spectra; a subclass says what is scored.

    Parameters
    ----------
    latent
        Latent units.
    hidden
        Width of the hidden layers of encoder and decoder.
    critic
        Width of the discriminator's two hidden layers; 1000 in code of the authors' group.
    angle
        How the spectral angle enters the loss: cosine: one less its cosine; radians: the angle
        itself.
    angle_weight
        Weight of the spectral angle.
    adversarial
        Whether there is a discriminator; without one it is a plain autoencoder.
    steps
        Most rounds: a step for encoder and decoder, one for the discriminator, one for the encoder
        against it.
    batch
        Pixels per step; 0 takes the whole sample at once.
    learning_rate
        Of encoder and decoder (Adam).
    critic_rate
        Of the discriminator (Adam).
    patience
        Stop once this many epochs have lowered the loss by less than 0.1 % of its whole fall; 0
        runs all steps.
    """

    latent: int = 20
    hidden: int = 400
    critic: int = 200
    angle: Literal["cosine", "radians"] = "cosine"
    angle_weight: float = 0.1
    adversarial: bool = True
    steps: int = 500
    batch: int = 2048
    learning_rate: float = 1e-4
    critic_rate: float = 1e-5
    patience: int = 20
    sample: int = 30000
    seed: int = 0

    def __post_init__(self) -> None:
        at_least(self, 1, "latent", "hidden", "critic", "steps")
        at_least(self, 0, "angle_weight", "batch", "patience", "seed")
        above_zero(self, "learning_rate", "critic_rate")
        at_least(self, 100, "sample")

    def autoencoder(
        self, summary: Sample, progress: Progress
    ) -> tuple[AdversarialAutoencoder, np.ndarray]:
        """The autoencoder of the sample, and the sample's codes.

        Raises
        ------
        InputError
            If there are fewer than two pixels, or all are equal.
        SettingError
            If training diverges or collapses.
        """
        pixels = summary.pixels
        enough(len(pixels))
        unit = global01(pixels)
        scaling = Scaling(unit.offset + unit.scale / 2, unit.scale / 2)
        found = self.train_networks(scaling, pixels, progress)
        codes = to_numpy(found.codes(pixels))
        check_spread(codes, self._name, len(found.losses))
        return found, codes

    @property
    def _name(self) -> str:
        """As users know the detector: that of its file."""
        return type(self).__module__.rpartition(".")[2]

    def train_networks(
        self, scaling: Scaling, pixels: Pixels, progress: Progress = silent
    ) -> AdversarialAutoencoder:
        """Train on scaled spectra x, on the device that they are on.

        With code z = E(x) and reconstruction x^ = D(z), three steps follow one another, each on
        the same batch and with an optimiser of its own::

            discriminator  learns to tell draws of N(0, I) from codes
            E              learns to have its codes taken for such draws
            E, D           minimise  mean ||x - x^||^2 + angle_weight mean (1 - cos(x, x^))
        """
        data = torch.as_tensor(scaling(pixels)).to(torch.float32)
        rng = torch.Generator().manual_seed(self.seed)
        inner = (RECTIFIER, RECTIFIER)
        there = (data.shape[1], self.hidden, self.hidden, self.latent)
        telling = (self.latent, self.critic, self.critic, 1)
        encoder, decoder, network = (
            draw_network(widths, (*inner, last), rng, device=data.device)
            for widths, last in ((there, "linear"), (there[::-1], "tanh"), (telling, "linear"))
        )
        discriminator = _Discriminator(network, encoder, self.critic_rate, self.learning_rate, rng)

        def loss(rows: torch.Tensor) -> dict[str, torch.Tensor]:
            reconstructed = decoder(encoder(rows))
            terms = {"reconstruction": ((rows - reconstructed) ** 2).sum(dim=1).mean()}
            if self.angle_weight:
                angle = spectral_angle(rows, reconstructed, self.angle).mean()
                terms["angle"] = self.angle_weight * angle
            return terms

        training = train(
            encoder.parameters + decoder.parameters,
            loss,
            data,
            steps=self.steps,
            rate=self.learning_rate,
            batch=self.batch,
            optimiser=fused_adam,
            rng=rng,
            before=discriminator.learn if self.adversarial else None,
            patience=self.patience,
            progress=progress,
            name=self._name,
        )
        opposition = np.array([float(v) for v in discriminator.losses]).reshape(-1, 2)
        networks = (encoder.frozen(), decoder.frozen())
        return AdversarialAutoencoder(
            scaling, *networks, training.terms, training.losses, opposition
        )


def spectral_angle(x: torch.Tensor, y: torch.Tensor, kind: str) -> torch.Tensor:
    """One minus the cosine of the angle between rows, or the angle in radians."""
    cosine = torch.nn.functional.cosine_similarity(x, y, dim=1)
    if kind == "cosine":
        return 1 - cosine
    # The gradient of arccos is infinite at 1.
    return torch.arccos(cosine.clamp(-1 + 1e-6, 1 - 1e-6))


class _Discriminator:
    """Tells draws of N(0, I) from codes; its steps, and the encoder's against it."""

    def __init__(
        self,
        network: Network,
        encoder: Network,
        rate: float,
        encoder_rate: float,
        rng: torch.Generator,
    ) -> None:
        self.network, self.encoder, self.rng = network, encoder, rng
        self.own_steps = fused_adam(network.parameters, lr=rate)
        self.encoder_steps = fused_adam(encoder.parameters, lr=encoder_rate)
        self.losses: list[torch.Tensor] = []

    def learn(self, rows: torch.Tensor) -> None:
        """One step of each."""
        with torch.no_grad():
            codes = self.encoder(rows)
        drawn = torch.randn(codes.shape, generator=self.rng).to(codes.device)
        real, false = self.network(drawn), self.network(codes)
        self._step(self.own_steps, _entropy(real, True) + _entropy(false, False))
        # Encoded once more, now with gradients, against the discriminator that has just learnt.
        deceived = _entropy(self.network(self.encoder(rows)), True)
        self._step(self.encoder_steps, deceived)

    def _step(self, steps: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        steps.zero_grad(set_to_none=True)
        loss.backward()
        steps.step()
        self.losses.append(loss.detach())


def _entropy(verdict: torch.Tensor, real: bool) -> torch.Tensor:
    wanted = torch.full_like(verdict, float(real))
    return torch.nn.functional.binary_cross_entropy_with_logits(verdict, wanted)
