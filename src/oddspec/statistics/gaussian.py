"""Gaussian backgrounds: whitening that survives singular covariances, Mahalanobis distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from scipy import linalg

from oddspec.arrays import Pixels, PixelScores, to_numpy
from oddspec.errors import InputError
from oddspec.statistics.blas import multiply_by_upper
from oddspec.statistics.summary import Moments, enough
from oddspec.threshold.distributions import MahalanobisDistribution

__all__ = ["Gaussian", "Health"]

RANK_TOLERANCE = 1e-12
"""Eigenvalues of the correlation matrix below this fraction of the largest count as zero.

Benchmark scenes of full rank reach 6e-8 to 1e-10; collinear bands in float64 leave 1e-16, and in
float32 about 1e-14, so the gap on either side is wide.
"""


@dataclass(frozen=True)
class Health:
    """What state a covariance was in, and what was done about it."""

    bands: int
    rank: int
    constant_bands: int
    condition: float
    """Largest over smallest eigenvalue that counts as not zero, of the correlation matrix."""
    samples_per_band: float

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user; empty where all is well."""
        notes = []
        if self.constant_bands:
            notes.append(f"{self.constant_bands} of {self.bands} bands are constant and left out")
        if self.rank < self.bands - self.constant_bands:
            notes.append(
                f"the covariance has rank {self.rank} in {self.bands} bands: scores are measured "
                f"within that subspace"
            )
        if self.samples_per_band < 10:
            notes.append(
                f"only {self.samples_per_band:.2g} pixels per band: the covariance is poorly "
                f"known (10 or more are advisable); leave out bands or use pca_rx"
            )
        return tuple(notes)


@dataclass(frozen=True)
class Gaussian:
    """A multivariate normal background: ``score = ||(x - mean) whitening||^2``.

    Attributes
    ----------
    mean
        Of the pixels, one value per band.
    whitening
        ``(b, rank)``; ``whitening @ whitening.T`` is the (pseudo-)inverse of the covariance.
        Upper triangular where the covariance has full rank, which halves the operations.
    count
        Number of pixels that the model was fitted to.
    health
        State of the covariance.
    """

    mean: np.ndarray
    whitening: np.ndarray
    count: int
    health: Health

    @classmethod
    def of(cls, moments: Moments, components: int | None = None) -> Gaussian:
        """Fit to moments, in the subspace that the data span.

        Rank is judged on the correlation matrix, so bands may differ in units. Directions without
        variance are left out: the distance is measured within the subspace that remains, as the
        Moore-Penrose inverse does, but with a documented tolerance.

        Parameters
        ----------
        moments
            Of at least two pixels that differ.
        components
            Keep only this many leading principal components of the *covariance*; None keeps all.

        Raises
        ------
        InputError
            If the pixels do not vary at all.
        """
        mean = to_numpy(moments.mean)
        enough(moments.count)
        covariance = to_numpy(moments.covariance)
        deviation = np.sqrt(np.diag(covariance))
        # A constant band keeps a rounding error of about 1e-16 of its value.
        varies = deviation > 1e-13 * np.abs(mean)
        if not varies.any():
            raise InputError("all valid pixels are equal: there is no background to compare with")
        unit = np.where(varies, 1.0 / np.where(varies, deviation, 1.0), 0.0)
        correlation = covariance * unit[:, None] * unit[None, :]
        values, vectors = linalg.eigh(correlation)
        significant = values > RANK_TOLERANCE * values[-1]
        health = Health(
            bands=len(mean),
            rank=int(significant.sum()),
            constant_bands=int((~varies).sum()),
            condition=float(values[-1] / values[significant][0]),
            samples_per_band=moments.count / len(mean),
        )
        if components is not None and components < health.rank:
            whitening = _leading(covariance, components)
        elif health.rank == len(mean):
            lower = linalg.cholesky(correlation, lower=True)
            whitening = (
                unit[:, None] * linalg.solve_triangular(lower, np.eye(len(mean)), lower=True).T
            )
        else:
            whitening = unit[:, None] * (vectors[:, significant] / np.sqrt(values[significant]))
        return cls(mean, whitening, moments.count, health)

    def score(self, pixels: Pixels) -> PixelScores:
        """Squared Mahalanobis distance of each row of ``pixels``."""
        if not isinstance(pixels, np.ndarray):
            return self._score_on_device(pixels)
        white = pixels - self.mean
        if self._triangular:
            multiply_by_upper(white, self.whitening)
        else:
            white = white @ self.whitening
        return np.asarray(np.vecdot(white, white))

    @property
    def _triangular(self) -> bool:
        return self.health.rank == self.whitening.shape[0] == self.whitening.shape[1]

    def _score_on_device(self, pixels: Any) -> Any:
        xp = array_namespace(pixels)
        where = device(pixels)
        white = (pixels - xp.asarray(self.mean, device=where)) @ xp.asarray(
            self.whitening, device=where
        )
        return xp.sum(white * white, axis=1)

    def distribution(self) -> MahalanobisDistribution | None:
        """How scores of the fitted pixels are distributed if they are Gaussian.

        None where there are too few pixels for such a distribution.
        """
        rank = self.whitening.shape[1]
        return MahalanobisDistribution(rank, self.count) if self.count > rank + 1 else None


def _leading(covariance: np.ndarray, components: int) -> np.ndarray:
    count = len(covariance)
    values, vectors = linalg.eigh(covariance, subset_by_index=[count - components, count - 1])
    return np.asarray(vectors / np.sqrt(values))
