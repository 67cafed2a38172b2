"""REDNMF: a few non-negative endmembers with an encoder, and anomalies that are set apart.

The class. Its updates are in `solver`, that of the anomalies in `anomalies`, and the paper's rules
as they stand in `published`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from oddspec.arrays import Cube, Mask, Pixels
from oddspec.detector import Insight, SceneResult
from oddspec.detectors._separated import LinearCube
from oddspec.detectors.factorization._factorized import (
    SHOWN,
    TRIAL,
    Factorized,
    possible_rank,
    sweeps,
)
from oddspec.detectors.factorization.rednmf import published, solver
from oddspec.errors import DataWarning, SettingError
from oddspec.progress import Progress, silent
from oddspec.settings import at_least
from oddspec.solvers import nmf
from oddspec.solvers.iterate import iterate
from oddspec.statistics.pixels import on_map


@dataclass(frozen=True)
class REDNMF(Factorized):
    r"""Sums of a few spectra explain the background; pixels they cannot explain are set apart.

    Pixels X (rows), abundances H, endmembers W of unit norm, an encoder M and anomalies S::

        min  ||X - H W - S||_F^2 + beta ||H - (X - S) M||_F^2 + lam sum_i ||s_i||,  H, W, M >= 0

    The score is made of the rows of S, which are zero where the background explains a pixel to
    within lam / 2.

    Settings of the whole family are explained at `Factorized`.

    Parameters
    ----------
    beta
        Weight of the encoder; 0 leaves it out. Dimensionless, since endmembers have unit norm.
    penalty
        Weight of the anomalies (lambda in [1]); pixels with residuals below half of it are not
        anomalous at all. In the unit that penalty_unit names; [1] has 50, absolute.
    penalty_unit
        residual: multiples of the median norm of the residuals at the start; absolute: the data's
        own units.
    tolerance
        Stop when a sweep lowers the objective by less than this fraction of it, and warn if none
        does; 0 runs all sweeps.
    start
        nmf: from `warmup` sweeps of plain factorization; random: from random factors, as in [1].
    warmup
        Sweeps of plain factorization before the start.
    rules
        corrected: updates that lower the objective; printed: those of [1] as they stand, which
        know neither tolerance nor unit_norm.
    unit_norm
        Give the endmembers unit norm; False leaves their scale free, as [1] does, so that the
        encoder loses its weight.
    score
        brad: local RX of the anomalies ([1]); rx: RX of the anomalies in the whole scene; both:
        the sum of these two squared distances; norm: the anomalies' norm.
    scored
        anomalies: S; residual: what is left beside the background, X - H W.

    Notes
    -----
    * Errata of [1]. Eq. 14 is not the split of its gradient and can raise the objective (eq. 24,
      said to be the same, is right). Eq. 17 lacks a half, groups by band where the text means
      pixels, and leaves out that S is in the encoder's term. Eq. 15's split is right but not
      covered by the proof of descent. The encoder's term can be scaled away: (W/e, e H, e M)
      changes nothing else. The module `solver` says what is done instead;
      ``rules="printed"`` runs the paper's.
    * lambda = 50 means digital numbers of some thousands: on data scaled to 0..1 no pixel would be
      anomalous. Relative to the median residual, one value serves all units.
    * From random factors S takes over most of the scene, and gives it back slowly (with lambda = 50
      on abu-airport-1: 73 % of the norm at first, 60 % after 100 sweeps, 19 % after 500); hence
      the start from a plain factorization.
    * Negative values are set to zero, with a warning.
    * [1] does not state rank, windows of BRAD, start or scaling. Defaults here are the same for
      every scene. Means of the area under the ROC curve over thirteen scenes, and what the score
      and what the model contributes to them, are in docs/detectors/factorization.md.
    * Where S is zero everywhere the residual is scored instead, with a warning; where the residual
      is constant too, so are the scores.

    References
    ----------
    [1] S. Moradi, A. Seyedi, W. Barkhoda and F. Akhlaghian Tab, "Robust asymmetric encoder-decoder
    nonnegative matrix factorization for hyperspectral anomaly detection", Neurocomputing, 2026.
    doi:10.1016/j.neucom.2026.133709
    """

    beta: float = 1.0
    penalty: float = 1.0
    penalty_unit: Literal["residual", "absolute"] = "residual"
    tolerance: float = 1e-3
    start: Literal["nmf", "random"] = "nmf"
    warmup: int = 150
    rules: Literal["corrected", "printed"] = "corrected"
    unit_norm: bool = True
    score: Literal["norm", "brad", "rx", "both"] = "both"
    scored: Literal["anomalies", "residual"] = "anomalies"

    reference: ClassVar[str] = "Moradi et al. 2026, doi:10.1016/j.neucom.2026.133709"
    cost: ClassVar[str] = "8 n b r per sweep"

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 0, "warmup", "beta")
        if not self.penalty > 0:  # infinite: no pixel is anomalous
            raise SettingError(f"penalty={self.penalty}: expected a number above 0")

    def memory(self, height: int, width: int, bands: int) -> int:
        """The scored cube, clipped data, and some arrays of a number per pixel and endmember."""
        n = height * width
        per_pixel = 2 * bands + 22 * self.rank + 2 * (self.components + self.scene_components)
        if self.rules == "printed":
            per_pixel += 6 * bands
        return 8 * n * per_pixel + 8 * 10 * bands * bands

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Scores; endmembers, abundances, encoder, anomalies and the objective's fall.

        Raises
        ------
        InputError
            If the scene has no valid pixel or no positive value, or is smaller than ``outer``.

        Warns
        -----
        DataWarning
            If values are negative, the rank had to be lowered, or no pixel is anomalous.
        NotConverged
            If the sweeps did not suffice, or the published rules left the range of numbers.
        """
        X = self.pixels(cube, valid)
        H, W, M = self._start(X, possible_rank(self.rank, X))
        weight = self._weight(X, H, W)
        problem = solver.REDNMFProblem.of(X, weight, self.beta, self.unit_norm)
        if self.rules == "printed":
            state, curve = published.run_published(problem, H, W, M, self.iterations, progress)
            H, W, M, S = state.H, state.W, state.M, state.S
        else:
            first = solver.start(problem, H, W, M)
            model, curve = self._run(problem, first, solver.step, progress)
            H, W, M, S = model.H, model.W, model.M, model.S.rows(X)
        progress(self.iterations, self.iterations, "scoring")
        return REDNMFSpectra(self, W, M, weight).examined(X, H, S, curve, valid)

    def _run(
        self,
        problem: solver.REDNMFProblem,
        first: solver.EncodedFactors,
        step: Callable[[solver.EncodedFactors, solver.REDNMFProblem], solver.EncodedFactors],
        progress: Progress,
    ) -> tuple[solver.EncodedFactors, np.ndarray]:
        """The last model, and the objective at the start and after each sweep."""
        if self.tolerance > 0:
            models = iterate(
                lambda model: step(model, problem),
                first,
                gap=nmf.decrease,
                tol=self.tolerance,
                max_iter=self.iterations,
            )
        else:
            # All sweeps, and no warning: no fall is as small as -1.
            models = sweeps(lambda model: step(model, problem), first, self.iterations, -1.0)
        model, curve = first, [first.objective]
        for model in models:
            curve.append(model.objective)
            progress(len(curve) - 1, self.iterations, "factorizing")
        return model, np.array(curve)

    def _start(self, X: Pixels, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Abundances, endmembers and encoder to begin with."""
        if self.start == "random":
            factors = nmf.start(X, rank, self.seed)
            shape = (X.shape[1], rank)
            M = np.random.default_rng((self.seed, 1)).random(shape)
            return factors.H, factors.W, M * (2 * factors.H.mean() / X.mean() / len(M))
        energy = float(np.vecdot(X, X).sum())
        trial = min(TRIAL, self.warmup)
        factors = nmf.begin(X, energy, rank, self.starts, trial, self.seed)
        for _ in range(self.warmup - trial):
            factors = nmf.step(factors, X, energy)
        return factors.H, factors.W, solver.encoder(X, factors.H)

    def _weight(self, X: Pixels, H: np.ndarray, W: np.ndarray) -> float:
        """``lam``, in the data's units."""
        penalty = min(self.penalty, 1e100)  # infinity times a norm of 0 would be no number
        if self.penalty_unit == "absolute":
            return penalty
        squares = np.vecdot(X, X)
        typical = float(np.median(nmf.residual_norms(H, W, X @ W.T, squares)))
        # Data of exactly that rank leave rounding errors only.
        return penalty * max(typical, 1e-8 * float(np.sqrt(squares.mean())))

    def _scored(self, X: Pixels, H: np.ndarray, W: np.ndarray, S: Pixels) -> Pixels:
        """The anomalies or the residual; the residual where no pixel is anomalous."""
        if self.scored == "residual":
            S = X - H @ W
        if not S.any():
            warnings.warn(
                f"penalty={self.penalty:g} leaves no pixel odd (S is zero everywhere); the "
                f"residual is scored instead; a lower penalty, or penalty_unit='residual', would "
                f"set pixels apart",
                DataWarning,
                stacklevel=4,
            )
            S = X - H @ W
        return S


@dataclass(frozen=True)
class REDNMFSpectra:
    """Endmembers and encoder that explain another scene, with the same weight of anomalies."""

    settings: REDNMF
    spectra: np.ndarray
    encoder: np.ndarray
    weight: float

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Scores of another scene; only its abundances and anomalies are sought."""
        settings = self.settings
        X = settings.pixels(cube, valid)
        problem = solver.REDNMFProblem.of(X, self.weight, settings.beta, settings.unit_norm)
        W, M = self.spectra, self.encoder
        # No abundance may begin at zero: multiplication would keep it there.
        H = np.maximum(X @ W.T, 1e-3 * float(np.sqrt(problem.squares.mean())))
        first = solver.start(problem, H / max(len(W), 1), W, M)
        model, curve = settings._run(problem, first, solver.explain, progress)
        progress(settings.iterations, settings.iterations, "scoring")
        return self.examined(X, model.H, model.S.rows(X), curve, valid)

    def examined(
        self, X: Pixels, H: np.ndarray, S: Pixels, curve: np.ndarray, valid: Mask
    ) -> SceneResult:
        """Scores and insights of a scene that these endmembers explain so."""
        strength = np.sqrt(np.vecdot(S, S))
        scored = self.settings._scored(X, H, self.spectra, S)
        order = np.argsort(-strength, kind="stable")[:SHOWN]
        norms = on_map(strength[:, None], valid)
        insights = self.settings.insights_of(
            H,
            self.spectra,
            curve,
            valid,
            Insight("encoder", "spectra", self.encoder.T, "weight of each band per spectrum"),
            Insight("anomalies", "maps", norms, "norm of the anomalies"),
            Insight("anomaly_spectra", "spectra", S[order], "the strongest anomalies' spectra"),
            anomaly=LinearCube(S, None, valid),
        )
        return SceneResult(self.settings.score_of(scored, valid), insights, self)


REDNMF.fitted = REDNMFSpectra
