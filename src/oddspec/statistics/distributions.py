"""What theory says of the scores of a background, where it says something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from scipy import special

from oddspec.errors import SettingError


@runtime_checkable
class ScoreDistribution(Protocol):
    """The distribution of the scores of background pixels."""

    def sf(self, scores: np.ndarray) -> np.ndarray:
        """Probability that a background pixel scores higher (the survival function).

        Accurate in relative terms far out in the tail; NaN where the score is NaN.
        """

    def isf(self, pfa: float) -> float:
        """The score that a background pixel exceeds with that probability."""


@dataclass(frozen=True)
class ChiSquareDistribution:
    """Squared Mahalanobis distances of Gaussian pixels when mean and covariance are known.

    Attributes
    ----------
    bands
        Number of bands, or the rank of the covariance.
    """

    bands: int

    def __post_init__(self) -> None:
        _whole_number("bands", self.bands, 1)

    def sf(self, scores: np.ndarray) -> np.ndarray:
        """Probability that a background pixel scores higher."""
        half = np.maximum(np.asarray(scores, dtype=np.float64), 0.0) / 2
        return np.asarray(special.gammaincc(self.bands / 2, half))

    def isf(self, pfa: float) -> float:
        """The score that a background pixel exceeds with that probability."""
        return float(2 * special.gammainccinv(self.bands / 2, pfa))


@dataclass(frozen=True)
class MahalanobisDistribution:
    r"""Squared Mahalanobis distances of Gaussian pixels from an estimated mean and covariance.

    With mean and covariance (divided by n - 1) of n pixels in r dimensions, the distance ``d`` of

    * one of those n pixels is bounded, since the pixel has pulled the mean and stretched the
      covariance: ``n d / (n - 1)^2 ~ Beta(r/2, (n - r - 1)/2)``;
    * another pixel of the same background (another scene, or a ring that leaves it out) has
      longer tails than chi-square: ``n (n - r) d / (r (n^2 - 1)) ~ F(r, n - r)``.

    Both tend to chi-square with r degrees of freedom as n grows.

    Attributes
    ----------
    bands
        Number of bands r; the rank of the covariance where that is lower.
    pixels
        Number n of pixels that the mean and covariance come from, more than ``bands + 1``.
    included
        True if the scored pixels are among those n.

    Raises
    ------
    SettingError
        If there are too few pixels for the distribution to exist.

    Notes
    -----
    The first follows from Wilks' theorem (leaving one pixel out divides the scatter's determinant
    by ``1 - n d / (n - 1)^2``, a Beta variable), the second is Hotelling's T-squared of the
    difference between a pixel and the mean, whose covariance is ``(1 + 1/n)`` times that of a
    pixel.

    References
    ----------
    R. Gnanadesikan and J. R. Kettenring, "Robust estimates, residuals, and outlier detection with
    multiresponse data", Biometrics 28(1), 81-124, 1972. doi:10.2307/2528963

    H. Hotelling, "The generalization of Student's ratio", Ann. Math. Statist. 2(3), 360-378,
    1931. doi:10.1214/aoms/1177732979
    """

    bands: int
    pixels: int
    included: bool = True

    def __post_init__(self) -> None:
        _whole_number("bands", self.bands, 1)
        _whole_number("pixels", self.pixels, 1)
        if self.pixels < self.bands + 2:
            raise SettingError(
                f"pixels={self.pixels}: the law of distances in {self.bands} dimensions needs at "
                f"least {self.bands + 2} pixels; use a threshold that asks for no theory"
            )

    def sf(self, scores: np.ndarray) -> np.ndarray:
        """Probability that a background pixel scores higher."""
        n, r = float(self.pixels), float(self.bands)
        distance = np.maximum(np.asarray(scores, dtype=np.float64), 0.0)
        if self.included:
            part = np.minimum(distance * (n / (n - 1) ** 2), 1.0)
            return np.asarray(special.betaincc(r / 2, (n - r - 1) / 2, part))
        # F(r, n - r) exceeds x with the probability that Beta(r/2, (n-r)/2) exceeds
        # r x / (r x + n - r); written in d, both factors r and n - r cancel.
        odds = distance * (n / (n**2 - 1))
        return np.asarray(special.betaincc(r / 2, (n - r) / 2, odds / (1 + odds)))

    def isf(self, pfa: float) -> float:
        """The score that a background pixel exceeds with that probability."""
        n, r = float(self.pixels), float(self.bands)
        if self.included:
            part = special.betainccinv(r / 2, (n - r - 1) / 2, pfa)
            return float(part * (n - 1) ** 2 / n)
        part = special.betainccinv(r / 2, (n - r) / 2, pfa)
        return float(part / (1 - part) * (n**2 - 1) / n)


def _whole_number(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise SettingError(f"{name}={value!r}: expected a whole number, at least {least}")
