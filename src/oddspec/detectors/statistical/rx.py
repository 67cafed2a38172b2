"""RX: one Gaussian for the whole scene, scored by Mahalanobis distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oddspec.arrays import Index, Pixels
from oddspec.detector import BackgroundDetector
from oddspec.progress import Progress, silent
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.summary import Moments


@dataclass(frozen=True)
class RX(BackgroundDetector[Moments]):
    r"""Global RX: how far a spectrum lies from the scene's mean, in the scene's own spread.

    With mean ``m`` and covariance ``C = sum (x - m)(x - m)^T / (n - 1)`` of all n valid pixels::

        score(x) = (x - m) C^{-1} (x - m)^T

    Notes
    -----
    * Constant bands and collinear bands leave ``C`` singular. Directions whose eigenvalue of the
      correlation matrix is below 1e-12 of the largest are left out, which is the Moore-Penrose
      inverse with a stated tolerance; the report says how many. Public codes that call ``pinv``
      with its default tolerance, or add a ridge, may rank such scenes differently.
    * Dividing by n instead of n - 1 only rescales the scores.
    * The scores of the n pixels sum to ``(n - 1) rank`` exactly.
    * Where n is no more than the rank and one, all of these scores are equal. The correlation
      matrix is then shrunk towards the identity by the rule OAS (Chen et al. 2010,
      doi:10.1109/TSP.2010.2053029), and a warning says by how much.

    References
    ----------
    I. S. Reed and X. Yu, "Adaptive multiple-band CFAR detection of an optical pattern with
    unknown spectral distribution", IEEE Trans. Acoust., Speech, Signal Process. 38(10),
    1760-1770, 1990. doi:10.1109/29.60107
    """

    reference: ClassVar[str] = "Reed & Yu 1990, doi:10.1109/29.60107"
    cost: ClassVar[str] = "n b^2"
    unit: ClassVar[str] = "squared Mahalanobis distance"
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    @property
    def affine_invariant(self) -> bool:
        """They are: the covariance changes as the pixels do, and so does what regularises it."""
        return True

    def summarise(self, pixels: Pixels, index: Index) -> Moments:
        """Count, mean and scatter."""
        return Moments.of(pixels)

    def fit(self, summary: Moments, progress: Progress = silent) -> Gaussian:
        """The Gaussian with those moments."""
        return Gaussian.of(summary)
