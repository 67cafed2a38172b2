"""Detectors on an adversarial autoencoder of the scene's spectra."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from array_api_compat import array_namespace

from oddspec.arrays import Pixels
from oddspec.detector import Insight
from oddspec.detectors._sampled import SampleDetector, losses_insight
from oddspec.detectors.learned._adversarial_network import AdversarialAutoencoder, learn
from oddspec.networks.networks import Network
from oddspec.progress import Progress
from oddspec.settings import above_zero, at_least
from oddspec.statistics.scaling import Scaling, global01
from oddspec.statistics.summary import Sample, enough

__all__ = ["Adversarial", "Fitted"]


@dataclass(frozen=True)
class Fitted:
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
        See `AdversarialAutoencoder`.
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
        """Losses of the training, those of the game, and what the decoder draws with."""
        patterns = self.decoder.weights[-1].astype(np.float64)
        strongest = np.argsort(-np.abs(patterns).sum(axis=1), kind="stable")[:20]
        shown = [
            losses_insight(self.losses, self.terms),
            Insight(
                "patterns",
                "spectra",
                patterns[strongest],
                "the decoder's strongest output weights (no units)",
            ),
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
        Width of the opponent's two hidden layers; 1000 in code of the authors' group.
    angle
        How the spectral angle enters the loss: cosine: one less its cosine; radians: the angle
        itself.
    angle_weight
        Weight of the spectral angle.
    adversarial
        Whether there is an opponent; without one it is a plain autoencoder.
    steps
        Most rounds: a step for encoder and decoder, one for the opponent, one for the encoder
        against it.
    batch
        Pixels per step; 0 takes the whole sample at once.
    learning_rate
        Of encoder and decoder (Adam).
    critic_rate
        Of the opponent (Adam).
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

    def train(self, summary: Sample, progress: Progress) -> Fitted:
        """The autoencoder of the sample.

        Raises
        ------
        InputError
            If there are fewer than two pixels, or all are equal.
        """
        name = type(self).__module__.rpartition(".")[2]
        enough(len(summary.pixels))
        unit = global01(summary.pixels)
        scaling = Scaling(unit.offset + unit.scale / 2, unit.scale / 2)
        found: AdversarialAutoencoder = learn(
            scaling(summary.pixels),
            latent=self.latent,
            hidden=self.hidden,
            critic=self.critic,
            angle=self.angle,
            angle_weight=self.angle_weight,
            adversarial=self.adversarial,
            steps=self.steps,
            batch=self.batch,
            rate=self.learning_rate,
            critic_rate=self.critic_rate,
            patience=self.patience,
            seed=self.seed,
            progress=progress,
            name=name,
        )
        training = found.training
        networks = (found.encoder, found.decoder)
        return Fitted(scaling, *networks, training.terms, training.losses, found.opposition)
