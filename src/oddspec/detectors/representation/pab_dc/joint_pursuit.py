"""Simultaneous orthogonal matching pursuit: several signals coded by the same few atoms.

The q rows of a patch P (q x b) are to be sums of the same at most k of the m atoms (rows of D,
m x b, of unit length). Step by step the atom whose products with the residuals have the largest sum
of absolute values is added, and the residuals are made orthogonal to it.

J. A. Tropp, A. C. Gilbert and M. J. Strauss, "Algorithms for simultaneous sparse approximation.
Part I: Greedy pursuit", Signal Process. 86(3), 572-588, 2006. doi:10.1016/j.sigpro.2005.05.030
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

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
