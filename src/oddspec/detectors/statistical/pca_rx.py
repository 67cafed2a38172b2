"""PCA-RX: RX in the scene's leading principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oddspec.arrays import Index, Pixels
from oddspec.detector import BackgroundDetector
from oddspec.progress import Progress, silent
from oddspec.settings import at_least
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.summary import Moments


@dataclass(frozen=True)
class PCARX(BackgroundDetector[Moments]):
    r"""RX restricted to the directions in which the scene varies most.

    With eigenvalues ``l_1 >= l_2 >= ...`` and eigenvectors ``v_j`` of the covariance::

        score(x) = sum_{j <= components} ((x - m) . v_j)^2 / l_j

    The trailing components of an image are mostly sensor noise, and RX gives each of them the
    same weight as the first; leaving them out is the plain baseline that anything cleverer has
    to beat.

    Parameters
    ----------
    components
        Number of leading principal components; all of them where the scene has fewer.

    Notes
    -----
    With all components the scores equal those of `RX`. Unlike RX, the choice of components
    depends on the units of single bands (a band multiplied by 1000 leads); multiplying the whole
    cube changes nothing.

    References
    ----------
    I. S. Reed and X. Yu, doi:10.1109/29.60107, in principal components as is common practice;
    see e.g. S. Matteoli, M. Diani and G. Corsini, "A tutorial overview of anomaly detection in
    hyperspectral images", IEEE Aerosp. Electron. Syst. Mag. 25(7), 5-28, 2010.
    doi:10.1109/MAES.2010.5546306
    """

    components: int = 30

    reference: ClassVar[str] = "RX (doi:10.1109/29.60107) in principal components"
    cost: ClassVar[str] = "n b^2"
    unit: ClassVar[str] = "squared Mahalanobis distance"
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    def __post_init__(self) -> None:
        at_least(self, 1, "components")

    def summarise(self, pixels: Pixels, index: Index) -> Moments:
        """Count, mean and scatter."""
        return Moments.of(pixels)

    def fit(self, summary: Moments, progress: Progress = silent) -> Gaussian:
        """The Gaussian with those moments, in its leading components."""
        return Gaussian.of(summary, components=self.components)
