"""Unmixing into endmembers that span a small volume.

Pixels are the n rows of X (n x b), endmembers the p rows of A (p x b), S (n x p) abundances::

    min  1/2 ||X - S A||_F^2 + w^2/2 ||S 1 - 1||^2 + T/2 det(Z)^2      subject to  A, S >= 0

where ``Z = [1, (A - m) U]`` (p x p), with the mean m of the pixels and their p - 1 leading
principal components U: det Z is (p - 1)! times the volume of the endmembers' simplex.

One `step` improves S and then A, each by projected gradients with a step length that is halved
until the objective has fallen enough (Armijo), so that it never rises.

L. Miao and H. Qi, "Endmember extraction from highly mixed data using minimum volume constrained
nonnegative matrix factorization", IEEE Trans. Geosci. Remote Sens. 45(3), 765-777, 2007.
doi:10.1109/TGRS.2006.888466
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import linalg

INNER = 100
"""Gradient steps for S, and for A."""

ENOUGH_FALL = 0.01
"""Part of the fall that the gradient promises which a step must reach (Armijo's constant)."""

HALVINGS = 30
"""Most for one step: with 2^-30 of its length there is nothing left to gain."""


@dataclass(frozen=True)
class MinVolumeProblem:
    """What stays the same; the symbols are those of the module's docstring."""

    X: Float[np.ndarray, "n b"]
    mean: Float[np.ndarray, " b"]
    U: Float[np.ndarray, "b q"]
    volume_weight: float
    sum_weight: float

    @classmethod
    def of(
        cls,
        X: Float[np.ndarray, "n b"],
        endmembers: int,
        volume_weight: float,
        sum_weight: float,
    ) -> MinVolumeProblem:
        """With the principal components of X."""
        mean = X.mean(axis=0)
        size = X.shape[1]
        first = size - endmembers + 1
        scatter = (X - mean).T @ (X - mean)
        if first == size:
            return cls(X, mean, np.zeros((size, 0)), volume_weight, sum_weight)
        _, V = linalg.eigh(scatter, subset_by_index=[first, size - 1])
        return cls(X, mean, V, volume_weight, sum_weight)


@dataclass(frozen=True)
class Unmixed:
    """Where the iteration stands."""

    A: Float[np.ndarray, "p b"]
    S: Float[np.ndarray, "n p"]


def objective(state: Unmixed, problem: MinVolumeProblem) -> float:
    """As stated in the module's docstring."""
    rest = problem.X - state.S @ state.A
    apart = state.S.sum(axis=1) - 1.0
    return 0.5 * float(
        np.vdot(rest, rest)
        + problem.sum_weight**2 * (apart @ apart)
        + problem.volume_weight * _determinant(state.A, problem) ** 2
    )


def step(state: Unmixed, problem: MinVolumeProblem) -> Unmixed:
    """The next state."""
    S = _improve_abundances(state, problem)
    return Unmixed(_improve_endmembers(state.A, S, problem), S)


def _improve_abundances(state: Unmixed, problem: MinVolumeProblem) -> np.ndarray:
    A, w2 = state.A, problem.sum_weight**2
    gram, seen = A @ A.T + w2, problem.X @ A.T + w2

    def value(S: np.ndarray) -> tuple[float, np.ndarray]:
        curved = S @ gram
        return float(np.vdot(S, 0.5 * curved - seen)), curved - seen

    return _descend(state.S, value, 1.0 / float(np.linalg.norm(gram, 2)))


def _improve_endmembers(A: np.ndarray, S: np.ndarray, problem: MinVolumeProblem) -> np.ndarray:
    gram, seen = S.T @ S, S.T @ problem.X

    def value(A: np.ndarray) -> tuple[float, np.ndarray]:
        Z = _simplex(A, problem)
        squared = problem.volume_weight * float(np.linalg.det(Z)) ** 2
        curved = gram @ A
        gradient = curved - seen
        if squared > 0:
            # The gradient of det(Z)^2 / 2 is det(Z)^2 Z^{-T}; A is in all columns of Z but one.
            gradient += squared * np.linalg.inv(Z).T[:, 1:] @ problem.U.T
        return float(np.vdot(A, 0.5 * curved - seen)) + 0.5 * squared, gradient

    return _descend(A, value, 1.0 / float(np.linalg.norm(gram, 2)))


def _descend(
    M: np.ndarray, value: Callable[[np.ndarray], tuple[float, np.ndarray]], length: float
) -> np.ndarray:
    """Projected gradient steps from M; the objective never rises."""
    cost, gradient = value(M)
    for _ in range(INNER):
        length *= 4.0  # a longer step than the last one may do by now
        for _ in range(HALVINGS):
            trial = np.maximum(M - length * gradient, 0.0)
            new_cost, new_gradient = value(trial)
            fall = float(np.vdot(gradient, M - trial))
            if new_cost <= cost - ENOUGH_FALL * fall:
                break
            length *= 0.5
        else:
            return M
        M, cost, gradient = trial, new_cost, new_gradient
    return M


def _simplex(A: np.ndarray, problem: MinVolumeProblem) -> np.ndarray:
    """Z of the module's docstring."""
    return np.column_stack([np.ones(len(A)), (A - problem.mean) @ problem.U])


def _determinant(A: np.ndarray, problem: MinVolumeProblem) -> float:
    return float(np.linalg.det(_simplex(A, problem)))
