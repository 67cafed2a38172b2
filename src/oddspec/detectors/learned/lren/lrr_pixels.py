r"""Low-rank representation of further pixels, with what a solution for many pixels has learnt.

In the problem of `lrr` pixels meet in one place only, the nuclear norm. There are
two ways to score a pixel that was not among the solved ones, and both give the solved ones what
they had:

**At the optimum.** All that a pixel needs of the scene is a metric, an l x l matrix
(`lrr_optimum`).

**As far as an iteration got.** A published schedule may stop before the optimum. Its singular value
thresholding multiplies by an m x m matrix; with these matrices recorded, the same steps can be
repeated for any pixel by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as device_of
from jaxtyping import Float

from oddspec.detectors.learned.lren import lrr
from oddspec.detectors.learned.lren.lrr_optimum import errors, optimum

__all__ = ["Coupling", "couple", "record", "replay"]


@dataclass(frozen=True)
class Coupling:
    """What further pixels need of a solution.

    Attributes
    ----------
    atoms
        The dictionary D, ``(m, l)``.
    penalty
        Weight lam of the errors.
    metric
        K, ``(l, l)``, of an optimum; None where an iteration was recorded.
    factors
        ``(steps, m, m)``: the recorded matrices of the published schedule; None at an optimum.
    """

    atoms: np.ndarray
    penalty: float
    metric: np.ndarray | None = None
    factors: np.ndarray | None = None

    def errors(self, Psi: Float[Any, "n l"]) -> Float[Any, "n l"]:
        """Error of each row, in the kind of array that it came in."""
        xp, where = array_namespace(Psi), device_of(Psi)
        if self.factors is None:
            return errors(Psi, xp.asarray(self.metric, device=where), self.penalty)
        atoms = xp.asarray(self.atoms, device=where)
        return replay(Psi, atoms, self.penalty, tuple(self.factors)).A


def couple(
    Psi: Float[np.ndarray, "n l"],
    D: Float[np.ndarray, "m l"],
    lam: float,
    *,
    published: bool,
    tol: float = 1e-4,
    max_iter: int = 500,
) -> Coupling:
    """Solve for these pixels, and keep what others need.

    Parameters
    ----------
    Psi, D, lam
        As for `lrr.solve`.
    published
        Follow the published schedule and record it, instead of solving to the optimum.
    tol, max_iter
        Of the optimum, see `lrr_optimum`.

    Warns
    -----
    NotConverged
        If the optimum is not reached.
    """
    if published:
        _, factors = record(Psi, D, lam)
        return Coupling(D, lam, factors=np.stack(factors))
    return Coupling(D, lam, metric=optimum(Psi, D, lam, tol=tol, max_iter=max_iter))


def record(
    Psi: Float[Any, "n l"], D: Float[Any, "m l"], lam: float, **schedule: Any
) -> tuple[lrr.Representation, tuple[Any, ...]]:
    """`lrr.solve`, and the matrix by which each of its steps thresholded singular values.

    Parameters
    ----------
    Psi, D, lam
        As for `lrr.solve`.
    **schedule
        Its ``mu``, ``mu_growth``, ``mu_max``, ``tol`` and ``max_iter``.

    Warns
    -----
    NotConverged
        As `lrr.solve` does.
    """
    factors: list[Any] = []

    def thresholded(A: Any, t: float) -> Any:
        factors.append(_factor(A, t))
        return A @ factors[-1]

    return lrr.solve(Psi, D, lam, low_rank=thresholded, **schedule), tuple(factors)


def replay(
    Psi: Float[Any, "n l"],
    D: Float[Any, "m l"],
    lam: float,
    factors: Sequence[Any],
    *,
    mu: float = 1e-3,
    mu_growth: float = 1.2,
    mu_max: float = 1e10,
) -> lrr.Representation:
    """The state of the recorded iteration for other pixels, each by itself."""
    state = lrr.start(Psi, D, mu)
    for factor in factors:
        kept = partial(_times, factor)
        state = lrr.step(state, Psi, D, lam, mu_growth=mu_growth, mu_max=mu_max, low_rank=kept)
    return state


def _times(factor: Any, A: Any, t: float) -> Any:
    xp = array_namespace(A)
    return A @ xp.asarray(factor, device=device_of(A))


def _factor(A: Any, t: float) -> Any:
    """``V max(1 - t/s, 0) V^T``, by which `svt` multiplies a tall A."""
    xp = array_namespace(A)
    squares, V = xp.linalg.eigh(A.T @ A)
    kept = squares > t * t
    roots = xp.sqrt(xp.where(kept, squares, xp.ones_like(squares)))
    return (V * xp.where(kept, 1 - t / roots, xp.zeros_like(squares))) @ V.T
