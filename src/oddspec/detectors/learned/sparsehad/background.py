"""A fitted sparseHAD: networks that reconstruct the background, and how unusual a change is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oddspec.arrays import Pixels, PixelScores, to_numpy
from oddspec.detector import Insight
from oddspec.detectors._sampled import losses_insight
from oddspec.detectors.learned.sparsehad.background_search import Search
from oddspec.detectors.learned.sparsehad.network import SparseHADNetworks
from oddspec.networks.train import check_spread
from oddspec.statistics.gaussian import Gaussian, Health
from oddspec.statistics.scaling import Scaling
from oddspec.statistics.summary import Moments

SHOWN = 6
"""Categories whose sizes are told, and pixels whose spectra are shown beside their rebuilding."""


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

    rebuilder: SparseHADNetworks
    terms: tuple[str, ...]
    losses: np.ndarray


@dataclass(frozen=True)
class SparseHADBackground:
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
    rebuilt
        Pixels of the sample and what the first run rebuilds of them, ``(2, k, b)`` in the scene's
        units, the least unusual ones first; None in older models.
    """

    strategy: str
    difference: str
    scaling: Scaling
    search: Search
    runs: tuple[Trained, ...]
    gaussians: tuple[Gaussian, ...]
    rebuilt: np.ndarray | None = None

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
    ) -> SparseHADBackground:
        """The one whose Gaussians have the mean and covariance of these pixels' differences.

        ``floor`` times their mean variance is added to every variance.

        Raises
        ------
        SettingError
            If the networks make no difference between the pixels.
        """
        bare = cls(strategy, difference, scaling, search, tuple(runs), ())
        gaussians = []
        for run in runs:
            changes = to_numpy(bare._changes(run, pixels))
            check_spread(changes, "sparsehad", len(run.losses))
            gaussians.append(Gaussian.of(Moments.of(changes), ridge=floor or None))
        fitted = replace(bare, gaussians=tuple(gaussians))
        return replace(fitted, rebuilt=fitted._rebuilt(pixels))

    def _rebuilt(self, pixels: Pixels) -> np.ndarray:
        """Pixels whose scores stand evenly from the lowest to the highest, and their rebuilding."""
        order = np.argsort(to_numpy(self.score(pixels)), kind="stable")
        shown = order[np.unique(np.linspace(0, len(order) - 1, SHOWN).astype(np.intp))]
        spectra = to_numpy(pixels[shown]).astype(np.float64)
        again = self.runs[0].rebuilder.rebuild(self.scaling(spectra))
        return np.stack([spectra, self.scaling.inverse(again)])

    def score(self, pixels: Pixels) -> PixelScores:
        """Squared Mahalanobis distance of each pixel's difference, its mean over the runs."""
        every = zip(self.runs, self.gaussians, strict=True)
        total = sum(gaussian.score(self._changes(run, pixels)) for run, gaussian in every)
        return total / len(self.runs)

    def _changes(self, run: Trained, pixels: Pixels) -> Any:
        latent, absolute = self.strategy == "latent", self.difference == "absolute"
        return run.rebuilder.difference(self.scaling(pixels), latent=latent, absolute=absolute)

    def insights(self) -> tuple[Insight, ...]:
        """The k-distance curve, the search's outcome; losses and patterns of the first run."""
        search, first = self.search, self.runs[0]
        patterns = first.rebuilder.decoder.weights[-1].astype(np.float64)
        return (
            *self._categories(),
            *self._reconstructions(),
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

    def _categories(self) -> tuple[Insight, ...]:
        """Sizes of the largest categories of eq. 2."""
        sizes = self.search.sizes
        if sizes is None:
            return ()
        label = f"pixels of the sample in its largest categories, of {len(sizes)} in all"
        names = ("background", *(f"category {k}" for k in range(1, min(len(sizes), SHOWN))))
        return (Insight("categories", "values", sizes[:SHOWN], label, names),)

    def _reconstructions(self) -> tuple[Insight, ...]:
        """Original and reconstructed spectra, with the angle between them."""
        if self.rebuilt is None:
            return ()
        originals, rebuilt = self.rebuilt
        names = [f"pixel {k + 1}" for k in range(len(originals))]
        names += [
            f"{name} rebuilt, {angle:.1f}°"
            for name, angle in zip(names, angles(originals, rebuilt), strict=True)
        ]
        label = (
            "pixels of the sample from the least to the most unusual, and what the first run "
            "rebuilds of them, with the angle between both, in the scene's units"
        )
        spectra = np.concatenate([originals, rebuilt])
        return (Insight("reconstructions", "spectra", spectra, label, tuple(names)),)


def angles(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Between the rows of A and B, in degrees; 0 where one of them is zero."""
    lengths = np.linalg.norm(A, axis=1) * np.linalg.norm(B, axis=1)
    cosines = np.vecdot(A, B) / np.where(lengths > 0, lengths, 1)
    return np.degrees(np.arccos(np.clip(np.where(lengths > 0, cosines, 1), -1, 1)))
