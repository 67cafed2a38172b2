"""CNN: what a convolutional autoencoder of the scene does not reconstruct."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import nn

from oddspec.arrays import Mask, Pixels
from oddspec.detectors._sampled import TRAINING
from oddspec.detectors.learned._scene_reconstruction import Reconstruction, SceneReconstruction
from oddspec.networks.images import convolution, initialised, squared_errors
from oddspec.networks.train import train
from oddspec.progress import Progress
from oddspec.settings import above_zero, at_least
from oddspec.statistics.scaling import BY_NAME, Scaling


@dataclass(frozen=True)
class CNN(SceneReconstruction):
    r"""How badly a convolutional autoencoder, trained on the scene itself, reconstructs a pixel.

    Layers of 3 x 3 filters, a bottleneck of few channels at full resolution and two more layers
    make f, which is trained on::

        min  mean ||f(X) - X||^2 ;      score_i = ||f(X)_i - x_i||

    Parameters
    ----------
    task
        rebuild: as above; denoise: f is trained to find the noise that was added to X, and
        ``||f(X)_i||`` is the score.
    channels
        Filters of every layer.
    layers
        Layers before the bottleneck.
    bottleneck
        Channels of the bottleneck.
    iterations
        Most steps of the optimiser, each on the whole image.
    learning_rate
        Of Adam.
    patience
        Stop once this many steps have lowered the loss by less than 0.1 % of its whole fall; 0 runs
        all steps.
    noise
        Standard deviation of the noise that is added for ``denoise``, in scaled units.
    scaling
        Of the bands, see `oddspec.statistics.scaling`.
    seed
        Of the network and the noise.

    Notes
    -----
    * This is a reading, all of it (inferred). LRR-Net+ (C. Li et al. 2024) lists a detector "CNN",
      "CAE" in a figure, with [1] as its source and the remark that it is of the autoencoder kind,
      and says no more. [1] is a network that is taught by pairs of clean and noisy images to remove
      noise, and detects nothing. So the column is no target.
    * As in [1] there are 3 x 3 filters with many channels, normalised and rectified, without any
      change of resolution; ``task=denoise`` is its loss, with noise that is drawn instead of pairs.
    * Layers are normalised by the image's own mean and variance while it is scored, too.
    * With a wide bottleneck or many steps the network learns to copy, anomalies too.

    References
    ----------
    [1] Y. Chang, L. Yan, H. Fang, S. Zhong and W. Liao, "HSI-DeNet: Hyperspectral image restoration
    via convolutional neural network", IEEE Trans. Geosci. Remote Sens. 57(2), 667-682, 2019.
    doi:10.1109/TGRS.2018.2859203
    """

    task: Literal["rebuild", "denoise"] = "rebuild"
    channels: int = 64
    layers: int = 5
    bottleneck: int = 16
    iterations: int = 500
    learning_rate: float = 1e-3
    patience: int = 20
    noise: float = 0.1
    scaling: Literal["globalz", "global01", "band01", "bandz", "max1"] = "globalz"
    seed: int = 0

    reference: ClassVar[str] = "after Chang et al. 2019, doi:10.1109/TGRS.2018.2859203"
    cost: ClassVar[str] = "54 steps n channels (2 b + layers channels)"
    unit: ClassVar[str] = "length of the reconstruction error"

    def __post_init__(self) -> None:
        at_least(self, 1, "channels", "layers", "bottleneck", "iterations")
        at_least(self, 0, "patience", "seed")
        above_zero(self, "learning_rate", "noise")

    def memory(self, height: int, width: int, bands: int) -> int:
        """Activations of all layers with their gradients, and the parameters four times."""
        n, c = height * width, self.channels
        weights = 9 * c * (2 * bands + self.layers * c + self.bottleneck)
        layers = 12 * bands + 3 * c * (self.layers + 2)
        return TRAINING + 4 * (n * layers + 4 * weights)

    def scale(self, pixels: Pixels) -> tuple[np.ndarray, Scaling]:
        """All bands."""
        return np.arange(pixels.shape[1]), BY_NAME[self.scaling](pixels)

    def learn(self, image: Any, valid: Mask, progress: Progress) -> Reconstruction:
        """Train on the whole image until the loss has settled."""
        sizes = (image.shape[1], self.channels, self.layers, self.bottleneck)
        network, rng = initialised(lambda: autoencoder(*sizes), self.seed)
        weights = torch.from_numpy(valid.astype(np.float32))
        count = image.shape[1] * int(valid.sum())

        def loss(picture: torch.Tensor) -> dict[str, torch.Tensor]:
            if self.task == "rebuild":
                wrong = network(picture) - picture
            else:
                added = self.noise * torch.randn(picture.shape, generator=rng)
                wrong = network(picture + added) - added
            return {"error": (weights * wrong**2).sum() / count}

        training = train(
            tuple(network.parameters()),
            loss,
            image,
            steps=self.iterations,
            rate=self.learning_rate,
            patience=self.patience,
            progress=progress,
            name="cnn",
        )
        with torch.no_grad():
            found = network(image)
        clean = found if self.task == "rebuild" else image - found
        return Reconstruction(np.sqrt(squared_errors(image, clean, valid)), clean, training)


def autoencoder(bands: int, channels: int, layers: int, bottleneck: int) -> Any:
    """Filters of 3 x 3 pixels, a bottleneck of 1 x 1, and back; the same resolution throughout."""
    before = [_layer(channels if i else bands, channels) for i in range(layers)]
    return nn.Sequential(
        *before,
        convolution(channels, bottleneck, 1),
        _layer(bottleneck, channels),
        convolution(channels, bands),
    )


def _layer(inputs: int, outputs: int) -> Any:
    """By the image's own mean and variance, always."""
    return nn.Sequential(
        convolution(inputs, outputs),
        nn.BatchNorm2d(outputs, track_running_stats=False),
        nn.ReLU(inplace=True),
    )
