"""What Auto-AD, CNN and MSNet share: a network learns to reconstruct the one scene it scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from oddspec.arrays import Cube, Mask, Pixels, PixelScores
from oddspec.detector import Insight, SceneDetector, SceneResult
from oddspec.detectors._sampled import losses_insight
from oddspec.errors import InputError, SettingError
from oddspec.networks.images import as_image, spectra_of
from oddspec.networks.train import Training
from oddspec.progress import Progress, silent
from oddspec.statistics.pixels import background_pixels, score_map
from oddspec.statistics.scaling import Scaling

SHOWN = 10
"""Anomalous pixels whose residual spectra are returned."""


@dataclass(frozen=True)
class Reconstruction:
    """What a training leaves.

    Attributes
    ----------
    scores
        Of the valid pixels.
    image
        The image as the network makes it, a tensor ``(1, b, h, w)``.
    training
        How it went.
    insights
        Beside those that all have.
    """

    scores: PixelScores
    image: Any
    training: Training
    insights: tuple[Insight, ...] = ()


@dataclass(frozen=True)
class SceneReconstruction(SceneDetector, ABC):
    """The scene as one image; a subclass says how it is scaled, learnt and scored."""

    smallest: ClassVar[int] = 4
    """Least height and width in pixels."""

    @abstractmethod
    def scale(self, pixels: Pixels) -> tuple[np.ndarray, Scaling]:
        """The bands that are used, and the scaling of these."""

    @abstractmethod
    def learn(self, image: Any, valid: Mask, progress: Progress) -> Reconstruction:
        """Train on the image, a tensor ``(1, b, h, w)``, and score it."""

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Train on the scene and score it; the losses, and what is left of anomalous pixels.

        Raises
        ------
        InputError
            If fewer than two pixels are valid, all are equal, or the scene is too small.
        SettingError
            If the training diverges, or the network makes the same of all pixels.
        """
        if min(valid.shape) < self.smallest:
            raise InputError(
                f"{valid.shape[0]} x {valid.shape[1]} pixels: {self._name} needs an image of at "
                f"least {self.smallest} x {self.smallest}"
            )
        pixels = background_pixels(cube, valid)
        bands, scaling = self.scale(pixels)
        image = as_image(scaling(pixels[:, bands]), valid)
        learnt = self.learn(image, valid, progress)
        self._check(learnt, valid)
        most = np.argsort(-learnt.scores, kind="stable")[:SHOWN]
        spectra = np.full((len(most), cube.shape[2]), np.nan)  # bands that are not used
        spectra[:, bands] = spectra_of(image - learnt.image, valid)[most] * scaling.scale
        label = f"what the network leaves of the {len(most)} oddest pixels, in the scene's units"
        return SceneResult(
            score_map(learnt.scores, valid),
            (
                losses_insight(learnt.training.losses, learnt.training.terms, "step"),
                Insight("anomalies", "spectra", spectra, label),
                *learnt.insights,
            ),
        )

    @property
    def _name(self) -> str:
        """As users know it: that of its file."""
        return type(self).__module__.rpartition(".")[2]

    def _check(self, learnt: Reconstruction, valid: Mask) -> None:
        values = spectra_of(learnt.image, valid)
        after = f"{self._name}: after {len(learnt.training.losses)} steps the network"
        if not np.isfinite(values).all() or not np.isfinite(learnt.scores).all():
            raise SettingError(f"{after}'s output is not finite: lower learning_rate")
        if not np.ptp(values, axis=0).any():
            raise SettingError(
                f"{after} makes the same of all pixels (it has collapsed): lower learning_rate or "
                f"change the seed"
            )
