"""NMF: a few non-negative endmembers, and how far each pixel is from their sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oddspec.arrays import Pixels
from oddspec.detectors.factorization._factorized import Explained, Explaining
from oddspec.progress import Progress


@dataclass(frozen=True)
class NMF(Explaining):
    r"""What sums of a few non-negative spectra leave of a pixel.

    With pixels X (rows), abundances H and endmembers W::

        min ||X - H W||_F^2,  H, W >= 0;      score_i = ||x_i - h_i W||

    by multiplicative updates, none of which raises the objective.

    Settings of the whole family are explained at `Factorized`.

    Parameters
    ----------
    iterations
        Sweeps. Multiplicative updates creep: after 500 a sweep still lowers the objective by about
        a thousandth, so results are those of that many sweeps.

    Notes
    -----
    * Negative values are set to zero, with a warning.
    * Endmembers have unit norm, which changes neither the product nor the updates.
    * Length of the residual as the score is an inference: the papers that list NMF do not say, nor
      do they state the rank; their figures fit it. It is a weak score; what the others make of the
      same residual is in docs/detectors/factorization.md.
    * The factorization has many minima, and from random factors the ranking of the pixels depends
      on the draw (on abu-airport-4 by several hundredths, even with the best of ten). Singular
      vectors lead to far lower objectives in as many sweeps, and always to the same ones.

    References
    ----------
    D. D. Lee and H. S. Seung, "Learning the parts of objects by non-negative matrix
    factorization", Nature 401, 788-791, 1999. doi:10.1038/44565; "Algorithms for non-negative
    matrix factorization", Adv. Neural Inf. Process. Syst. 13, 2000.
    """

    reference: ClassVar[str] = "Lee & Seung 1999, doi:10.1038/44565"
    cost: ClassVar[str] = "4 n b r per sweep"

    def explain(self, X: Pixels, rank: int, progress: Progress) -> Explained:
        """The factorization, and what it leaves."""
        factors, curve = self.plain(X, rank, self.iterations, progress)
        return Explained(factors.H, factors.W, X - factors.H @ factors.W, np.array(curve))
