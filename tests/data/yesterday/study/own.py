"""A user's detector, written when the modules had their old names."""

from dataclasses import dataclass
from typing import ClassVar

from oddspec.families.sampled import SampleDetector
from oddspec.linalg import Gaussian
from oddspec.progress import Progress, silent
from oddspec.summary import Moments, Sample


@dataclass(frozen=True)
class Own(SampleDetector):
    """RX with the statistics of a sample.

    Parameters
    ----------
    sample, seed
        Of the sample.
    """

    sample: int = 200
    seed: int = 0
    unit: ClassVar[str] = "squared Mahalanobis distance"

    def fit(self, summary: Sample, progress: Progress = silent) -> Gaussian:
        """The Gaussian of the sample."""
        return Gaussian.of(Moments.of(summary.pixels))
