"""Auto-AD: what an untrained network, made to draw the scene from noise, does not get right.

A convolutional network in an hourglass shape whose scales are joined by skips.

D. Ulyanov, A. Vedaldi and V. Lempitsky, "Deep image prior", CVPR 2018.
doi:10.1109/CVPR.2018.00984
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import nn

from oddspec.arrays import Mask, Pixels, PixelScores
from oddspec.detector import Insight
from oddspec.detectors._sampled import TRAINING
from oddspec.detectors.learned._scene_reconstruction import Reconstruction, SceneReconstruction
from oddspec.networks.images import convolution, initialised, squared_errors
from oddspec.networks.train import fused_adam, train
from oddspec.progress import Progress
from oddspec.settings import above_zero, at_least
from oddspec.statistics.pixels import on_map
from oddspec.statistics.scaling import Scaling, global01

LEAK = 0.2


def possible_scales(side: int, wanted: int) -> int:
    """How often a side can be halved, up to ``wanted``, with two pixels left to be mirrored."""
    scales = 0
    while scales < wanted and (side + 1) // 2 >= 2:
        side, scales = (side + 1) // 2, scales + 1
    return scales


class SkipNetwork(nn.Module):  # type: ignore[misc] # torch is not typed here
    """An image of ``bands`` channels made from another, with values in 0..1."""

    def __init__(self, bands: int, channels: int, scales: int) -> None:
        super().__init__()
        self.outer = _Scale(bands, channels, scales)
        self.last = convolution(channels, bands, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """An image of the same size."""
        return torch.sigmoid(self.last(self.outer(image)))


class _Scale(nn.Module):  # type: ignore[misc]
    """A skip beside a path of half the resolution, in which the next scale lies."""

    def __init__(self, inputs: int, channels: int, scales: int) -> None:
        super().__init__()
        self.skip = _layer(inputs, channels, 1)
        self.deep = nn.Sequential(_layer(inputs, channels, 3, 2), _layer(channels, channels, 3))
        if scales > 1:
            self.deep.append(_Scale(channels, channels, scales - 1))
        self.join = nn.Sequential(
            _normalisation(2 * channels),
            _layer(2 * channels, channels, 3),
            _layer(channels, channels, 1),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        beside = self.skip(image)
        below = nn.functional.interpolate(self.deep(image), scale_factor=2, mode="nearest")
        # An odd side is one pixel longer after halving and doubling.
        height, width = image.shape[2:]
        top, left = ((below.shape[i] - image.shape[i]) // 2 for i in (2, 3))
        below = below[:, :, top : top + height, left : left + width]
        return self.join(torch.cat([beside, below], dim=1))


def _layer(inputs: int, outputs: int, width: int, stride: int = 1) -> Any:
    return nn.Sequential(
        convolution(inputs, outputs, width, stride),
        _normalisation(outputs),
        nn.LeakyReLU(LEAK, inplace=True),
    )


def _normalisation(channels: int) -> Any:
    """By the image's own mean and variance, always."""
    return nn.BatchNorm2d(channels, track_running_stats=False)


INPUT = 0.1
"""Range of the fixed noise that the scene is drawn from."""

LOOK = 50
"""Steps after which the loss is looked at, again and again."""

REWEIGH = 100
"""Steps after which the pixels get new weights."""


@dataclass(frozen=True)
class AutoAD(SceneReconstruction):
    r"""How badly a network that has learnt to draw the background draws a pixel.

    A convolutional hourglass with skips f is trained to turn fixed noise Z into the scene X. It
    finds what is smooth and common first. With weights w that follow the errors r::

        min  mean (w (f(Z + noise) - X))^2,     r_i = ||f(Z)_i - x_i||^2,
        w_i = (max r - r_i) / (max r - min r)   anew after every 100 steps, 1 before

    The score is r.

    Parameters
    ----------
    channels
        Channels of every layer (128).
    scales
        How often the image is halved (5); lowered where the scene is too small for it.
    iterations
        How often the network is run at most (1001). The last run looks only; the steps of the
        optimiser before it are taken in groups of 50, at least one.
    learning_rate
        Of Adam (0.01).
    noise
        Standard deviation of the noise that is added to the input in every step (0.1).
    settled
        Stop when the loss changes from step to step by less than this in the mean over 50 steps
        (1.5e-5), looked at after every 50.
    score
        last: errors of the trained network, without noise in its input; weighed: those that the
        last weights were made from, as the authors' code has it (all ones if there were none).
    seed
        Of the network and the noise.

    Notes
    -----
    * The scene is scaled to 0..1 as a whole, so the criterion for stopping has no units.
    * Layers are normalised by the image's own mean and variance while it is scored, too.
    * Masked pixels have no weight in the loss; the network sees nothing of the scene as its input.
    * The paper that lists Auto-AD with four one-dimensional layers (LRR-Net+, 2024) describes
      another network than the authors' code, which it says it used. This is the code's.
    * The authors' code draws other numbers in every run, and stops at the same criterion; a copy of
      it in public use has 1e-5.

    References
    ----------
    S. Wang, X. Wang, L. Zhang and Y. Zhong, "Auto-AD: Autonomous hyperspectral anomaly detection
    network based on fully convolutional autoencoder", IEEE Trans. Geosci. Remote Sens. 60,
    5503314, 2022. doi:10.1109/TGRS.2021.3057721
    """

    channels: int = 128
    scales: int = 5
    iterations: int = 1001
    learning_rate: float = 0.01
    noise: float = 0.1
    settled: float = 1.5e-5
    score: Literal["last", "weighed"] = "last"
    seed: int = 0

    reference: ClassVar[str] = "Wang et al. 2022, doi:10.1109/TGRS.2021.3057721"
    cost: ClassVar[str] = "steps n channels (40 channels + 11 b)"
    unit: ClassVar[str] = "squared reconstruction error"

    def __post_init__(self) -> None:
        at_least(self, 1, "channels", "scales", "iterations")
        at_least(self, 0, "noise", "settled", "seed")
        above_zero(self, "learning_rate")

    def memory(self, height: int, width: int, bands: int) -> int:
        """Activations of all layers with their gradients, and the parameters four times."""
        n, c = height * width, self.channels
        weights = c * (11 * bands + 12 * c + self.scales * 31 * c)
        return TRAINING + 4 * (n * (20 * bands + 30 * c) + 4 * weights)

    def scale(self, pixels: Pixels) -> tuple[np.ndarray, Scaling]:
        """All bands, in 0..1 over the scene."""
        return np.arange(pixels.shape[1]), global01(pixels)

    def learn(self, image: Any, valid: Mask, progress: Progress) -> Reconstruction:
        """Train, weighing pixels by their errors."""
        bands = image.shape[1]
        scales = possible_scales(min(valid.shape), self.scales)
        network, rng = initialised(lambda: SkipNetwork(bands, self.channels, scales), self.seed)
        fixed = INPUT * torch.rand(image.shape, generator=rng)
        weights = torch.from_numpy(valid.astype(np.float32))
        count = bands * int(valid.sum())
        errors = np.ones(count // bands)

        def loss(_: torch.Tensor) -> dict[str, torch.Tensor]:
            shaken = fixed + self.noise * torch.randn(image.shape, generator=rng)
            return {"error": ((weights * (network(shaken) - image)) ** 2).sum() / count}

        def reconstructed() -> torch.Tensor:
            with torch.no_grad():
                return network(fixed)

        def after(losses: Sequence[np.ndarray]) -> bool:
            nonlocal errors
            if len(losses) % LOOK:
                return False
            if len(losses) % REWEIGH == 0:
                errors = squared_errors(image, reconstructed(), valid)
                # In place: the loss sees the new weights.
                weights[torch.from_numpy(valid)] = torch.from_numpy(
                    background_weights(errors)
                ).float()
            # One more loss than changes; after the first steps there is none before them.
            last = np.concatenate(losses[-LOOK - 1 :])
            return bool(np.abs(np.diff(last)).mean() < self.settled)

        training = train(
            tuple(network.parameters()),
            loss,
            image,
            # The last run looks only; groups of LOOK steps are not cut short.
            steps=LOOK * (-(-(self.iterations - 1) // LOOK) or 1),
            rate=self.learning_rate,
            optimiser=fused_adam,
            after=after,
            progress=progress,
            name="auto_ad",
        )
        last = reconstructed()
        scores = errors if self.score == "weighed" else squared_errors(image, last, valid)
        drawn = on_map(weights.numpy().astype(np.float64)[valid][:, None], valid)
        shown = Insight("weights", "maps", drawn, "weight of each pixel in the last steps")
        return Reconstruction(scores, last, training, (shown,))


def background_weights(errors: PixelScores) -> PixelScores:
    """1 for the smallest error, 0 for the largest; all 1 where they are equal."""
    spread = errors.max() - errors.min()
    if not spread > 0:
        return np.ones_like(errors)
    return (errors.max() - errors) / spread
