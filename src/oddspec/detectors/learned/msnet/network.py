"""MSNet's network: the same small encoder on an image and on its ever coarser residues."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from oddspec.networks.images import convolution

LAPLACIAN = (
    (-2.0, -4.0, -4.0, -4.0, -2.0),
    (-4.0, 0.0, 8.0, 0.0, -4.0),
    (-4.0, 8.0, 24.0, 8.0, -4.0),
    (-4.0, 0.0, 8.0, 0.0, -4.0),
    (-2.0, -4.0, -4.0, -4.0, -2.0),
)
"""Laplacian of a Gaussian; its entries sum to 0."""


class MultiscaleNetwork(nn.Module):  # type: ignore[misc] # torch is not typed here
    """An image reconstructed from averages over 1, 2, 4, ... pixels.

    Parameters
    ----------
    bands
        Channels of the image.
    hidden
        Channels of the bottleneck.
    scales
        Number of averages.
    """

    def __init__(self, bands: int, hidden: int, scales: int) -> None:
        super().__init__()
        self.narrow = nn.ModuleList(convolution(bands, hidden) for _ in range(scales))
        self.wide = nn.ModuleList(convolution(hidden, bands) for _ in range(scales))
        self.add, self.spread, self.out = (
            nn.ModuleList(convolution(bands, bands, 1) for _ in range(scales - short))
            for short in (1, 0, 0)
        )

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """An image of the same size from each scale on, the finest first."""
        size = image.shape[2:]
        finer, coarse = image, []
        for scale, (narrow, wide) in enumerate(zip(self.narrow, self.wide, strict=True)):
            features = torch.relu(wide(torch.relu(narrow(finer))) + finer)
            pooled = nn.functional.avg_pool2d(features, 2**scale)
            coarse.append(_enlarged(pooled, size))
            if scale < len(self.add):
                finer = finer + self.add[scale](coarse[scale])
        # From the coarsest scale on, each output adds to the sum of those before it.
        total: Any = 0.0
        found: list[torch.Tensor] = []
        for up, spread, out in reversed(list(zip(coarse, self.spread, self.out, strict=True))):
            found.append(out(torch.relu(spread(up)) + total))
            total = found[-1] + total
        return tuple(reversed(found))


def edges(image: torch.Tensor) -> torch.Tensor:
    """What the Laplacian of a Gaussian makes of each band, mirrored beyond the border."""
    bands = image.shape[1]
    kernel = torch.tensor(LAPLACIAN)[None, None].expand(bands, 1, 5, 5)
    padded = nn.functional.pad(image, (2, 2, 2, 2), mode="reflect")
    return nn.functional.conv2d(padded, kernel, groups=bands)


def _enlarged(image: torch.Tensor, size: torch.Size) -> torch.Tensor:
    if image.shape[2:] == size:
        return image
    return nn.functional.interpolate(image, size=size, mode="bilinear", align_corners=False)
