"""Patches of pixels, their clusters, and the pixels that others' patches are coded by.

A pixel that many patches of its cluster need is background. One that is used seldom but heavily,
and whose own patch is badly coded by the others, may be an anomaly.

Simultaneous orthogonal matching pursuit: several signals coded by the same few atoms.

The q rows of a patch P (q x b) are to be sums of the same at most k of the m atoms (rows of D,
m x b, of unit length). Step by step the atom whose products with the residuals have the largest sum
of absolute values is added, and the residuals are made orthogonal to it.

J. A. Tropp, A. C. Gilbert and M. J. Strauss, "Algorithms for simultaneous sparse approximation.
Part I: Greedy pursuit", Signal Process. 86(3), 572-588, 2006. doi:10.1016/j.sigpro.2005.05.030
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from oddspec.arrays import Mask
from oddspec.progress import Progress, silent
from oddspec.solvers.clusters import assign

DEPENDENT = 1e-10
"""An atom of which only this part (squared) lies across those chosen before brings nothing new."""


class Coded(NamedTuple):
    """Codes of n patches of q rows by k atoms each."""

    support: Int[np.ndarray, "n k"]
    """Atoms."""
    coefficients: Float[np.ndarray, "n k q"]
    """Zero where an atom brought nothing new."""
    residuals: Float[np.ndarray, "n q"]
    """Norms of what is left of each row."""


def code_jointly(
    patches: Float[np.ndarray, "n q b"],
    D: Float[np.ndarray, "m b"],
    own: Int[np.ndarray, " n"],
    count: int,
) -> Coded:
    """Codes of all patches.

    The products of the residuals with the atoms are updated instead of the residuals themselves,
    with one orthonormal vector more per step (Gram-Schmidt): ``O(n m (b + q + k))`` for a step.

    Parameters
    ----------
    patches
        Signals.
    D
        Atoms of unit length.
    own
        An atom that each patch must not use; -1 for none.
    count
        Atoms per patch (k), below the number of atoms.
    """
    n, q, b = patches.shape
    each = np.arange(n)
    seen = (patches.reshape(-1, b) @ D.T).reshape(n, q, len(D))
    chosen = np.zeros((n, count), dtype=np.int64)
    along = np.zeros((n, count, q))  # products of the orthonormal vectors with the rows
    triangle = np.zeros((n, count, count))  # chosen atoms by orthonormal vectors
    vectors = np.zeros((n, count, len(D)))  # products of the orthonormal vectors with the atoms
    taken = own.copy()
    barred = np.zeros((n, len(D)), dtype=np.bool_)
    for k in range(count):
        some = taken >= 0
        barred[each[some], taken[some]] = True
        strength = np.abs(seen).sum(axis=1)
        strength[barred] = -1.0
        taken = np.argmax(strength, axis=1)
        chosen[:, k] = taken
        before = vectors[each, :k, taken]
        triangle[:, k, :k] = before
        across = 1.0 - np.vecdot(before, before)
        new = across > DEPENDENT
        inverse = np.where(new, 1.0 / np.sqrt(np.where(new, across, 1.0)), 0.0)
        triangle[:, k, k] = np.where(new, np.sqrt(np.where(new, across, 1.0)), 1.0)
        products = D[taken] @ D.T
        products -= (before[:, None] @ vectors[:, :k])[:, 0]
        vectors[:, k] = products * inverse[:, None]
        along[:, k] = seen[each, :, taken] * inverse[:, None]
        seen -= along[:, k, :, None] * vectors[:, k, None]
    # Rows are P = along^T Q, chosen atoms triangle Q, so the coefficients solve
    # triangle^T c = along.
    coefficients = np.linalg.solve(triangle.mT, along)
    energy = np.vecdot(patches, patches) - (along * along).sum(axis=1)
    return Coded(chosen, coefficients, np.sqrt(np.maximum(energy, 0.0)))


BYTES = 64_000_000
"""Of the products that are worked on at once."""

ROUNDS = 20
"""Most passes of k-means."""


class Use(NamedTuple):
    """How pixels code the patches of their cluster."""

    share: Float[np.ndarray, " n"]
    """Sum of a pixel's mean absolute coefficients, divided by the cluster's norm of those."""
    frequency: Int[np.ndarray, " n"]
    """Patches that use it."""
    residual: Float[np.ndarray, " n"]
    """Mean norm of what is left of the pixels of its own patch."""

    @property
    def level(self) -> Float[np.ndarray, " n"]:
        """How much a pixel looks like an anomaly; 0 where it is not used."""
        return self.residual * self.share / np.maximum(self.frequency, 1)


def patch_members(valid: Mask, width: int) -> Int[np.ndarray, "n q"]:
    """Positions among the valid pixels of each valid pixel's ``width x width`` patch.

    The scene is mirrored at its border, with the border's pixels repeated; in place of an invalid
    pixel stands the patch's centre.
    """
    number = np.full(valid.shape, -1, dtype=np.int64)
    number[valid] = np.arange(np.count_nonzero(valid))
    reach = width // 2
    padded = np.pad(number, reach, mode="symmetric")
    squares = np.lib.stride_tricks.sliding_window_view(padded, (width, width))
    members = squares[valid].reshape(-1, width * width)
    return np.where(members < 0, number[valid][:, None], members)


def patch_clusters(
    P: Float[np.ndarray, "n p"], members: Int[np.ndarray, "n q"], count: int, seed: int
) -> Int[np.ndarray, " n"]:
    """The cluster of each patch, by k-means with a distance in which pixels may change places.

    The distance of two patches is the sum over their q pixels of the larger of: how near the
    nearest pixel of the other patch is to this one, and the other way round. A centre is the mean
    patch. Started from plain k-means of the patches.

    Parameters
    ----------
    P
        Pixels, in few coordinates.
    members
        Of each patch, see `patch_members`.
    count, seed
        Clusters, and the seed of the start.
    """
    patches = P[members]
    labels = assign(patches.reshape(len(P), -1), count, seed)
    for _ in range(ROUNDS):
        used = np.unique(labels)
        centres = np.stack([patches[labels == k].mean(axis=0) for k in used])
        before, labels = labels, _nearest(patches, centres)
        if np.array_equal(labels, before):
            break
    return np.unique(labels, return_inverse=True)[1]


def _nearest(patches: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Number of the centre that each patch is nearest to."""
    n, q, p = patches.shape
    K = len(centres)
    flat = centres.reshape(K * q, p)
    labels = np.empty(n, dtype=np.int64)
    count = max(1, BYTES // (32 * q * q * K))
    for first in range(0, n, count):
        some = patches[first : first + count]
        squares = -2.0 * (some.reshape(-1, p) @ flat.T)
        squares += np.vecdot(some, some).reshape(-1, 1) + np.vecdot(flat, flat)
        distances = np.sqrt(np.maximum(squares, 0.0)).reshape(len(some), q, K, q)
        # Axes: patch, its pixel, centre, the centre's pixel.
        to_centre, from_centre = distances.min(axis=3), distances.min(axis=1)
        total = np.maximum(to_centre.transpose(0, 2, 1), from_centre).sum(axis=2)
        labels[first : first + count] = total.argmin(axis=1)
    return labels


def code_patches(
    X: Float[np.ndarray, "n b"],
    members: Int[np.ndarray, "n q"],
    labels: Int[np.ndarray, " n"],
    atoms: int,
    progress: Progress = silent,
) -> Use:
    """Code each patch by the pixels at the centres of its cluster's other patches.

    Parameters
    ----------
    X
        Pixels of unit length.
    members, labels
        Patches and their clusters.
    atoms
        Pixels that code a patch; fewer in small clusters, and at most a quarter of the bands: with
        more of them what is left is noise, which any anomalous pixel codes as well as others.
    progress
        Called with the number of patches that are coded.
    """
    n, q = members.shape
    share, frequency, residual = np.zeros(n), np.zeros(n, dtype=np.int64), np.zeros(n)
    done = 0
    for label in range(int(labels.max()) + 1):
        own = np.flatnonzero(labels == label)
        k = min(atoms, len(own) - 1, max(1, X.shape[1] // 4))
        D = X[own]
        mass = np.zeros(len(own))
        count = max(1, BYTES // (8 * len(own) * (q + max(k, 1) + 3)))
        for first in range(0, len(own), count):
            some = np.arange(first, min(first + count, len(own)))
            coded = code_jointly(X[members[own[some]]], D, some, k)
            residual[own[some]] = coded.residuals.mean(axis=1)
            sizes = np.abs(coded.coefficients).mean(axis=2)
            np.add.at(mass, coded.support, sizes)
            np.add.at(frequency, own[coded.support[sizes > 0]], 1)
            progress(done + int(some[-1]), n, "coding patches")
        done += len(own)
        norm = np.linalg.norm(mass)
        share[own] = mass / norm if norm > 0 else 0.0
    return Use(share, frequency, residual)


def largest(values: Float[np.ndarray, " n"], count: int) -> Bool[np.ndarray, " n"]:
    """Which are the largest, of those above zero."""
    chosen = np.zeros(len(values), dtype=np.bool_)
    chosen[np.argsort(-values, kind="stable")[:count]] = True
    return chosen & (values > 0)
