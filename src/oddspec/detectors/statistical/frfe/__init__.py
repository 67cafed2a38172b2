"""FrFE: RX of the moduli of a fractional Fourier transform, its order chosen by entropy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as device_of
from jaxtyping import Float

from oddspec.arrays import Index, Pixels, PixelScores, to_numpy
from oddspec.detector import BackgroundDetector, Insight
from oddspec.detectors.statistical.frfe.fractional_fourier import fractional_fourier
from oddspec.errors import SettingError
from oddspec.progress import Progress, silent
from oddspec.settings import at_least
from oddspec.statistics.gaussian import Gaussian, Health
from oddspec.statistics.summary import Moments, Sample

ORDERS = np.arange(11) / 10
"""Orders that one is chosen from."""

BINS = 256
"""Of the histograms that entropies are taken from."""

BLOCK = 8192
"""Pixels that are transformed at a time."""


@dataclass(frozen=True)
class FrFE(BackgroundDetector[Moments | Sample]):
    r"""RX in a domain between spectrum and frequency.

    With the discrete fractional Fourier transform ``F_a`` (order 0: the spectrum itself, 1: its
    Fourier transform), every spectrum becomes ``y = |F_a x|``, and with mean m and covariance C of
    all y::

        score(x) = (y - m) C^{-1} (y - m)^T

    Of the orders 0, 0.1, ..., 1 that one is taken in which some band's values have the largest
    Shannon entropy, in a histogram of 256 bins over the band's range.

    Parameters
    ----------
    order
        The order a; None chooses it by entropy.
    match_official
        Do as the authors' code does, see Notes.
    sample
        Most pixels for choosing the order, mean and covariance; a scene with no more is used
        whole. With a given order all pixels are used.
    seed
        Of the sample.

    Notes
    -----
    * The authors' code scales by the maximum and standardises the cube by one mean and deviation;
      RX and an entropy over the range of values do not see either.
    * With ``match_official``: the order used is the chosen one plus 0.1, since the code's index
      starts from 1; values are standardised and clipped to 0..1 before the entropy is taken, so
      that all below the mean are one bin; and the eigenvectors belong to a coarser approximation of
      the Hermite operator (``2 (k!)^2 / (2k)!`` for ``2 ((k-1)!)^2 / (2k)!``). A second transform
      among the authors' files has the right one.
    * With ``order=0`` and no negative values, scores are those of RX.
    * Orders 1 + t and 1 - t give the same scores, up to rounding.

    References
    ----------
    R. Tao, X. Zhao, W. Li, H.-C. Li and Q. Du, "Hyperspectral anomaly detection by fractional
    Fourier entropy", IEEE J. Sel. Top. Appl. Earth Obs. Remote Sens. 12(12), 4920-4929, 2019.
    doi:10.1109/JSTARS.2019.2940278
    """

    order: float | None = None
    match_official: bool = False
    sample: int = 30000
    seed: int = 0

    reference: ClassVar[str] = "Tao et al. 2019, doi:10.1109/JSTARS.2019.2940278"
    cost: ClassVar[str] = "22 sample b^2 + 3 n b^2"
    unit: ClassVar[str] = "squared Mahalanobis distance"
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    def __post_init__(self) -> None:
        if self.order is not None and not np.isfinite(self.order):
            raise SettingError(f"order={self.order}: expected a finite number, usually 0 to 1")
        at_least(self, 100, "sample")
        at_least(self, 0, "seed")

    def summarise(self, pixels: Pixels, index: Index) -> Moments | Sample:
        """Moments of the moduli with a given order, otherwise pixels to choose it by."""
        if self.order is None:
            return Sample.of(pixels, index, size=self.sample, seed=self.seed)
        return Moments.of(_modulus(pixels, *self._transform(pixels.shape[1], self.order)))

    def summary_bytes(self, bands: int) -> int:
        """Size of the largest summary."""
        return 8 * bands * (self.sample if self.order is None else bands + 1)

    def fit(self, summary: Moments | Sample, progress: Progress = silent) -> FrFEBackground:
        """The transform of the order given or chosen, and the Gaussian of its moduli."""
        if self.order is not None:
            assert isinstance(summary, Moments)
            transform = self._transform(len(to_numpy(summary.mean)), self.order)
            return FrFEBackground(self.order, *transform, Gaussian.of(summary), np.zeros(0))
        assert isinstance(summary, Sample)
        pixels = summary.pixels
        entropies = self._entropies(pixels, progress)
        order = (int(entropies.argmax()) + self.match_official) / 10
        transform = self._transform(pixels.shape[1], order)
        gaussian = Gaussian.of(Moments.of(_modulus(pixels, *transform)))
        return FrFEBackground(order, *transform, gaussian, entropies)

    def _transform(self, bands: int, order: float) -> tuple[np.ndarray, np.ndarray]:
        matrix = fractional_fourier(bands, order, coarse=self.match_official)
        return matrix.real.copy(), matrix.imag.copy()

    def _entropies(self, pixels: Pixels, progress: Progress) -> Float[np.ndarray, " orders"]:
        """The largest band entropy at each order, in bits."""
        entropy = _clipped_entropy if self.match_official else _range_entropy
        found = np.zeros(len(ORDERS))
        for i, order in enumerate(ORDERS):
            progress(i, len(ORDERS), "choosing the order")
            moduli = _modulus(pixels, *self._transform(pixels.shape[1], float(order)))
            found[i] = entropy(to_numpy(moduli)).max()
        return found


@dataclass(frozen=True)
class FrFEBackground:
    """A fitted FrFE.

    Attributes
    ----------
    order
        Of the transform.
    real, imaginary
        Parts of its matrix, ``(b, b)``.
    gaussian
        Of the moduli.
    entropies
        Largest band entropy at each order in bits; empty where the order was given.
    """

    order: float
    real: np.ndarray
    imaginary: np.ndarray
    gaussian: Gaussian
    entropies: np.ndarray

    @property
    def health(self) -> Health:
        """State of the covariance that distances are measured in."""
        return self.gaussian.health

    def score(self, pixels: Pixels) -> PixelScores:
        """Squared Mahalanobis distance of each pixel's moduli."""
        return self.gaussian.score(_modulus(pixels, self.real, self.imaginary))

    def insights(self) -> tuple[Insight, ...]:
        """The order, and the entropies that it was chosen by."""
        order = Insight("order", "values", np.array([self.order]), "order of the transform", ("a",))
        if not self.entropies.size:
            return (order,)
        names = tuple(f"{a:.1f}" for a in ORDERS)
        label = "largest entropy of a band at each order, in bits"
        return order, Insight("entropies", "values", self.entropies, label, names)


def _modulus(pixels: Pixels, real: np.ndarray, imaginary: np.ndarray) -> Pixels:
    """``|F x|`` of each row; F is symmetric."""
    xp, where = array_namespace(pixels), device_of(pixels)
    parts = [xp.asarray(part, device=where, dtype=pixels.dtype) for part in (real, imaginary)]
    blocks = []
    for start in range(0, pixels.shape[0], BLOCK):
        some = pixels[start : start + BLOCK]
        blocks.append(xp.sqrt((some @ parts[0]) ** 2 + (some @ parts[1]) ** 2))
    return xp.concat(blocks, axis=0)


def _range_entropy(values: np.ndarray) -> Float[np.ndarray, " b"]:
    """Shannon entropy in bits of each column, in 256 bins over its range."""
    least = values.min(axis=0)
    spread = values.max(axis=0) - least
    return _entropy((values - least) / np.where(spread > 0, spread, 1.0) * BINS)


def _clipped_entropy(values: np.ndarray) -> Float[np.ndarray, " b"]:
    """The same of standardised values, clipped to 0..1 and rounded to 8 bits."""
    standard = (values - values.mean()) / values.std()
    return _entropy(np.clip(standard, 0.0, 1.0) * (BINS - 1) + 0.5)


def _entropy(positions: np.ndarray) -> Float[np.ndarray, " b"]:
    """Shannon entropy in bits of each column of positions, whose whole parts are bins."""
    bands = positions.shape[1]
    # Every band has bins of its own in one long histogram; the largest value joins the last bin.
    bins = np.minimum(positions.astype(np.int64), BINS - 1) + BINS * np.arange(bands)
    counts = np.bincount(bins.ravel(), minlength=BINS * bands).reshape(bands, BINS)
    shares = counts / len(positions)
    return -np.sum(shares * np.log2(np.where(shares > 0, shares, 1.0)), axis=1)
