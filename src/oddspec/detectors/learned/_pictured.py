"""Detectors whose network is trained to rebuild the one scene that it then scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from oddspec.arrays import Cube, Mask, Pixels, PixelScores
from oddspec.detector import Insight, SceneDetector, SceneResult
from oddspec.detectors._sampled import losses_insight
from oddspec.errors import InputError, SettingError
from oddspec.networks.images import as_image
from oddspec.networks.train import Training
from oddspec.progress import Progress, silent
from oddspec.statistics.pixels import background_pixels, score_map
from oddspec.statistics.scaling import Scaling

__all__ = ["Pictured", "Rebuilt"]

SHOWN = 10
"""Odd pixels whose residual spectra are returned."""


@dataclass(frozen=True)
class Rebuilt:
    """What a training leaves.

    Attributes
    ----------
    scores
        Of the valid pixels.
    again
        The image as the network makes it, a tensor ``(1, b, h, w)``.
    training
        How it went.
    insights
        Beside those that all have.
    """

    scores: PixelScores
    again: Any
    training: Training
    insights: tuple[Insight, ...] = ()


@dataclass(frozen=True)
class Pictured(SceneDetector, ABC):
    """The scene as one image; a subclass says how it is scaled, learnt and scored."""

    smallest: ClassVar[int] = 4
    """Least height and width in pixels."""

    @abstractmethod
    def scale(self, pixels: Pixels) -> tuple[np.ndarray, Scaling]:
        """The bands that are used, and the scaling of these."""

    @abstractmethod
    def learn(self, image: Any, valid: Mask, progress: Progress) -> Rebuilt:
        """Train on the image, a tensor ``(1, b, h, w)``, and score it."""

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Train on the scene and score it; the losses, and what is left of the oddest pixels.

        Raises
        ------
        InputError
            If fewer than two pixels are valid, all are equal, or the scene is too small.
        SettingError
            If the training diverges, or the network makes the same of all pixels.
        """
        name = self._name
        if min(valid.shape) < self.smallest:
            raise InputError(
                f"{valid.shape[0]} x {valid.shape[1]} pixels: {name} needs an image of at least "
                f"{self.smallest} x {self.smallest}"
            )
        pixels = background_pixels(cube, valid)
        bands, scaling = self.scale(pixels)
        image = as_image(scaling(pixels[:, bands]), valid)
        learnt = self.learn(image, valid, progress)
        self._check(learnt, valid)
        scores = score_map(learnt.scores, valid)
        left = (image - learnt.again)[0].permute(1, 2, 0).detach().numpy()[valid]
        oddest = np.argsort(-learnt.scores, kind="stable")[:SHOWN]
        spectra = np.full((len(oddest), cube.shape[2]), np.nan)  # bands that are not used
        spectra[:, bands] = left[oddest].astype(np.float64) * scaling.scale
        return SceneResult(
            scores,
            (
                losses_insight(learnt.training.losses, learnt.training.terms, "step"),
                Insight(
                    "anomalies",
                    "spectra",
                    spectra,
                    f"what the network leaves of the {len(oddest)} oddest pixels, in the scene's "
                    f"units",
                ),
                *learnt.insights,
            ),
        )

    @property
    def _name(self) -> str:
        """As users know it: that of its file."""
        return type(self).__module__.rpartition(".")[2]

    def _check(self, learnt: Rebuilt, valid: Mask) -> None:
        again = learnt.again[0].permute(1, 2, 0).detach().numpy()[valid]
        if not np.isfinite(again).all() or not np.isfinite(learnt.scores).all():
            raise SettingError(
                f"{self._name}: after {len(learnt.training.losses)} steps the "
                f"network's output is not finite: lower learning_rate"
            )
        if not np.ptp(again, axis=0).any():
            raise SettingError(
                f"{self._name}: after {len(learnt.training.losses)} steps the "
                f"network makes the same of all pixels (it has collapsed): lower learning_rate or "
                f"change the seed"
            )
