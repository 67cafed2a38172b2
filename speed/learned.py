"""LREN and sparseHAD: a training step against the matrix products that it cannot do without."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch

from oddspec.detectors.learned.lren import LREN
from oddspec.detectors.learned.sparsehad import SparseHAD
from oddspec.learning.embedding import ESTIMATOR_WIDTH, embed
from oddspec.learning.sparse_gan import learn
from oddspec.scaling import bandz
from oddspec.solvers import lrr
from oddspec.solvers.lrr_optimum import optimum
from speed.machine import seconds, seconds_in_turn
from speed.rednmf import scene

STEPS = 30
"""Of a training; so many that what comes before and after it does not count."""


def run(small: bool = False) -> None:
    """Print all rows of the table; ``small`` only shows that they can be measured."""
    cube = scene(*((30, 30, 12) if small else (100, 100, 200)))
    pixels = cube.reshape(-1, cube.shape[2])
    pixels = bandz(pixels)(pixels)
    repeats = 1 if small else 7
    lren(pixels, repeats)
    sparsehad(pixels, repeats)
    representation(*((500, 6) if small else (10_000, 20)))


def lren(pixels: np.ndarray, repeats: int) -> None:
    """The autoencoder and the estimator, forward and back."""
    how = LREN()
    latent = min(how.latent, pixels.shape[1] // 2)
    chains = [
        (pixels.shape[1], how.hidden, latent, how.hidden, pixels.shape[1]),
        (latent, ESTIMATOR_WIDTH, how.components),
    ]

    def train() -> None:
        embed(
            pixels, latent=latent, components=how.components, hidden=how.hidden, steps=STEPS,
            batch=how.batch, rate=how.learning_rate, optimiser=how.optimiser,
            energy_weight=how.energy_weight, narrowness_weight=how.narrowness_weight,
            joint=True, patience=0, seed=0,
        )  # fmt: skip

    # The first matrix of the first chain alone has inputs that need no gradient.
    _report("lren", train, [_products(chains[0], how.batch), _products(chains[1], how.batch, True)],
            len(pixels), how.batch, repeats)  # fmt: skip


def sparsehad(pixels: np.ndarray, repeats: int) -> None:
    """The autoencoder, the second encoder and the discriminator, with its own step."""
    how = SparseHAD()
    bands = pixels.shape[1]
    encoder = (bands, how.hidden, how.latent)

    def train() -> None:
        learn(
            pixels, latent=how.latent, hidden=how.hidden, own_encoder=how.second == "own",
            reconstruction_weight=how.reconstruction_weight,
            adversarial_weight=how.adversarial_weight, sparsity_weight=how.sparsity_weight,
            bound=how.bound, steps=STEPS, batch=how.batch, rate=how.learning_rate, patience=0,
            seed=0,
        )  # fmt: skip

    works = [_products((*encoder, how.hidden, bands), how.batch)]
    if how.adversarial_weight:
        # Its own step on originals and on reconstructions; then both once more, of which the
        # reconstructions' slopes go back to the pixels but not into its parameters.
        works += [_products(encoder, how.batch)] * 2
        works += [_products(encoder, how.batch, True, parameters=False)]
        works += [_products(encoder, how.batch, parameters=False)]
    if how.sparsity_weight:
        works.append(_products(encoder, how.batch, True))
    _report("sparsehad", train, works, len(pixels), how.batch, repeats)


def representation(pixels: int, latent: int) -> None:
    """LREN's low-rank representation: the optimum directly, and by the iteration."""
    rng = np.random.default_rng(0)
    Psi = rng.normal(size=(pixels, latent))
    Psi[::50] *= rng.uniform(1, 6, (len(Psi[::50]), 1))
    D = Psi[rng.choice(pixels, min(14, latent), replace=False)]
    lam = 2 * lrr.critical_penalty(Psi, D)
    direct = seconds(lambda: optimum(Psi, D, lam), 3)
    step = seconds(lambda: lrr.step(lrr.start(Psi, D), Psi, D, lam), 5)
    print(
        f"low-rank representation of {pixels} x {latent}: {direct:.2f} s to its optimum, as long "
        f"as {direct / step:.0f} steps of the alternating iteration"
    )


def _products(
    widths: Sequence[int], rows: int, inputs: bool = False, *, parameters: bool = True
) -> Callable[[], None]:
    """Forward products of a chain of layers and those of its gradients.

    ``inputs`` asks for the first layer's input gradients, ``parameters`` for the matrices'.
    """
    layers = [
        (torch.randn(rows, a), torch.randn(a, b), torch.randn(rows, b)) for a, b in pairwise(widths)
    ]

    def work() -> None:
        for number, (x, weight, slope) in enumerate(layers):
            x @ weight
            if parameters:
                x.T @ slope
            if (number or inputs) and (parameters or inputs):
                slope @ weight.T

    return work


def _report(
    name: str,
    train: Callable[[], None],
    products: Sequence[Callable[[], None]],
    pixels: int,
    batch: int,
    repeats: int,
) -> None:
    # An epoch is not cut short, and its last batch is smaller: so many full batches it makes.
    batches = -(-pixels // batch)
    full = -(-STEPS // batches) * pixels / batch

    def bare() -> None:
        for _ in range(round(full)):
            for work in products:
                work()

    whole, least = seconds_in_turn([train, bare], repeats)
    print(
        f"{name}, training on {pixels} pixels: {1e3 * whole / full:.1f} ms per batch of {batch}, "
        f"{whole / least:.2f} times its matrix products"
    )
