"""The areas of the three-dimensional ROC curve, exactly or on a grid of thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddspec.errors import InputError, SettingError
from oddspec.metrics.classes import Classes
from oddspec.metrics.roc import roc_area

MOST_THRESHOLDS = 10_000_000
"""Papers use hundreds; from here on the sum is the exact area to seven digits."""


@dataclass(frozen=True)
class Areas:
    """AUC(PD, PF), AUC(PD, tau), AUC(PF, tau) and what Chang derives from them.

    tau is a threshold on scores that are scaled to 0..1 by the lowest and highest valid score.

    References
    ----------
    C.-I Chang, "An effective evaluation tool for hyperspectral target detection: 3D receiver
    operating characteristic curve analysis", IEEE Trans. Geosci. Remote Sens. 59(6), 5131-5153,
    2021. doi:10.1109/TGRS.2020.3021671
    """

    pd_pf: float
    pd_tau: float
    pf_tau: float

    @classmethod
    def of(cls, classes: Classes, grid: int | None = None) -> Areas:
        """The areas; see `scaled_areas` for ``grid``."""
        return cls(roc_area(classes), *scaled_areas(classes, grid))

    @property
    def td(self) -> float:
        """Target detectability, ``AUC(PD,PF) + AUC(PD,tau)``, 0 to 2."""
        return self.pd_pf + self.pd_tau

    @property
    def bs(self) -> float:
        """Background suppressibility, ``AUC(PD,PF) - AUC(PF,tau)``, -1 to 1."""
        return self.pd_pf - self.pf_tau

    @property
    def tdbs(self) -> float:
        """Target detection in background, ``AUC(PD,tau) - AUC(PF,tau)``, -1 to 1."""
        return self.pd_tau - self.pf_tau

    @property
    def od(self) -> float:
        """Overall detection (OA), ``AUC(PD,PF) + AUC(PD,tau) - AUC(PF,tau)``, -1 to 2."""
        return self.pd_pf + self.pd_tau - self.pf_tau

    @property
    def odp(self) -> float:
        """Overall detection probability, ``AUC(PD,tau) + 1 - AUC(PF,tau)``, 0 to 2."""
        return self.pd_tau + (1 - self.pf_tau)

    @property
    def snpr(self) -> float | None:
        """Signal-to-noise probability ratio, ``AUC(PD,tau) / AUC(PF,tau)``.

        None where AUC(PF,tau) is zero, that is, all background pixels share the lowest score.
        """
        return self.pd_tau / self.pf_tau if self.pf_tau > 0 else None


def scaled_areas(classes: Classes, grid: int | None = None) -> tuple[float, float]:
    """AUC(PD, tau) and AUC(PF, tau).

    Exactly, they are the mean scaled scores of the targets and of the background, since the area
    under a survival function is the mean. They change with any bending of the scores (logarithm,
    square root) that leaves the ranking alone, and one extreme score shrinks them all.

    Parameters
    ----------
    classes
        Scores of both classes.
    grid
        None for the exact areas; a number N for the left Riemann sum over the thresholds
        ``0, 1/N, ..., (N-1)/N`` that many published codes use, which comes out about ``1/(2N)``
        larger.

    Raises
    ------
    InputError
        If a class is empty or all scores are equal.
    SettingError
        If the grid has no threshold, or more than ten million.
    """
    if grid is not None and not 1 <= grid <= MOST_THRESHOLDS:
        raise SettingError(
            f"grid={grid}: expected 1 to {MOST_THRESHOLDS} thresholds, or none for the exact areas"
        )
    sides = []
    for scaled in _scaled(classes):
        if grid is None:
            sides.append(float(scaled.mean()))
        else:
            # Scores below each threshold; 1 minus their share is the curve that is summed.
            missed = np.searchsorted(scaled, np.arange(grid) / grid, side="left")
            sides.append(float(1 - missed.mean() / scaled.size))
    return sides[0], sides[1]


def map_error(classes: Classes) -> float:
    """Squared error of the scaled scores as a copy of the truth, ``||s - t||^2 / ||t||^2``.

    LRR-Net+ calls it PRE, "precision-recall effectiveness" (Li et al. 2024, eq. 24,
    doi:10.48550/arXiv.2402.15335), though it has to do with neither. 0 is the truth itself, 1 what
    scores of zero everywhere would have. It changes with any bending of the scores, as
    `scaled_areas` do, and counts every background pixel: a detector that
    ranks nearly all targets first can have an error above 1.

    Raises
    ------
    InputError
        If a class is empty or all scores are equal.
    """
    targets, background = _scaled(classes)
    return float((((1 - targets) ** 2).sum() + (background**2).sum()) / targets.size)


def _scaled(classes: Classes) -> tuple[np.ndarray, np.ndarray]:
    """Scores of targets and background, ascending, the lowest of all 0 and the highest 1."""
    if not classes.defined:
        raise InputError(f"undefined: {classes.lacking}")
    lowest = min(classes.background[0], classes.targets[0])
    highest = max(classes.background[-1], classes.targets[-1])
    # Quartered where the range of two floats is no float.
    unit = 0.25 if max(abs(lowest), abs(highest)) > 4e307 else 1.0
    width = unit * highest - unit * lowest
    if width == 0:
        raise InputError("undefined: all scores are equal and cannot be scaled to 0..1")
    targets, background = (
        (unit * scores - unit * lowest) / width for scores in (classes.targets, classes.background)
    )
    return targets, background
