"""Where scores go while a scene is run: to a file, an array, or nowhere."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from oddspec.arrays import Scores
from oddspec.tiles import Region

__all__ = ["Nowhere", "ScoreArray", "Sink"]


@runtime_checkable
class Sink(Protocol):
    """Where scores go."""

    def write(self, region: Region, scores: Scores) -> None:
        """Keep the scores of that region; called from several threads, for distinct regions."""

    def has(self, region: Region) -> bool:
        """Whether an earlier run has written that region."""


class ScoreArray:
    """Scores kept in memory, in float64."""

    def __init__(self, height: int, width: int) -> None:
        self.scores = np.full((height, width), np.nan)

    def write(self, region: Region, scores: Scores) -> None:
        """Keep the scores of that region."""
        self.scores[slice(*region.rows), slice(*region.columns)] = scores

    def has(self, region: Region) -> bool:
        """Nothing comes from an earlier run."""
        return False


class Nowhere:
    """For who wants no scores."""

    def write(self, region: Region, scores: Scores) -> None:
        """Keep nothing."""

    def has(self, region: Region) -> bool:
        """Nothing is missing."""
        return True
