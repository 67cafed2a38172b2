"""Endmembers among the pixels of a scene, and abundances that are shares of one.

Pixels are the n rows of X (n x b), endmembers the p rows of A (p x b), abundances the rows of S
(n x p): ``X = S A`` nearly, with S not below zero and rows that sum to one.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy import linalg

LEAST_PART = 1e-6
"""Pixels whose projection on the mean is below this part of the typical one have no direction."""

STEPS, TOLERANCE = 1000, 1e-6
"""Of ADMM: most steps, and the change of an abundance that ends it."""


def leading_directions(X: Float[np.ndarray, "n b"], most: int) -> Float[np.ndarray, "b p"]:
    """Leading right singular vectors of X: at most so many, and no more than X has directions."""
    squares, V = linalg.eigh(X.T @ X)
    count = max(1, min(most, int((squares > 1e-12 * squares[-1]).sum())))
    return np.ascontiguousarray(V[:, ::-1][:, :count])


def pure_pixels(
    coordinates: Float[np.ndarray, "n p"], directions: Float[np.ndarray, "b p"], seed: int
) -> Int[np.ndarray, " p"]:
    """Positions of the p pixels that span the largest simplex, by vertex component analysis.

    Pixels are projected from the origin onto a plane across their mean; of each of p directions,
    drawn at random across the endmembers found so far, the most extreme pixel is an endmember.
    They are drawn among the bands, for singular vectors have no sign of their own: drawn along
    those, another processor's signs would give other pixels.

    J. Nascimento and J. Bioucas-Dias, IEEE Trans. Geosci. Remote Sens. 43(4), 898-910, 2005.
    doi:10.1109/TGRS.2005.844293

    Parameters
    ----------
    coordinates
        Pixels along the directions.
    directions
        The scene's leading singular vectors.
    seed
        Of the draws.
    """
    mean = coordinates.mean(axis=0)
    along = coordinates @ mean
    flat = coordinates / np.maximum(along, LEAST_PART * (mean @ mean))[:, None]
    rng = np.random.default_rng(seed)
    count = coordinates.shape[1]
    found = np.zeros((count, count))
    found[0] = mean / np.linalg.norm(mean)
    chosen = np.zeros(count, dtype=np.int64)
    for k in range(count):
        w = rng.normal(size=len(directions)) @ directions
        across = w - w @ np.linalg.pinv(found) @ found
        chosen[k] = np.argmax(np.abs(flat @ across))
        found[k] = flat[chosen[k]]
    return chosen


def abundances(
    X: Float[np.ndarray, "n b"], A: Float[np.ndarray, "p b"]
) -> Float[np.ndarray, "n p"]:
    """The S that minimises ``||X - S A||_F`` with no share below zero and rows that sum to one.

    By ADMM; rows are feasible exactly, and optimal to about 1e-6.
    """
    gram, seen = A @ A.T, X @ A.T
    count = len(A)
    mu = np.trace(gram) / count * 0.1 or 1.0
    inverse = np.linalg.inv(gram + mu * np.eye(count))
    # Added in proportion, they make a row's sum one at the least cost.
    weights = inverse.sum(axis=0) / inverse.sum()
    S = np.full((len(X), count), 1.0 / count)
    U = np.zeros_like(S)
    for _ in range(STEPS):
        T = (seen + mu * (S - U)) @ inverse
        T += (1.0 - T.sum(axis=1, keepdims=True)) * weights
        before, S = S, np.maximum(T + U, 0.0)
        U += T - S
        if max(np.abs(T - S).max(), np.abs(S - before).max()) < TOLERANCE:
            break
    return S / S.sum(axis=1, keepdims=True)
