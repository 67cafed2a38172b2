"""From scores to a threshold, by the method asked for or by the one that suits the scene."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from oddspec.errors import InputError, SettingError
from oddspec.statistics.distributions import ScoreDistribution
from oddspec.threshold.gap import clearest_gap
from oddspec.threshold.methods import TheoryCheck, empirical, tail_threshold, theory, top
from oddspec.threshold.otsu import otsu
from oddspec.threshold.result import Threshold
from oddspec.threshold.tail import Tail, allowed_exceedances, check_rate, least_rate

METHODS = ("auto", "theory", "tail", "empirical", "top", "otsu")

ASIDE = (0.0, 1e-5, 3e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2)
"""Shares of the highest scores that ``auto`` sets aside, in turn, until the rest is fitted well."""


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
    (`TheoryCheck`), which real scenes hardly ever do. Otherwise it fits the tail. If no
    distribution fits the whole tail, the highest scores are taken for anomalies and set aside: as
    few as let one fit the rest well. And the threshold is never above the empirical quantile:
    `pfa` of all pixels may lie above it, for no more than these can be false alarms. Where the
    scene is too small for a fit, or none is fair, the empirical quantile is taken.

    Where `pfa` of all pixels is less than one, counting says nothing. If the highest scores stand
    apart from all others (`clearest_gap`), they are the detections then, and no rate is stated.
    The warning says what is highest and how far it stands out.

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
        Share of the pixels, those that score highest, to keep out of the tail fit (``tail``;
        ``auto`` finds it).

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
    return _auto(tail, pfa, distribution)


def _auto(tail: Tail, pfa: float, distribution: ScoreDistribution | None) -> Threshold:
    rate = check_rate("pfa", pfa)
    facts = {}
    if distribution is not None:
        check = TheoryCheck.of(tail, distribution)
        if check.confirms(rate):
            return theory(tail, rate, distribution)
        facts = {"theory": check.sentence(rate), "observed_over_stated": check.as_dict()}
    found = _without_theory(tail, rate)
    if not allowed_exceedances(rate, tail.count):
        found = _of_small_scene(tail, rate, found)
    return replace(found, diagnostics={**found.diagnostics, **facts})


def _without_theory(tail: Tail, pfa: float) -> Threshold:
    counted = empirical(tail, pfa)
    try:
        fitted = _fit_without_anomalies(tail, pfa)
    except InputError as error:
        return replace(counted, diagnostics={**counted.diagnostics, "no_tail_fit": str(error)})
    if fitted.diagnostics["fit"] == "poor":
        tried = {"poor_tail_fit": dict(fitted.diagnostics)}
        return replace(counted, diagnostics={**counted.diagnostics, **tried})
    if counted.diagnostics["allowed"] and counted.value < fitted.value:
        # The fit's p-values stay; the level is lowered to what counting guarantees.
        return replace(
            fitted,
            value=counted.value,
            method="empirical",
            diagnostics={**fitted.diagnostics, **counted.diagnostics, "tail_level": fitted.value},
            warnings=counted.warnings,
        )
    return fitted


def _of_small_scene(tail: Tail, pfa: float, found: Threshold) -> Threshold:
    """What can be said where less than one pixel may lie above the threshold by chance.

    Parameters
    ----------
    tail
        The scene's scores.
    pfa
        The rate asked for, below one pixel in the scene.
    found
        The threshold by the tail fit, or the highest score where there is none.
    """
    highest, gap = float(tail.scores[0]), clearest_gap(tail)
    facts: dict[str, Any] = {"highest": highest, "stand_apart": gap.count * gap.significant}
    if found.method == "tail":
        facts["tail_level"] = found.value
    words = ""
    if gap.count:
        last, following = (float(score) for score in tail.scores[gap.count - 1 : gap.count + 1])
        words = f"highest {highest:.4g}"
        words += f", the last of them {last:.4g}" if gap.count > 1 else ""
        words += f", the next {following:.4g}"
        if following > 0:
            facts["over_next"] = last / following
            words += f", {last / following:.3g} times lower"
    above = f"the {gap.count} highest scores" if gap.count > 1 else "the highest score"
    if gap.significant and following < found.value:
        return Threshold(
            following,
            "gap",
            None,
            None,
            tail.count,
            None,  # a p-value would be a rate, too
            {**found.diagnostics, **facts},
            (
                f"{tail.count} pixels are too few to show a false-alarm rate of {pfa:g}, and none "
                f"is stated: {above} ({words}) lie{'' if gap.count > 1 else 's'} apart from all "
                f"others, which is why {'they are' if gap.count > 1 else 'it is'} detected",
            ),
        )
    # Whatever a fit extrapolates to, nothing lies above the highest score.
    found = replace(
        found,
        value=min(found.value, highest),
        diagnostics={**found.diagnostics, **facts},
    )
    if found.value < highest:
        return found
    sentence = (
        f"{tail.count} pixels are too few to show a false-alarm rate of {pfa:g}, which is less "
        f"than one of them: no score lies apart from the others, and nothing is detected"
    )
    if gap.count:
        sentence += f" (the clearest gap, which chance may explain, is below {above}: {words})"
    least = least_rate(tail.count)
    sentence += f"; ask for at least pfa={least:g}" if least else ""
    return replace(found, warnings=(sentence,))


def _fit_without_anomalies(tail: Tail, pfa: float) -> Threshold:
    """The first good fit with ever more of the highest scores set aside, or the best of all."""
    best = tail_threshold(tail, pfa)
    tried = set()
    for share in ASIDE:
        aside = allowed_exceedances(share, tail.count) if share else 0
        if aside in tried:
            continue
        tried.add(aside)
        try:
            found = tail_threshold(tail, pfa, contamination=share) if share else best
        except InputError:
            break
        if found.diagnostics["fit_p_value"] > best.diagnostics["fit_p_value"]:
            best = found
        # A fair fit of the whole is kept: what a fit says of a part that it has not seen is worth
        # less, and by chance alone one fit in ten is no better than fair.
        wanted = ("good",) if share else ("good", "fair")
        if found.diagnostics["fit"] in wanted and not found.diagnostics["at_bound"]:
            break
    return best
