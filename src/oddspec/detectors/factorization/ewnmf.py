"""EWNMF: a few non-negative endmembers, with a weight for every band of every pixel."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from oddspec.arrays import Pixels
from oddspec.detectors.factorization._factorized import Explained
from oddspec.detectors.factorization._weighted import Weighted
from oddspec.errors import SettingError
from oddspec.progress import Progress
from oddspec.solvers import weighted_nmf


@dataclass(frozen=True)
class EWNMF(Weighted):
    r"""Sums of a few spectra that need to fit each pixel in the bands where it fits well.

    With pixels X (rows), abundances H, endmembers W >= 0 and weights T, whose rows sum to 1::

        min sum T o (X - H W)^2 + gamma sum T log(b T)

    (the factor b only adds a constant). The weights are a softmax over bands of
    ``-e^2 / gamma``: the larger gamma, the more even. The score is the length of a pixel's
    residual, without the weights, which are least where it is anomalous.

    Settings of the whole family are explained at `Factorized`, and
    ``warmup`` at `Weighted`.

    Parameters
    ----------
    tolerance
        Stop earlier when a sweep lowers the objective by less than this fraction of its size.
    gamma
        How even the weights are; inf leaves plain NMF. In the unit that gamma_unit names.
    gamma_unit
        residual: multiples of the mean squared residual after the warm-up; absolute: the data's own
        units, squared.

    Notes
    -----
    * gamma and the rank are not stated where EWNMF is compared with; the mean squared residual is
      an inference, which serves data in any unit. So is scoring the residual without weights.
    * The official code (WEucNMF.m of Poisson-EM/Entropy-weighted-NMF) normalises the weights over
      the rows of its data matrix, which are attributes only if pixels are columns: transposing the
      data gives another method. It also divides zero by a small number where all exponentials of a
      pixel underflow; here the largest exponent is subtracted.
    * Sweeps after the warm-up run in float32 on data scaled to 1, which halves the time; the
      residual is scored in float64.
    * Negative values are set to zero, with a warning.

    References
    ----------
    J. Wei, C. Tong, B. Wu, Q. He, S. Qi, Y. Yao and Y. Teng, "An entropy weighted nonnegative
    matrix factorization algorithm for feature representation", IEEE Trans. Neural Netw. Learn.
    Syst. 34(9), 5381-5391, 2023. doi:10.48550/arXiv.2111.14007
    """

    gamma: float = 1.0
    gamma_unit: Literal["residual", "absolute"] = "residual"

    reference: ClassVar[str] = "Wei et al. 2023, doi:10.48550/arXiv.2111.14007"
    cost: ClassVar[str] = "12 n b r + n b exponentials per sweep"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.gamma > 0:  # infinite: even weights
            raise SettingError(f"gamma={self.gamma}: expected a number above 0")

    def explain(self, X: Pixels, rank: int, progress: Progress) -> Explained:
        """The factorization under the weights, and the residual that it leaves."""
        if self.gamma < math.inf:
            return super().explain(X, rank, progress)
        factors, curve = self.plain(X, rank, self.iterations, progress)
        return Explained(factors.H, factors.W, X - factors.H @ factors.W, np.array(curve))

    def loss_of(
        self, residual: Pixels, least: float, unit: float
    ) -> Callable[[float], weighted_nmf.Loss]:
        """The entropy of the weights, at its multiple of the mean squared residual."""
        own = unit**-2 if self.gamma_unit == "absolute" else float(np.mean(residual**2))
        loss = weighted_nmf.Entropy(self.gamma * max(own, least**2))
        return lambda part: loss
