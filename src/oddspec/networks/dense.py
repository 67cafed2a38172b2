"""Fully connected networks whose forward pass runs on NumPy arrays and on torch tensors alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import torch
from array_api_compat import array_namespace
from array_api_compat import device as device_of

from oddspec.arrays import to_numpy

T = TypeVar("T", bound="Trainable")

LEAKS = {"leaky_relu": 0.2, "leaky_relu_tenth": 0.1}
"""Slopes of the leaky rectifiers below zero."""


class Trainable:
    """Base of dataclasses whose fields are tensors, tuples of tensors, or such dataclasses."""

    @property
    def parameters(self) -> tuple[Any, ...]:
        """All arrays, in the order of the fields."""
        return tuple(_arrays(self))

    def frozen(self: T) -> T:
        """The same in NumPy arrays, apart from what the optimiser goes on changing."""
        return type(self)(*map(_frozen, _fields(self)))


def _fields(value: Any) -> tuple[Any, ...]:
    return tuple(getattr(value, field.name) for field in dataclasses.fields(value))


def _arrays(value: Any) -> Iterator[Any]:
    if isinstance(value, (Trainable, tuple)):
        for part in value if isinstance(value, tuple) else _fields(value):
            yield from _arrays(part)
    elif isinstance(value, (np.ndarray, torch.Tensor)):
        yield value


def _frozen(value: Any) -> Any:
    if isinstance(value, Trainable):
        return value.frozen()
    if isinstance(value, tuple):
        return tuple(map(_frozen, value))
    return to_numpy(value).copy() if isinstance(value, torch.Tensor) else value


@dataclass(frozen=True)
class Network(Trainable):
    """Layers ``x -> f(x W + c)``, one after another; pixels are rows.

    Attributes
    ----------
    weights
        One ``(inputs, outputs)`` matrix per layer: torch tensors while it learns, NumPy arrays
        once it is `frozen`.
    biases
        One ``(outputs,)`` vector per layer; empty for a network without biases.
    activations
        One name per layer: ``linear``, ``tanh``, ``leaky_relu`` (slope 0.2 below zero),
        ``leaky_relu_tenth`` (0.1) or ``softmax``.
    """

    weights: tuple[Any, ...]
    biases: tuple[Any, ...]
    activations: tuple[str, ...]

    def __call__(self, x: Any) -> Any:
        """The last layer's output for each row of ``x``."""
        for layer, activation in enumerate(self.activations):
            bias = self.biases[layer] if self.biases else None
            x = activate(activation, _on_device(x, self.weights[layer], bias))
        return x


def draw_network(
    widths: Sequence[int],
    activations: Sequence[str],
    rng: torch.Generator,
    *,
    device: str | torch.device = "cpu",
) -> Network:
    """A trainable float32 network with random weights and zero biases.

    Weights are uniform in ``+-sqrt(6 / (inputs + outputs))``, which keeps the variance of signals
    and gradients alike (X. Glorot and Y. Bengio, AISTATS 2010). They are drawn on the CPU, so a
    seed gives the same network on every device.

    Parameters
    ----------
    widths
        Inputs of the first layer, then outputs of every layer.
    activations
        One name per layer.
    rng
        Where the numbers come from; torch's global generator is left alone.
    device
        Where the parameters shall lie.
    """
    weights, biases = [], []
    for inputs, outputs in pairwise(widths):
        bound = (6 / (inputs + outputs)) ** 0.5
        weight = (2 * torch.rand(inputs, outputs, generator=rng) - 1) * bound
        weights.append(weight.to(device).requires_grad_())
        biases.append(torch.zeros(outputs, device=device, requires_grad=True))
    return Network(tuple(weights), tuple(biases), tuple(activations))


def activate(name: str, x: Any) -> Any:
    """The activation of that name, entry by entry (``softmax``: row by row)."""
    if name == "linear":
        return x
    if name in LEAKS and isinstance(x, torch.Tensor):
        return torch.nn.functional.leaky_relu(x, LEAKS[name])
    if name == "tanh" and isinstance(x, torch.Tensor):
        return _Tanh.apply(x)
    xp = array_namespace(x)
    if name == "tanh":
        return xp.tanh(x)
    if name in LEAKS:
        return xp.maximum(x, LEAKS[name] * x)
    if name == "softmax":
        # The largest exponent is 0: no power overflows, and the ratio is the same.
        powers = xp.exp(x - xp.max(x, axis=1, keepdims=True))
        return powers / xp.sum(powers, axis=1, keepdims=True)
    raise ValueError(f"there is no activation {name!r}")


class _Tanh(torch.autograd.Function):  # type: ignore[misc] # torch is not typed here
    """``2 sigmoid(2 x) - 1``.

    In float32 within 2e-7 of torch.tanh, which takes five times as long on a CPU.
    """

    @staticmethod
    def forward(context: Any, x: torch.Tensor) -> torch.Tensor:
        y = torch.add(x.new_tensor(-1.0), (2 * x).sigmoid_(), alpha=2)
        context.save_for_backward(y)
        return y

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        (y,) = context.saved_tensors
        return torch.ops.aten.tanh_backward(gradient, y)


def _on_device(x: Any, weight: Any, bias: Any) -> Any:
    """``x @ weight + bias`` where ``x`` is, whatever kind of arrays a network's parameters are."""
    if isinstance(x, torch.Tensor):
        weight = torch.as_tensor(weight, device=device_of(x))
        return affine(
            x, weight, None if bias is None else torch.as_tensor(bias, device=device_of(x))
        )
    return x @ weight if bias is None else x @ weight + bias


def affine(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """``x @ weight + bias`` for rows x, with gradients for whatever wants some.

    Parameters
    ----------
    x
        ``(n, inputs)``.
    weight
        ``(inputs, outputs)``.
    bias
        ``(outputs,)``, or None.
    """
    fits = x.device.type == "cpu" and x.dtype == weight.dtype == torch.float32
    if FAST and fits and min(weight.shape) >= NARROW and len(x):
        return _Affine.apply(x, weight, bias)
    # One pass over the output instead of two.
    return x @ weight if bias is None else torch.addmm(bias, x, weight)


class _Affine(torch.autograd.Function):  # type: ignore[misc] # torch is not typed here
    """The same through oneDNN, which knows no gradients."""

    @staticmethod
    def forward(context: Any, x: Any, weight: Any, bias: Any) -> torch.Tensor:
        context.save_for_backward(x, weight)
        return fast_product(x, weight.T, bias)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = context.saved_tensors
        wanted = context.needs_input_grad
        return (
            fast_product(gradient, weight) if wanted[0] else None,
            fast_product(x.T, gradient.T) if wanted[1] else None,
            gradient.sum(dim=0) if wanted[2] else None,
        )


def fast_product(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """``x @ weight.T + bias`` through oneDNN, of float32 on a CPU."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def _works() -> bool:
    """Whether oneDNN's product can be called here and gives the product.

    It is what compiled networks are made of, but no public function: another version of PyTorch may
    lack it or want other arguments.
    """
    try:
        found = fast_product(torch.ones(2, 3), torch.ones(4, 3), torch.ones(4))
        return bool(torch.backends.mkldnn.is_available() and (found == 4).all())
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return False


FAST = _works()
"""Whether layers multiply through oneDNN.

PyTorch's own ``@`` goes to MKL, which on processors of other makers than its own leaves half of
their rate unused.
"""

NARROW = 32
"""Of layers with fewer inputs or outputs oneDNN's copies cost more than its product saves."""
