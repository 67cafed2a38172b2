"""Learned detectors: a training step against the products or convolutions it cannot do without."""

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from oddspec.detectors.learned._adversarial import Adversarial
from oddspec.detectors.learned._scene_reconstruction import SceneReconstruction
from oddspec.detectors.learned.aae import AAE
from oddspec.detectors.learned.auto_ad import AutoAD, SkipNetwork, possible_scales
from oddspec.detectors.learned.bsdm import BSDM
from oddspec.detectors.learned.bsdm.denoiser import BLOCKS, WIDTH
from oddspec.detectors.learned.cnn import CNN, autoencoder
from oddspec.detectors.learned.lren import LREN, lrr
from oddspec.detectors.learned.lren.lrr_optimum import optimum
from oddspec.detectors.learned.lren.network import ESTIMATOR_WIDTH
from oddspec.detectors.learned.msnet import MSNet
from oddspec.detectors.learned.msnet.network import MultiscaleNetwork
from oddspec.detectors.learned.safl_rx import SAFLRX
from oddspec.detectors.learned.sparsehad import SparseHAD
from oddspec.networks.dense import FAST, NARROW, fast_product
from oddspec.networks.images import as_image, initialised
from oddspec.progress import Progress
from oddspec.statistics.scaling import bandz
from speed.machine import seconds, seconds_in_turn
from speed.rednmf import scene

STEPS = 30
"""Of a training; so many that what comes before and after it does not count."""

EPOCHS = 7
"""Of a training that is called off after so many."""


def run(small: bool = False) -> None:
    """Print all rows of the table; ``small`` only shows that they can be measured."""
    cube = scene(*((30, 30, 12) if small else (100, 100, 200)))
    pixels = cube.reshape(-1, cube.shape[2])
    pixels = bandz(pixels)(pixels)
    repeats = 1 if small else 7
    lren(pixels, repeats)
    sparsehad(pixels, repeats)
    representation(*((500, 6) if small else (10_000, 20)))
    raw = cube.reshape(-1, cube.shape[2])
    epochs = 1 if small else EPOCHS
    for detector in (AAE(), SAFLRX()):
        adversarial(detector, raw, epochs)
    bsdm(raw, epochs)
    for seen in (CNN(), MSNet(), AutoAD()):
        reconstruction(seen, cube, epochs)


def lren(pixels: np.ndarray, repeats: int) -> None:
    """The autoencoder and the estimator, forward and back."""
    how = LREN()
    latent = min(how.latent, pixels.shape[1] // 2)
    chains = [
        (pixels.shape[1], how.hidden, latent, how.hidden, pixels.shape[1]),
        (latent, ESTIMATOR_WIDTH, how.components),
    ]

    def train() -> None:
        LREN(steps=STEPS, patience=0).train_networks(pixels, torch.Generator().manual_seed(0))

    # The first matrix of the first chain alone has inputs that need no gradient.
    _report("lren", train, [_products(chains[0], how.batch), _products(chains[1], how.batch, True)],
            len(pixels), how.batch, repeats)  # fmt: skip


def sparsehad(pixels: np.ndarray, repeats: int) -> None:
    """The autoencoder, the second encoder and the discriminator, with its own step."""
    how = SparseHAD()
    bands = pixels.shape[1]
    encoder = (bands, how.hidden, how.latent)

    def train() -> None:
        SparseHAD(steps=STEPS, patience=0).train_networks(pixels, torch.Generator().manual_seed(0))

    works = [_products((*encoder, how.hidden, bands), how.batch)]
    if how.adversarial_weight:
        # Its own step on originals and on reconstructions; then both once more, of which the
        # reconstructions' gradients go back to the pixels but not into its parameters.
        works += [_products(encoder, how.batch)] * 2
        works += [_products(encoder, how.batch, True, parameters=False)]
        works += [_products(encoder, how.batch, parameters=False)]
    if how.sparsity_weight:
        works.append(_products(encoder, how.batch, True))
    _report("sparsehad", train, works, len(pixels), how.batch, repeats)


def adversarial(how: Adversarial, pixels: np.ndarray, epochs: int) -> None:
    """AAE and SAFL-RX: the autoencoder, the discriminator, and the encoder against it."""
    there = (pixels.shape[1], how.hidden, how.hidden, how.latent)
    discriminator = (how.latent, how.critic, how.critic, 1)
    rows = min(how.batch, len(pixels))
    works = [
        _products((*there, *there[-2::-1]), rows),
        _products(there, rows, gradients=False),
        _products(discriminator, rows),
        _products(discriminator, rows),
        _products(there, rows),
        _products(discriminator, rows, True, parameters=False),
    ]
    _called_off(
        _name(how), lambda report: _fit(how, pixels, report), works, epochs, len(pixels) / rows
    )


def bsdm(pixels: np.ndarray, epochs: int) -> None:
    """The layers that all pixels go through; those for the time have one row only."""
    how, bands = BSDM(), pixels.shape[1]
    rows = min(how.batch, len(pixels))
    layers = [(WIDTH, BLOCKS[0][0]), (BLOCKS[-1][2], bands)]
    for inputs, hidden, outputs in BLOCKS:
        layers += [(inputs, hidden, outputs), (outputs, outputs)]
        layers += [(inputs, outputs)] * (inputs != outputs)
    works = [_products((bands, BLOCKS[0][0]), rows)]
    works += [_products(widths, rows, True) for widths in layers]
    _called_off("bsdm", lambda report: _fit(how, pixels, report), works, epochs, len(pixels) / rows)


def reconstruction(how: SceneReconstruction, cube: np.ndarray, epochs: int) -> None:
    """CNN, MSNet and Auto-AD: the convolutions of the network that sees the scene as one image."""
    valid = np.ones(cube.shape[:2], dtype=bool)
    bands, scaling = how.scale(pixels := cube.reshape(-1, cube.shape[2]))
    image = as_image(scaling(pixels[:, bands]), valid)
    works = _convolutions(_network(how, image), image)
    _called_off(_name(how), lambda report: how.learn(image, valid, report), works, epochs)


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
    widths: Sequence[int],
    rows: int,
    inputs: bool = False,
    *,
    parameters: bool = True,
    gradients: bool = True,
) -> Callable[[], None]:
    """Forward products of a chain of layers and those of its gradients.

    ``inputs`` asks for the first layer's input gradients, ``parameters`` for the matrices';
    without ``gradients`` there are none at all.
    """
    parameters = parameters and gradients
    layers = []
    for a, b in pairwise(widths):
        x, weight, gradient = torch.randn(rows, a), torch.randn(b, a), torch.randn(rows, b)
        # Each product with its operands as it likes them best.
        transposed = [values.T.contiguous() for values in (x, gradient, weight)]
        product = fast_product if FAST and min(a, b) >= NARROW else torch.nn.functional.linear
        layers.append((product, x, weight, gradient, *transposed))

    def work() -> None:
        for number, (product, x, weight, gradient, x_t, gradient_t, weight_t) in enumerate(layers):
            product(x, weight)
            if parameters:
                product(x_t, gradient_t)
            if gradients and (number or inputs) and (parameters or inputs):
                product(gradient, weight_t)

    return work


def _convolutions(network: Any, image: torch.Tensor) -> list[Callable[[], None]]:
    """Forward convolutions of all layers that the image passes, and those of their gradients."""
    found: list[tuple[Any, torch.Tensor, torch.Tensor, bool]] = []

    def note(layer: Any, inputs: Any, output: torch.Tensor) -> None:
        (x,) = inputs
        found.append((layer, x.detach().clone(), torch.randn_like(output), x.requires_grad))

    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(note)
    network(image)

    def work(layer: Any, x: torch.Tensor, gradient: torch.Tensor, inputs: bool) -> None:
        with torch.no_grad():
            how = layer.stride, layer.padding, layer.dilation
            torch.nn.functional.conv2d(x, layer.weight, layer.bias, *how)
            torch.ops.aten.convolution_backward(
                gradient, x, layer.weight, layer.bias.shape, *how, False, (0, 0), 1,
                (inputs, True, True),
            )  # fmt: skip

    return [lambda one=one: work(*one) for one in found]


def _network(how: SceneReconstruction, image: torch.Tensor) -> Any:
    bands, side = image.shape[1], min(image.shape[2:])
    if isinstance(how, CNN):
        return initialised(lambda: autoencoder(bands, how.channels, how.layers, how.bottleneck), 0)[
            0
        ]
    if isinstance(how, MSNet):
        return initialised(lambda: MultiscaleNetwork(bands, how.hidden, how.scales), 0)[0]
    assert isinstance(how, AutoAD)
    scales = possible_scales(side, how.scales)
    return initialised(lambda: SkipNetwork(bands, how.channels, scales), 0)[0]


def _fit(how: Any, pixels: np.ndarray, report: Progress) -> None:
    how.fit(how.summarise(pixels, np.arange(len(pixels))), report)


def _name(how: Any) -> str:
    return type(how).__module__.rpartition(".")[2]


class _Enough(Exception):
    """A training is called off."""


def _called_off(
    name: str,
    train: Callable[[Progress], object],
    works: Sequence[Callable[[], None]],
    epochs: int,
    batches: float = 1,
) -> None:
    """Print the time of an epoch, between two words of progress, with the products in between.

    ``batches`` is how many there are in an epoch.
    """
    whole: list[float] = []
    bare: list[float] = []
    since = 0.0

    def report(done: float, total: float, stage: str) -> None:
        nonlocal since
        if done:
            whole.append(time.perf_counter() - since)
            since = time.perf_counter()
            for _ in range(max(round(batches), 1)):
                for work in works:
                    work()
            bare.append((time.perf_counter() - since) * batches / max(round(batches), 1))
        # The first of each does not count.
        if len(whole) > epochs:
            raise _Enough
        since = time.perf_counter()

    with suppress(_Enough):
        train(report)
    step, least = (statistics.median(times[1:]) / batches for times in (whole, bare))
    print(f"{name}: {1e3 * step:.0f} ms per step, {step / least:.2f} times its products")


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
