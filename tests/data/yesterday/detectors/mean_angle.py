"""The example that CONTRIBUTING.md had, word for word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oddspec.arrays import Index, Pixels, PixelScores, Spectrum
from oddspec.detector import BackgroundDetector
from oddspec.progress import Progress, silent
from oddspec.summary import Moments

__all__ = ["MeanAngle"]


@dataclass(frozen=True)
class MeanSpectrum:
    """The fitted model: a mean spectrum."""

    mean: Spectrum

    def score(self, pixels: Pixels) -> PixelScores:
        """Angle of each pixel to the mean, in radians."""
        lengths = np.linalg.norm(pixels, axis=1) * np.linalg.norm(self.mean)
        cosine = (pixels @ self.mean) / np.where(lengths > 0, lengths, 1.0)
        return np.arccos(np.clip(cosine, -1.0, 1.0))


@dataclass(frozen=True)
class MeanAngle(BackgroundDetector[Moments]):
    """Angle between a spectrum and the mean ``m`` of the scene: ``arccos(x . m / |x| |m|)``.

    References
    ----------
    F. A. Kruse et al., "The spectral image processing system (SIPS)", Remote Sens. Environ.
    44(2-3), 145-163, 1993. doi:10.1016/0034-4257(93)90013-N
    """

    reference: ClassVar[str] = "after Kruse et al. 1993, doi:10.1016/0034-4257(93)90013-N"
    cost: ClassVar[str] = "n b"
    unit: ClassVar[str] = "radians"

    def summarise(self, pixels: Pixels, index: Index) -> Moments:
        """Count, mean and scatter."""
        return Moments.of(pixels)

    def fit(self, summary: Moments, progress: Progress = silent) -> MeanSpectrum:
        """The mean alone."""
        return MeanSpectrum(summary.mean)
