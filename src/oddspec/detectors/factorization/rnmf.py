"""RNMF: a few non-negative endmembers, and anomalous entries that are set apart.

Non-negative factorization that sets anomalous entries apart: the updates of `RNMF`.

Pixels are the n rows of X (n x b), abundances the rows of H (n x r), endmembers the rows of
W (r x b), and S (n x b) is sparse::

    min_{H, W >= 0, S}  ||X - H W - S||_F^2 + lam ||S||_1

For given factors ``S = soft(X - H W, lam/2)`` (there is no half in the objective), which leaves a
Huber loss of the residual E: e^2 up to lam/2, ``lam |e| - lam^2/4`` beyond. S is never formed:
``Y = X - S`` is H W plus the residual cut off at lam/2, C. One `step` puts S at its minimum and
then updates H and W for that S, with ``gain = Y W^T = H W W^T + C W^T`` (``H^T Y`` likewise)::

    H <- H o gain / (H W W^T)   where gain > 0, and a hundredth of H elsewhere

none of which raises the objective. Y may be negative; the rule that clips the gain at zero gives
such entries zeros for ever, and a hundredth of the way from there does not, while lying between the
old entry and the minimum of the parabola that bounds the objective.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from oddspec.arrays import Pixels
from oddspec.detectors.factorization._factorized import Explained, Explaining
from oddspec.errors import DataWarning, SettingError
from oddspec.progress import Progress
from oddspec.settings import at_least
from oddspec.solvers.blocks import row_blocks
from oddspec.solvers.nmf import Factors, unit_endmembers
from oddspec.solvers.prox import soft

RECOVERABLE = 0.01
"""What is left of an entry that the rule would set to zero."""


def step(state: Factors, X: Float[np.ndarray, "n b"], lam: float) -> Factors:
    """One sweep over S, H and W; the objective is that of the state before it."""
    H, W, half = state.H, state.W, lam / 2
    gram = W @ W.T
    following = np.empty_like(H)
    gain, loss = np.zeros_like(W.T), 0.0
    for rows, (product, residual) in row_blocks(X, 2):
        np.matmul(H[rows], W, out=product)
        np.subtract(X[rows], product, out=residual)
        np.clip(residual, -half, half, out=product)  # C takes the memory of H W
        loss += _huber(residual, product)
        cost = H[rows] @ gram
        h = _multiply(H[rows], cost + (W @ product.T).T, cost)
        following[rows] = h
        gain += product.T @ h
    gain = gain.T + (following.T @ H) @ W  # H'^T Y = H'^T C + H'^T H W, with the new H'
    W, norms = unit_endmembers(_multiply(W, gain, (following.T @ following) @ W))
    return Factors(following * norms, W, loss)


def objective(state: Factors, X: Float[np.ndarray, "n b"], lam: float) -> float:
    """With S at its minimum."""
    loss = 0.0
    for rows, (product, residual) in row_blocks(X, 2):
        np.matmul(state.H[rows], state.W, out=product)
        np.subtract(X[rows], product, out=residual)
        np.clip(residual, -lam / 2, lam / 2, out=product)
        loss += _huber(residual, product)
    return loss


def _huber(residual: np.ndarray, cut: np.ndarray) -> float:
    """Sum of ``c (2 e - c)``, which is e^2 within the limit and lam |e| - lam^2/4 beyond."""
    return float(2.0 * np.vdot(cut, residual) - np.vdot(cut, cut))


def _multiply(A: np.ndarray, gain: np.ndarray, cost: np.ndarray) -> np.ndarray:
    # A zero row or column has nothing to gain, and must not divide zero by zero.
    floor = 1e-16 * cost.max() + 1e-290
    return A * np.where(gain > 0, gain / np.maximum(cost, floor), RECOVERABLE)


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

    def memory(self, height: int, width: int, bands: int) -> int:
        """What all factorizations need, and the anomalies beside the residual."""
        return super().memory(height, width, bands) + 8 * height * width * bands

    def explain(self, X: Pixels, rank: int, progress: Progress) -> Explained:
        """The factorization, and what it sets apart."""
        warmup = min(self.warmup, self.iterations)
        first, _ = self.plain(X, rank, warmup, progress)
        lam = 2.0 * self._limit(X - first.H @ first.W, X)
        state, curve = self.swept(
            lambda state: step(state, X, lam), first, warmup, self.iterations, progress
        )
        # A sweep gives the objective before it: that of the last state is still to come.
        curve.append(objective(state, X, lam))
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
