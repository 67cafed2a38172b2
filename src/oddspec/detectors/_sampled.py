"""Detectors that learn from a random sample of the pixels, so that a scene may be of any size."""

from __future__ import annotations

from abc import ABC

import numpy as np

from oddspec.arrays import Index, Pixels
from oddspec.detector import BackgroundDetector, Insight
from oddspec.statistics.summary import Sample

TRAINING = 100_000_000
"""Bytes that PyTorch takes with the first training: buffers of its threads and of its products."""


def losses_insight(losses: np.ndarray, terms: tuple[str, ...], each: str = "epoch") -> Insight:
    """The loss's terms in each epoch (or step), as `oddspec.networks.train.Training` has them."""
    return Insight("losses", "curve", losses, f"terms of the loss in each {each}", terms, each)


class SampleDetector(BackgroundDetector[Sample], ABC):
    """Fit to a sample; a subclass has these two settings among its own.

    Parameters
    ----------
    sample
        Most pixels that are learnt from; a scene with no more is learnt from whole.
    seed
        Of the sample, and of whatever else is drawn: networks, batches, noise.
    """

    sample: int
    seed: int

    def summarise(self, pixels: Pixels, index: Index) -> Sample:
        """Pixels to learn from."""
        return Sample.of(pixels, index, size=self.sample, seed=self.seed)

    def summary_bytes(self, bands: int) -> int:
        """Size of the largest sample."""
        return 8 * bands * self.sample

    def fit_bytes(self, bands: int) -> int:
        """PyTorch's own, and the sample scaled, in the network's numbers, and what it makes of it.

        By measurement; a subclass adds what else it takes.
        """
        return TRAINING + 2 * self.summary_bytes(bands)
