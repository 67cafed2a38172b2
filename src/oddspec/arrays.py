"""The shapes that everything speaks of, said once.

Papers put pixels in columns; here a pixel is a row, always (``docs/notation.md``).
"""

from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int, Real

from oddspec.errors import SettingError

__all__ = [
    "Cube",
    "Index",
    "Mask",
    "PixelScores",
    "Pixels",
    "RawCube",
    "Scores",
    "Spectrum",
    "must_have_shape",
]

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


def must_have_shape(scores: Any, shape: tuple[int, ...], source: object) -> None:
    """Refuse scores that would be broadcast, which is what somebody's new detector may give.

    Raises
    ------
    SettingError
        If their shape is another; the message names the source's class.
    """
    if np.shape(scores) != shape:
        raise SettingError(
            f"{type(source).__name__} gave scores of shape {np.shape(scores)}: expected {shape}, "
            f"one for each pixel"
        )
