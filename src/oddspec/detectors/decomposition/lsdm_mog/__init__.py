"""LSDM-MoG: a background of low rank under noise of several kinds, the widest of them anomalous."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from oddspec.arrays import Cube, Mask, Pixels, PixelScores
from oddspec.detector import Insight, SceneDetector, SceneResult
from oddspec.detectors._separated import LinearCube, separated
from oddspec.detectors.decomposition.lsdm_mog import mog_rpca
from oddspec.errors import InputError
from oddspec.progress import Progress, silent
from oddspec.settings import above_zero, at_least
from oddspec.solvers.blocks import BLOCK_BYTES
from oddspec.solvers.iterate import iterate_recorded
from oddspec.statistics.pixels import on_map, score_map, valid_pixels
from oddspec.statistics.scaling import BY_NAME, PER_BAND

SHOWN = 10
"""Anomalous pixels whose spectra are returned."""


@dataclass(frozen=True)
class LSDMMoG(SceneDetector):
    r"""How much of a pixel is noise of the widest kind.

    Scaled pixels are products of two unknown factors of low rank plus noise, each entry's of one of
    k Gaussian kinds; factors, kinds and responsibilities R are found by variational Bayes. With the
    residuals E, ``N = R_k o E`` of the kind k whose N ranges widest, and the pixel q with the least
    of it::

        score_i = sum_j |N_ij - N_qj|

    Parameters
    ----------
    rank
        Rank of the background (r).
    surplus
        Columns at the start, as a multiple of the rank; irrelevant ones are dropped on the way.
    kinds
        Kinds of noise (k).
    scaling
        Of the bands, see `oddspec.statistics.scaling`.
    tolerance
        Stop when a step changes the background by less than this fraction of its norm.
    mixture_tolerance
        But not before it also changes the kinds' standard deviations by less than this fraction.
    iterations
        Most steps.
    seed
        Of the entries around which the kinds begin.

    Notes
    -----
    * The authors' demo begins with twice the rank; "Sparse Coding-inspired GAN for weakly
      supervised hyperspectral anomaly detection" (2021), from which rank (6, 2, 4, 4 by scene) and
      kinds (4) are taken, does not say. surplus=1 is the other reading.
    * The authors' code stops on the background alone, which may happen while all kinds still have
      one width and the widest is arbitrary; hence mixture_tolerance.
    * Second moments from before columns are dropped, together with factors from after, give
      negative variances; here they are those of what is left.
    * At the start the authors draw responsibilities without a seed.

    References
    ----------
    L. Li, W. Li, Q. Du and R. Tao, "Low-rank and sparse decomposition with mixture of Gaussian for
    hyperspectral anomaly detection", IEEE Trans. Cybern. 51(9), 4363-4372, 2021.
    doi:10.1109/TCYB.2020.2968750; inference: Q. Zhao et al., "Robust principal component analysis
    with complex noise", ICML 2014
    """

    rank: int = 4
    surplus: int = 2
    kinds: int = 4
    scaling: Literal["band01", "global01", "bandz", "globalz", "max1"] = "band01"
    tolerance: float = 1e-3
    mixture_tolerance: float = 1e-2
    iterations: int = 300
    seed: int = 0

    separates: ClassVar[bool] = True
    reference: ClassVar[str] = "Li et al. 2021, doi:10.1109/TCYB.2020.2968750"
    cost: ClassVar[str] = "steps n b (r^2 + k)"
    unit: ClassVar[str] = "l1 distance from the least noise, scaled"

    def __post_init__(self) -> None:
        at_least(self, 1, "rank", "surplus", "kinds", "iterations")
        above_zero(self, "tolerance", "mixture_tolerance")
        at_least(self, 0, "seed")

    @property
    def affine_invariant(self) -> bool:
        """They are where each band is scaled by itself."""
        return self.scaling in PER_BAND

    def memory(self, height: int, width: int, bands: int) -> int:
        """Responsibilities; pixels, residuals, weights and background; covariances per pixel."""
        n, r = height * width, min(self.rank * self.surplus, bands)
        per_pixel = bands * (self.kinds + 9) + 5 * r * r + 20 * r
        return 8 * n * per_pixel + 8 * BLOCK_BYTES

    def examine(self, cube: Cube, valid: Mask, progress: Progress = silent) -> SceneResult:
        """Scores; background directions, kinds of noise and where they are, and the bound.

        Raises
        ------
        InputError
            If all valid pixels are equal, or fewer than two are valid.
        """
        pixels = valid_pixels(cube, valid)
        if len(pixels) < 2 or not np.ptp(pixels, axis=0).any():
            raise InputError(
                f"{len(pixels)} valid pixels, or pixels that are all equal, have no background to "
                f"stand out from; check the nodata value and the mask"
            )
        scaling = BY_NAME[self.scaling](pixels)
        X = scaling(pixels)
        state, curve = self._solve(X, progress)
        noise, values = _widest(state, X)
        scores = score_map(values, valid)
        mixture = state.mixture
        table = np.stack(
            [mixture.alpha / mixture.alpha.sum(), mixture.mu, mixture.deviations], axis=1
        )
        strength = np.sqrt(np.mean(state.pixels.mean**2, axis=0)) + 1e-300
        shown = np.argsort(-values, kind="stable")[:SHOWN]
        shares = state.noise.R.mean(axis=2).T
        return SceneResult(
            scores,
            (
                Insight(
                    "directions",
                    "spectra",
                    strength[:, None] * state.bands.mean.T,
                    "background directions at their typical strength, in scaled bands",
                ),
                Insight(
                    "coefficients", "maps", on_map(state.pixels.mean / strength, valid), "along"
                ),
                *separated(
                    LinearCube(
                        state.pixels.mean, state.bands.mean.T, valid, scaling.scale, scaling.offset
                    )
                ),
                Insight(
                    "kinds",
                    "values",
                    table,
                    "of each noise, scaled",
                    columns=("share", "mean", "deviation"),
                ),
                Insight("shares", "maps", on_map(shares, valid), "share of each kind of noise"),
                Insight("anomalies", "spectra", noise[shown], "widest noise of the oddest pixels"),
                Insight("bound", "curve", curve, "lower bound of the log evidence, per entry"),
            ),
        )

    def _solve(self, X: Pixels, progress: Progress) -> tuple[mog_rpca.MixtureState, np.ndarray]:
        """The last state, and the bound per entry after each step."""
        rank = min(self.rank * self.surplus, *X.shape)
        kinds = min(self.kinds, X.size)
        return iterate_recorded(
            lambda state: mog_rpca.step(state, X),
            mog_rpca.start(X, rank, kinds, np.random.default_rng(self.seed)),
            gap=self._gap,
            tol=1.0,
            max_iter=self.iterations,
            figure=lambda state: state.bound / X.size,
            progress=progress,
            stage="taking apart",
        )

    def _gap(self, previous: mog_rpca.MixtureState, state: mog_rpca.MixtureState) -> float:
        """How far from done, 1 being done."""
        ratios = np.log(state.mixture.deviations / previous.mixture.deviations)
        mixture = float(np.abs(ratios).max())
        return max(state.change / self.tolerance, mixture / self.mixture_tolerance)


def _widest(state: mog_rpca.MixtureState, X: Pixels) -> tuple[Pixels, PixelScores]:
    """The noise of the kind that ranges widest; its Manhattan distance from the least noisy pixel.

    Kinds are gone through one by one, since each fills an array of the scene's size.
    """
    E, best, span = X - state.background, X, -1.0
    for share in state.noise.R:
        noise = share * E
        if (wide := float(np.ptp(noise))) > span:
            best, span = noise, wide
    least = best[np.argmin(np.abs(best).sum(axis=1))]
    return best, np.abs(best - least).sum(axis=1)
