"""sparseHAD: how oddly an autoencoder of the background rebuilds a spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from array_api_compat import array_namespace

from oddspec.arrays import Index, Pixels, PixelScores
from oddspec.detector import BackgroundDetector, Insight
from oddspec.device import to_numpy
from oddspec.errors import InputError, SettingError
from oddspec.learning import weights
from oddspec.learning.coarse import largest_component, nearest_distances, smallest_eps
from oddspec.learning.networks import Network
from oddspec.learning.sparse_gan import LAYERS, SparseGAN, learn
from oddspec.learning.train import check_spread
from oddspec.linalg import Gaussian, Health
from oddspec.progress import Progress, silent
from oddspec.scaling import Scaling, global01
from oddspec.summary import Moments, Sample

__all__ = ["SparseHAD", "SparseHADBackground"]


@dataclass(frozen=True)
class SparseHAD(BackgroundDetector[Sample]):
    r"""How oddly a spectrum changes when networks trained on background pixels rebuild it.

    Background pixels are those of the largest connected component of the graph that joins spectra
    no farther apart than eps. On them an encoder ``z = G_E(x)``, a decoder ``x^ = G_D(z)``, a
    second encoder E and a discriminator with features f are trained on::

        50 mean |x - x^|  +  0.5 ||mean f(x) - mean f(x^)||^2  +  mean(||z - E(x^)|| + |x^|)

    All pixels are then scored by the Mahalanobis distance of ``z - E(x^)`` or of ``x - x^`` from
    its mean, in its covariance over the scene.

    Parameters
    ----------
    strategy
        Where the difference is taken: latent (z - E(x^); strategy 2, L) or original (x - x^;
        strategy 1, O).
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
    sample
        Most pixels that are learnt from; a scene with no more is learnt from whole.
    seed
        Of the sample and the networks.

    Notes
    -----
    * ``steps=3000, batch=0, learning_rate=1e-4, patience=0`` and the scene's eps are [1].
    * DBSCAN's MinPts is 1, so there is no noise class; "category 1" (eq. 2) is read as the largest
      component, and values are scaled to [0, 1] over the scene, without which the published eps
      do not give the sizes that [1] describes.
    * Readings: both terms of eq. 5 are printed alike, here they are x and x^; eq. 4 and 8 are a
      game, not one minimum; the discriminator is b - hidden - latent, since it takes spectra; the
      l1 norm of eq. 7 is of the *reconstructed spectrum*, here its mean over the bands, and E, like
      the other networks, has leaky rectifiers (slope 0.2) and, when tied, no biases; eq. 10 is the
      signed difference.
    * A scene larger than the sample is scored with networks, mean and covariance of the sample.

    References
    ----------
    [1] "Sparse coding-inspired GAN for weakly supervised hyperspectral anomaly detection",
    anonymous submission to ICLR 2021 (OpenReview). The background search is DBSCAN: M. Ester,
    H.-P. Kriegel, J. Sander and X. Xu, KDD 1996; see E. Schubert et al., "DBSCAN revisited,
    revisited", ACM Trans. Database Syst. 42(3), 2017. doi:10.1145/3068335
    """

    strategy: Literal["latent", "original"] = "latent"
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
    sample: int = 30000
    seed: int = 0

    reference: ClassVar[str] = "Anonymous 2021, ICLR submission (OpenReview)"
    cost: ClassVar[str] = "sample^2 b + steps batch b hidden + n b hidden"
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    def __post_init__(self) -> None:
        for name in ("latent", "hidden", "steps"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name}={getattr(self, name)}: expected at least 1")
        for name in ("batch", "patience", "seed", "adversarial_weight", "sparsity_weight"):
            if getattr(self, name) < 0:
                raise SettingError(f"{name}={getattr(self, name)}: expected 0 or more")
        for name in ("learning_rate", "reconstruction_weight", "bound", "eps"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise SettingError(f"{name}={value}: expected a number above 0")
        if not 0 < self.background_share <= 1:
            raise SettingError(
                f"background_share={self.background_share}: expected above 0 and at most 1"
            )
        if self.sample < 100:
            raise SettingError(f"sample={self.sample}: expected at least 100 pixels")

    def summarise(self, pixels: Pixels, index: Index) -> Sample:
        """Pixels to learn from."""
        return Sample.of(pixels, index, size=self.sample, seed=self.seed)

    def summary_bytes(self, bands: int) -> int:
        """Size of the largest sample."""
        return 8 * bands * self.sample

    def fit(self, summary: Sample, progress: Progress = silent) -> SparseHADBackground:
        """Search the background, train on it, and fit a Gaussian to all differences."""
        if len(summary.pixels) < 2:
            raise InputError(
                f"{len(summary.pixels)} valid pixels: sparsehad needs at least 2; check the nodata "
                f"value and the mask"
            )
        scaling = global01(summary.pixels)
        scaled = scaling(summary.pixels)
        eps, member, distances = self._search(to_numpy(scaled), progress)
        if member.sum() < 2:
            raise SettingError(
                f"eps={eps:g}: no two pixels are that close, so there is no background to learn "
                f"from; their median distance to the nearest is {np.median(distances):.3g}"
            )
        chosen = np.flatnonzero(member)
        model = self._learn(scaled[chosen], progress)
        parts = (self.strategy, scaling, model.encoder, model.decoder, model.second)
        differences = to_numpy(_difference(*parts, scaled))
        check_spread(differences, "sparsehad", len(model.training.losses))
        gaussian = Gaussian.of(Moments.of(differences))
        notes = _Notes(np.sort(distances), eps, float(member.mean()), model.training.losses)
        return SparseHADBackground(*parts, gaussian, notes)

    def _search(
        self, scaled: np.ndarray, progress: Progress
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Distance of neighbours, the background's members, every pixel's nearest distance."""
        distances = nearest_distances(scaled, progress)
        if self.eps is not None:
            return self.eps, largest_component(scaled, self.eps, progress), distances
        eps, member = smallest_eps(scaled, distances, self.background_share, progress)
        return eps, member, distances

    def _learn(self, background: Any, progress: Progress) -> SparseGAN:
        return learn(
            background,
            latent=self.latent,
            hidden=self.hidden,
            own_encoder=self.second == "own",
            reconstruction_weight=self.reconstruction_weight,
            adversarial_weight=self.adversarial_weight,
            sparsity_weight=self.sparsity_weight,
            bound=self.bound,
            steps=self.steps,
            batch=self.batch,
            rate=self.learning_rate,
            patience=self.patience,
            seed=self.seed,
            progress=progress,
        )


@dataclass(frozen=True)
class _Notes:
    """What the search and the training found."""

    distances: np.ndarray
    eps: float
    share: float
    losses: np.ndarray


@dataclass(frozen=True)
class SparseHADBackground:
    """A fitted sparseHAD, in NumPy arrays; scores pixels where they are."""

    strategy: str
    scaling: Scaling
    encoder: Network
    decoder: Network
    second: Network
    gaussian: Gaussian
    notes: _Notes

    def score(self, pixels: Pixels) -> PixelScores:
        """Squared Mahalanobis distance of each pixel's difference."""
        parts = (self.strategy, self.scaling, self.encoder, self.decoder, self.second)
        return self.gaussian.score(_difference(*parts, self.scaling(pixels)))

    def insights(self) -> tuple[Insight, ...]:
        """The k-distance curve, the search's outcome, losses, and the decoder's patterns."""
        notes = self.notes
        patterns = self.decoder.weights[-1].astype(np.float64)
        return (
            Insight(
                "nearest_distances",
                "curve",
                notes.distances,
                f"distance to the nearest pixel, sorted, of values in 0..1 (eps {notes.eps:.3g})",
            ),
            Insight(
                "background_search",
                "values",
                np.array([notes.eps, notes.share]),
                "eps, and the share of the sample that is background",
            ),
            Insight(
                "losses", "curve", notes.losses, "reconstruction, adversarial, sparsity per epoch"
            ),
            Insight("patterns", "spectra", patterns, "the decoder's output weights (no units)"),
        )

    def save(self, path: str | Path) -> None:
        """Write everything that scoring needs into one file."""
        arrays = self.encoder.arrays("encoder") | self.decoder.arrays("decoder")
        arrays |= self.second.arrays("second") | {
            "scaling.offset": self.scaling.offset,
            "scaling.scale": self.scaling.scale,
            "gaussian.mean": self.gaussian.mean,
            "gaussian.whitening": self.gaussian.whitening,
            "notes.distances": self.notes.distances,
            "notes.losses": self.notes.losses,
        }
        settings = {
            "strategy": self.strategy,
            "count": self.gaussian.count,
            "health": vars(self.gaussian.health),
            "eps": self.notes.eps,
            "share": self.notes.share,
        }
        weights.save(path, "sparsehad", arrays, settings)

    @classmethod
    def load(cls, path: str | Path) -> SparseHADBackground:
        """The background that `save` wrote.

        Raises
        ------
        InputError
            If the file is not one, or is damaged.
        """
        arrays, settings = weights.load(path, "sparsehad")
        try:
            encoder, decoder, second = (
                Network.of(name, arrays, LAYERS) for name in ("encoder", "decoder", "second")
            )
            gaussian = Gaussian(
                arrays["gaussian.mean"],
                arrays["gaussian.whitening"],
                int(settings["count"]),
                Health(**settings["health"]),
            )
            return cls(
                str(settings["strategy"]),
                Scaling(arrays["scaling.offset"], arrays["scaling.scale"]),
                encoder,
                decoder,
                second,
                gaussian,
                _Notes(
                    arrays["notes.distances"],
                    float(settings["eps"]),
                    float(settings["share"]),
                    arrays["notes.losses"],
                ),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}: the saved sparsehad model is incomplete ({error}); save it again"
            ) from None


def _difference(
    strategy: str,
    scaling: Scaling,
    encoder: Network,
    decoder: Network,
    second: Network,
    scaled: Any,
) -> Any:
    """``z - E(x^)`` or ``x - x^`` in float64, one row per pixel."""
    xp = array_namespace(scaled)
    single = xp.astype(scaled, xp.float32)
    code = encoder(single)
    again = decoder(code)
    difference = single - again if strategy == "original" else code - second(again)
    return xp.astype(difference, xp.float64)
