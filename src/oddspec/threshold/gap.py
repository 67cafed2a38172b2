"""How many of the highest scores stand apart from all others, where a scene is too small to count.

The spacings of the highest scores tell: for a tail whose logarithm falls off exponentially (Pareto,
the heaviest that the tail fit knows) the spacings of the logarithms, each times its rank, are
independent and of one exponential distribution (Renyi 1953). A spacing that is far above the mean
of those below it separates scores of another kind. Lighter tails make the test say less, not more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from oddspec.threshold.tail import Tail

SIGNIFICANCE = 0.05
"""Chance that anything stands apart in a scene whose tail is a Pareto distribution's."""

_SHARE = 0.016
"""Most pixels that can stand apart, as in the tail fit's; of tiny scenes `_FEW`."""
_FEW = 5
_FEWEST_BELOW = 5
"""Spacings that a reference needs."""


@dataclass(frozen=True)
class Gap:
    """Between the ``count`` highest scores and the next; ``count`` 0 where no gap can be judged.

    Attributes
    ----------
    count
        Number of scores above it.
    significant
        Whether they stand apart, or chance may explain the gap.
    """

    count: int
    significant: bool


def clearest_gap(tail: Tail) -> Gap:
    """The lowest significant gap among the highest scores, or the least likely one if none is.

    At most 1.6 % of the pixels lie above it, or five. Of several significant gaps the lowest
    counts, so that an extreme pixel does not hide others.

    References
    ----------
    A. Renyi, "On the theory of order statistics", Acta Math. Acad. Sci. Hung. 4, 191-231, 1953.
    doi:10.1007/BF02127580
    """
    # The highest tenth is the tail; of tiny scenes as much as makes a reference, at most half.
    size = min(tail.count // 2, max(tail.count // 10, 20), len(tail.scores) - 1)
    positive = int((tail.scores > 0).sum())
    if positive > 2 * _FEWEST_BELOW:
        size = min(size, positive - 1)
        values = np.log(tail.scores[: size + 1])
    else:
        values = tail.scores[: size + 1]
    spacings = np.arange(1, size + 1) * (values[:-1] - values[1:])
    most = min(max(_FEW, math.ceil(_SHARE * tail.count)), size - _FEWEST_BELOW)
    clearest, least_chance = Gap(0, False), 0.0
    for count in range(1, most + 1):
        gap, below = float(spacings[count - 1]), float(spacings[count:].mean())
        if not gap:
            continue
        # A spacing over the mean of m others exceeds r with probability (1 + r / m)^-m. Several
        # gaps are looked at, so each gets its part of the significance.
        others = size - count
        ratio = gap / below if below else math.inf
        log_chance = -others * math.log1p(ratio / others)
        if log_chance < math.log(SIGNIFICANCE / most):
            clearest = Gap(count, True)
        elif not clearest.significant and log_chance < least_chance:
            clearest, least_chance = Gap(count, False), log_chance
    return clearest
