from dataclasses import dataclass
from typing import ClassVar

from oddspec.families.sampled import SampleDetector
from oddspec.linalg import Gaussian
from oddspec.progress import Progress, silent
from oddspec.ranges import at_least
from oddspec.summary import Moments, Sample, enough


@dataclass(frozen=True)
class Own(SampleDetector):
    """RX with the statistics of a sample.

    Parameters
    ----------
    sample, seed
        Of the sample.
    """

    sample: int = 100_000
    seed: int = 0
    unit: ClassVar[str] = "squared Mahalanobis distance"

    def __post_init__(self) -> None:
        at_least(self, 2, "sample")

    def fit(self, summary: Sample, progress: Progress = silent) -> Gaussian:
        enough(len(summary.pixels))
        return Gaussian.of(Moments.of(summary.pixels))
