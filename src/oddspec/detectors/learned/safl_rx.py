"""SAFL-RX: RX of the features that an adversarial autoencoder of spectra has learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oddspec.arrays import Pixels, PixelScores
from oddspec.detector import Insight
from oddspec.detectors.learned._adversarial import Adversarial, AdversarialAutoencoder
from oddspec.progress import Progress, silent
from oddspec.statistics.gaussian import Gaussian, Health
from oddspec.statistics.summary import Moments, Sample


@dataclass(frozen=True)
class SAFLRX(Adversarial):
    r"""Squared Mahalanobis distance of a spectrum's code among the codes of the scene.

    An encoder E (b - 400 - 400 - latent) and a decoder D are trained on all spectra, scaled to
    -1..1, to lower::

        mean ||x - x^||^2  +  angle_weight mean (1 - cos(x, x^)),      x^ = D(E(x))

    while a discriminator learns to tell codes from draws of N(0, I), and E to deceive it. With mean
    m and covariance C of the codes z = E(x) the score is ``(z - m) C^{-1} (z - m)^T``.

    Settings of the network are explained at `Adversarial`.

    Notes
    -----
    * "SAFL-RX" is how sparseHAD's authors name the features of [1] with RX as the detector. [1]
      itself goes on by attribute filters and a suppression of the background, which are left out.
    * No text of [1] was at hand: the network is the reading that `aae` describes (inferred), with
      the same settings for what is known of the group's code.
    * Were E linear and without loss, the scores would be those of RX; were it the projection on
      the leading principal components, those of `pca_rx`.
    * A scene larger than the sample is scored with networks, mean and covariance of the sample.

    References
    ----------
    [1] W. Xie, B. Liu, Y. Li, J. Lei, C.-I. Chang and G. He, "Spectral adversarial feature learning
    for anomaly detection in hyperspectral imagery", IEEE Trans. Geosci. Remote Sens. 58(4),
    2352-2365, 2020. doi:10.1109/TGRS.2019.2948177
    """

    reference: ClassVar[str] = "Xie et al. 2020, doi:10.1109/TGRS.2019.2948177"
    cost: ClassVar[str] = "18 steps batch hidden (b + hidden + critic) + 2 n b hidden"
    unit: ClassVar[str] = "squared Mahalanobis distance"
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    def fit(self, summary: Sample, progress: Progress = silent) -> SAFLRXBackground:
        """Train on the sample, and fit a Gaussian to its codes."""
        fitted, codes = self.autoencoder(summary, progress)
        return SAFLRXBackground(fitted, Gaussian.of(Moments.of(codes)))


@dataclass(frozen=True)
class SAFLRXBackground:
    """A fitted SAFL-RX: the networks, and the Gaussian of the codes."""

    fitted: AdversarialAutoencoder
    gaussian: Gaussian

    @property
    def health(self) -> Health:
        """State of the covariance that distances are measured in."""
        return self.gaussian.health

    def score(self, pixels: Pixels) -> PixelScores:
        """Squared Mahalanobis distance of each pixel's code."""
        return self.gaussian.score(self.fitted.codes(pixels))

    def insights(self) -> tuple[Insight, ...]:
        """Those of the networks."""
        return self.fitted.insights()
