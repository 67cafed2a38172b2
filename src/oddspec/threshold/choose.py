"""From scores to a threshold, by the method asked for or by the one that suits the scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from oddspec.errors import InputError, SettingError
from oddspec.threshold.distributions import ScoreDistribution
from oddspec.threshold.methods import empirical, tail_threshold, theory, top
from oddspec.threshold.otsu import otsu
from oddspec.threshold.result import Threshold
from oddspec.threshold.tail import Tail, check_rate
from oddspec.threshold.theory_check import TheoryCheck

__all__ = ["METHODS", "choose"]

METHODS = ("auto", "theory", "tail", "empirical", "top", "otsu")
COUNTABLE = 10
"""With so many false alarms expected, counting is preferred to a law that fits poorly."""


def choose(
    scores: np.ndarray | Tail,
    method: str = "auto",
    pfa: float = 1e-4,
    *,
    distribution: ScoreDistribution | None = None,
    fraction: float = 1e-3,
    contamination: float = 0.0,
) -> Threshold:
    """The threshold for a stated false-alarm rate per pixel.

    ``auto`` takes the detector's theory where it has one *and* the scene's own scores confirm it
    (`TheoryCheck`); otherwise the tail fit; and the empirical quantile where the scene is too
    small for a fit, or where the fit is poor and at least 10 false alarms are expected, which can
    then be counted. Real scenes hardly ever confirm the theory.

    Parameters
    ----------
    scores
        Scores of any shape, NaN where invalid; or their `Tail`.
    method
        One of `METHODS`.
    pfa
        Stated false-alarm rate per background pixel, between 0 and 1 (``auto``, ``theory``,
        ``tail``, ``empirical``).
    distribution
        What the detector's theory says of background scores (``auto``, ``theory``).
    fraction
        Share of the pixels to mark (``top``).
    contamination
        Share of the pixels, those that score highest, to keep out of the tail fit (``auto``,
        ``tail``).

    Raises
    ------
    SettingError
        If a setting is out of its range, or the theory is asked of a detector that has none.
    InputError
        If there is no valid score, or too few for the method asked for.
    """
    if method not in METHODS:
        raise SettingError(f"threshold method {method!r} is unknown: choose {', '.join(METHODS)}")
    tail = scores if isinstance(scores, Tail) else Tail.of(scores)
    if not tail.count:
        raise InputError("there is no valid score to take a threshold from")
    if method == "theory":
        if distribution is None:
            raise SettingError(
                "threshold method 'theory': this detector has no theory of its background scores; "
                "choose 'tail' or 'auto'"
            )
        return theory(tail, pfa, distribution)
    if method == "tail":
        return tail_threshold(tail, pfa, contamination=contamination)
    if method == "empirical":
        return empirical(tail, pfa)
    if method == "top":
        return top(tail, fraction)
    if method == "otsu":
        return otsu(tail)
    return _auto(tail, pfa, distribution, contamination)


def _auto(
    tail: Tail, pfa: float, distribution: ScoreDistribution | None, contamination: float
) -> Threshold:
    rate = check_rate("pfa", pfa)
    facts = {}
    if distribution is not None:
        check = TheoryCheck.of(tail, distribution)
        if check.confirms(rate):
            return theory(tail, rate, distribution)
        facts = {"theory": check.sentence(rate), "observed_over_stated": check.as_dict()}
    found = _without_theory(tail, rate, contamination)
    return replace(found, diagnostics={**found.diagnostics, **facts})


def _without_theory(tail: Tail, pfa: float, contamination: float) -> Threshold:
    try:
        found = tail_threshold(tail, pfa, contamination=contamination)
    except InputError as error:
        counted = empirical(tail, pfa)
        return replace(counted, diagnostics={**counted.diagnostics, "no_tail_fit": str(error)})
    bad = found.diagnostics["fit"] == "poor" or found.diagnostics["at_bound"]
    if bad and pfa * tail.count >= COUNTABLE and not contamination:
        counted = empirical(tail, pfa)
        tried = {"poor_tail_fit": dict(found.diagnostics)}
        return replace(counted, diagnostics={**counted.diagnostics, **tried})
    return found
