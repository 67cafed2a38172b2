"""Fit a generalised Pareto distribution to a tail of scores; the fit says where it begins."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from oddspec.errors import InputError, SettingError
from oddspec.threshold.pareto import (
    SHAPES,
    Pareto,
    anderson_darling,
    anderson_darling_p_value,
    fit_pareto,
    rate_error,
)
from oddspec.threshold.tail import LARGEST_COUNT, LARGEST_SHARE, Tail, allowed_exceedances

FEWEST_EXCEEDANCES = 50
STEP = 1.6
"""Ratio of one candidate tail's number of scores to the next."""
STEPS_BACK = 2
ENOUGH_EXCEEDANCES = 1000
GOOD, POOR, MISFIT = 0.1, 0.01, 0.001
"""p-values of the fit: good from the first on, poor below the second; the third ends the search."""
UNKNOWN = 35.0
"""Powers of e between a rate and the end of its range from which on nothing is known of it."""


@dataclass(frozen=True)
class TailFit:
    """The distribution of background scores above a level, and the scores themselves below it.

    Attributes
    ----------
    tail
        The scores.
    level
        Where the fitted distribution begins.
    pareto
        Of the excesses over the level.
    exceedances
        Number of excesses that the fit saw.
    share
        Share of the background's pixels above the level.
    seen
        Share of the distribution below the ceiling; 1 unless the highest scores were set aside.
    statistic, p_value
        Anderson and Darling's A-squared of the excesses, and the chance of a larger one if the
        distribution is right (valid for fitted parameters).
    """

    tail: Tail
    level: float
    pareto: Pareto
    exceedances: int
    share: float
    seen: float
    statistic: float
    p_value: float

    @property
    def verdict(self) -> str:
        """``good``, ``fair`` or ``poor``."""
        return "good" if self.p_value >= GOOD else "fair" if self.p_value >= POOR else "poor"

    @property
    def at_bound(self) -> bool:
        """True if the shape was stopped at the end of its range."""
        return not SHAPES[0] + 1e-3 < self.pareto.shape < SHAPES[1] - 1e-3

    def sf(self, scores: np.ndarray) -> np.ndarray:
        """Probability that a background pixel scores higher; empirical below the level."""
        values = np.asarray(scores, dtype=np.float64)
        excess = np.maximum(values - self.level, 0.0)
        return np.where(
            values > self.level, self.share * self.pareto.sf(excess), self.tail.sf(values)
        )

    def isf(self, pfa: float) -> float:
        """The score that a background pixel exceeds with that probability."""
        if pfa >= self.share:
            return self.tail.isf(pfa)
        return self.level + self.pareto.isf(pfa / self.share)

    def rate_range(self, pfa: float) -> tuple[float, float]:
        """Where the true rate at `isf(pfa)` lies with 95 % confidence if the distribution is right.

        Taken for independent pixels; those of a scene are less so. From 0 to 1 if the fit says
        nothing about it.
        """
        if pfa >= self.share:
            error = 1 / math.sqrt(max(pfa * self.tail.count, 1.0))
        else:
            error = rate_error(
                self.pareto.shape, self.exceedances, pfa / self.share, seen=self.seen
            )
        power = 1.96 * error
        factor = math.exp(power) if power < UNKNOWN else math.inf
        return pfa / factor, min(pfa * factor, 1.0)


def fit_tail(tail: Tail, *, share: float | None = None, contamination: float = 0.0) -> TailFit:
    """Fit a distribution to the highest scores.

    Where the level lies is a trade: more scores make the fit steadier, but the theory holds only
    far out. Candidate tails are 1.6 times as long each as the one before, from 50 scores to the
    highest tenth or 100 000. The longest is sought that the distribution fits (p-value of at least
    0.1), looking no further than the first plain misfit (below 0.001) after a fit; then the tail
    two steps shorter is taken, as a bias is there before it can be noticed, unless that leaves
    fewer than 1000 scores. If no candidate fits, the one with the highest p-value is taken. No
    label is looked at.

    Parameters
    ----------
    tail
        Of the scene's scores.
    share
        Take this share of the scores as the tail instead.
    contamination
        Share of the scores, the highest, that may be anomalies: they are set aside, and the
        distribution is fitted to the part of the tail below them. The default 0 takes the
        whole scene as background.

    Raises
    ------
    InputError
        If there are too few scores, or they are all but constant.
    SettingError
        If share and contamination leave no room between them.

    References
    ----------
    J. Pickands, "Statistical inference using extreme order statistics", Ann. Statist. 3(1),
    119-131, 1975. doi:10.1214/aos/1176343003

    B. Bader, J. Yan and X. Zhang, "Automated threshold selection for extreme value analysis via
    ordered goodness-of-fit tests with adjustment for false discovery rate", Ann. Appl. Stat.
    12(1), 310-329, 2018. doi:10.1214/17-AOAS1092 (the idea of ordered tests; the rule is ours)
    """
    aside = allowed_exceedances(contamination, tail.count) if contamination else 0
    if share is not None:
        return _fit_above(tail, _whole_tail(tail, share, aside), aside)
    fits: list[TailFit] = []
    fitting: int | None = None
    reason = (
        f"{tail.count} valid scores, {aside} of them set aside, are too few to fit a tail: the "
        f"highest tenth must hold {max(2 * aside, FEWEST_EXCEEDANCES)}; take an empirical "
        f"threshold or a top fraction"
    )
    for size in _candidates(tail, aside):
        try:
            fits.append(_fit_above(tail, size, aside))
        except InputError as error:
            # The very highest may be saturated at one value, and those below be fine.
            reason = str(error)
            continue
        if fits[-1].p_value >= GOOD:
            fitting = len(fits) - 1
        elif fitting is not None and fits[-1].p_value < MISFIT:
            break
    if not fits:
        raise InputError(reason)
    if fitting is None:
        return max(fits, key=lambda fit: fit.p_value)
    shorter = [
        fit
        for fit in fits[max(fitting - STEPS_BACK, 0) : fitting]
        if fit.exceedances >= ENOUGH_EXCEEDANCES
    ]
    return shorter[0] if shorter else fits[fitting]


def _candidates(tail: Tail, aside: int) -> Iterator[int]:
    """Numbers of scores above the level, ascending; at least half of them to be fitted."""
    shortest = max(2 * aside, FEWEST_EXCEEDANCES)
    longest = min(int(LARGEST_SHARE * tail.count), LARGEST_COUNT, len(tail.scores) - 1)
    if longest < shortest:
        return
    steps = int(math.log(longest / shortest) / math.log(STEP))
    for step in range(steps, -1, -1):
        yield int(longest / STEP**step)


def _whole_tail(tail: Tail, share: float, aside: int) -> int:
    size = allowed_exceedances(share, tail.count)
    if size - aside < FEWEST_EXCEEDANCES or size >= len(tail.scores):
        raise SettingError(
            f"share={share:g} of {tail.count} scores, less {aside} set aside, leaves "
            f"{size - aside} of the {len(tail.scores)} that were kept: the fit needs at least "
            f"{FEWEST_EXCEEDANCES}, and one more below them"
        )
    return size


def _fit_above(tail: Tail, size: int, aside: int) -> TailFit:
    """Fit with the level at the score of rank ``size + 1``."""
    level = float(tail.scores[size])
    excesses = tail.scores[aside:size] - level
    excesses = excesses[excesses > 0]
    # Fewer steps than that are no continuous distribution; this also catches constant scores.
    if np.unique(excesses).size < FEWEST_EXCEEDANCES // 2:
        raise InputError(
            f"the highest {size} scores take only {np.unique(excesses).size + 1} different "
            f"values: no law can be fitted to them; take an empirical threshold or a top fraction"
        )
    ceiling = float(tail.scores[aside - 1]) - level if aside else np.inf
    pareto = fit_pareto(excesses, ceiling)
    seen = float(1 - pareto.sf(np.array(ceiling))) if aside else 1.0
    statistic = anderson_darling((1 - pareto.sf(excesses)) / seen)
    # What the distribution says of the background hidden above the ceiling.
    above = excesses.size / seen
    share = above / (tail.count - aside - excesses.size + above)
    p_value = anderson_darling_p_value(statistic, pareto.shape, seen)
    return TailFit(tail, level, pareto, excesses.size, share, seen, statistic, p_value)
