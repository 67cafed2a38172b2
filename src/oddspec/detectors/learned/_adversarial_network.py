"""An autoencoder of spectra whose codes are driven towards a normal distribution by an opponent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from oddspec.networks.networks import Network, draw
from oddspec.networks.train import Training, epochs_of, fused_adam, train
from oddspec.progress import Progress, silent

__all__ = ["AdversarialAutoencoder", "learn", "spectral_angle"]

RECTIFIER = "leaky_relu_tenth"


@dataclass(frozen=True)
class AdversarialAutoencoder:
    """What training leaves, the networks in NumPy arrays."""

    encoder: Network
    decoder: Network
    training: Training
    opposition: np.ndarray
    """In each step, the cross entropy of the opponent and that of the encoder that deceives it."""


def learn(
    pixels: Any,
    *,
    latent: int,
    hidden: int,
    critic: int,
    angle: Literal["cosine", "radians"],
    angle_weight: float,
    adversarial: bool,
    steps: int,
    batch: int,
    rate: float,
    critic_rate: float,
    patience: int,
    seed: int,
    progress: Progress = silent,
    name: str = "training",
) -> AdversarialAutoencoder:
    r"""Train on spectra x between -1 and 1, on the device that they are on.

    With code z = E(x) and reconstruction x^ = D(z), three steps follow one another, each on the
    same batch and with an optimiser of its own::

        E, D  minimise  mean ||x - x^||^2 + angle_weight mean (1 - cos(x, x^))
        C     learns to tell draws of N(0, I) from codes
        E     learns to have its codes taken for such draws

    Parameters
    ----------
    pixels
        ``(n, b)``.
    latent, hidden, critic
        Latent units, width of the hidden layers of E and D, and of those of C.
    angle, angle_weight
        ``cosine``: as above; ``radians``: the angle itself.
    adversarial
        Whether C takes part.
    steps, batch
        Most rounds of three steps, and pixels in each; batch 0 takes all.
    rate, critic_rate
        Step sizes of Adam for E and D, and for C.
    patience
        See `train`, for the first of the three losses; 0 runs all steps.
    seed
        Of weights, batches and draws.
    progress, name
        Told the epochs done, under that name.

    Raises
    ------
    SettingError
        If a loss becomes infinite or NaN.
    """
    data = torch.as_tensor(pixels).to(torch.float32)
    bands, device = data.shape[1], data.device
    numbers = torch.Generator().manual_seed(seed)
    inner = (RECTIFIER, RECTIFIER)
    sizes = (bands, hidden, hidden, latent)
    encoder = draw(sizes, (*inner, "linear"), numbers, device=device)
    decoder = draw(sizes[::-1], (*inner, "tanh"), numbers, device=device)
    judge = draw((latent, critic, critic, 1), (*inner, "linear"), numbers, device=device)
    game = _Game(encoder, judge, rate, critic_rate, numbers)

    def loss(rows: torch.Tensor) -> dict[str, torch.Tensor]:
        again = decoder(encoder(rows))
        found = {"reconstruction": ((rows - again) ** 2).sum(dim=1).mean()}
        if angle_weight:
            found["angle"] = angle_weight * spectral_angle(rows, again, angle).mean()
        return found

    epochs, batch = epochs_of(steps, batch, len(data))
    training = train(
        encoder.parameters + decoder.parameters,
        loss,
        data,
        epochs=epochs,
        rate=rate,
        batch=batch,
        generator=numbers,
        optimiser=fused_adam,
        before=game.play if adversarial else None,
        patience=patience or None,
        progress=progress,
        name=name,
    )
    losses = np.array([float(v) for v in game.losses]).reshape(-1, 2)
    return AdversarialAutoencoder(encoder.frozen(), decoder.frozen(), training, losses)


def spectral_angle(x: torch.Tensor, y: torch.Tensor, kind: str) -> torch.Tensor:
    """One minus the cosine of the angle between rows, or the angle in radians."""
    cosine = torch.nn.functional.cosine_similarity(x, y, dim=1)
    if kind == "cosine":
        return 1 - cosine
    # The slope of arccos is infinite at 1.
    return torch.arccos(cosine.clamp(-1 + 1e-6, 1 - 1e-6))


class _Game:
    """The opponent's turn, and the encoder's."""

    def __init__(
        self,
        encoder: Network,
        judge: Network,
        rate: float,
        critic_rate: float,
        numbers: torch.Generator,
    ) -> None:
        self.encoder, self.judge, self.numbers = encoder, judge, numbers
        self.judge_steps = fused_adam(judge.parameters, lr=critic_rate)
        self.encoder_steps = fused_adam(encoder.parameters, lr=rate)
        self.losses: list[torch.Tensor] = []

    def play(self, rows: torch.Tensor) -> None:
        """One step of each."""
        with torch.no_grad():
            codes = self.encoder(rows)
        drawn = torch.randn(codes.shape, generator=self.numbers).to(codes.device)
        real, false = self.judge(drawn), self.judge(codes)
        told = _entropy(real, True) + _entropy(false, False)
        self._step(self.judge_steps, told)
        deceived = _entropy(self.judge(self.encoder(rows)), True)
        self._step(self.encoder_steps, deceived)

    def _step(self, steps: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        steps.zero_grad(set_to_none=True)
        loss.backward()
        steps.step()
        self.losses.append(loss.detach())


def _entropy(verdict: torch.Tensor, real: bool) -> torch.Tensor:
    wanted = torch.full_like(verdict, float(real))
    return torch.nn.functional.binary_cross_entropy_with_logits(verdict, wanted)
