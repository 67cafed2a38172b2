"""Matrix products of a layer and of its slopes, by whichever of PyTorch's libraries is faster."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["FAST", "NARROW", "affine", "fast_product"]

NARROW = 32
"""Of layers with fewer inputs or outputs oneDNN's copies cost more than its product saves."""


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


def affine(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """``x @ weight + bias`` for rows x, with slopes for whatever wants some.

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
    """The same through oneDNN, which knows no slopes."""

    @staticmethod
    def forward(context: Any, x: Any, weight: Any, bias: Any) -> torch.Tensor:
        context.save_for_backward(x, weight)
        return fast_product(x, weight.T, bias)

    @staticmethod
    def backward(context: Any, slope: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = context.saved_tensors
        wanted = context.needs_input_grad
        return (
            fast_product(slope, weight) if wanted[0] else None,
            fast_product(x.T, slope.T) if wanted[1] else None,
            slope.sum(dim=0) if wanted[2] else None,
        )


def fast_product(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """``x @ weight.T + bias`` through oneDNN, of float32 on a CPU."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


FAST = _works()
"""Whether layers multiply through oneDNN.

PyTorch's own ``@`` goes to MKL, which on processors of other makers than its own leaves half of
their rate unused.
"""
