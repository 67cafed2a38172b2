"""Arrays: their shapes in signatures, pixels as rows, and the way to an accelerator and back.

Papers put pixels in columns; here a pixel is a row, always (``docs/notation.md``).
"""

from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int, Real

RawCube: TypeAlias = Real[np.ndarray, "h w b"]
"""A cube as its file holds it, of any real type."""

Cube: TypeAlias = Float[np.ndarray, "h w b"]
"""Rows, columns, bands."""

Pixels: TypeAlias = Float[Any, "n b"]
"""One spectrum per row: a NumPy array, or another library's on its device."""

Spectrum: TypeAlias = Float[np.ndarray, "b"]
"""One spectrum."""

Scores: TypeAlias = Float[np.ndarray, "h w"]
"""Larger is more anomalous, always; NaN where the pixel is invalid."""

PixelScores: TypeAlias = Float[Any, "n"]
"""One score per pixel, in the kind of array that the pixels came in."""

Mask: TypeAlias = Bool[np.ndarray, "h w"]
"""True where the statement that the name makes holds."""

Index: TypeAlias = Int[np.ndarray, "n"]
"""Position of a pixel in its scene: ``row * width + column``."""


@runtime_checkable
class Windowed(Protocol):
    """An image that is read by windows: an array, a ``numpy.memmap``, or what computes them."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, columns, and what else a pixel has."""

    def __getitem__(self, window: Any, /) -> Any:
        """The values of a slice of rows, or of slices of rows and columns."""


def valid_pixels(cube: Cube, valid: Mask) -> Pixels:
    """The valid pixels as rows, in the scene's order; without a copy where all are valid."""
    return cube.reshape(-1, cube.shape[2]) if valid.all() else cube[valid]


def to_device(array: np.ndarray, device: str) -> Any:
    """The array itself for ``cpu``, otherwise a torch tensor there."""
    if device == "cpu":
        return array
    import torch

    return torch.from_numpy(array).to(device)


def to_numpy(array: Any) -> np.ndarray:
    """A NumPy array of any array's values."""
    if isinstance(array, np.ndarray):
        return array
    if hasattr(array, "detach"):
        array = array.detach().cpu()
    return np.asarray(array)
