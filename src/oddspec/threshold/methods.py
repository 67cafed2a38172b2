"""The ways to a threshold: theory, a fitted tail, counting, a fixed share."""

from __future__ import annotations

import math
from dataclasses import dataclass

from oddspec.statistics.distributions import ScoreDistribution
from oddspec.threshold.result import Threshold
from oddspec.threshold.tail import Tail, allowed_exceedances, check_rate, least_rate
from oddspec.threshold.tail_fit import TailFit, fit_tail

UNCERTAIN = 100.0
"""Ratio of the ends of a rate's 95 % range from which on a user is warned."""
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
        """Compare the scores of a tail with the theory's levels."""
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


def theory(tail: Tail, pfa: float, distribution: ScoreDistribution) -> Threshold:
    """The threshold that the detector's theory gives, whether or not the scene agrees."""
    rate = check_rate("pfa", pfa)
    check = TheoryCheck.of(tail, distribution)
    warnings = () if check.confirms(rate) else (check.sentence(rate),)
    return Threshold(
        distribution.isf(rate),
        "theory",
        rate,
        rate * tail.count,
        tail.count,
        distribution,
        {"law": repr(distribution), "observed_over_stated": check.as_dict()},
        warnings,
    )


def tail_threshold(
    tail: Tail, pfa: float, *, share: float | None = None, contamination: float = 0.0
) -> Threshold:
    """The threshold by a generalised Pareto distribution fitted to the tail (`fit_tail`)."""
    rate = check_rate("pfa", pfa)
    if contamination:
        check_rate("contamination", contamination)
    fit = fit_tail(tail, share=share, contamination=contamination)
    low, high = fit.rate_range(rate)
    return Threshold(
        fit.isf(rate),
        "tail",
        rate,
        rate * tail.count,
        tail.count,
        fit,
        {
            "level": fit.level,
            "tail_share": fit.share,
            "tail_pixels": fit.exceedances,
            "shape": fit.pareto.shape,
            "scale": fit.pareto.scale,
            "fit": fit.verdict,
            "fit_statistic": fit.statistic,
            "fit_p_value": fit.p_value,
            "at_bound": fit.at_bound,
            "rate_low": low,
            "rate_high": high,
            "contamination": contamination,
        },
        _tail_warnings(fit, rate),
    )


def empirical(tail: Tail, pfa: float) -> Threshold:
    """The lowest score that at most ``floor(pfa * pixels)`` pixels exceed.

    With tied scores fewer may exceed it, never more.
    """
    rate = check_rate("pfa", pfa)
    allowed = allowed_exceedances(rate, tail.count)
    value = tail.isf(rate)
    above = int((tail.scores > value).sum())
    warnings = []
    if not allowed:
        least = least_rate(tail.count)
        warnings.append(
            f"pfa={rate:g} of {tail.count} pixels is less than one: no pixel can be detected at "
            f"this rate by counting" + (f"; use at least pfa={least:g}" if least else "")
        )
    elif above < allowed:
        warnings.append(
            f"tied scores: {above} pixels exceed the threshold where {allowed} were allowed"
        )
    diagnostics = {"allowed": allowed, "exceed": above}
    return Threshold(
        value, "empirical", rate, rate * tail.count, tail.count, tail, diagnostics, tuple(warnings)
    )


def top(tail: Tail, fraction: float) -> Threshold:
    """The threshold that marks at most that share of the pixels, whatever they are."""
    share = check_rate("fraction", fraction)
    value = tail.isf(share)
    allowed = allowed_exceedances(share, tail.count)
    above = int((tail.scores > value).sum())
    warnings = []
    if above < allowed or not allowed:
        warnings.append(
            f"fraction={share:g} of {tail.count} pixels allows {allowed}, and {above} exceed the "
            f"threshold" + (", because scores are tied" if above < allowed else "")
        )
    diagnostics = {"fraction": share, "allowed": allowed, "exceed": above}
    return Threshold(value, "top", None, None, tail.count, tail, diagnostics, tuple(warnings))


def _tail_warnings(fit: TailFit, pfa: float) -> tuple[str, ...]:
    warnings = []
    if fit.verdict == "poor":
        warnings.append(
            f"the tail's law fits poorly (p-value {fit.p_value:.2g}): the false-alarm rate is a "
            f"guess; look at the scores' tail, or count at a rate of at least "
            f"{least_rate(fit.tail.count, 10):g}"
        )
    if fit.at_bound:
        warnings.append(
            f"the tail's shape stopped at {fit.pareto.shape:.2g}, the end of its range: the "
            f"scores' tail is not of a kind that can be extrapolated"
        )
    low, high = fit.rate_range(pfa)
    if high > UNCERTAIN * low:
        warnings.append(
            f"the fit rests on {fit.exceedances} scores: the false-alarm rate may be anything "
            f"from {low:.1g} to {high:.1g}"
        )
    if pfa * fit.tail.count < 1:
        warnings.append(
            f"pfa={pfa:g} of {fit.tail.count} pixels is less than one: the threshold is "
            f"extrapolated beyond what the scene itself can show"
        )
    return tuple(warnings)
