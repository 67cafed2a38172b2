"""Does a scene follow its detector's theory? Counted at the levels that the scene can show."""

from __future__ import annotations

import math
from dataclasses import dataclass

from oddspec.threshold.distributions import ScoreDistribution
from oddspec.threshold.tail import Tail

__all__ = ["TheoryCheck"]

FEWEST_EXPECTED = 25
REACH = 100
"""How much rarer than the rarest rate that was checked a rate may be that is then believed."""


@dataclass(frozen=True)
class TheoryCheck:
    """How often scores exceed the theory's levels, in units of what it states.

    Attributes
    ----------
    pixels
        Number of scores.
    ratios
        For the rates 0.1, 0.01, ... (as far as at least 25 pixels are expected) the number of
        scores above the theory's level over the number stated; near 1 if the theory holds.
        Scores that a tail no longer holds are not counted: such a ratio is a lower bound, and is
        listed only where it settles the matter.
    """

    pixels: int
    ratios: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, tail: Tail, distribution: ScoreDistribution) -> TheoryCheck:
        """Count."""
        ratios = []
        complete = len(tail.scores) == tail.count
        for exponent in range(1, 16):
            rate = 10.0**-exponent
            if rate * tail.count < FEWEST_EXPECTED:
                break
            value = distribution.isf(rate)
            ratio = float((tail.scores > value).sum()) / (rate * tail.count)
            reached = complete or float(tail.scores[-1]) <= value
            if reached or ratio > 1 + _leeway(rate, tail.count):
                ratios.append((rate, ratio))
        return cls(tail.count, tuple(ratios))

    def confirms(self, pfa: float) -> bool:
        """True if every ratio is 1 within 10 % and the chance of counting, down to 100 ``pfa``."""
        if not self.ratios or self.ratios[-1][0] > REACH * pfa:
            return False
        return all(abs(ratio - 1) <= _leeway(rate, self.pixels) for rate, ratio in self.ratios)

    def sentence(self, pfa: float) -> str:
        """Why the theory is not believed at that rate."""
        wrong = [
            f"{ratio:.3g} times as many pixels as stated lie above the level for {rate:g}"
            for rate, ratio in self.ratios
            if abs(ratio - 1) > _leeway(rate, self.pixels)
        ]
        if wrong:
            return f"the scene does not follow the theory ({', '.join(wrong)})"
        return f"{self.pixels} pixels are too few to confirm the theory at pfa={pfa:g}"

    def as_dict(self) -> dict[str, float]:
        """The ratios by rate, JSON-serialisable."""
        return {f"{rate:g}": ratio for rate, ratio in self.ratios}


def _leeway(rate: float, pixels: int) -> float:
    return 0.1 + 3 / math.sqrt(rate * pixels)
