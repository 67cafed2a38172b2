"""A choice of bands that hold most of what all of them show: orthogonal projections.

The first band is the one that varies most. Then, one after the other, all bands (as images of n
pixels) are projected on what is orthogonal to those chosen, and the band of which most is left is
taken. This is the rule of W. Zhang, X. Li, Y. Dou and L. Zhao, "A geometry-based band selection
approach for hyperspectral image analysis", IEEE Trans. Geosci. Remote Sens. 56(8), 4318-4333,
2018. doi:10.1109/TGRS.2018.2811046
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

NOTHING = 1e-12
"""What is left of a band below this part of its energy is rounding."""


def select_bands(X: Float[np.ndarray, "n b"], count: int) -> Int[np.ndarray, " q"]:
    """Indices of the chosen bands, ascending.

    Parameters
    ----------
    X
        Pixels as rows.
    count
        How many; fewer are returned if the others add nothing.
    """
    rest = X / np.abs(X).max()
    energies = np.vecdot(rest.T, rest.T)
    left = energies.copy()
    chosen = [int(rest.var(axis=0).argmax())]
    while len(chosen) < min(count, X.shape[1]):
        last = rest[:, chosen[-1]].copy()
        rest -= np.outer(last, (last @ rest) / (last @ last))
        left = np.vecdot(rest.T, rest.T)
        left[chosen] = 0.0
        best = int(left.argmax())
        if left[best] <= NOTHING * energies[best]:
            break
        chosen.append(best)
    return np.sort(chosen)
