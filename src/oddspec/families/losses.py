"""How a training went, as what a model has found."""

from __future__ import annotations

import numpy as np

from oddspec.detector import Insight

__all__ = ["losses_insight"]


def losses_insight(losses: np.ndarray, terms: tuple[str, ...], each: str = "epoch") -> Insight:
    """The loss's terms in each epoch (or step), as `oddspec.learning.train.Training` has them."""
    return Insight("losses", "curve", losses, f"terms of the loss in each {each}", terms, each)
