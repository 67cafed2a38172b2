"""The exact receiver operating characteristic: every distinct score is a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddspec.errors import InputError, SettingError
from oddspec.metrics.classes import Classes
from oddspec.threshold.tail import Tail, allowed_exceedances


@dataclass(frozen=True)
class Roc:
    """Points of a curve, from ``(0, 0)`` to ``(1, 1)``.

    Attributes
    ----------
    thresholds
        ``(m,)`` descending; the first is infinite. A pixel is detected that scores *at least* as
        high.
    pf
        ``(m,)`` share of background pixels detected.
    pd
        ``(m,)`` share of target pixels detected.
    """

    thresholds: np.ndarray
    pf: np.ndarray
    pd: np.ndarray

    @property
    def corners(self) -> Roc:
        """The same curve without the points that lie on a straight line between others."""
        pf, pd = np.diff(self.pf), np.diff(self.pd)
        # Two steps have one direction if the cross product of their vectors is 0.
        straight = np.isclose(pf[:-1] * pd[1:], pd[:-1] * pf[1:], rtol=1e-9, atol=0.0)
        keep = np.concatenate([[True], ~straight, [True]])
        return Roc(self.thresholds[keep], self.pf[keep], self.pd[keep])


def roc_curve(classes: Classes) -> Roc:
    """The curve, with one point for every distinct score.

    Raises
    ------
    InputError
        If a class is empty.
    """
    _need_both(classes)
    thresholds = np.unique(np.concatenate([classes.background, classes.targets]))[::-1]
    pf = _share_from(classes.background, thresholds)
    pd = _share_from(classes.targets, thresholds)
    return Roc(
        np.concatenate([[np.inf], thresholds]),
        np.concatenate([[0.0], pf]),
        np.concatenate([[0.0], pd]),
    )


def roc_area(classes: Classes) -> float:
    """AUC(PD, PF): the chance that a target scores higher than a background pixel, ties half.

    This is Mann and Whitney's statistic, and exactly the area under `roc_curve` by trapezoids.
    """
    _need_both(classes)
    return float(classes.below_targets.mean() / classes.background.size)


def average_precision(classes: Classes) -> float:
    """Mean over the target pixels of the precision at the threshold that just detects them.

    Without interpolation, as scikit-learn's ``average_precision_score``.
    """
    _need_both(classes)
    number = classes.targets.size
    detected = number - np.searchsorted(classes.targets, classes.targets, side="left")
    return float((detected / (detected + classes.not_below_targets)).mean())


def threshold_at_pf(classes: Classes, pf: float) -> float:
    """The lowest score that at most ``floor(pf * n)`` of the n background pixels exceed."""
    if not 0 <= pf <= 1:
        raise SettingError(f"pf={pf:g}: expected a rate between 0 and 1")
    if not classes.background.size:
        raise InputError("undefined: there is no valid background pixel")
    background = classes.background
    if allowed_exceedances(pf, background.size) == background.size:
        return -np.inf
    return Tail(background.size, 0, background.size, background[::-1]).isf(pf)


def pd_at_pf(classes: Classes, pf: float) -> float:
    """The largest share of targets detected at a false-alarm rate of at most ``pf``.

    A point of the exact curve: nothing is interpolated, so that the rate can be had.
    """
    _need_both(classes)
    value = threshold_at_pf(classes, pf)
    above = classes.targets.size - np.searchsorted(classes.targets, value, side="right")
    return float(above / classes.targets.size)


def _share_from(ordered: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    return (ordered.size - np.searchsorted(ordered, thresholds, side="left")) / ordered.size


def _need_both(classes: Classes) -> None:
    if not classes.defined:
        raise InputError(f"undefined: {classes.lacking}")
