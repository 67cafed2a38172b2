"""From a scene to its valid pixels as rows, and back."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from oddspec.arrays import Cube, Mask, Pixels, PixelScores, Scores, valid_pixels
from oddspec.statistics.summary import enough

__all__ = ["background_pixels", "on_map", "score_map", "valid_pixels"]


def background_pixels(cube: Cube, valid: Mask) -> Pixels:
    """The valid pixels as rows, to make a background of.

    Raises
    ------
    InputError
        If there are fewer than two.
    """
    pixels = valid_pixels(cube, valid)
    enough(len(pixels))
    return pixels


def on_map(
    values: Float[np.ndarray, "n c"], valid: Mask, elsewhere: float = np.nan
) -> Float[np.ndarray, "h w c"]:
    """Values of the valid pixels where they lie in the scene."""
    if valid.all():
        return values.reshape(*valid.shape, -1)
    out = np.full((*valid.shape, values.shape[1]), elsewhere)
    out[valid] = values
    return out


def score_map(values: PixelScores, valid: Mask) -> Scores:
    """Scores of the valid pixels where they lie in the scene; NaN elsewhere."""
    scores = np.full(valid.shape, np.nan)
    scores[valid] = values
    return scores
