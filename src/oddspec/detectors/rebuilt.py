"""A background of spectra that networks have learnt to rebuild."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oddspec.arrays import Pixels, PixelScores
from oddspec.detector import Insight
from oddspec.device import to_numpy
from oddspec.learning.rebuilder import Rebuilder
from oddspec.learning.train import check_spread
from oddspec.linalg import Gaussian
from oddspec.scaling import Scaling
from oddspec.summary import Moments

__all__ = ["Learnt", "RebuiltBackground"]


@dataclass(frozen=True)
class Learnt:
    """How the search and the training went.

    Attributes
    ----------
    distances
        Of every pixel of the sample to its nearest neighbour, sorted; values in 0..1.
    eps, share
        Largest distance of neighbours, and the share of the sample that is background with it.
    terms, losses
        See `oddspec.learning.train.Training`.
    """

    distances: np.ndarray
    eps: float
    share: float
    terms: tuple[str, ...]
    losses: np.ndarray


@dataclass(frozen=True)
class RebuiltBackground:
    """Fitted networks and the Gaussian of their differences; scores pixels where they are.

    Attributes
    ----------
    strategy
        original or latent, see `oddspec.detectors.learned.sparsehad.SparseHAD`.
    difference
        absolute or signed.
    scaling
        That the networks know.
    rebuilder
        The networks.
    gaussian
        Of the differences.
    learnt
        How they came about.
    """

    strategy: str
    difference: str
    scaling: Scaling
    rebuilder: Rebuilder
    gaussian: Gaussian
    learnt: Learnt

    @classmethod
    def of(
        cls,
        strategy: str,
        difference: str,
        floor: float,
        scaling: Scaling,
        rebuilder: Rebuilder,
        pixels: Pixels,
        learnt: Learnt,
    ) -> RebuiltBackground:
        """The one whose Gaussian has the mean and covariance of these pixels' differences.

        ``floor`` times their mean variance is added to every variance.

        Raises
        ------
        SettingError
            If the networks make no difference between the pixels.
        """
        changes = to_numpy(_changes(strategy, difference, scaling, rebuilder, pixels))
        check_spread(changes, "sparsehad", len(learnt.losses))
        moments = Moments.of(changes)
        size = len(moments.mean)
        raised = moments.scatter + floor * np.trace(moments.scatter) / size * np.eye(size)
        gaussian = Gaussian.of(Moments(moments.count, moments.mean, raised))
        return cls(strategy, difference, scaling, rebuilder, gaussian, learnt)

    def score(self, pixels: Pixels) -> PixelScores:
        """Squared Mahalanobis distance of each pixel's difference."""
        parts = (self.strategy, self.difference, self.scaling, self.rebuilder)
        return self.gaussian.score(_changes(*parts, pixels))

    def insights(self) -> tuple[Insight, ...]:
        """The k-distance curve, the search's outcome, losses, and the decoder's patterns."""
        learnt = self.learnt
        patterns = self.rebuilder.decoder.weights[-1].astype(np.float64)
        return (
            Insight(
                "nearest_distances",
                "curve",
                learnt.distances,
                f"distance to the nearest pixel, sorted, of values in 0..1 (eps {learnt.eps:.3g})",
                axis="pixel of the sample",
            ),
            Insight(
                "background_search",
                "values",
                np.array([learnt.eps, learnt.share]),
                "largest distance of neighbours, and the share of the sample that is background",
                ("eps", "background share"),
            ),
            Insight(
                "losses",
                "curve",
                learnt.losses,
                "terms of the loss in each epoch",
                learnt.terms,
                "epoch",
            ),
            Insight("patterns", "spectra", patterns, "the decoder's output weights (no units)"),
        )


def _changes(
    strategy: str, difference: str, scaling: Scaling, rebuilder: Rebuilder, pixels: Pixels
) -> Any:
    return rebuilder.difference(
        scaling(pixels), latent=strategy == "latent", absolute=difference == "absolute"
    )
