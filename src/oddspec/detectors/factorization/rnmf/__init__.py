"""RNMF: a few non-negative endmembers, and anomalous entries that are set apart."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from oddspec.arrays import Pixels
from oddspec.detectors.factorization._factorized import Explained, Explaining
from oddspec.detectors.factorization.rnmf import solver
from oddspec.errors import DataWarning, SettingError
from oddspec.progress import Progress
from oddspec.settings import at_least
from oddspec.solvers.prox import soft


@dataclass(frozen=True)
class RNMF(Explaining):
    r"""Sums of a few spectra explain the scene; single bands of single pixels may be set apart.

    With pixels X (rows), abundances H, endmembers W and anomalies S::

        min ||X - H W - S||_F^2 + lam ||S||_1,  H, W >= 0;      score_i = ||s_i||

    S is the residual shortened by lam / 2, entry by entry, so most of its entries are zero.

    Settings of the whole family are explained at `Factorized`.

    Parameters
    ----------
    penalty
        Where an entry begins to be anomalous, lam / 2; inf leaves plain NMF. In the unit that
        penalty_unit names.
    penalty_unit
        noise: standard deviations of the residual after the warm-up, judged by its median size;
        absolute: the data's own units.
    warmup
        Sweeps of plain factorization before entries are set apart.
    scored
        anomalies: S; residual: X - H W.

    Notes
    -----
    * Neither the paper's abstract nor the papers that compare with it state lam or the rank; 2.5
      standard deviations are an inference, which serves data in any unit.
    * There is no half in the objective, so the threshold is lam / 2.
    * Without S the problem is a factorization under Huber's loss, which is why it may start from a
      plain one; with random factors S would first take most of the scene.
    * A rule that clips X - S at zero in the updates makes entries zero for ever; here they are
      lowered to a hundredth at most (`oddspec.detectors.factorization.rnmf.solver`).
    * Pixels without an anomalous entry tie at zero. Where S is zero everywhere the residual is
      scored instead, with a warning (but not for penalty=inf, which asks for that).
    * Negative values are set to zero, with a warning.

    References
    ----------
    L. Zhang, Z. Chen, M. Zheng and X. He, "Robust non-negative matrix factorization", Front.
    Electr. Electron. Eng. China 6(2), 192-200, 2011. doi:10.1007/s11460-011-0128-0
    """

    penalty: float = 2.5
    penalty_unit: Literal["noise", "absolute"] = "noise"
    warmup: int = 250
    scored: Literal["anomalies", "residual"] = "anomalies"

    reference: ClassVar[str] = "Zhang et al. 2011, doi:10.1007/s11460-011-0128-0"
    cost: ClassVar[str] = "6 n b r per sweep"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.penalty > 0:  # infinite: no pixel is anomalous
            raise SettingError(f"penalty={self.penalty}: expected a number above 0")
        at_least(self, 0, "warmup")

    def explain(self, X: Pixels, rank: int, progress: Progress) -> Explained:
        """The factorization, and what it sets apart."""
        warmup = min(self.warmup, self.iterations)
        first, _ = self.plain(X, rank, warmup, progress)
        lam = 2.0 * self._limit(X - first.H @ first.W, X)
        state, curve = self.swept(
            lambda state: solver.step(state, X, lam), first, warmup, self.iterations, progress
        )
        # A sweep gives the objective before it: that of the last state is still to come.
        curve.append(solver.objective(state, X, lam))
        residual = X - state.H @ state.W
        S = residual if self.penalty == math.inf else soft(residual, lam / 2)
        if not S.any():
            warnings.warn(
                f"penalty={self.penalty:g} leaves no entry odd (S is zero everywhere); the "
                f"residual is scored instead; a lower penalty, or penalty_unit='noise', would set "
                f"some apart",
                DataWarning,
                stacklevel=3,
            )
            S = residual
        scored = S if self.scored == "anomalies" else residual
        return Explained(state.H, state.W, scored, np.array(curve))

    def _limit(self, residual: Pixels, X: Pixels) -> float:
        """``lam / 2``, in the data's units."""
        if self.penalty_unit == "absolute" or self.penalty == math.inf:
            return self.penalty
        # 1.4826 makes the median absolute deviation that of a Gaussian.
        deviation = 1.4826 * float(np.median(np.abs(residual)))
        # Data of exactly that rank leave rounding errors only.
        return self.penalty * max(deviation, 1e-8 * float(np.sqrt(np.mean(X * X))))
