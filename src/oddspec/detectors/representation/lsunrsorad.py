"""LSUNRSORAD: like LSAD-CR-IDW, with weights that sum to one and outliers left out of rings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float

from oddspec.detectors.representation._shifted_windows import (
    ShiftedWindows,
    about_the_mean,
    squared_distances,
)
from oddspec.errors import SettingError


@dataclass(frozen=True)
class LSUNRSORAD(ShiftedWindows):
    r"""Distance of a pixel from the mixtures of the rings around it, outliers left out.

    A dual window is centred on each of the ``guard**2`` places from which its guard square holds
    the pixel y. Of one ring, pixels whose sum over the bands is more than ``outlier`` standard
    deviations from the ring's mean are left out; with the others ``h_k`` as the rows of H::

        a = argmin ||y - a H||^2 + penalty sum_k (a_k ||y - h_k||)^2   subject to  sum_k a_k = 1

    The score is the sum of ``||y - a H||`` over the windows.

    Settings of the windows are explained at `ShiftedWindows`.

    Parameters
    ----------
    outlier
        Standard deviations (n - 1) of a ring's brightness beyond which a pixel is left out.

    Notes
    -----
    * With ``z_k = h_k - y``, ``a`` is proportional to ``(Z Z^T + penalty diag ||z_k||^2)^{-1} 1``
      and the residual is ``-a Z``. Solved for the z_k divided by their lengths, so that the system
      is well conditioned however different the pixels.
    * The weights sum to one: an offset or a factor common to all spectra does not change the
      ranking, so the authors' scaling to 0..1 has no part.
    * Weights may be negative: the mixtures are all affine combinations, not the convex ones alone.
    * A pixel equal to one of a ring is reconstructed at no cost.
    * The authors' mirrored borders can put a copy of the pixel into its own ring. Here windows
      slide inwards.
    * The default windows, 5 and 3 pixels, and 0.01 are those of the authors' code: anomalies
      larger than three pixels reconstruct themselves.
    * Invalid ring pixels are left out; so are rings with less than a third of their pixels valid,
      and the others' sum is raised in proportion.

    References
    ----------
    K. Tan, Z. Hou, F. Wu, Q. Du and Y. Chen, "Anomaly detection for hyperspectral imagery based
    on the regularized subspace method and collaborative representation", Remote Sens. 11(11),
    1318, 2019. doi:10.3390/rs11111318
    """

    outlier: float = 2.0

    reference: ClassVar[str] = "Tan et al. 2019, doi:10.3390/rs11111318"
    cost: ClassVar[str] = "n (s^2 b + guard^2 s (2 b + s^2))"
    unit: ClassVar[str] = "sum of residual norms"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.outlier >= 1:
            # Some pixel is always within one deviation.
            raise SettingError(f"outlier={self.outlier}: expected at least 1 standard deviation")

    def ring_scores(
        self,
        pixels: Float[np.ndarray, "n m b"],
        rings: Float[np.ndarray, "n s b"],
        valid: Bool[np.ndarray, "n s"],
        distances: Float[np.ndarray, "n s"],
    ) -> Float[np.ndarray, "n m"]:
        """``||y - a H||``, in the data's units; distances in the image play no part."""
        ordinary = _ordinary(rings, valid, self.outlier)
        # Weights that sum to one see no offset, and differences from the mean round less.
        Y, H = about_the_mean(pixels, rings, ordinary)
        cross, squares, near = squared_distances(Y, H)
        equal = ((squares == 0) & ordinary[:, None]).any(axis=2)
        usable = (squares > 0) & ordinary[:, None]
        inverse = np.where(usable, 1.0 / np.sqrt(np.where(usable, squares, 1.0)), 0.0)
        # Products of the differences z_k = h_k - y, of unit length; zero where an atom does not
        # count: z_j z_k = h_j h_k - h_j y - h_k y + y y.
        system = (H @ H.mT)[:, None] - cross[..., None]
        system -= cross[..., None, :]
        system += np.vecdot(Y, Y)[..., None, None]
        # Where a difference is small the sum above is mostly rounding: from the differences then.
        ring, pixel = np.nonzero(near.any(axis=2))
        apart = H[ring] - Y[ring, pixel][:, None]
        system[ring, pixel] = apart @ apart.mT
        system *= inverse[..., None]
        system *= inverse[..., None, :]
        # The view's values are exact: an atom that does not count keeps the penalty alone.
        np.einsum("nmii->nmi", system)[...] = usable + self.penalty
        a = np.linalg.solve(system, inverse[..., None])[..., 0] * inverse
        total = a.sum(axis=2)
        residual = a @ H
        residual -= total[..., None] * Y
        norms = np.sqrt(np.vecdot(residual, residual)) / np.where(total > 0, total, 1.0)
        return np.where(equal, 0.0, norms)


def _ordinary(rings: np.ndarray, valid: np.ndarray, outlier: float) -> np.ndarray:
    """Which valid pixels of each ring have a brightness like the others'."""
    brightness = np.where(valid, rings.sum(axis=2), 0.0)
    count = np.count_nonzero(valid, axis=1)[:, None]
    away = np.where(valid, brightness - brightness.sum(axis=1, keepdims=True) / count, 0.0)
    deviation = np.sqrt(np.vecdot(away, away)[:, None] / (count - 1))
    # Rounding leaves a deviation of about 1e-16 in a ring of equal pixels.
    slack = 1e-12 * np.abs(brightness).max(axis=1, keepdims=True)
    return np.asarray(valid & (np.abs(away) <= outlier * deviation + slack))
