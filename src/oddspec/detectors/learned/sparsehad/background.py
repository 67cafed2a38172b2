"""A background of spectra that networks have learnt to rebuild."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oddspec.arrays import Pixels, PixelScores, to_numpy
from oddspec.detector import Insight
from oddspec.detectors._sampled import losses_insight
from oddspec.detectors.learned.sparsehad.network import Rebuilder
from oddspec.networks.train import check_spread
from oddspec.statistics.gaussian import Gaussian, Health
from oddspec.statistics.scaling import Scaling
from oddspec.statistics.summary import Moments

__all__ = ["RebuiltBackground", "Search", "Trained"]


@dataclass(frozen=True)
class Search:
    """What the background search found.

    Attributes
    ----------
    distances
        Of every pixel of the sample to its nearest neighbour, sorted; values in 0..1.
    eps, share
        Largest distance of neighbours, and the share of the sample that is background with it.
    """

    distances: np.ndarray
    eps: float
    share: float


@dataclass(frozen=True)
class Trained:
    """What one training leaves.

    Attributes
    ----------
    rebuilder
        The networks.
    terms, losses
        See `oddspec.networks.train.Training`.
    """

    rebuilder: Rebuilder
    terms: tuple[str, ...]
    losses: np.ndarray


@dataclass(frozen=True)
class RebuiltBackground:
    """Fitted networks and the Gaussians of their differences; scores pixels where they are.

    Attributes
    ----------
    strategy
        original or latent, see `SparseHAD`.
    difference
        absolute or signed.
    scaling
        That the networks know.
    search
        What is background.
    runs
        One training or several.
    gaussians
        Of the differences that each run's networks make.
    """

    strategy: str
    difference: str
    scaling: Scaling
    search: Search
    runs: tuple[Trained, ...]
    gaussians: tuple[Gaussian, ...]

    @property
    def health(self) -> Health:
        """State of the covariance that the first run's distances are measured in."""
        return self.gaussians[0].health

    @classmethod
    def of(
        cls,
        strategy: str,
        difference: str,
        floor: float,
        scaling: Scaling,
        search: Search,
        runs: Sequence[Trained],
        pixels: Pixels,
    ) -> RebuiltBackground:
        """The one whose Gaussians have the mean and covariance of these pixels' differences.

        ``floor`` times their mean variance is added to every variance.

        Raises
        ------
        SettingError
            If the networks make no difference between the pixels.
        """
        gaussians = []
        for run in runs:
            changes = to_numpy(_changes(strategy, difference, scaling, run.rebuilder, pixels))
            check_spread(changes, "sparsehad", len(run.losses))
            moments = Moments.of(changes)
            size = len(moments.mean)
            raised = moments.scatter + floor * np.trace(moments.scatter) / size * np.eye(size)
            gaussians.append(Gaussian.of(Moments(moments.count, moments.mean, raised)))
        return cls(strategy, difference, scaling, search, tuple(runs), tuple(gaussians))

    def score(self, pixels: Pixels) -> PixelScores:
        """Squared Mahalanobis distance of each pixel's difference, its mean over the runs."""
        parts = (self.strategy, self.difference, self.scaling)
        every = zip(self.runs, self.gaussians, strict=True)
        total = sum(g.score(_changes(*parts, run.rebuilder, pixels)) for run, g in every)
        return total / len(self.runs)

    def insights(self) -> tuple[Insight, ...]:
        """The k-distance curve, the search's outcome; losses and patterns of the first run."""
        search, first = self.search, self.runs[0]
        patterns = first.rebuilder.decoder.weights[-1].astype(np.float64)
        return (
            Insight(
                "nearest_distances",
                "curve",
                search.distances,
                f"distance to the nearest pixel, sorted, of values in 0..1 (eps {search.eps:.3g})",
                axis="pixel of the sample",
            ),
            Insight(
                "background_search",
                "values",
                np.array([search.eps, search.share]),
                "largest distance of neighbours, and the share of the sample that is background",
                ("eps", "background share"),
            ),
            losses_insight(first.losses, first.terms),
            Insight("patterns", "spectra", patterns, "the decoder's output weights (no units)"),
        )


def _changes(
    strategy: str, difference: str, scaling: Scaling, rebuilder: Rebuilder, pixels: Pixels
) -> Any:
    return rebuilder.difference(
        scaling(pixels), latent=strategy == "latent", absolute=difference == "absolute"
    )
