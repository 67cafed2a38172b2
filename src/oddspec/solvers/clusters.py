"""K-means clusters of pixels, and a first dictionary: their centres."""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float, Int
from scipy import linalg
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import cdist

ITERATIONS = 20
"""Of k-means."""

KEYS = 16
"""Bands by which pixels are sorted: enough for no two different pixels to tie."""


def assign(X: Float[np.ndarray, "n b"], count: int, seed: int) -> Int[np.ndarray, " n"]:
    """The k-means cluster that each pixel belongs to, counted from 0; none is empty.

    Started by k-means++ on the pixels sorted by value, so that the outcome depends on the set of
    pixels and the seed, not on the order that the pixels come in.

    Parameters
    ----------
    X
        Pixels.
    count
        Number of clusters; fewer come back where fewer have members.
    seed
        Of the random start.
    """
    order = np.lexsort(X.T[:KEYS][::-1])
    with warnings.catch_warnings():
        # An empty cluster is no trouble: it is left out below.
        warnings.simplefilter("ignore", UserWarning)
        first = _spread_out(X[order], count, np.random.default_rng(seed))
        _, sorted_labels = kmeans2(X[order], first, iter=ITERATIONS, minit="matrix")
    _, sorted_labels = np.unique(sorted_labels, return_inverse=True)
    labels = np.empty_like(sorted_labels)
    labels[order] = sorted_labels
    return labels


def cluster(
    X: Float[np.ndarray, "n b"], count: int, seed: int
) -> tuple[Float[np.ndarray, "K b"], Float[np.ndarray, "n K"]]:
    """Centres of the clusters that `assign` finds, and which cluster each pixel belongs to.

    Returns
    -------
    D, L
        Linearly independent centres, and per pixel a row with a 1 where its own is among them.
    """
    labels = assign(X, count, seed)
    L = np.zeros((len(X), int(labels.max()) + 1))
    L[np.arange(len(X)), labels] = 1.0
    D = (L.T @ X) / L.sum(axis=0)[:, None]
    independent = _independent(D)
    return D[independent], L[:, independent]


def _independent(D: np.ndarray) -> np.ndarray:
    """Rows that span the row space.

    Of centred pixels one centre is always a combination of the others; kept, its share would be
    rounding noise, which iterations amplify.
    """
    R, order = linalg.qr(D.T, mode="r", pivoting=True)
    sizes = np.abs(np.diag(R))
    return np.sort(order[: len(sizes)][sizes > 1e-8 * sizes[0]])


def _spread_out(X: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Pixels drawn by k-means++; no more than differ from each other."""
    chosen = [int(rng.integers(len(X)))]
    distances = np.full(len(X), np.inf)
    while len(chosen) < count:
        distances = np.minimum(distances, cdist(X, X[chosen[-1:]], "sqeuclidean")[:, 0])
        total = distances.sum()
        if not total > 0:
            break
        chosen.append(int(rng.choice(len(X), p=distances / total)))
    return X[chosen]
