"""REDNMF: a few non-negative spectra with an encoder, and anomalies that are set apart."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from oddspec.arrays import Cube, Mask, Pixels, Scores
from oddspec.detector import Insight, SceneResult
from oddspec.detectors.factorization._factorized import SHOWN, TRIAL, Factorized, possible_rank
from oddspec.detectors.factorization.rednmf import published as rednmf_printed
from oddspec.detectors.factorization.rednmf import solver as rednmf
from oddspec.errors import DataWarning, SettingError
from oddspec.progress import Progress, silent
from oddspec.settings import at_least
from oddspec.solvers import nmf
from oddspec.solvers.iterate import iterate
from oddspec.statistics.pixels import on_map

__all__ = ["REDNMF"]


@dataclass(frozen=True)
class REDNMF(Factorized):
    r"""Sums of a few spectra explain the background; pixels they cannot explain are set apart.

    Pixels X (rows), abundances H, spectra W of unit norm, an encoder M and anomalies S::

        min  ||X - H W - S||_F^2 + beta ||H - (X - S) M||_F^2 + lam sum_i ||s_i||,  H, W, M >= 0

    The score is made of the rows of S, which are zero where the background explains a pixel to
    within lam / 2.

    Settings of the whole family are explained at `Factorized`.

    Parameters
    ----------
    beta
        Weight of the encoder; 0 leaves it out. Dimensionless, since spectra have unit norm.
    penalty
        Weight of the anomalies (lambda in [1]); pixels with residuals below half of it are not
        odd at all. In the unit that penalty_unit names; [1] has 50, absolute.
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
        Give the spectra unit norm; False leaves their scale free, as [1] does, so that the encoder
        loses its weight.
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
      odd. Relative to the median residual, one value serves all units.
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
        if not self.penalty > 0:  # infinite: no pixel is odd
            raise SettingError(f"penalty={self.penalty}: expected a number above 0")

    def memory(self, height: int, width: int, bands: int) -> int:
        """The scored cube, clipped data, and some arrays of a number per pixel and spectrum."""
        n = height * width
        per_pixel = 2 * bands + 22 * self.rank + 2 * (self.components + self.scene_components)
        if self.rules == "printed":
            per_pixel += 6 * bands
        return 8 * n * per_pixel + 8 * 10 * bands * bands

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Scores of the scene; spectra, abundances, encoder, anomalies and the objective's fall.

        Raises
        ------
        InputError
            If the scene has no valid pixel or no positive value, or is smaller than ``outer``.

        Warns
        -----
        DataWarning
            If values are negative, the rank had to be lowered, or no pixel is odd.
        NotConverged
            If the sweeps did not suffice, or the printed rules ran out of the numbers' range.
        """
        X = self.pixels(cube, valid)
        H, W, M = self._start(X, possible_rank(self.rank, X))
        weight = self._weight(X, H, W)
        problem = rednmf.Problem.of(X, weight, self.beta, self.unit_norm)
        if self.rules == "printed":
            state, curve = rednmf_printed.run(problem, H, W, M, self.iterations, progress)
            H, W, M, S = state.H, state.W, state.M, state.S
        else:
            first = rednmf.start(problem, H, W, M)
            model, curve = _run(self, problem, first, rednmf.step, progress)
            H, W, M, S = model.H, model.W, model.M, model.S.rows(X)
        told = self._told(X, H, W, M, S, curve, valid, progress)
        return SceneResult(*told, REDNMFSpectra(self, W, M, weight))

    def _told(
        self,
        X: Pixels,
        H: np.ndarray,
        W: np.ndarray,
        M: np.ndarray,
        S: Pixels,
        curve: np.ndarray,
        valid: Mask,
        progress: Progress,
    ) -> tuple[Scores, tuple[Insight, ...]]:
        """Scores and insights of a scene so explained."""
        progress(self.iterations, self.iterations, "scoring")
        strength = np.sqrt(np.vecdot(S, S))
        scores = self._score(S if self.scored == "anomalies" else X - H @ W, X, H, W, valid)
        order = np.argsort(-strength, kind="stable")[:SHOWN]
        return scores, (
            Insight("spectra", "spectra", W, "background spectra, unit norm"),
            Insight(
                "abundances", "maps", on_map(H, valid), "how much of each spectrum a pixel holds"
            ),
            Insight("encoder", "spectra", M.T, "weight of each band per spectrum"),
            Insight("anomalies", "maps", on_map(strength[:, None], valid), "norm of the anomalies"),
            Insight("anomaly_spectra", "spectra", S[order], "the strongest anomalies' spectra"),
            Insight("objective", "curve", curve, "objective after each sweep", axis="sweep"),
        )

    def _start(self, X: Pixels, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
        return factors.H, factors.W, rednmf.encoder(X, factors.H)

    def _weight(self, X: Pixels, H: np.ndarray, W: np.ndarray) -> float:
        penalty = min(self.penalty, 1e100)  # infinity times a norm of 0 would be no number
        if self.penalty_unit == "absolute":
            return penalty
        squares = np.vecdot(X, X)
        typical = float(np.median(nmf.residual_norms(H, W, X @ W.T, squares)))
        # Data of exactly that rank leave rounding errors only.
        return penalty * max(typical, 1e-8 * float(np.sqrt(squares.mean())))

    def _score(self, odd: Pixels, X: Pixels, H: np.ndarray, W: np.ndarray, valid: Mask) -> Scores:
        if not odd.any():
            warnings.warn(
                f"penalty={self.penalty:g} leaves no pixel odd (S is zero everywhere); the "
                f"residual is scored instead; a lower penalty, or penalty_unit='residual', would "
                f"set pixels apart",
                DataWarning,
                stacklevel=3,
            )
            odd = X - H @ W
        return self.score_of(odd, valid)


@dataclass(frozen=True)
class REDNMFSpectra:
    """Spectra and encoder that another scene is explained by, with the same weight of anomalies."""

    settings: REDNMF
    spectra: np.ndarray
    encoder: np.ndarray
    weight: float

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Scores of another scene; only its abundances and anomalies are sought."""
        settings = self.settings
        X = settings.pixels(cube, valid)
        problem = rednmf.Problem.of(X, self.weight, settings.beta, settings.unit_norm)
        W, M = self.spectra, self.encoder
        # No abundance may begin at zero: multiplication would keep it there.
        H = np.maximum(X @ W.T, 1e-3 * float(np.sqrt(problem.squares.mean())))
        first = rednmf.start(problem, H / max(len(W), 1), W, M)
        model, curve = _run(settings, problem, first, rednmf.explain, progress)
        told = settings._told(X, model.H, W, M, model.S.rows(X), curve, valid, progress)
        return SceneResult(*told, self)


REDNMF.fitted = REDNMFSpectra


def _run(
    settings: REDNMF,
    problem: rednmf.Problem,
    first: rednmf.Model,
    step: Callable[[rednmf.Model, rednmf.Problem], rednmf.Model],
    progress: Progress,
) -> tuple[rednmf.Model, np.ndarray]:
    """The last model, and the objective at the start and after each sweep."""
    model, curve = first, [first.objective]
    for model in _sweeps(lambda m: step(m, problem), first, settings):
        curve.append(model.objective)
        progress(len(curve) - 1, settings.iterations, "factorizing")
    return model, np.array(curve)


def _sweeps(step: Any, model: Any, settings: REDNMF) -> Any:
    """The models after each sweep; all of them, and no word of it, where the tolerance is 0."""
    if settings.tolerance > 0:
        yield from iterate(
            step, model, gap=nmf.decrease, tol=settings.tolerance, max_iter=settings.iterations
        )
        return
    for _ in range(settings.iterations):
        model = step(model)
        yield model
