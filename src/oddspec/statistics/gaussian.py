"""Gaussian backgrounds: whitening that survives singular covariances, Mahalanobis distances."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace, device
from scipy import linalg

from oddspec.arrays import Pixels, PixelScores, to_numpy
from oddspec.errors import DataWarning, InputError
from oddspec.statistics.blas import multiply_by_upper
from oddspec.statistics.distributions import MahalanobisDistribution
from oddspec.statistics.summary import CONSTANT, Moments, enough

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
    shrinkage: float = 0.0
    """How far the correlation matrix was moved towards the identity, from 0 to 1."""

    @classmethod
    def of(cls, moments: Moments) -> Health:
        """The state of these moments' covariance, with nothing done about it.

        Raises
        ------
        InputError
            If there are fewer than two pixels, or they do not vary at all.
        """
        return _Correlation.of(moments).health

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user; empty where all is well."""
        notes = []
        pixels = round(self.samples_per_band * self.bands)
        if self.constant_bands:
            notes.append(f"{self.constant_bands} of {self.bands} bands are constant and left out")
        if self.rank == pixels - 1:
            done = f"; {self.shrunk}" if self.shrinkage else ""
            notes.append(
                f"{pixels} pixels span {self.rank} directions, in which all of them lie equally "
                f"far from their mean{done}"
            )
        elif self.rank < self.bands - self.constant_bands:
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

    @property
    def shrunk(self) -> str:
        """That and how far the correlation matrix was shrunk."""
        return (
            f"the correlation matrix was shrunk towards the identity by {self.shrinkage:.2g} (OAS)"
        )


class _Correlation(NamedTuple):
    """The correlation matrix of some moments, and its eigenvalues."""

    matrix: np.ndarray
    unit: np.ndarray
    """One over the standard deviation of each band; 0 for a constant one."""
    values: np.ndarray
    vectors: np.ndarray
    kept: np.ndarray
    """Which eigenvalues count as more than zero."""
    health: Health

    @classmethod
    def of(cls, moments: Moments) -> _Correlation:
        enough(moments.count)
        mean, covariance = to_numpy(moments.mean), to_numpy(moments.covariance)
        deviation = np.sqrt(np.diag(covariance))
        varies = deviation > CONSTANT * np.abs(mean)
        if not varies.any():
            raise InputError("all valid pixels are equal: there is no background to compare with")
        unit = np.where(varies, 1.0 / np.where(varies, deviation, 1.0), 0.0)
        matrix = covariance * unit[:, None] * unit[None, :]
        values, vectors = linalg.eigh(matrix)
        kept = values > RANK_TOLERANCE * values[-1]
        health = Health(
            bands=len(mean),
            rank=int(kept.sum()),
            constant_bands=int((~varies).sum()),
            condition=float(values[-1] / values[kept][0]),
            samples_per_band=moments.count / len(mean),
        )
        return cls(matrix, unit, values, vectors, kept, health)

    def shrinkage(self, count: int) -> float:
        """How far to shrink by the rule OAS (Chen et al. 2010, eq. 23), from 0 to 1.

        Their covariance is about a known mean; about the mean of ``count`` pixels it is
        distributed as that of one pixel fewer. That correlations are shrunk instead of
        covariances is ours: then nothing depends on the units of single bands.
        """
        p = self.health.bands - self.health.constant_bands
        squares, n = float(self.values @ self.values), count - 1
        wanted = (1 - 2 / p) * squares + p * p
        known = (n + 1 - 2 / p) * (squares - p)
        return 1.0 if known <= wanted else wanted / known


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
    def of(
        cls, moments: Moments, components: int | None = None, ridge: float | None = None
    ) -> Gaussian:
        """Fit to moments, in the subspace that the data span.

        Rank is judged on the correlation matrix, so bands may differ in units. Directions without
        variance are left out: the distance is measured within the subspace that remains, as the
        Moore-Penrose inverse does, but with a documented tolerance. No more pixels than the rank
        and one all have the same distance then; of these the correlation matrix is shrunk towards
        the identity (`docs/decisions/0004-singular-covariances.md`).

        Parameters
        ----------
        moments
            Of at least two pixels that differ.
        components
            Keep only this many leading principal components of the *covariance*; None keeps all.
        ridge
            Added to the variances, as a fraction of their mean, in place of shrinking; 0 takes the
            moments as they are, which is right where other pixels are scored than these.

        Raises
        ------
        InputError
            If the pixels do not vary at all.

        Warns
        -----
        DataWarning
            If the correlation matrix was shrunk.

        References
        ----------
        Y. Chen, A. Wiesel, Y. C. Eldar and A. O. Hero, "Shrinkage algorithms for MMSE covariance
        estimation", IEEE Trans. Signal Process. 58(10), 5016-5029, 2010.
        doi:10.1109/TSP.2010.2053029
        """
        if ridge:
            moments = _raised(moments, ridge)
        found = _Correlation.of(moments)
        health, unit = found.health, found.unit
        count, bands = moments.count, health.bands
        if components is not None and components < health.rank:
            whitening = _leading(to_numpy(moments.covariance), components)
        elif ridge is None and count <= health.rank + 1:
            health = replace(health, shrinkage=found.shrinkage(count))
            whitening = unit[:, None] * _shrunk(found.values, found.vectors, health.shrinkage)
            _warn_of_shrinking(count, health)
        elif health.rank == bands:
            lower = linalg.cholesky(found.matrix, lower=True)
            whitening = unit[:, None] * linalg.solve_triangular(lower, np.eye(bands), lower=True).T
        else:
            whitening = unit[:, None] * (
                found.vectors[:, found.kept] / np.sqrt(found.values[found.kept])
            )
        return cls(to_numpy(moments.mean), whitening, count, health)

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
        full = self.health.rank == self.whitening.shape[0] == self.whitening.shape[1]
        return full and not self.health.shrinkage

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


def _shrunk(values: np.ndarray, vectors: np.ndarray, amount: float) -> np.ndarray:
    """Whitening of the correlation matrix ``(1 - amount) R + amount I``."""
    return np.asarray(vectors / np.sqrt((1.0 - amount) * values + amount))


def _raised(moments: Moments, ridge: float) -> Moments:
    size = len(moments.mean)
    level = ridge * np.trace(moments.scatter) / size
    return replace(moments, scatter=moments.scatter + level * np.eye(size))


def _warn_of_shrinking(count: int, health: Health) -> None:
    warnings.warn(
        f"{count} pixels in {health.bands} bands span {health.rank} directions, in which all of "
        f"them lie equally far from their mean: {health.shrunk}; more pixels or fewer bands tell "
        f"more",
        DataWarning,
        stacklevel=3,
    )
