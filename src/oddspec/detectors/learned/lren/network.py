"""An autoencoder that is trained together with a Gaussian mixture in its latent space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch

from oddspec.detectors.learned.lren.mixture import mixture_of
from oddspec.networks.networks import Network, draw
from oddspec.networks.train import Training, epochs_of, train
from oddspec.progress import Progress, silent

__all__ = ["ENCODER", "Embedding", "choose_atoms", "embed"]

ENCODER = ("tanh", "linear")
"""Activations of encoder and decoder."""

OPTIMISERS = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}

ESTIMATOR = ("tanh", "softmax")
ESTIMATOR_WIDTH = 60


@dataclass(frozen=True)
class Embedding:
    """A trained encoder with its decoder and the estimator of memberships, in NumPy arrays."""

    encoder: Network
    decoder: Network
    estimator: Network
    training: Training


def embed(
    pixels: Any,
    *,
    latent: int,
    components: int,
    hidden: int,
    steps: int,
    batch: int,
    rate: float,
    optimiser: Literal["adam", "sgd"],
    energy_weight: float,
    narrowness_weight: float,
    joint: bool,
    patience: int,
    seed: int,
    progress: Progress = silent,
) -> Embedding:
    """Train on the rows of ``pixels``, on the device that they are on.

    The loss is the mean squared length of the reconstruction's error, plus the weighted energy of
    the mixture that the estimator's memberships describe, plus the weighted sum of the inverse
    variances of its components.

    Parameters
    ----------
    pixels
        ``(n, b)``, scaled.
    latent, components, hidden
        Latent units, Gaussian components, width of the hidden layers.
    steps, batch
        Most steps of the optimiser and pixels per step; batch 0 takes all.
    rate, optimiser
        Step size and kind.
    energy_weight, narrowness_weight
        Weights of the second and the third term.
    joint
        False trains encoder and decoder first, and then the estimator on their codes.
    patience
        See `train`; 0 runs all steps.
    seed
        Of the weights and the batches.
    progress
        Told the epochs done.

    Raises
    ------
    SettingError
        If the loss becomes infinite or NaN.
    """
    data = torch.as_tensor(pixels).to(torch.float32)
    bands, device = data.shape[1], data.device
    numbers = torch.Generator().manual_seed(seed)
    encoder = draw((bands, hidden, latent), ENCODER, numbers, device=device)
    decoder = draw((latent, hidden, bands), ENCODER, numbers, device=device)
    widths = (latent, ESTIMATOR_WIDTH, components)
    estimator = draw(widths, ESTIMATOR, numbers, device=device)

    def rebuilt(rows: torch.Tensor, code: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"reconstruction": ((rows - decoder(code)) ** 2).sum(dim=1).mean()}

    def grouped(code: torch.Tensor) -> dict[str, torch.Tensor]:
        mixture = mixture_of(estimator(code), code)
        found = {"energy": energy_weight * mixture.energy(code).mean()}
        if narrowness_weight:
            found["narrowness"] = narrowness_weight * mixture.narrowness()
        return found

    def both(rows: torch.Tensor) -> dict[str, torch.Tensor]:
        code = encoder(rows)
        return rebuilt(rows, code) | grouped(code)

    epochs, batch = epochs_of(steps, batch, len(data))
    learn = partial(
        train,
        epochs=epochs,
        rate=rate,
        batch=batch,
        optimiser=partial(OPTIMISERS[optimiser], fused=True),
        generator=numbers,
        patience=patience or None,
        progress=progress,
        name="lren",
    )
    coder = encoder.parameters + decoder.parameters
    if joint:
        training = learn(coder + estimator.parameters, both, data)
    else:
        training = learn(coder, lambda rows: rebuilt(rows, encoder(rows)), data)
        with torch.no_grad():
            code = encoder(data)
        learn(estimator.parameters, grouped, code)
    return Embedding(encoder.frozen(), decoder.frozen(), estimator.frozen(), training)


def choose_atoms(
    rows: np.ndarray, membership: np.ndarray, kind: Literal["members", "centroids"]
) -> np.ndarray:
    """Two rows per component that some pixel belongs to most.

    Parameters
    ----------
    rows
        Pixels, in the space that the atoms shall be in.
    membership
        ``(n, k)``; a pixel is a member of the component in which it has its largest share.
    kind
        ``members``: the member with the largest and the one with the smallest share in the
        component; ``centroids``: the component's mean and the member farthest from it.
    """
    component = membership.argmax(axis=1)
    atoms = []
    for k in range(membership.shape[1]):
        members = np.flatnonzero(component == k)
        if not len(members):
            continue
        share = membership[members, k]
        if kind == "members":
            atoms += [rows[members[share.argmax()]], rows[members[share.argmin()]]]
        else:
            mean = membership[:, k] @ rows / membership[:, k].sum()
            away = ((rows[members] - mean) ** 2).sum(axis=1)
            atoms += [mean, rows[members[away.argmax()]]]
    return np.array(atoms)
