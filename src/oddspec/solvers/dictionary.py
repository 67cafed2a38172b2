"""Low-rank representation with a dictionary that is learnt along, by scaled ADMM.

Pixels are the n rows of X (n x b), atoms the K rows of D (K x b), L (n x K) coefficients, S (n x b)
anomalies::

    min_{D,L,S}  1/2 ||X - L D - S||_F^2 + l1/2 ||D||_F^2 + l2 ||L||_* + l3 ||S||_{2,1}

One `step`, with a copy J of L and the scaled multiplier U of ``L = J``, and ``theta = l2/mu``::

    D = (L^T L + l1 I)^{-1} L^T (X - S)
    L = [(X - S) D^T + mu (J - U)] (D D^T + mu I)^{-1}
    S = shrink_rows(X - L D, l3)
    J = svt(L + U, theta)
    U = U + L - J

With a fixed dictionary the first line is left out, and the problem is convex.

S is never formed: it is ``shrinkage * (X - L D)`` with one factor per pixel,
``shrinkage = max(1 - l3/||x - l D||, 0)``, so a state takes ``n (3 K + 1)`` numbers and a step two
products with X. And all that a pixel needs to know of the others is small: the atoms and the K x K
matrix by which svt multiplies coefficients. `step` therefore returns them too (`Stage`), and
`follow` takes any other pixel through the same stages.

C. Li, B. Zhang, D. Hong, J. Yao and J. Chanussot, "Low-rank representations meets deep unfolding",
2024, doi:10.48550/arXiv.2402.15335, eqs. 3-21 in their consistent reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, NamedTuple

from array_api_compat import array_namespace, device
from jaxtyping import Float

from oddspec.errors import SettingError
from oddspec.solvers.prox import Threshold, nuclear_norm, svt_factor
from oddspec.solvers.scene_weights import Weights, balance


class Constants(NamedTuple):
    """What one step is given; numbers, or arrays without axes."""

    l1: Threshold
    """Weight of ``1/2 ||D||_F^2``."""
    l3: Threshold
    """Weight of ``||S||_{2,1}``: residuals up to this length are not called anomalous."""
    mu: Threshold
    """Penalty that ties L to J."""
    theta: Threshold
    """``l2 / mu``."""


class Maps(NamedTuple):
    """The K x K cores of a step's linear maps (or matrices that they are multiplied by)."""

    Lambda: Float[Any, "K K"] | None
    """``(L^T L + l1 I)^{-1}``; None where the dictionary is fixed."""
    Gamma: Float[Any, "K K"]
    """``(D D^T + mu I)^{-1}``."""
    Theta: Float[Any, "K K"]
    """``mu (D D^T + mu I)^{-1}``."""


class Stage(NamedTuple):
    """What one step found in all pixels and applies to each; saved models have these names."""

    D: Float[Any, "K b"]
    """Atoms."""
    turn: Float[Any, "K K"] | None
    """The change of basis by which `balance` multiplied J and U, if it was called."""
    maps: Maps
    """The linear maps that were used."""
    l3: Threshold
    """Length by which residuals were shortened."""
    factor: Float[Any, "K K"] | None
    """``svt(L + U) = (L + U) factor``."""


class Codes(NamedTuple):
    """What belongs to each pixel; the symbols are those of the module's docstring."""

    L: Float[Any, "n K"]
    J: Float[Any, "n K"]
    U: Float[Any, "n K"]
    shrinkage: Float[Any, " n"]
    """``S = shrinkage * (X - L D)``."""


@dataclass(frozen=True)
class LearntRepresentation:
    """Where the iteration stands."""

    D: Float[Any, "K b"]
    codes: Codes
    stage: Stage | None = None
    """The last step's."""


def start(
    D: Float[Any, "K b"], L: Float[Any, "n K"], J: Float[Any, "n K"] | None = None
) -> LearntRepresentation:
    """Given atoms and coefficients, and a copy of these if it is not to be zero; S and U zero."""
    xp = array_namespace(L)
    zero = xp.zeros_like(L)
    return LearntRepresentation(D, Codes(L, zero if J is None else J, zero, zero[:, 0]))


def step(
    state: LearntRepresentation,
    X: Float[Any, "n b"],
    squares: Float[Any, " n"],
    constants: Constants,
    *,
    learn: bool = True,
    balanced: bool = False,
    free: Maps | None = None,
) -> LearntRepresentation:
    """The next state.

    Parameters
    ----------
    state, X, constants
        As in the module's docstring.
    squares
        Squared row norms of X, which never change.
    learn
        Whether the dictionary is updated.
    balanced
        Whether atoms and coefficients are brought into `balance` after the dictionary's update;
        their product stays the same.
    free
        Matrices by which the solver's own linear maps are multiplied, if any.
    """
    L, shrinkage = state.codes.L, state.codes.shrinkage
    D, change_of_basis, Lambda = state.D, None, None
    if learn:
        # L^T (X - S), with S of the step before.
        target = ((1 - shrinkage)[:, None] * L).T @ X + ((shrinkage[:, None] * L).T @ L) @ D
        Lambda = _times(_inverse(L.T @ L, constants.l1), free.Lambda if free else None)
        D = Lambda @ target
    if balanced:
        # L itself may stay in the old basis: it is computed anew below, from J and U.
        D, change_of_basis = balance(D, L, constants.theta * constants.mu / constants.l1)
    inverse = _inverse(D @ D.T, constants.mu)
    Gamma = _times(inverse, free.Gamma if free else None)
    Theta = _times(constants.mu * inverse, free.Theta if free else None)
    stage = Stage(D, change_of_basis, Maps(Lambda, Gamma, Theta), constants.l3, None)
    codes = _represent(state.codes, X, squares, state.D, stage)
    stage = stage._replace(factor=svt_factor(codes.L + codes.U, constants.theta))
    return LearntRepresentation(D, _split(codes, stage), stage)


def follow(
    X: Float[Any, "n b"],
    stages: Sequence[Stage],
    J: Float[Any, "n K"] | None = None,
    growths: Sequence[float] = (),
) -> Codes:
    """Take pixels through stages that were found in others; no pixel influences another.

    J is the copy that they start with, zero if left out; by ``growths`` their U is divided after
    each stage (`relaxed`).
    """
    xp = array_namespace(X)
    squares = xp.sum(X * X, axis=1)
    before = stages[0].D
    codes = start(before, X @ xp.zeros_like(before).T, J).codes
    for stage, growth in zip_longest(stages, growths):
        codes = _split(_represent(codes, X, squares, before, stage), stage)
        if growth is not None:
            codes = codes._replace(U=codes.U / growth)
        before = stage.D
    return codes


def _represent(codes: Codes, X: Any, squares: Any, before: Any, stage: Stage) -> Codes:
    """Update L and S; J and U as they were, in the basis of the balanced dictionary."""
    xp = array_namespace(X)
    L, J, U, shrinkage = codes
    if stage.turn is not None:
        J, U = J @ stage.turn, U @ stage.turn
    D = stage.D
    seen = X @ D.T
    # (X - S) D^T with S = shrinkage * (X - L D) of the step before, and so with its atoms.
    cleaned = (1 - shrinkage)[:, None] * seen + (shrinkage[:, None] * L) @ (before @ D.T)
    L = cleaned @ stage.maps.Gamma + (J - U) @ stage.maps.Theta
    norms = _root(squares - xp.sum(L * (2 * seen - L @ (D @ D.T)), axis=1))
    return Codes(L, J, U, _shrinkage(norms, stage.l3))


def _split(codes: Codes, stage: Stage) -> Codes:
    """Update J and U."""
    J = (codes.L + codes.U) @ stage.factor
    return codes._replace(J=J, U=codes.U + codes.L - J)


def anomalies(state: LearntRepresentation, X: Float[Any, "n b"]) -> Float[Any, "n b"]:
    """S, in full."""
    return state.codes.shrinkage[:, None] * (X - state.codes.L @ state.D)


def objective(
    state: LearntRepresentation, X: Float[Any, "n b"], squares: Float[Any, " n"], weights: Weights
) -> Any:
    """The value of the problem at (D, J, S), with gradients."""
    xp = array_namespace(X)
    D, (L, J, _, shrinkage) = state.D, state.codes
    seen, gram = X @ D.T, D @ D.T
    # X - J D - S = (1 - shrinkage) X + B D
    B = shrinkage[:, None] * L - J
    left = 1 - shrinkage
    misfit = xp.sum(left * left * squares) + xp.sum(B * (2 * left[:, None] * seen + B @ gram))
    norms = _root(squares - xp.sum(L * (2 * seen - L @ gram), axis=1))
    l1, l2, l3 = weights
    return (
        misfit / 2 + l1 / 2 * xp.sum(D * D) + l2 * nuclear_norm(J) + l3 * xp.sum(shrinkage * norms)
    )


def must_explain(state: LearntRepresentation, squares: Float[Any, " n"], weights: Weights) -> None:
    """See to it that there is a background: scores would be the lengths of the pixels otherwise.

    Raises
    ------
    SettingError
        If ``L D`` is next to nothing (3 % at most) beside X, whose rows have these squared norms.
    """
    xp = array_namespace(state.D)
    L, D = state.codes.L, state.D
    if float(xp.sum(L * L) * xp.sum(D * D)) < 1e-3 * float(xp.sum(squares)):
        raise SettingError(
            f"the background has vanished: it explains less than its penalties cost "
            f"(lambda2={weights.l2:.3g}, lambda3={weights.l3:.3g}); raise rank, set a lower "
            f"lambda2, or a higher lambda3"
        )


def gap(previous: LearntRepresentation, state: LearntRepresentation) -> float:
    """How far from a fixed point: the larger of two relative quantities.

    The change of the background ``L D`` in the last step, and the distance of L to its copy J.
    """
    xp = array_namespace(state.D)
    old, new = previous.codes.L, state.codes.L
    # ||L D - L' D'||^2 from K x K products: the full matrices are n x b.
    cross = xp.sum((old.T @ new) * (previous.D @ state.D.T))
    size = xp.sum((new.T @ new) * (state.D @ state.D.T))
    change = size - 2 * cross + xp.sum((old.T @ old) * (previous.D @ previous.D.T))
    apart = xp.linalg.vector_norm(new - state.codes.J) / xp.linalg.vector_norm(new)
    return max(float(_root(change / size)), float(apart))


def relaxed(state: LearntRepresentation, growth: Any) -> LearntRepresentation:
    """The same state for a penalty mu that has been multiplied by growth: U is divided by it."""
    return replace(state, codes=state.codes._replace(U=state.codes.U / growth))


def _inverse(A: Any, ridge: Any) -> Any:
    xp = array_namespace(A)
    return xp.linalg.inv(A + ridge * xp.eye(A.shape[0], dtype=A.dtype, device=device(A)))


def _times(own: Any, factor: Any | None) -> Any:
    return own if factor is None else own @ factor


def _root(squares: Any) -> Any:
    """Square root, zero (with gradient zero) where rounding has left nothing above zero."""
    xp = array_namespace(squares)
    some = squares > 0
    return xp.where(some, xp.sqrt(xp.where(some, squares, xp.ones_like(squares))), 0 * squares)


def _shrinkage(norms: Any, l3: Any) -> Any:
    """``max(1 - l3 / norm, 0)``."""
    xp = array_namespace(norms)
    above = norms > l3
    safe = xp.where(above, norms, xp.ones_like(norms))
    return xp.where(above, 1 - l3 / safe, xp.zeros_like(norms))
