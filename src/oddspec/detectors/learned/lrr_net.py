"""LRR-Net: low-rank representation by a fixed dictionary, its solver unfolded and trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oddspec.detectors.learned._unfolded import Unfolded


@dataclass(frozen=True)
class LRRNet(Unfolded):
    r"""What few independent mixtures of typical spectra cannot represent.

    With pixels X (n x b), k-means centres D (K x b), coefficients L (n x K) and anomalies S (n x b)
    as in::

        min_{L,S}  1/2 ||X - L D - S||_F^2 + l2 ||L||_* + l3 ||S||_{2,1}

    ``stages`` sweeps of the ADMM solver of `oddspec.solvers.dictionary` are a network whose
    constants ``l3, mu, theta = l2/mu`` are trained, stage by stage. Each pixel's score is the
    length of its residual.

    Settings of both networks are explained at `Unfolded`.

    Parameters
    ----------
    atoms
        Atoms in the dictionary (K), at most as many as there are bands. A fixed dictionary needs
        more than a learnt one: with 30, results depend on the draw of the centres.
    balanced
        Rescale the atoms once, without changing what they span, such that the penalties on the
        background are smallest (as LRR-Net+ does between stages).

    Notes
    -----
    * ``atoms=15, stages=10, loss=published, maps=free, map_rate=1, training=10000, batch=15,
      learning_rate=0.0015, patience=0, balanced=false, lambda2=0.5, lambda3=1e-5, mu=1,
      scaling=global01, score=sparse`` is what public statements about the method say: rate and
      batch stand in LRR-Net+'s paper, atoms and weights in a re-implementation by others (the
      authors' code is not public).
    * An l1 norm of L, which one independent re-implementation adds (weight 1.2e-5), is left out.
    * With its centres as they are, the nuclear norm weighs a pattern by one over the strength with
      which the centres contain it, so that weak patterns dominate the residuals; ``balanced``
      takes that back.
    * The squared error, the end of training and the scores of other pixels are those of LRR-Net+,
      see there.

    References
    ----------
    [1] C. Li, B. Zhang, D. Hong, J. Yao and J. Chanussot, "LRR-Net: An interpretable deep unfolding
    network for hyperspectral anomaly detection", IEEE Trans. Geosci. Remote Sens. 61, 5513412,
    2023. doi:10.1109/TGRS.2023.3279834
    """

    atoms: int = 60
    stages: int = 10

    reference: ClassVar[str] = "Li et al. 2023, doi:10.1109/TGRS.2023.3279834"
    learn: ClassVar[bool] = False
