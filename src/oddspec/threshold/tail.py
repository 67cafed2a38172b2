"""The upper tail of a scene's scores: how many there are, and the largest of them exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from oddspec.errors import InputError, SettingError

LARGEST_SHARE = 0.1
"""No fit ever looks below the highest tenth of the scores."""
LARGEST_COUNT = 100_000
"""More scores than this make a fit no better: its error is then far below its bias."""


@dataclass(frozen=True)
class Tail:
    """Number of scores and the largest ``size`` of them; ``of(part) + of(rest) == of(whole)``.

    This is all that a threshold needs to know of a scene, however large, and it can be gathered
    tile by tile in any order. It is also the empirical distribution of the scores (`sf`, `isf`), as
    far down as they were kept.

    Attributes
    ----------
    count
        Number of valid scores seen.
    invalid
        Number of NaN, which are left out.
    size
        At most so many scores are kept.
    scores
        The largest scores in descending order: ``min(size, count)`` of them.
    """

    count: int
    invalid: int
    size: int
    scores: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray, size: int | None = None) -> Tail:
        """The tail of an array of scores of any shape.

        Parameters
        ----------
        scores
            Larger is more anomalous, NaN where invalid.
        size
            How many to keep; None keeps all.

        Raises
        ------
        InputError
            If a score is infinite or the array holds no real numbers.
        """
        array = np.asarray(scores)
        if array.dtype.kind not in "fiu":
            raise InputError(f"scores are of type {array.dtype}, expected real numbers")
        if size is not None and size < 1:
            raise SettingError(f"size={size}: at least one score must be kept")
        flat = array.ravel().astype(np.float64)
        missing = np.isnan(flat)
        if missing.any():
            flat = flat[~missing]
        if np.isinf(flat).any():
            raise InputError(
                f"{int(np.isinf(flat).sum())} scores are infinite: expected finite numbers, and "
                f"NaN for invalid pixels; the detector did not work on these pixels"
            )
        keep = flat.size if size is None else size
        # A whole scene kept in one piece has room for every score it could meet later.
        room = max(keep, 1) if size is not None else int(np.iinfo(np.int64).max)
        return cls(flat.size, int(missing.sum()), room, _largest(flat, keep))

    @staticmethod
    def size_for(pixels: int, pfa: float = 0.0) -> int:
        """How many scores to keep of that many pixels, for a threshold at that rate.

        The highest tenth, at most 100 000, and in any case enough to read off the quantile at
        ``pfa`` exactly.
        """
        tenth = min(math.ceil(LARGEST_SHARE * pixels), LARGEST_COUNT)
        return max(min(pixels, max(tenth, 1000, allowed_exceedances(pfa, pixels) + 1)), 1)

    def __add__(self, other: Tail) -> Tail:
        """The tail of both parts together."""
        size = min(self.size, other.size)
        both = np.concatenate([self.scores, other.scores])
        return Tail(
            self.count + other.count, self.invalid + other.invalid, size, _largest(both, size)
        )

    def isf(self, pfa: float) -> float:
        """The lowest score that at most ``floor(pfa * count)`` scores exceed.

        Raises
        ------
        InputError
            If there is no score, or that one was not kept.
        """
        if not self.count:
            raise InputError("there is no valid score to take a threshold from")
        rank = min(allowed_exceedances(pfa, self.count), self.count - 1)
        if rank >= len(self.scores):
            raise InputError(
                f"the tail holds the largest {len(self.scores)} of {self.count} scores, too few "
                f"for pfa={pfa:g}: keep at least {rank + 1}"
            )
        return float(self.scores[rank])

    def sf(self, scores: np.ndarray) -> np.ndarray:
        """Share of the tail's scores that are at least as high, counting the score itself.

        ``(1 + number of scores at least as high) / (1 + count)`` is the p-value of a score that is
        not itself among the tail's; for one that is, it errs to the safe side by ``1 / count``.
        NaN where the score is NaN or lower than the lowest score kept.
        """
        values = np.asarray(scores, dtype=np.float64)
        above = np.searchsorted(-self.scores, -values, side="right")
        share = (1.0 + above) / (1.0 + self.count)
        complete = len(self.scores) == self.count
        lowest = -np.inf if complete or not len(self.scores) else self.scores[-1]
        return np.where(np.isnan(values) | (values < lowest), np.nan, share)


def check_rate(name: str, value: float) -> float:
    """A share between 0 and 1, both excluded.

    Raises
    ------
    SettingError
        If it is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise SettingError(f"{name}={value!r}: expected a number between 0 and 1")
    if not 0 < value < 1:
        raise SettingError(f"{name}={value:g}: expected a number between 0 and 1, such as 1e-4")
    return float(value)


def allowed_exceedances(pfa: float, count: int) -> int:
    """``floor(pfa * count)``, whole but for rounding counting as whole: 0.29 of 100 is 29."""
    return math.floor(pfa * count * (1 + 1e-12))


def least_rate(count: int, allowed: int = 1) -> float | None:
    """The least rate of two digits that lets so many of ``count`` pixels through.

    None where no rate below one does.
    """
    if not 0 < allowed < count:
        return None
    # Rounded up, as less would let one pixel less through; whole but for rounding is whole.
    digits = 1 - math.floor(math.log10(allowed / count))
    rate = math.ceil(round(allowed / count * 10**digits, 6)) / 10**digits
    return rate if rate < 1 else None


def _largest(scores: np.ndarray, size: int) -> np.ndarray:
    if size < scores.size:
        scores = np.partition(scores, scores.size - size)[scores.size - size :]
    return np.sort(scores)[::-1]
