"""sparseHAD: unusual errors of an autoencoder that has learnt the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from oddspec.arrays import to_numpy
from oddspec.detectors._sampled import SampleDetector
from oddspec.detectors.learned.sparsehad.background import SparseHADBackground, Trained
from oddspec.detectors.learned.sparsehad.background_search import search
from oddspec.detectors.learned.sparsehad.network import (
    LAYERS,
    Discriminator,
    SparseHADNetworks,
    tied,
)
from oddspec.errors import SettingError
from oddspec.networks.dense import draw_network
from oddspec.networks.train import fused_adam, rng_of_run, train, train_in_parallel
from oddspec.progress import Progress, silent
from oddspec.settings import above_zero, at_least
from oddspec.statistics.scaling import bandz, global01
from oddspec.statistics.summary import Sample, enough


@dataclass(frozen=True)
class SparseHAD(SampleDetector):
    r"""How unusually a spectrum changes when networks trained on the background reconstruct it.

    Background pixels are those of the largest connected component of the graph that joins spectra
    no farther apart than eps. On them an encoder ``z = G_E(x)``, a decoder ``x^ = G_D(z)``, a
    second encoder E and a discriminator with features f are trained on::

        50 mean |x - x^|  +  0.5 ||mean f(x) - mean f(x^)||^2  +  mean(||z - E(x^)|| + |x^|)

    All pixels are then scored by the Mahalanobis distance of ``|x - x^|`` or of ``z - E(x^)`` from
    its mean, in its covariance over the scene.

    Settings of the sample are explained at `SampleDetector`.

    Parameters
    ----------
    strategy
        Where the difference is taken: original (x - x^; strategy 1, O) or latent (z - E(x^);
        strategy 2, L, which [1] prefers).
    difference
        absolute (without its sign, as eq. 10 is printed) or signed.
    floor
        What is added to the variance of every band of the differences before their distance is
        taken, as a multiple of the mean variance: sensor noise then weighs less. 0 in [1].
    scaling
        What the networks learn from: band (every band with mean 0 and variance 1 over the
        background) or scene (all values of the scene in 0..1); [1] does not say.
    second
        The second encoder: tied (the decoder transposed) or own (parameters of its own; EL, EO).
    eps
        Largest distance of neighbours when all values are scaled to [0, 1]; by default the least
        with which the component holds background_share of the pixels. Published per scene: 0.13
        Gulfport, 0.08 Gainesville, 0.19 San Diego-1, 0.22 San Diego-2.
    background_share
        See eps.
    latent
        Latent units.
    hidden
        Width of the hidden layers.
    steps
        Most steps of the optimiser (Adam).
    batch
        Pixels per step; 0 takes all background pixels at once, as [1] does.
    learning_rate
        Of the optimiser.
    patience
        Stop once this many epochs have lowered the loss by less than 0.1 % of its whole fall; 0
        runs all steps.
    reconstruction_weight
        Weight of the reconstruction (alpha_r in [1]).
    adversarial_weight
        Weight of the discriminator's term (alpha_d in [1]); 0 leaves it out.
    sparsity_weight
        Weight of the last term (SparseNet in [1]); 0 leaves it out.
    bound
        The discriminator's weights are clipped to plus or minus this.
    runs
        Trainings with networks drawn anew; a pixel's score is its mean over them. 1 in [1].

    Notes
    -----
    * ``strategy=latent, floor=0, steps=3000, batch=0, learning_rate=1e-4, patience=0`` and the
      scene's eps are [1].
    * DBSCAN's MinPts is 1, so there is no noise class; "category 1" (eq. 2) is read as the largest
      component, and for this search values are scaled to [0, 1] over the scene, without which the
      published eps do not give the sizes that [1] describes.
    * Readings: both terms of eq. 5 are printed alike, here they are x and x^; eq. 4 and 8 are
      adversarial, not one minimum; the discriminator is b - hidden - latent, since it takes
      spectra; the l1 norm of eq. 7 is of the *reconstructed spectrum*, here its mean over the
      bands, and E, like the other networks, has leaky rectifiers (slope 0.2) and, when tied, no
      biases; the norm of eq. 10 is taken entry by entry, as a Mahalanobis distance needs vectors.
    * Without the rectifiers ``z - E(x^)`` is a matrix times z, and its distance RX among the codes;
      the signed ``x - x^`` is a matrix times x, and its distance RX of the scene, whatever has been
      learnt: whitening undoes the networks. It cannot undo absolute values, nor variances with a
      floor, hence the defaults.
    * A scene larger than the sample is scored with networks, mean and covariance of the sample.

    References
    ----------
    [1] "Sparse coding-inspired GAN for weakly supervised hyperspectral anomaly detection",
    anonymous submission to ICLR 2021 (OpenReview). The background search is DBSCAN: M. Ester,
    H.-P. Kriegel, J. Sander and X. Xu, KDD 1996; see E. Schubert et al., "DBSCAN revisited,
    revisited", ACM Trans. Database Syst. 42(3), 2017. doi:10.1145/3068335
    """

    strategy: Literal["original", "latent"] = "original"
    difference: Literal["absolute", "signed"] = "absolute"
    floor: float = 0.1
    scaling: Literal["band", "scene"] = "band"
    second: Literal["tied", "own"] = "tied"
    eps: float | None = None
    background_share: float = 0.95
    latent: int = 20
    hidden: int = 20
    steps: int = 3000
    batch: int = 1024
    learning_rate: float = 1e-3
    patience: int = 20
    reconstruction_weight: float = 50.0
    adversarial_weight: float = 0.5
    sparsity_weight: float = 1.0
    bound: float = 0.1
    runs: int = 5
    sample: int = 30000
    seed: int = 0

    reference: ClassVar[str] = "Anonymous 2021, ICLR submission (OpenReview)"
    cost: ClassVar[str] = "sample^2 b + steps batch b hidden + n b hidden"
    unit: ClassVar[str] = "squared Mahalanobis distance"
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    def __post_init__(self) -> None:
        at_least(self, 1, "latent", "hidden", "steps", "runs")
        at_least(
            self, 0, "batch", "patience", "seed", "adversarial_weight", "sparsity_weight", "floor"
        )
        above_zero(self, "learning_rate", "reconstruction_weight", "bound", "eps")
        if self.strategy == "latent" and self.second == "own" and not self.sparsity_weight:
            raise SettingError(
                "second='own' with sparsity_weight=0: the second encoder would not be trained, but "
                "strategy='latent' scores by it; give it a weight, or take second='tied'"
            )
        if not 0 < self.background_share <= 1:
            raise SettingError(
                f"background_share={self.background_share}: expected above 0 and at most 1"
            )
        at_least(self, 100, "sample")

    def fit(self, summary: Sample, progress: Progress = silent) -> SparseHADBackground:
        """Search the background, train on it, and fit a Gaussian to all differences."""
        enough(len(summary.pixels))
        # The published eps are distances of values in 0..1, whatever the networks learn from.
        unit = global01(summary.pixels)
        scaled = to_numpy(unit(summary.pixels))
        found, member = search(scaled, self.eps, self.background_share, progress)
        members = summary.pixels[np.flatnonzero(member)]
        scaling = bandz(members) if self.scaling == "band" else unit
        background = scaling(members)

        def work(run: int, progress: Progress) -> Trained:
            return self.train_networks(background, rng_of_run(self.seed, run), progress)

        runs = train_in_parallel(self.runs, work, progress)
        choice = (self.strategy, self.difference, self.floor)
        return SparseHADBackground.of(*choice, scaling, found, runs, summary.pixels)

    def train_networks(
        self, background: Any, rng: torch.Generator, progress: Progress = silent
    ) -> Trained:
        """Train on scaled background pixels, on the device that they are on (eq. 8).

        Raises
        ------
        SettingError
            If the loss becomes infinite or NaN.
        """
        data = torch.as_tensor(background).to(torch.float32)
        bands = data.shape[1]
        there, back = (bands, self.hidden, self.latent), (self.latent, self.hidden, bands)
        encoder, decoder, own, features = (
            draw_network(widths, LAYERS, rng, device=data.device)
            for widths in (there, back, there, there)
        )
        discriminator = Discriminator(features, self.bound, self.learning_rate)

        def loss(rows: torch.Tensor) -> dict[str, torch.Tensor]:
            code = encoder(rows)
            again = decoder(code)
            error = torch.nn.functional.l1_loss(again, rows)
            terms = {"reconstruction": self.reconstruction_weight * error}  # eq. 6
            if self.adversarial_weight:
                # It learns first, and here, as it needs the same reconstruction (eq. 4).
                discriminator.learn(rows, again.detach())
                apart = discriminator.distance(rows, again)
                terms["adversarial"] = self.adversarial_weight * apart  # eq. 5
            if self.sparsity_weight:
                # Transposed anew in every step: the optimiser changes the decoder in place.
                second = own if self.second == "own" else tied(decoder)
                change = torch.linalg.vector_norm(code - second(again), dim=1).mean()
                terms["sparsity"] = self.sparsity_weight * (change + again.abs().mean())  # eq. 7
            return terms

        parameters = encoder.parameters + decoder.parameters
        if self.second == "own" and self.sparsity_weight:
            parameters += own.parameters
        training = train(
            parameters,
            loss,
            data,
            steps=self.steps,
            rate=self.learning_rate,
            batch=self.batch,
            optimiser=fused_adam,
            rng=rng,
            patience=self.patience,
            progress=progress,
            name="sparsehad",
        )
        frozen = decoder.frozen()
        second = own.frozen() if self.second == "own" else tied(frozen)
        networks = SparseHADNetworks(encoder.frozen(), frozen, second)
        return Trained(networks, training.terms, training.losses)
