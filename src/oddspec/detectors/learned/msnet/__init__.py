"""MSNet: a multiscale network that is kept from reconstructing what it has found anomalous.

A choice of bands that hold most of what all of them show: orthogonal projections.

The first band is the one that varies most. Then, one after the other, all bands (as images of n
pixels) are projected on what is orthogonal to those chosen, and the band of which most is left is
taken. This is the rule of W. Zhang, X. Li, Y. Dou and L. Zhao, "A geometry-based band selection
approach for hyperspectral image analysis", IEEE Trans. Geosci. Remote Sens. 56(8), 4318-4333,
2018. doi:10.1109/TGRS.2018.2811046
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from oddspec.arrays import Mask, Pixels, PixelScores
from oddspec.detector import Insight
from oddspec.detectors._sampled import TRAINING
from oddspec.detectors.learned._scene_reconstruction import Reconstruction, SceneReconstruction
from oddspec.detectors.learned.msnet.network import MultiscaleNetwork, edges
from oddspec.networks.images import initialised, squared_errors
from oddspec.networks.train import fused_adam, train
from oddspec.progress import Progress
from oddspec.settings import above_zero, at_least
from oddspec.statistics.pixels import on_map
from oddspec.statistics.scaling import Scaling, bandz

NOTHING = 1e-12
"""What is left of a band below this part of its energy is rounding."""


def select_bands(X: Float[np.ndarray, "n b"], count: int) -> Int[np.ndarray, " q"]:
    """Indices of the chosen bands, ascending.

    Parameters
    ----------
    X
        Pixels as rows.
    count
        How many; fewer are returned if the others add nothing.
    """
    rest = X / np.abs(X).max()
    energies = np.vecdot(rest.T, rest.T)
    left = energies.copy()
    chosen = [int(rest.var(axis=0).argmax())]
    while len(chosen) < min(count, X.shape[1]):
        last = rest[:, chosen[-1]].copy()
        rest -= np.outer(last, (last @ rest) / (last @ last))
        left = np.vecdot(rest.T, rest.T)
        left[chosen] = 0.0
        best = int(left.argmax())
        if left[best] <= NOTHING * energies[best]:
            break
        chosen.append(best)
    return np.sort(chosen)


@dataclass(frozen=True)
class MSNet(SceneReconstruction):
    r"""How badly a network reconstructs a pixel that was told to reconstruct the background only.

    A network with outputs y_0 (finest), y_1, ... is trained on the scene x in a few well chosen
    bands. Beside a mask m, 0 at first, it minimises::

        sum ((1 - m) (x - y_0))^2 / sum (1 - m)  +  edge_weight sum (m L(y_0))^2 / sum m
          +  mean_l ||down_l(x) - down_l(y_l)||^2 / pixels_l

    with the Laplacian of a Gaussian L and images reduced 2^l times by down_l. After every round m
    becomes the map of errors scaled to 0..1, and where it is large the background is to be smooth
    and need not resemble the scene. The score is ``||x_i - y_0,i||^2``.

    Parameters
    ----------
    selected
        Bands that are chosen by orthogonal projections (64).
    hidden
        Channels of the bottleneck (16).
    scales
        Averages over 1, 2, 4, ... pixels (3); lowered where the scene is too small.
    rounds
        Trainings with one mask (5 of 10 in the authors' code, which takes the map of the fifth).
    steps
        Steps of the optimiser in each round (150).
    learning_rate
        Of Adam (1e-3).
    edge_weight
        Weight of the smoothness under the mask (1e-3).
    seed
        Of the network.

    Notes
    -----
    * The number of rounds is fixed, so no truth bears on when to stop. The authors' code hands the
      truth to its training, for a record of the AUC only.
    * Filters of 3 x 3 see the scene mirrored beyond its border, as L does; the sheet that this was
      written from does not say (inferred).
    * Masked pixels have no part in the loss, apart from the mean spectrum that stands in their
      place.

    References
    ----------
    H. Liu, X. Su, X. Shen and X. Zhou, "MSNet: Self-supervised multiscale network with enhanced
    separation training for hyperspectral anomaly detection", IEEE Trans. Geosci. Remote Sens. 62,
    2024 (IEEE Xplore document 10551851). The choice of bands: W. Zhang, X. Li, Y. Dou and L. Zhao,
    2018, doi:10.1109/TGRS.2018.2811046
    """

    selected: int = 64
    hidden: int = 16
    scales: int = 3
    rounds: int = 5
    steps: int = 150
    learning_rate: float = 1e-3
    edge_weight: float = 1e-3
    seed: int = 0

    reference: ClassVar[str] = "Liu et al. 2024, IEEE TGRS 62 (Xplore 10551851)"
    cost: ClassVar[str] = "6 rounds steps n scales selected (18 hidden + 3 selected)"
    unit: ClassVar[str] = "squared reconstruction error"

    def __post_init__(self) -> None:
        at_least(self, 1, "selected", "hidden", "scales", "rounds", "steps")
        at_least(self, 0, "edge_weight", "seed")
        above_zero(self, "learning_rate")

    def memory(self, height: int, width: int, bands: int) -> int:
        """Activations with their gradients, and the bands while they are chosen."""
        n, q = height * width, min(self.selected, bands)
        layers = n * self.scales * (14 * q + 4 * self.hidden)
        return TRAINING + 4 * (layers + n * 20 * q) + 16 * n * bands

    def scale(self, pixels: Pixels) -> tuple[np.ndarray, Scaling]:
        """The chosen bands, each with mean 0 and deviation 1."""
        chosen = select_bands(pixels, self.selected)
        return chosen, bandz(pixels[:, chosen])

    def learn(self, image: Any, valid: Mask, progress: Progress) -> Reconstruction:
        """Train, masking what is badly reconstructed more and more."""
        scales = min(self.scales, int(np.log2(min(valid.shape))))
        sizes = (image.shape[1], self.hidden, scales)
        network, _ = initialised(lambda: MultiscaleNetwork(*sizes), self.seed)
        seen = torch.from_numpy(valid.astype(np.float32))
        mask = torch.zeros_like(seen)

        def loss(picture: torch.Tensor) -> dict[str, torch.Tensor]:
            return _loss(picture, network(picture), mask, seen, self.edge_weight)

        def reconstructed() -> torch.Tensor:
            with torch.no_grad():
                return network(image)[0]

        def after(losses: Sequence[np.ndarray]) -> bool:
            if len(losses) % self.steps == 0 and len(losses) < self.rounds * self.steps:
                errors = error_mask(squared_errors(image, reconstructed(), valid))
                # In place: the loss sees the new mask.
                mask[torch.from_numpy(valid)] = torch.from_numpy(errors).float()
            return False

        training = train(
            tuple(network.parameters()),
            loss,
            image,
            steps=self.rounds * self.steps,
            rate=self.learning_rate,
            optimiser=fused_adam,
            after=after,
            progress=progress,
            name="msnet",
        )
        last = reconstructed()
        drawn = on_map(mask.numpy().astype(np.float64)[valid][:, None], valid)
        shown = Insight("mask", "maps", drawn, "what the last round was told to leave out, 0 to 1")
        return Reconstruction(squared_errors(image, last, valid), last, training, (shown,))


def error_mask(errors: PixelScores) -> PixelScores:
    """0 for the smallest error, 1 for the largest; all 0 where they are equal."""
    spread = errors.max() - errors.min()
    return (errors - errors.min()) / (spread if spread > 0 else 1.0)


def _loss(
    image: torch.Tensor,
    found: tuple[torch.Tensor, ...],
    mask: torch.Tensor,
    seen: torch.Tensor,
    edge_weight: float,
) -> dict[str, torch.Tensor]:
    bands = image.shape[1]
    background = (1 - mask) * seen
    finest = ((background * (image - found[0])) ** 2).sum() / background.sum()
    smooth = ((mask * seen * edges(found[0])) ** 2).sum() / ((mask * seen).sum() + 1e-6)
    apart = [_reduced(seen * (image - one), 2**scale) for scale, one in enumerate(found)]
    coarse = sum((one**2).sum() / (one.shape[2] * one.shape[3]) for one in apart) / len(apart)
    return {
        "background": finest / bands,
        "edges": edge_weight * smooth / bands,
        "scales": coarse / bands,
    }


def _reduced(image: torch.Tensor, times: int) -> torch.Tensor:
    """The image with each side that many times shorter; linear, so of differences as of images."""
    if times == 1:
        return image
    size = [max(side // times, 1) for side in image.shape[2:]]
    return nn.functional.interpolate(image, size=size, mode="bilinear", align_corners=False)
