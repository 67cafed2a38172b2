"""LSAD-CR-IDW: what is left of a pixel that none of the rings beside it can reconstruct."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float

from oddspec.detectors.representation._shifted_windows import (
    ShiftedWindows,
    about_the_mean,
    squared_distances,
)


@dataclass(frozen=True)
class LSADCRIDW(ShiftedWindows):
    r"""Collaborative representation by all rings around a pixel, weighted by distance.

    A dual window is centred on each of the ``guard**2`` places from which its guard square holds
    the pixel y. With the s pixels ``h_k`` of one ring as the rows of H, their distances d_k in the
    image from the window's centre, and ``q_k = d_k^-2 / sum d^-2``::

        a = argmin ||y - a H||^2 + penalty sum_k (a_k q_k ||y - h_k||)^2

    The score is the sum of ``||y - a H||`` over the windows.

    Settings of the windows are explained at `ShiftedWindows`.

    Parameters
    ----------
    weights
        published: q as above; reciprocal: ``q_k = d_k^2 / sum d^2``; equal: ``q_k = 1 / s``.

    Notes
    -----
    * As the authors' code has it, pixels near the window's centre have the larger q and so are
      *harder* to use, the opposite of what "inverse distance weighting" means to do. ``weights =
      reciprocal`` is that intention; the text of [1] was not at hand.
    * The authors scale a scene to 0..1 first. The scores are homogeneous, so its factor has no
      effect on a ranking; its offset, the scene's least value, is not subtracted here, since a
      pixel's score depends on its surroundings alone.
    * Their mirrored borders can put a copy of the pixel into its own ring. Here windows slide
      inwards.
    * q_k is about 1/s, so the penalty weighs s^2 times less than in `CRD`: with 0.01 and 16 ring
      pixels almost nothing is regularised, and 16 pixels reconstruct most spectra.
    * The default windows, 5 and 3 pixels, and 0.01 are those of the authors' code.
    * Solved with ``b_k = h_k / (q_k ||y - h_k||)``, whose penalty is equal for all atoms, and with
      one step of iterative refinement. A pixel equal to one of a ring is reconstructed at no cost.
    * Invalid ring pixels are left out; so are rings with less than a third of their pixels valid,
      and the others' sum is raised in proportion.

    References
    ----------
    [1] K. Tan, Z. Hou, F. Wu, Q. Du and Y. Chen, "Anomaly detection for hyperspectral imagery based
    on the regularized subspace method and collaborative representation", Remote Sens. 11(11),
    1318, 2019. doi:10.3390/rs11111318
    """

    weights: Literal["published", "reciprocal", "equal"] = "published"

    reference: ClassVar[str] = "Tan et al. 2019, doi:10.3390/rs11111318"
    cost: ClassVar[str] = "n (s^2 b + guard^2 s (2 b + s^2))"
    unit: ClassVar[str] = "sum of residual norms"

    def ring_scores(
        self,
        pixels: Float[np.ndarray, "n m b"],
        rings: Float[np.ndarray, "n s b"],
        valid: Bool[np.ndarray, "n s"],
        distances: Float[np.ndarray, "n s"],
    ) -> Float[np.ndarray, "n m"]:
        """``||y - a H||``, in the data's units."""
        q = _importance(np.where(valid, distances, np.nan), self.weights)
        H = np.where(valid[..., None], rings, 0.0)
        _, squares, _ = squared_distances(*about_the_mean(pixels, rings, valid))
        costs = q[:, None] * np.sqrt(squares)
        equal = ((costs == 0) & valid[:, None]).any(axis=2)
        usable = costs > 0  # NaN, the cost of an invalid pixel, is not
        # An inverse of 0 makes an atom zero: it takes no part.
        inverse = np.where(usable, 1.0 / np.where(usable, costs, 1.0), 0.0)
        # (B B^T + penalty I) a = B y for the atoms b_k of the Notes, a system for every pixel.
        system = (H @ H.mT)[:, None] * inverse[..., None]
        system *= inverse[..., None, :]
        diagonal = np.einsum("nmii->nmi", system)  # a view: this adds to the system
        diagonal += self.penalty
        a = np.linalg.solve(system, ((pixels @ H.mT) * inverse)[..., None])[..., 0]
        residual = pixels - (a * inverse) @ H
        missed = (residual @ H.mT) * inverse - self.penalty * a
        step = np.linalg.solve(system, missed[..., None])[..., 0]
        residual -= (step * inverse) @ H
        return np.where(equal, 0.0, np.sqrt(np.vecdot(residual, residual)))


def _importance(distances: np.ndarray, weights: str) -> np.ndarray:
    """q, NaN where the distance is."""
    power = {"published": -2, "reciprocal": 2, "equal": 0}[weights]
    q = np.where(np.isnan(distances), np.nan, distances**power)
    return q / np.nansum(q, axis=1, keepdims=True)
