"""LRR-Net+: low-rank representation with a learnt dictionary, its solver unfolded and trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oddspec.detectors.learned._unfolded import Unfolded
from oddspec.settings import above_zero


@dataclass(frozen=True)
class LRRNetPlus(Unfolded):
    r"""What a dictionary, learnt so that few independent mixtures suffice, cannot represent.

    With pixels X (n x b), atoms D (K x b), coefficients L (n x K) and anomalies S (n x b) as in::

        min_{D,L,S}  1/2 ||X - L D - S||_F^2 + l1/2 ||D||_F^2 + l2 ||L||_* + l3 ||S||_{2,1}

    ``stages`` sweeps of the ADMM solver of `oddspec.solvers.dictionary` are a network whose
    constants ``l1, l3, mu, theta = l2/mu`` are trained, stage by stage. Each pixel's score is the
    length of its residual.

    Settings of both networks are explained at `Unfolded`.

    Parameters
    ----------
    atoms
        Atoms in the dictionary (K), at most as many as there are bands. Surplus ones die out:
        results with 20 and 30 agree.
    balanced
        Rescale atoms and coefficients between stages, without changing their product, such that
        both penalties together are smallest.
    lambda1
        Weight of ``1/2 ||D||_F^2``; None is 1 (only lambda1 lambda2^2 matters).

    Notes
    -----
    * ``atoms=15, epochs=20, learning_rate=0.0015, loss=published, maps=free, map_rate=1,
      training=10000, patience=0, balanced=false, lambda1=0.5, lambda2=1.2e-5, lambda3=1e-5, mu=1,
      scaling=global01, score=sparse`` is the paper as far as it says (atoms, scaling, learning
      rate, batch, epochs and eq. 13's rho and mu_max are not stated).
    * The paper's squared error (eq. 22) is of J D + S (text after eq. 21), ``loss=published``. At
      the printed weights S takes nearly all of X - L D and J is nearly L: about l3^2 is left, with
      next to no slope. At the scene's scale it sees what the singular value thresholding takes.
    * With L in place of J (``loss=mse``) a pixel's error is exactly ``min(||x_i - l_i D||, l3)``:
      the loss is l3^2 as soon as all residuals exceed l3, whatever D and L are, and training can
      only lower l3.
    * With the printed weights and data in [0, 1] the dictionary hardly moves: weights must have the
      scene's scale (`oddspec.solvers.scene_weights`).
    * "Normalization after each iteration" (III-C) does not say of what; ``balanced`` is the reading
      that lowers the stated objective.
    * Consistent readings: eq. 5 is for X = L D, eq. 7 for X = D L (here L D); eq. 14 has 2 l1 for
      l1; eqs. 9-11, 19, 20 use L - d where the scaled form needs L + d; eqs. 12, 21 step by
      -mu (L - J) instead of L - J; eqs. 10, 11 subtract the threshold from the matrix, not from
      its singular values; eq. 13 changes mu without rescaling d.
    * Training ends when three epochs have brought less than a fiftieth of the whole fall of the
      loss; the constants of the lowest loss are kept, and dropped again if the solver's own give a
      lower objective on the whole sample. No labels are involved.
    * A pixel outside the sample goes through the same stages with the atoms and the K x K matrices
      found in the sample; a pixel of the sample gets what the joint iteration gives it.

    References
    ----------
    [1] C. Li, B. Zhang, D. Hong, J. Yao and J. Chanussot, "Low-rank representations meets deep
    unfolding: A generalized and interpretable network for hyperspectral anomaly detection", 2024.
    doi:10.48550/arXiv.2402.15335
    """

    lambda1: float | None = None

    reference: ClassVar[str] = "Li et al. 2024, doi:10.48550/arXiv.2402.15335"
    learn: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        above_zero(self, "lambda1")

    @property
    def given(self) -> tuple[float | None, float | None, float | None]:
        """All three weights; None where not set."""
        return self.lambda1, self.lambda2, self.lambda3
