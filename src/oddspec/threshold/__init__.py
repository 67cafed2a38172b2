"""From scores to a threshold: theory, tail fit, counting, top fraction, Otsu.

A threshold is chosen for a stated false-alarm rate per background pixel (``pfa``) from the `Tail`
of a scene's scores; see ``docs/thresholds.md``.
"""

from oddspec.statistics.distributions import (
    ChiSquareDistribution,
    MahalanobisDistribution,
    ScoreDistribution,
)
from oddspec.threshold.choose import METHODS, choose
from oddspec.threshold.gap import Gap, clearest_gap
from oddspec.threshold.methods import TheoryCheck, empirical, tail_threshold, theory, top
from oddspec.threshold.otsu import otsu, otsu_cut
from oddspec.threshold.result import Threshold
from oddspec.threshold.tail import Tail
from oddspec.threshold.tail_fit import TailFit, fit_tail

__all__ = [
    "METHODS",
    "ChiSquareDistribution",
    "Gap",
    "MahalanobisDistribution",
    "ScoreDistribution",
    "Tail",
    "TailFit",
    "TheoryCheck",
    "Threshold",
    "choose",
    "clearest_gap",
    "empirical",
    "fit_tail",
    "otsu",
    "otsu_cut",
    "tail_threshold",
    "theory",
    "top",
]
