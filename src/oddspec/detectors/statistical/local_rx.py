"""Local RX: each pixel against a Gaussian fitted to the ring around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oddspec.arrays import Scores
from oddspec.detector import WindowDetector
from oddspec.errors import SettingError
from oddspec.statistics.local_gaussian import local_distances, local_scratch
from oddspec.windows import Tile, Window


@dataclass(frozen=True)
class LocalRX(WindowDetector):
    r"""Local RX: how far a spectrum lies from the mean of the ring around it, in the ring's spread.

    With mean ``m`` and covariance ``C = sum (x - m)(x - m)^T / (s - 1)`` of the s pixels x between
    the guard square and the outer square around a pixel y::

        score(y) = (y - m) (C + r I)^{-1} (y - m)^T,      r = ridge * trace(C) / b

    Parameters
    ----------
    guard
        Width of the inner square in pixels (w_in), odd: at least the size of the largest target,
        so that no part of it gets into the ring.
    outer
        Width of the outer square in pixels (w_out), odd. ``outer**2 - guard**2``, the number of
        pixels in the ring, should be at least twice the number of bands.
    ridge
        Added to the variance in every direction, as a fraction of the ring's mean variance per
        band; 0 for none.

    Notes
    -----
    * Defaults: a guard of 7 holds targets of up to 4 pixels across wherever they are hit (and
      their centres up to 7); 25 gives 576 pixels, two to three times the 200 bands of common
      imaging spectrometers. They are the same for every scene; nothing is chosen by a truth.
    * The ridge is not in the published equations. A covariance of 200 bands from a few hundred
      pixels has eigenvalues that are far too small, and 1e-4 keeps them from deciding; with 0 the
      equation is exact and the score is unchanged by any invertible linear map of the bands.
    * ``ridge`` 0: where the ring's pixels lie in a subspace (constant, duplicated or collinear
      bands), the distance is measured within it, exactly as `RX` does. With a ridge such bands
      need no care: what varies nowhere in the ring has the variance r, so a pixel that leaves the
      subspace scores high.
    * A ring with no more valid pixels than bands has no inverse covariance. With a ridge it is
      used as it is; without, a ridge of 1e-4 is taken for it; both with a warning. (A
      pseudo-inverse would leave out most directions in which a pixel can be anomalous.)
    * A ring of equal pixels has no spread at all. Its standard deviation is then taken as 1e-8
      of the spectra's root mean square: the score is huge but finite, or 0 for an equal pixel.
    * Invalid ring pixels are left out (s counts the valid ones). With less than a third of the
      ring valid the pixel is not scored (NaN).
    * The variant with the scene's covariance and a local mean is not offered here: that score
      depends on more than the ring, so it would be another kind of detector.

    References
    ----------
    I. S. Reed and X. Yu, "Adaptive multiple-band CFAR detection of an optical pattern with
    unknown spectral distribution", IEEE Trans. Acoust., Speech, Signal Process. 38(10),
    1760-1770, 1990. doi:10.1109/29.60107

    J. M. Molero, E. M. Garzon, I. Garcia and A. Plaza, "Analysis and optimizations of global and
    local versions of the RX algorithm for anomaly detection in hyperspectral data", IEEE J. Sel.
    Topics Appl. Earth Observ. Remote Sens. 6(2), 801-814, 2013. doi:10.1109/JSTARS.2013.2238609
    """

    guard: int = 7
    outer: int = 25
    ridge: float = 1e-4

    reference: ClassVar[str] = "Molero et al. 2013, doi:10.1109/JSTARS.2013.2238609"
    cost: ClassVar[str] = "n (s b^2 / 7 + b^3)"
    unit: ClassVar[str] = "squared Mahalanobis distance"

    def __post_init__(self) -> None:
        Window(self.guard, self.outer)
        if not (np.isfinite(self.ridge) and (self.ridge == 0 or self.ridge >= 1e-12)):
            raise SettingError(
                f"ridge={self.ridge}: expected 0 or a fraction of the mean variance of at least "
                f"1e-12, such as 1e-4"
            )

    @property
    def window(self) -> Window:
        """The dual window."""
        return Window(self.guard, self.outer)

    def scratch(self, rows: int, columns: int, bands: int) -> int:
        """Bytes needed beside the tile."""
        return local_scratch(self.window, rows, columns, bands)

    def score_tile(self, tile: Tile) -> Scores:
        """Squared local Mahalanobis distances, see `local_distances`."""
        return local_distances(tile, self.window, self.ridge)
