"""BSDM's diffusion, and the network that finds its noise in a spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from array_api_compat import array_namespace
from array_api_compat import device as device_of
from jaxtyping import Float

from oddspec.networks.dense import Network, Trainable, activate

STEPS = 1000
"""Of the whole diffusion."""

FIRST, LAST = 1e-4, 0.02
"""Variances of the noise that is added in the first and in the last step."""


@dataclass(frozen=True)
class NoiseSchedule:
    """How much of signal and of noise there is in a spectrum after some steps of the diffusion."""

    signal: float
    noise: float

    def __iter__(self) -> Any:
        return iter((self.signal, self.noise))


def schedule(time: int) -> NoiseSchedule:
    """Signal and noise after ``time`` steps that all add the same noise."""
    beta = np.linspace(FIRST, LAST, STEPS)[:time]
    alpha = 1 - beta
    # Products of all later factors; the last step has none.
    later = np.append(np.cumprod(alpha[::-1])[::-1][1:], 1.0)
    return NoiseSchedule(float(np.sqrt(np.prod(alpha))), float(np.sum(np.sqrt(beta * later))))


BLOCKS = (
    (128, 200, 100),
    (100, 200, 50),
    (50, 100, 50),
    (50, 100, 50),
    (50, 200, 100),
    (100, 200, 128),
)
"""Inputs, hidden units and outputs of each block."""

FEATURES = 128
"""Of the time: half of them cosines, half sines."""

WIDTH = 512
"""Hidden units for the time and for a spectrum's statistics."""

STABLE = 1e-5
"""Keeps the normalisation of constant rows from dividing by zero."""


@dataclass(frozen=True)
class Block(Trainable):
    """A residual block: ``skip(h) + last(tanh(norm(inner(tanh(norm(h))) + time(tanh(t)))))``.

    Attributes
    ----------
    inner, time, last, skip
        Layers; the skip is None where inputs and outputs are as many.
    gains, offsets
        Of the two normalisations.
    """

    inner: Network
    time: Network
    last: Network
    skip: Network | None
    gains: tuple[Any, Any]
    offsets: tuple[Any, Any]

    def __call__(self, h: Any, embedding: Any) -> Any:
        """The block's output for each row of ``h`` at the time that ``embedding`` stands for."""
        deep = activate("tanh", _normalised(h, self.gains[0], self.offsets[0]))
        deep = self.inner(deep) + self.time(activate("tanh", embedding))
        deep = self.last(activate("tanh", _normalised(deep, self.gains[1], self.offsets[1])))
        return deep + (h if self.skip is None else self.skip(h))


@dataclass(frozen=True)
class Denoiser(Trainable):
    """Spectra to noise.

    Attributes
    ----------
    first
        The layer that spectra enter by.
    statistics
        Two layers for each spectrum's mean and deviation, each repeated once for every band; what
        they return is added to what the first layer does.
    clock
        Two layers that embed the time.
    features
        Of the time, ``(1, 128)``.
    blocks
        Residual blocks.
    last
        The layer that the noise leaves by.
    """

    first: Network
    statistics: Network
    clock: Network
    features: Any
    blocks: tuple[Block, ...]
    last: Network

    def __call__(self, x: Any) -> Any:
        """The noise in each row of ``x``."""
        embedding = self.clock(_on_device(self.features, x))
        h = self.first(x) + self._offset(x)
        for block in self.blocks:
            h = block(h, embedding)
        return self.last(activate("tanh", h))

    @property
    def parameters(self) -> tuple[Any, ...]:
        """All that is trained: not the time's features."""
        return tuple(p for p in super().parameters if p is not self.features)

    def _offset(self, x: Any) -> Any:
        """The statistics' part, with a matrix of two rows, as 2 b inputs have two values only."""
        xp = array_namespace(x)
        bands = x.shape[1]
        mean = xp.mean(x, axis=1, keepdims=True)
        deviation = xp.sqrt(xp.mean((x - mean) ** 2, axis=1, keepdims=True) + STABLE**2)
        weight = _on_device(self.statistics.weights[0], x)
        both = xp.stack([xp.sum(weight[:bands], axis=0), xp.sum(weight[bands:], axis=0)], axis=0)
        hidden = xp.concat([mean, deviation], axis=1) @ both
        hidden = activate("tanh", hidden + _on_device(self.statistics.biases[0], x))
        second = Network(self.statistics.weights[1:], self.statistics.biases[1:], ("linear",))
        return second(hidden)


def draw_denoiser(
    bands: int, step: int, rng: torch.Generator, device: str | torch.device = "cpu"
) -> Denoiser:
    """A trainable network for one time step; weights uniform in ``+-1 / sqrt(inputs)``."""

    def layers(*widths: int) -> Network:
        weights: list[torch.Tensor] = []
        biases: list[torch.Tensor] = []
        for inputs, outputs in pairwise(widths):
            for values, shape in ((weights, (inputs, outputs)), (biases, (outputs,))):
                drawn = (2 * torch.rand(shape, generator=rng) - 1) * inputs**-0.5
                values.append(drawn.to(device).requires_grad_())
        kinds = ("tanh",) * (len(weights) - 1) + ("linear",)
        return Network(tuple(weights), tuple(biases), kinds)

    def constant(value: float, size: int) -> torch.Tensor:
        return torch.full((size,), value, device=device, requires_grad=True)

    def block(inputs: int, hidden: int, outputs: int) -> Block:
        return Block(
            layers(inputs, hidden, outputs),
            layers(WIDTH, outputs),
            layers(outputs, outputs),
            None if inputs == outputs else layers(inputs, outputs),
            (constant(1.0, inputs), constant(1.0, outputs)),
            (constant(0.0, inputs), constant(0.0, outputs)),
        )

    enter = BLOCKS[0][0]
    return Denoiser(
        layers(bands, enter),
        layers(2 * bands, WIDTH, enter),
        layers(FEATURES, WIDTH, WIDTH),
        torch.from_numpy(time_features(step)).to(device),
        tuple(block(*sizes) for sizes in BLOCKS),
        layers(BLOCKS[-1][2], bands),
    )


def time_features(step: int) -> Float[np.ndarray, "1 f"]:
    """Cosines and sines of the step at frequencies from 1 down to 1/10000, in float32."""
    half = FEATURES // 2
    angles = step * np.exp(-np.log(10000.0) * np.arange(half) / half)
    return np.concatenate([np.cos(angles), np.sin(angles)]).astype(np.float32)[None]


def _normalised(h: Any, gain: Any, offset: Any) -> Any:
    """Each row with mean 0 and deviation 1, then stretched and shifted."""
    if isinstance(h, torch.Tensor):
        factors = _on_device(gain, h), _on_device(offset, h)
        return torch.nn.functional.layer_norm(h, h.shape[1:], *factors, STABLE)
    centred = h - h.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    return centred / np.sqrt(variance + np.float32(STABLE)) * gain + offset


def _on_device(values: Any, x: Any) -> Any:
    """The values on the device of ``x``, with their gradients."""
    return torch.as_tensor(values, device=device_of(x)) if isinstance(x, torch.Tensor) else values
