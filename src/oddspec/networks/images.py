"""What networks that see a scene as one image share: tensors, layers, initial weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from oddspec.arrays import Mask, Pixels, PixelScores
from oddspec.networks.dense import affine

M = TypeVar("M")


def as_image(scaled: Pixels, valid: Mask) -> torch.Tensor:
    """The scene as ``(1, b, h, w)`` in float32; masked pixels get the mean of the others.

    Parameters
    ----------
    scaled
        The valid pixels, on the scale that the network shall know.
    valid
        Where they lie.
    """
    image = np.empty((*valid.shape, scaled.shape[1]), np.float32)
    image[valid] = scaled
    image[~valid] = scaled.mean(axis=0)
    # Bands stay together in memory, which suits convolutions on a CPU.
    return torch.from_numpy(image).permute(2, 0, 1)[None]


def spectra_of(image: torch.Tensor, valid: Mask) -> Pixels:
    """The valid pixels of an image ``(1, b, h, w)``, as rows in float64."""
    return image[0].permute(1, 2, 0).detach().numpy()[valid].astype(np.float64)


def squared_errors(image: torch.Tensor, reconstruction: torch.Tensor, valid: Mask) -> PixelScores:
    """Squared length of each valid pixel's error, in float64."""
    errors = spectra_of(image - reconstruction, valid)
    return np.asarray(np.vecdot(errors, errors))


def convolution(inputs: int, outputs: int, width: int = 3, stride: int = 1) -> Any:
    """A convolution with a bias that sees the scene mirrored beyond its border."""
    kind = _Pixelwise if width == stride == 1 else nn.Conv2d
    return kind(
        inputs, outputs, width, stride, padding=width // 2, padding_mode="reflect", bias=True
    )


class _Pixelwise(nn.Conv2d):  # type: ignore[misc] # torch is not typed here
    """A convolution of 1 x 1 pixels as what it is: a product of pixels, as rows, with a matrix."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        # No copies where bands lie together in memory.
        pixels = image.permute(0, 2, 3, 1)
        found = affine(pixels.reshape(-1, self.in_channels), self.weight[:, :, 0, 0].T, self.bias)
        return found.view(*pixels.shape[:3], self.out_channels).permute(0, 3, 1, 2)


def initialised(build: Callable[[], M], seed: int) -> tuple[M, torch.Generator]:
    """The network that ``build`` makes, its weights drawn by a generator of its own.

    Weights and biases are uniform in ``+-1 / sqrt(inputs of a unit)``, as PyTorch draws them;
    normalisations begin as identities. PyTorch's global generator is neither used nor changed.

    Parameters
    ----------
    build
        Makes the network.
    seed
        Of the generator.

    Returns
    -------
    network, generator
        The generator goes on to be used for whatever else is random, such as noise.
    """
    generator = torch.Generator().manual_seed(seed)
    # Built without memory, so that PyTorch's own initial weights are never drawn.
    with torch.device("meta"):
        network: Any = build()
    network.to_empty(device="cpu").to(memory_format=torch.channels_last)
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, (nn.Conv2d, nn.Linear)):
                bound = part.weight[0].numel() ** -0.5
                for values in (part.weight, part.bias):
                    values.uniform_(-bound, bound, generator=generator)
            elif isinstance(part, nn.BatchNorm2d):
                part.weight.fill_(1.0)
                part.bias.fill_(0.0)
    return network, generator
