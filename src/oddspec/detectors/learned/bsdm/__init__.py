"""BSDM: RX of a scene from which a network has taken the background as if it were noise."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from array_api_compat import array_namespace

from oddspec.arrays import Pixels, PixelScores, to_numpy
from oddspec.detector import Insight
from oddspec.detectors._sampled import SampleDetector
from oddspec.detectors.learned.bsdm.denoiser import (
    STEPS,
    Denoiser,
    NoiseSchedule,
    draw_denoiser,
    schedule,
)
from oddspec.errors import SettingError
from oddspec.networks.train import epochs_of, train
from oddspec.progress import Progress, silent
from oddspec.settings import above_zero, at_least
from oddspec.statistics.gaussian import Gaussian, Health
from oddspec.statistics.scaling import Scaling, global01
from oddspec.statistics.summary import Moments, Sample, enough

BLOCK = 8192
"""Pixels that the network is given at a time."""


@dataclass(frozen=True)
class BSDM(SampleDetector):
    r"""RX of what is left when a network has removed what looks like the scene's background.

    Noise N with the mean and variance of the scene stands for the background. A network f learns to
    find it in ``x_t = signal x + noise N``, where the same N is added in each of t steps of a
    diffusion. It is then given the scene itself as if that were x_t, several times::

        x <- (x - noise f(x)) / signal

    and every pixel is scored by its Mahalanobis distance in the outcome.

    Settings of the sample are explained at `SampleDetector`.

    Parameters
    ----------
    removals
        How often the background is removed (K, 10); 0 leaves RX.
    time
        Step t of the diffusion's 1000 (500).
    steps
        Steps of the optimiser.
    batch
        Pixels per step (1024); 0 takes the whole sample at once, as the authors do.
    learning_rate
        Of AdamW, at first (1e-4); falls along a cosine to a tenth.
    patience
        Stop once this many epochs have lowered the loss by less than 0.1 % of its whole fall; 0
        runs all steps, as the authors do.

    Notes
    -----
    * With linearly growing variances beta_i of the steps, alpha_i = 1 - beta_i: ``signal^2 =
      prod alpha_i`` and, since the same noise is added again and again so that amplitudes and not
      variances add up, ``noise = sum_i sqrt(beta_i prod_{j>i} alpha_j)``, 17.56 for t = 500. The
      authors' code has alpha_i in the product too and takes the two from neighbouring steps
      (17.50), which makes no difference.
    * With batches of 1024 the loss after 500 steps is above that with the whole sample in each step
      by less than 0.05 % of its fall, for a seventh of the work; no truth bears on that.
    * The score is RX, which does not see that values grow by 1e5.
    * In the authors' code, a saved map after removals is that of none; the truth chooses nothing.
    * A scene larger than the sample is scored with network, mean and covariance of the sample.

    References
    ----------
    J. Ma, W. Xie, Y. Shi, T. Xiang, Y. Li and L. Fang, "BSDM: Background suppression diffusion
    model for hyperspectral anomaly detection", IEEE Trans. Circuits Syst. Video Technol., 2025.
    doi:10.1109/TCSVT.2025.3595547
    """

    removals: int = 10
    time: int = 500
    steps: int = 500
    batch: int = 1024
    learning_rate: float = 1e-4
    patience: int = 0
    sample: int = 10000
    seed: int = 0

    reference: ClassVar[str] = "Ma et al. 2025, doi:10.1109/TCSVT.2025.3595547"
    cost: ClassVar[str] = "6 steps batch (300000 + 256 b) + removals n (100000 + 256 b)"
    unit: ClassVar[str] = "squared Mahalanobis distance"
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    def __post_init__(self) -> None:
        at_least(self, 1, "steps")
        at_least(self, 0, "removals", "batch", "patience", "seed")
        if not 1 <= self.time <= STEPS:
            raise SettingError(f"time={self.time}: expected a step from 1 to {STEPS}")
        above_zero(self, "learning_rate")
        at_least(self, 100, "sample")

    def fit_bytes(self, bands: int) -> int:
        """The sample in a few forms, and a batch in all layers with gradients (16,000 numbers)."""
        return super().fit_bytes(bands) + 4 * 16_000 * min(self.batch or self.sample, self.sample)

    def fit(self, summary: Sample, progress: Progress = silent) -> BSDMBackground:
        """Train on the sample, remove its background, and fit a Gaussian to what is left."""
        enough(len(summary.pixels))
        scaling = global01(summary.pixels)
        network, losses = self._train(scaling(summary.pixels), progress)
        bare = BSDMBackground(scaling, network, schedule(self.time), self.removals, losses, None)
        rest = to_numpy(bare.rest(summary.pixels))
        if not np.isfinite(rest).all():
            raise SettingError(
                f"bsdm: what is left after removals={self.removals} is not finite: lower it"
            )
        return replace(bare, gaussian=Gaussian.of(Moments.of(rest)))

    def _train(self, scaled: Any, progress: Progress) -> tuple[Denoiser, np.ndarray]:
        data = torch.as_tensor(scaled).to(torch.float32)
        bands = data.shape[1]
        rng = torch.Generator().manual_seed(self.seed)
        network = draw_denoiser(bands, self.time, rng, data.device)
        drawn = torch.randn(data.shape, generator=rng).to(data.device)
        noise = data.mean() + data.std() * drawn
        signal, amount = schedule(self.time)
        optimiser = torch.optim.AdamW(network.parameters, lr=self.learning_rate, fused=True)
        epochs, batch = epochs_of(self.steps, self.batch, len(data))
        total, taken = epochs * -(-len(data) // batch), 0

        def cool(_: torch.Tensor) -> None:
            nonlocal taken
            # A cosine from 1 to 0.1 of the rate, over all steps that there may be.
            share = 0.1 + 0.45 * (1 + math.cos(math.pi * taken / total))
            optimiser.param_groups[0]["lr"] = self.learning_rate * share
            taken += 1

        def loss(rows: torch.Tensor) -> dict[str, torch.Tensor]:
            noisy, added = rows[:, :bands], rows[:, bands:]
            return {"noise": torch.nn.functional.mse_loss(network(noisy), added)}

        training = train(
            network.parameters,
            loss,
            # Each pixel beside the noise in it, so that batches keep them together.
            torch.cat([signal * data + amount * noise, noise], dim=1),
            steps=self.steps,
            rate=self.learning_rate,
            batch=self.batch,
            optimiser=lambda *_, **__: optimiser,  # the one whose rate `cool` lowers
            rng=rng,
            before=cool,
            patience=self.patience,
            progress=progress,
            name="bsdm",
        )
        return network.frozen(), training.losses


@dataclass(frozen=True)
class BSDMBackground:
    """A fitted BSDM.

    Attributes
    ----------
    scaling
        To 0..1 over the scene.
    network
        Finds noise in scaled spectra.
    schedule
        Amounts of signal and noise that it was trained for.
    removals
        How often the background is removed.
    losses
        Of the training.
    gaussian
        Of what is left.
    """

    scaling: Scaling
    network: Denoiser
    schedule: NoiseSchedule
    removals: int
    losses: np.ndarray
    gaussian: Gaussian | None

    @property
    def health(self) -> Health | None:
        """State of the covariance that distances are measured in."""
        return self.gaussian.health if self.gaussian else None

    def rest(self, pixels: Pixels) -> Pixels:
        """What is left of each pixel, in float64."""
        xp = array_namespace(pixels)
        scaled = self.scaling(pixels)
        parts = [scaled[i : i + BLOCK] for i in range(0, scaled.shape[0], BLOCK)]
        for _ in range(self.removals):
            parts = [self._remove(part, xp) for part in parts]
        return xp.concat(parts, axis=0)

    def score(self, pixels: Pixels) -> PixelScores:
        """Squared Mahalanobis distance of what is left of each pixel."""
        assert self.gaussian is not None
        return self.gaussian.score(self.rest(pixels))

    def insights(self) -> tuple[Insight, ...]:
        """The losses."""
        label = "mean squared error of the noise in each epoch"
        return (Insight("losses", "curve", self.losses, label, ("noise",), "epoch"),)

    def _remove(self, part: Any, xp: Any) -> Any:
        found = xp.astype(self.network(xp.astype(part, xp.float32)), xp.float64)
        return (part - self.schedule.noise * found) / self.schedule.signal
