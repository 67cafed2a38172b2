"""AAE: how badly an adversarial autoencoder of the scene's spectra reconstructs one of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as device_of
from jaxtyping import Float

from oddspec.arrays import Pixels, PixelScores
from oddspec.detector import Insight
from oddspec.detectors.learned._adversarial import Adversarial, AdversarialAutoencoder
from oddspec.progress import Progress, silent
from oddspec.statistics.summary import Sample

MOST = 4
"""Suppressions of the background."""


@dataclass(frozen=True)
class AAE(Adversarial):
    r"""What an autoencoder whose codes are normally distributed does not reconstruct of a spectrum.

    An encoder E (b - 400 - 400 - latent) and a decoder D are trained on all spectra, scaled to
    -1..1, to lower::

        mean ||x - x^||^2  +  angle_weight mean (1 - cos(x, x^)),      x^ = D(E(x))

    while a discriminator learns to tell codes from draws of N(0, I), and E to deceive it. The score
    is ``||x - x^||``.

    Settings of the network are explained at `Adversarial`.

    Parameters
    ----------
    score
        residual: as above; fused: features are fused instead, see Notes.

    Notes
    -----
    * No text of [1] was at hand, only its abstract: an adversarial autoencoder with the spectral
      angle in its loss, whose hidden nodes are fused by weights of their own, and a second layer
      that suppresses the background. All numbers are readings (inferred): widths, rates and
      steps are those of another method's code by the same group, 20 latent units are usual in its
      papers. That code's ``critic=1000, batch=0, patience=0`` costs 15 times as much as the
      defaults on 10000 pixels.
    * The anomalies are learnt from, too, so the errors tell them from the background only while
      the training is short: ten times the learning rate is worse by far.
    * ``score=fused`` reads the rest: of each feature the distance from its mean, scaled to 0..1,
      weighted by its contrast (largest less mean, over the deviation); their sum y is suppressed
      as ``y (1 - exp(-10 y))``, at most four times. That changes no ranking, being monotone.
    * LREN's authors list "AAE (Xie et al. 2020)", which is SAFL in their bibliography, sparseHAD's
      list 2019; neither gives settings.
    * The group's code scales what it trains on to 0..2 and what it tests on to -1..1, and draws as
      many rows from the prior as there are bands; neither is followed.

    References
    ----------
    [1] W. Xie, J. Lei, B. Liu, Y. Li and X. Jia, "Spectral constraint adversarial autoencoders
    approach to feature representation in hyperspectral anomaly detection", Neural Networks 119,
    222-234, 2019. doi:10.1016/j.neunet.2019.08.012
    """

    score: Literal["residual", "fused"] = "residual"

    reference: ClassVar[str] = "Xie et al. 2019, doi:10.1016/j.neunet.2019.08.012"
    cost: ClassVar[str] = "18 steps batch hidden (b + hidden + critic) + 4 n b hidden"
    unit: ClassVar[str] = "length of the reconstruction error, scaled"
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    @property
    def score_unit(self) -> str:
        """By the chosen score."""
        return "fused features" if self.score == "fused" else self.unit

    def fit(self, summary: Sample, progress: Progress = silent) -> AAEBackground:
        """Train on the sample; with ``fused``, weigh the features by it."""
        fitted, codes = self.autoencoder(summary, progress)
        return AAEBackground(fitted, Fusion.of(codes) if self.score == "fused" else None)


@dataclass(frozen=True)
class Fusion:
    """How features become one map.

    Attributes
    ----------
    mean, scale
        Of each feature: its mean and the largest distance from it.
    weights
        Of each feature; their sum is 1.
    times
        How often the background is suppressed.
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    times: int

    @classmethod
    def of(cls, codes: Float[np.ndarray, "n l"]) -> Fusion:
        """Weights by the features' contrast in these pixels."""
        mean = codes.mean(axis=0)
        apart = np.abs(codes - mean)
        scale = apart.max(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        images = apart / scale
        deviation = images.std(axis=0)
        contrast = np.where(deviation > 0, images.max(axis=0) - images.mean(axis=0), 0.0)
        contrast /= np.where(deviation > 0, deviation, 1.0)
        fusion = cls(mean, scale, contrast / contrast.sum(), times=0)
        return replace(fusion, times=_times(fusion(codes)))

    def __call__(self, codes: Any) -> Any:
        """The fused map's value at each pixel."""
        xp, where = array_namespace(codes), device_of(codes)
        mean, scale, weights = (
            xp.asarray(a, device=where) for a in (self.mean, self.scale, self.weights)
        )
        fused = xp.abs(codes - mean) / scale @ weights
        for _ in range(self.times):
            fused = suppress(fused)
        return fused


@dataclass(frozen=True)
class AAEBackground:
    """A fitted AAE: the networks, and how features are fused if that is the score."""

    fitted: AdversarialAutoencoder
    fusion: Fusion | None

    def score(self, pixels: Pixels) -> PixelScores:
        """Length of each pixel's error, scaled; or its value in the fused map."""
        if self.fusion is not None:
            return self.fusion(self.fitted.codes(pixels))
        error = self.fitted.errors(pixels)
        xp = array_namespace(error)
        return xp.sqrt(xp.sum(error * error, axis=1))

    def insights(self) -> tuple[Insight, ...]:
        """Those of the networks, and the features' weights."""
        shown = self.fitted.insights()
        if self.fusion is None:
            return shown
        weights = Insight("weights", "values", self.fusion.weights, "weight of each feature")
        return (*shown, weights)


def suppress(values: Any) -> Any:
    """``y (1 - exp(-10 y))``: 0 stays 0, what is near 1 nearly stays, what is small shrinks."""
    return values * (1 - array_namespace(values).exp(-10 * values))


def _times(fused: Float[np.ndarray, " n"]) -> int:
    """How often the background is suppressed until that hardly changes the map."""
    for done in range(MOST):
        further = suppress(fused)
        if abs(np.mean(further**2) - np.mean(fused**2)) < 1e-6:
            return done
        fused = further
    return MOST
