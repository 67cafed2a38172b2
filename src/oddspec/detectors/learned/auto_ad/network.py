"""A convolutional network in an hourglass shape whose scales are joined by skips.

D. Ulyanov, A. Vedaldi and V. Lempitsky, "Deep image prior", CVPR 2018.
doi:10.1109/CVPR.2018.00984
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from oddspec.networks.images import convolution

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
