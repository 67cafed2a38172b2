"""The generalised Pareto distribution, and its fit by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

__all__ = ["SHAPES", "Pareto", "fit_pareto"]

SHAPES = (-0.5, 2.0)
"""Below -1/2 maximum likelihood is irregular; above 2 a score has not even a square root's mean."""


@dataclass(frozen=True)
class Pareto:
    """``P(excess > y) = (1 + shape y / scale)^(-1 / shape)`` for ``y >= 0``."""

    scale: float
    shape: float

    def sf(self, excess: np.ndarray) -> np.ndarray:
        """Probability of a larger excess, given that there is one."""
        return np.asarray(np.exp(-_exponent(np.asarray(excess / self.scale), self.shape)))

    def isf(self, share: float) -> float:
        """The excess that is surpassed with that probability."""
        logarithm = -np.log(share)
        if abs(self.shape) < 1e-9:
            return float(self.scale * logarithm)
        return float(self.scale * np.expm1(self.shape * logarithm) / self.shape)


def fit_pareto(excesses: np.ndarray, ceiling: float = np.inf) -> Pareto:
    """Maximum likelihood with the shape between -1/2 and 2.

    Parameters
    ----------
    excesses
        Positive numbers.
    ceiling
        Only excesses up to this one were taken (right truncation): what lies above may be
        anything and has no influence.

    References
    ----------
    S. D. Grimshaw, "Computing maximum likelihood estimates for the generalized Pareto
    distribution", Technometrics 35(2), 185-191, 1993. doi:10.1080/00401706.1993.10485040
    """
    unit = float(excesses.mean())
    y, top = excesses / unit, ceiling / unit
    largest = float(y.max())

    def cost(parameters: np.ndarray) -> float:
        scale, shape = float(np.exp(parameters[0])), float(parameters[1])
        possible = 1 + shape * largest / scale > 0 and scale < 100 * largest
        if not SHAPES[0] <= shape <= SHAPES[1] or not possible:
            return np.inf
        mean = float(_exponent(y / scale, shape).mean())
        seen = -np.expm1(-float(_exponent(np.asarray(top / scale), shape))) if top < np.inf else 1.0
        return float(parameters[0] + (1 + shape) * mean + np.log(seen))

    best = optimize.minimize(
        cost,
        _start(y, largest),
        method="Nelder-Mead",
        options={"xatol": 1e-6, "fatol": 1e-10, "maxiter": 400},
    )
    return Pareto(unit * float(np.exp(best.x[0])), float(best.x[1]))


def _start(y: np.ndarray, largest: float) -> np.ndarray:
    """Hosking and Wallis' moment estimate, moved to where every excess is possible."""
    spread = float(y.var())
    shape = float(np.clip(0.5 * (1 - 1 / spread) if spread > 0 else -0.4, -0.4, 0.9))
    scale = max(1 - shape, 1e-3)
    if shape < 0:
        scale = max(scale, -shape * largest * 1.01)
    return np.array([np.log(scale), shape])


def _exponent(z: np.ndarray, shape: float) -> np.ndarray:
    """``log(1 + shape z) / shape``, infinite beyond the end of the distribution."""
    if abs(shape) < 1e-9:
        return np.asarray(z)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log1p(np.maximum(shape * z, -1.0)) / shape)
