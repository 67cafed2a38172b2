"""LREN: a low-rank representation in a latent space that a Gaussian mixture has shaped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from oddspec.arrays import to_numpy
from oddspec.detectors._sampled import SampleDetector
from oddspec.detectors.learned.lren import lrr
from oddspec.detectors.learned.lren.background import (
    LRENBackground,
    Member,
    couple,
    single,
    vector_norms,
)
from oddspec.detectors.learned.lren.mixture import mixture_of
from oddspec.detectors.learned.lren.network import LRENNetworks, choose_atoms
from oddspec.errors import SettingError
from oddspec.networks.train import Training, check_spread, rng_of_run, train, train_in_parallel
from oddspec.progress import Progress, silent
from oddspec.settings import above_zero, at_least, later
from oddspec.solvers.clusters import assign
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.scaling import bandz, globalz
from oddspec.statistics.summary import Moments, Sample, enough

OPTIMISERS = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}


@dataclass(frozen=True)
class LREN(SampleDetector):
    r"""Pixels that a few typical and extreme members of the scene cannot represent cheaply.

    An encoder (b - hidden - latent), a decoder and an estimator that shares each latent pixel out
    among Gaussian components are trained together on::

        mean ||x - x^||^2  +  energy_weight mean e(z)  +  narrowness_weight sum_kj 1/Gamma_k[j, j]

    with the energy ``e(z) = -log sum_k phi_k N(z; mu_k, Gamma_k)``. Two pixels of every component
    make the dictionary D, and the latent pixels Z (rows) are represented by it::

        min ||W||_* + lam ||A||_{2,1}   subject to   Z = W D + A;      score_i = ||a_i||

    Settings of the sample are explained at `SampleDetector`.

    Parameters
    ----------
    scaling
        band: every band to unit variance (authors' code); scene: all bands by one number, so that
        noisy bands stay small.
    latent
        Latent units (l; 9 in [1]); at most half as many as bands are used.
    components
        Gaussian components (k in [1]).
    hidden
        Width of the hidden layers of encoder and decoder.
    steps
        Most steps of the optimiser.
    batch
        Pixels per step; 0 takes the whole sample at once, as [1] does.
    learning_rate
        Of the optimiser.
    optimiser
        adam (the authors' code) or sgd ([1]).
    energy_weight
        Weight of the mixture's energy; 1 in [1], 0.1 in the authors' code.
    narrowness_weight
        Weight of the inverse variances; 0 in [1], 1e-4 in the authors' code.
    patience
        Stop once this many epochs have lowered the loss by less than 0.1 % of its whole fall; 0
        runs all steps.
    joint
        Train encoder, decoder and mixture together, as [1]; False trains the mixture afterwards,
        on the finished codes (D in [1]'s Table 1).
    dictionary
        members: of every component the pixel that belongs to it most and the one that belongs to
        it least (authors' code); centroids: its mean and the pixel farthest from that ([1]);
        kmeans: as many k-means centres as these would be, without the mixture (B in Table 1).
    space
        Where pixels are represented: latent, or original, by the same pixels' spectra (C in
        Table 1).
    whiten
        Centre the latent pixels and give them unit covariance before they are represented; False
        takes them as the encoder leaves them, as [1] does.
    penalty_ratio
        Weight lam of the errors as a multiple of its critical value, below which no pixel is
        represented at all.
    penalty
        That weight itself (lambda in [1], where it is 0.01 or 0.001); overrides penalty_ratio.
    solver
        optimum: the problem's solution; published: the authors' schedule, which raises the penalty
        by 1.2 per step and may stop before the optimum.
    norm
        Norm of the error that is the score: l2 (authors' code) or l1 ([1]).
    runs
        Trainings with networks drawn anew; a pixel's score is the mean of its scores, each divided
        by its mean over the sample.
    ends
        Activation of the last layers of encoder and decoder: linear (the authors' code) or tanh
        ([1], by which all layers are "followed by the tanh activation").
    error
        Norm that weighs the errors: l21 (eq. 1), or frobenius, ``lam ||A||_F^2``, which does not
        favour whole pixels without error; with solver=published only.

    Notes
    -----
    * ``latent=9, learning_rate=1e-4, optimiser=sgd, steps=1000, batch=0, energy_weight=1,
      narrowness_weight=0, patience=0, dictionary=centroids, whiten=false, penalty=0.01,
      solver=published, norm=l1, runs=1, ends=tanh`` is the paper, but for hidden, which is that of
      the authors' code. A in its Table 1, without the l2,1 norm, is read as ``penalty=1e-12``:
      nothing is represented, and the score is the norm of the latent pixel; or as
      ``error=frobenius``.
    * ``latent=9, learning_rate=1e-4, steps=3000, batch=4096, patience=0, whiten=false,
      penalty=0.01, solver=published, runs=1`` is the authors' code (which shuffles the pixels once,
      not in every epoch).
    * Bands are standardised first (authors' code; [1] does not say).
    * Readings: in eq. 1 the l2,1 norm sums over pixels (as printed, over bands); eq. 7's softmax is
      of the latent pixel; "centroid (i.e. beta)" below eq. 11 is mu; eq. 18 lacks mu/2, so its
      threshold is lam/mu. A component to which no pixel belongs most gives no atoms.
    * With ``whiten`` and ``penalty_ratio <= 1`` the score is the root of RX in the latent space.
    * Only the nuclear norm couples pixels. A pixel outside the sample is scored with that coupling
      held fixed (`lren.background`). A pixel of the sample gets what the joint solution gives
      it: exactly with ``solver=published``, to the solver's tolerance with ``solver=optimum``.

    References
    ----------
    [1] K. Jiang, W. Xie, J. Lei, T. Jiang and Y. Li, "LREN: Low-rank embedded network for
    sample-free hyperspectral anomaly detection", AAAI 35(5), 4139-4146, 2021.
    doi:10.1609/aaai.v35i5.16536
    """

    scaling: Literal["band", "scene"] = "band"
    latent: int = 20
    components: int = 7
    hidden: int = 400
    steps: int = 600
    batch: int = 1024
    learning_rate: float = 1e-3
    optimiser: Literal["adam", "sgd"] = "adam"
    energy_weight: float = 0.1
    narrowness_weight: float = 1e-4
    patience: int = 20
    joint: bool = True
    dictionary: Literal["members", "centroids", "kmeans"] = "members"
    space: Literal["latent", "original"] = "latent"
    whiten: bool = True
    penalty_ratio: float = 2.0
    penalty: float | None = None
    solver: Literal["optimum", "published"] = "optimum"
    norm: Literal["l2", "l1"] = "l2"
    runs: int = 5
    sample: int = 30000
    seed: int = 0
    ends: Literal["linear", "tanh"] = later("linear")
    error: Literal["l21", "frobenius"] = later("l21")

    reference: ClassVar[str] = "Jiang et al. 2021, doi:10.1609/aaai.v35i5.16536"
    cost: ClassVar[str] = "steps batch b hidden + n b hidden"
    unit: ClassVar[str] = "length of the error relative to the mean"
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    def __post_init__(self) -> None:
        at_least(self, 1, "latent", "components", "hidden", "steps", "runs")
        at_least(self, 0, "batch", "patience", "seed", "energy_weight", "narrowness_weight")
        above_zero(self, "learning_rate", "penalty_ratio", "penalty")
        at_least(self, 100, "sample")
        if self.error == "frobenius" and self.solver != "published":
            raise SettingError(
                "error='frobenius': is solved by the published schedule; set solver='published'"
            )

    @property
    def affine_invariant(self) -> bool:
        """They are where each band is scaled by itself."""
        return self.scaling == "band"

    def fit(self, summary: Sample, progress: Progress = silent) -> LRENBackground:
        """Train, choose the dictionary and solve, as many times as there are runs."""
        enough(len(summary.pixels))
        scaling = (bandz if self.scaling == "band" else globalz)(summary.pixels)
        scaled = scaling(summary.pixels)
        members = train_in_parallel(self.runs, partial(self._run, scaled), progress)
        return LRENBackground(self.norm, scaling, members)

    def _run(self, scaled: Any, run: int, progress: Progress) -> Member:
        networks, training = self.train_networks(scaled, rng_of_run(self.seed, run), progress)
        code = to_numpy(networks.encoder(single(scaled)))
        check_spread(code, "lren", len(training.losses))
        latent = self.space == "latent"
        pixels = (code if latent else to_numpy(scaled)).astype(np.float64)
        atoms = self._atoms(pixels, networks.estimator(code).astype(np.float64), run)
        spectra = networks.decoder(atoms.astype(np.float32)).astype(np.float64) if latent else atoms
        mean, frame = np.zeros(pixels.shape[1]), np.eye(pixels.shape[1])
        if self.whiten:
            gaussian = Gaussian.of(Moments.of(pixels))
            mean, frame = gaussian.mean, gaussian.whitening
        # Eq. 1, by rows: Psi = W D + A.
        Psi, D = (pixels - mean) @ frame, (atoms - mean) @ frame
        penalty = self.penalty or self.penalty_ratio * lrr.critical_penalty(Psi, D)
        squared, published = self.error == "frobenius", self.solver == "published"
        coupling = couple(Psi, D, penalty, published=published, squared=squared)
        lengths = vector_norms(coupling.errors(Psi), self.norm)
        if not lengths.any():
            raise SettingError(
                f"lren: with penalty={penalty:g} every pixel is represented without error, so all "
                f"scores are 0: lower it"
            )
        return Member(
            networks.encoder if latent else None,
            mean,
            frame,
            coupling,
            scale=float(lengths.mean()),
            spectra=spectra,
            terms=training.terms,
            losses=training.losses,
        )

    def train_networks(
        self, scaled: Any, rng: torch.Generator, progress: Progress = silent
    ) -> tuple[LRENNetworks, Training]:
        """Train on scaled pixels, on the device that they are on (eq. 2).

        Raises
        ------
        SettingError
            If the loss becomes infinite or NaN.
        """
        data = torch.as_tensor(scaled).to(torch.float32)
        bands = data.shape[1]
        # With as many units as bands nothing is squeezed, and whitening raises mere noise.
        latent = min(self.latent, max(1, bands // 2))
        sizes = bands, self.hidden, latent, self.components
        networks = LRENNetworks.draw(*sizes, rng, data.device, self.ends)

        def reconstruction(rows: torch.Tensor, code: torch.Tensor) -> dict[str, torch.Tensor]:
            error = rows - networks.decoder(code)
            return {"reconstruction": (error**2).sum(dim=1).mean()}  # eq. 5

        def density(code: torch.Tensor) -> dict[str, torch.Tensor]:
            mixture = mixture_of(networks.estimator(code), code)
            terms = {"energy": self.energy_weight * mixture.energy(code).mean()}  # eq. 8
            if self.narrowness_weight:
                terms["narrowness"] = self.narrowness_weight * mixture.narrowness()
            return terms

        def joint(rows: torch.Tensor) -> dict[str, torch.Tensor]:
            code = networks.encoder(rows)
            return reconstruction(rows, code) | density(code)

        minimise = partial(
            train,
            steps=self.steps,
            rate=self.learning_rate,
            batch=self.batch,
            optimiser=partial(OPTIMISERS[self.optimiser], fused=True),
            rng=rng,
            patience=self.patience,
            progress=progress,
            name="lren",
        )
        if self.joint:
            training = minimise(networks.parameters, joint, data)
        else:
            coder = networks.encoder.parameters + networks.decoder.parameters
            training = minimise(
                coder, lambda rows: reconstruction(rows, networks.encoder(rows)), data
            )
            with torch.no_grad():
                code = networks.encoder(data)
            minimise(networks.estimator.parameters, density, code)
        return networks.frozen(), training

    def _atoms(self, pixels: np.ndarray, membership: np.ndarray, run: int) -> np.ndarray:
        if self.dictionary != "kmeans":
            return choose_atoms(pixels, membership, self.dictionary)
        labels = assign(pixels, min(2 * self.components, len(pixels)), self.seed + run)
        return np.array([pixels[labels == k].mean(axis=0) for k in range(labels.max() + 1)])
