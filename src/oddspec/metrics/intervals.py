"""Confidence intervals of the area under the ROC curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from oddspec.errors import InputError, SettingError
from oddspec.metrics.classes import Classes
from oddspec.metrics.roc import roc_area


@dataclass(frozen=True)
class Interval:
    """An estimate between two bounds.

    Attributes
    ----------
    estimate
        The area itself.
    low, high
        Bounds of the interval, within 0 and 1.
    error
        Standard error.
    level
        Confidence.
    """

    estimate: float
    low: float
    high: float
    error: float
    level: float


def delong(classes: Classes, level: float = 0.95) -> Interval:
    """The interval from DeLong's variance, by sorting in O(n log n).

    The area is a mean over targets and over background pixels, so that its variance is the sum of
    the variances of the two sets of placements, each divided by its number. Pixels are taken as
    independent. Those of one object are not, so that with few objects the true interval is wider.

    Raises
    ------
    InputError
        If a class has fewer than two pixels.

    References
    ----------
    E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, "Comparing the areas under two or more
    correlated receiver operating characteristic curves: a nonparametric approach", Biometrics
    44(3), 837-845, 1988. doi:10.2307/2531595

    X. Sun and W. Xu, "Fast implementation of DeLong's algorithm for comparing the areas under
    correlated receiver operating characteristic curves", IEEE Signal Process. Lett. 21(11),
    1389-1393, 2014. doi:10.1109/LSP.2014.2337313
    """
    _check(classes, level)
    area = roc_area(classes)
    targets = classes.below_targets / classes.background.size
    left = np.searchsorted(classes.targets, classes.background, side="left")
    right = np.searchsorted(classes.targets, classes.background, side="right")
    background = (left + right) / (2 * classes.targets.size)
    variance = targets.var(ddof=1) / targets.size + background.var(ddof=1) / background.size
    error = math.sqrt(float(variance))
    reach = float(special.ndtri(0.5 + level / 2)) * error
    return Interval(area, max(area - reach, 0.0), min(area + reach, 1.0), error, level)


def bootstrap(
    classes: Classes, level: float = 0.95, *, resamples: int = 2000, seed: int = 0
) -> Interval:
    """The interval between percentiles of the area when both classes are drawn anew.

    Background pixels matter only by which targets they lie between, so that a resample is one
    draw from two multinomials: exact, and no slower for ten million pixels than for a thousand.

    Raises
    ------
    InputError
        If a class has fewer than two pixels.
    """
    _check(classes, level)
    if resamples < 100:
        raise SettingError(f"resamples={resamples}: expected at least 100")
    values, numbers = np.unique(classes.targets, return_counts=True)
    left = np.searchsorted(classes.background, values, side="left")
    right = np.searchsorted(classes.background, values, side="right")
    # Cells in ascending order: below value 0, at value 0, between 0 and 1, at value 1, ...
    edges = np.column_stack([left, right]).ravel()
    cells = np.diff(np.concatenate([[0], edges, [classes.background.size]]))
    rng = np.random.default_rng(seed)
    areas = np.empty(resamples)
    for i in range(resamples):
        background = rng.multinomial(classes.background.size, cells / cells.sum())
        targets = rng.multinomial(classes.targets.size, numbers / numbers.sum())
        # Even cells lie between target values, odd ones hold ties, which count half.
        lower = np.cumsum(background)[:-1:2] + background[1::2] / 2
        areas[i] = (targets @ lower) / (classes.targets.size * classes.background.size)
    low, high = np.quantile(areas, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(roc_area(classes), float(low), float(high), float(areas.std(ddof=1)), level)


def _check(classes: Classes, level: float) -> None:
    if not 0 < level < 1:
        raise SettingError(f"level={level:g}: expected a number between 0 and 1, such as 0.95")
    if min(classes.targets.size, classes.background.size) < 2:
        raise InputError(
            f"undefined: {classes.targets.size} target and {classes.background.size} background "
            f"pixels; an interval needs at least 2 of each"
        )
