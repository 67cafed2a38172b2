"""The generalised Pareto distribution: its fit, how well it fits, and the error of its rates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import optimize

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


def anderson_darling(probabilities: np.ndarray) -> float:
    """The statistic A-squared of numbers that should be uniform between 0 and 1."""
    z = np.clip(np.sort(probabilities), 1e-300, 1 - 1e-16)
    k = z.size
    weights = 2 * np.arange(1, k + 1) - 1
    return float(-k - (weights @ (np.log(z) + np.log1p(-z[::-1]))) / k)


def anderson_darling_p_value(statistic: float, shape: float, seen: float = 1.0) -> float:
    r"""Chance of a larger A-squared if the distribution is right and both parameters were fitted.

    The statistic tends to ``sum_i lambda_i Z_i^2`` (Z_i independent standard normal), whose
    weights are the eigenvalues of the covariance of the empirical process after the fit,
    ``(min(s, t) - s t - g(s)' I^{-1} g(t)) / sqrt(s (1-s) t (1-t))``, where g is the derivative of
    the distribution by its parameters and I their information. This is how the tables of
    Choulakian and Stephens were made; computed here it holds for any shape,
    and for a truncated distribution too.

    Parameters
    ----------
    statistic
        Of `anderson_darling`.
    shape
        As fitted.
    seen
        Share of the distribution below the ceiling of a truncated fit.

    References
    ----------
    V. Choulakian and M. A. Stephens, "Goodness-of-fit tests for the generalized Pareto
    distribution", Technometrics 43(4), 478-484, 2001. doi:10.1198/00401700152672573

    J. P. Imhof, "Computing the distribution of quadratic forms in normal variables", Biometrika
    48(3/4), 419-426, 1961. doi:10.1093/biomet/48.3-4.419
    """
    if statistic > 20:
        return 0.0
    weights = _limit_weights(shape, seen)
    # Imhof's inversion. The integrand is even and analytic, so that the midpoint rule is exact to
    # rounding; its damping grows like exp(sqrt(u)) and leaves less than 1e-6 beyond 200.
    u = (np.arange(4000) + 0.5) * 0.05
    scaled = np.multiply.outer(u, weights)
    angle = 0.5 * np.arctan(scaled).sum(axis=1) - 0.5 * statistic * u
    damping = np.exp(0.25 * np.log1p(scaled**2).sum(axis=1))
    integral = 0.05 * float((np.sin(angle) / (u * damping)).sum())
    return float(np.clip(0.5 + integral / np.pi, 0.0, 1.0))


def rate_error(shape: float, count: int, ratio: float, seen: float = 1.0) -> float:
    """Standard error of the logarithm of the rate at a threshold, by the delta method.

    Parameters
    ----------
    shape
        As fitted.
    count
        Number of independent excesses that the fit saw. (Neighbouring pixels are not independent,
        so that the true error of a scene's rate is rather larger.)
    ratio
        The rate as a part of the share of pixels above the level.
    seen
        Share of the distribution below the ceiling of a truncated fit.
    """
    _, measure, gradients = _gradients_at_nodes(shape, seen)
    information = gradients.T @ (measure[:, None] * gradients)
    exponent = -np.log(ratio)
    shrunk = exponent if abs(shape) < 1e-4 else -np.expm1(-shape * exponent) / shape
    by_shape = exponent**2 / 2 if abs(shape) < 1e-4 else (exponent - shrunk) / shape
    gradient = np.array([shrunk, by_shape])
    variance = (gradient @ np.linalg.solve(information, gradient) + 1.0) / count
    return float(np.sqrt(variance))


def _gradients_at_nodes(
    shape: float, seen: float, nodes: int = 160
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quantiles s = (1 - cos(pi u)) / 2, their weights, and the centred gradients there."""
    points, gauss = _gauss(nodes)
    angle = np.pi * (points + 1) / 2
    s = (1 - np.cos(angle)) / 2
    measure = gauss * np.pi / 4 * np.sin(angle)
    gradients = _likelihood_gradients(s * seen, shape)
    return s, measure, gradients - (measure @ gradients)[None, :]


@cache
def _gauss(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss and Legendre, which cost more than all that is done with them."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    return points, weights


def _limit_weights(shape: float, seen: float) -> np.ndarray:
    """Eigenvalues of the limiting covariance, by quadrature."""
    s, measure, score = _gradients_at_nodes(shape, seen)
    information = score.T @ (measure[:, None] * score)
    # Integrals from 0 to each node: all nodes before it, and half of its own weight.
    order = np.arange(s.size)
    before = (order[:, None] > order[None, :]) + 0.5 * np.eye(s.size)
    cumulated = before @ (measure[:, None] * score)
    covariance = np.minimum.outer(s, s) - np.outer(s, s)
    covariance -= cumulated @ np.linalg.solve(information, cumulated.T)
    factor = np.sqrt(measure / (s * (1 - s)))
    values = np.linalg.eigvalsh(covariance * np.outer(factor, factor))
    return np.asarray(values[values > 1e-6])


def _likelihood_gradients(share: np.ndarray, shape: float) -> np.ndarray:
    """Derivatives of the log density by scale and shape, at scale 1 and those quantiles."""
    log_left = np.log1p(-share)
    if abs(shape) < 1e-4:
        ratio = -log_left
        return np.column_stack([ratio - 1, 0.5 * log_left**2 - ratio])
    ratio = -np.expm1(shape * log_left) / shape
    return np.column_stack([(1 + shape) * ratio - 1, (-log_left - (1 + shape) * ratio) / shape])
