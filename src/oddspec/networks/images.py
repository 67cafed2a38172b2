"""What networks that see a scene as one image share: tensors, layers, weights, their training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from oddspec.arrays import Mask, Pixels, PixelScores
from oddspec.networks.networks import affine
from oddspec.networks.train import Loss, Training, train
from oddspec.progress import Progress, silent

__all__ = ["as_image", "convolution", "redraw", "squared_errors", "train_in_parts"]

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


def squared_errors(image: torch.Tensor, again: torch.Tensor, valid: Mask) -> PixelScores:
    """Squared length of each valid pixel's error, in float64."""
    apart = (image - again)[0].permute(1, 2, 0).detach().numpy()[valid].astype(np.float64)
    return np.asarray(np.vecdot(apart, apart))


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


def redraw(build: Callable[[], M], seed: int) -> tuple[M, torch.Generator]:
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
        The latter to be used on.
    """
    generator = torch.Generator().manual_seed(seed)
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


def train_in_parts(
    parameters: Sequence[torch.Tensor],
    loss: Loss,
    image: torch.Tensor,
    *,
    parts: int,
    steps: int,
    rate: float,
    between: Callable[[int, np.ndarray], bool],
    progress: Progress = silent,
    name: str = "training",
) -> Training:
    """Train on whole images, looking up after every so many steps.

    Parameters
    ----------
    parameters, loss
        See `oddspec.networks.train.train`.
    image
        What ``loss`` is given, whole.
    parts, steps
        Most parts, and steps of the optimiser in each.
    rate
        Step size of Adam, which is kept from part to part.
    between
        Given the number of parts done and the total losses so far; ends the training by True.
    progress, name
        See there.

    Raises
    ------
    SettingError
        If the loss becomes infinite or NaN.
    """
    adam = torch.optim.Adam(parameters, lr=rate, fused=True)
    part = 0
    terms: tuple[str, ...] = ()
    losses: list[np.ndarray] = []
    settled = False

    def tell(done: float, total: float, stage: str) -> None:
        progress(part * steps + done, parts * steps, stage)

    while part < parts and not settled:
        found = train(
            parameters,
            loss,
            image,
            epochs=steps,
            rate=rate,
            optimiser=lambda *_, **__: adam,
            progress=tell,
            name=name,
        )
        part += 1
        terms = found.terms
        losses.append(found.losses)
        settled = between(part, np.concatenate(losses).sum(axis=1))
    progress(parts * steps, parts * steps, name)
    return Training(terms, np.concatenate(losses), settled and part < parts)
