"""Gains and offsets per band: how the numbers that a file stores become values."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from jaxtyping import Float

from oddspec.text import positions_text

LEAST, MOST = 1e-30, 1e30
"""Bounds of the size of a gain and of an offset; no unit needs others."""


@dataclass(frozen=True, eq=False)
class BandGains:
    """``value = stored * gain + offset`` in each band.

    Attributes
    ----------
    gains, offsets
        One of each per band.
    """

    gains: Float[np.ndarray, " b"]
    offsets: Float[np.ndarray, " b"]

    @classmethod
    def none(cls, bands: int) -> BandGains:
        """Those that change nothing."""
        return cls(np.ones(bands), np.zeros(bands))

    @property
    def identity(self) -> bool:
        """Whether they change nothing."""
        return bool((self.gains == 1).all() and not self.offsets.any())

    @property
    def usable(self) -> np.ndarray:
        """Whether each band's are finite and of a possible size, and the gain is not zero."""
        size = np.abs(self.gains)
        return (size >= LEAST) & (size <= MOST) & (np.abs(self.offsets) <= MOST)

    @property
    def digest(self) -> str:
        """A short name for these numbers: others have another."""
        return sha256(np.array([self.gains, self.offsets], "<f8").tobytes()).hexdigest()[:16]

    def of_bands(self, bands: np.ndarray) -> BandGains:
        """Those of the bands at these positions."""
        return BandGains(self.gains[bands], self.offsets[bands])

    def apply(self, stored: Float[np.ndarray, "... b"]) -> None:
        """Turn stored numbers (float64, bands last) into values, in place."""
        with np.errstate(over="ignore"):  # of pixels that are missing; of others it is refused
            stored *= self.gains
            stored += self.offsets

    def then_undo(self, other: BandGains) -> BandGains:
        """These, and then the way back of the others: from numbers stored here to those there."""
        return BandGains(self.gains / other.gains, (self.offsets - other.offsets) / other.gains)


def read_gains(
    gains: Any, offsets: Any, bands: int, what: str, bad: np.ndarray | None = None
) -> tuple[BandGains | None, str | None]:
    """What a file declares, or a note on why that cannot be used.

    Parameters
    ----------
    gains, offsets
        Numbers or texts: one for all bands or one per band. None where the file has none.
    bands
        How many bands there are.
    what
        The names of both in the file, for the note.
    bad
        True for bands that the file itself calls bad: theirs need not be of use.

    Returns
    -------
    BandGains or None
        None where nothing is declared, or what changes nothing, or what cannot be used.
    str or None
        The note.
    """
    lists = []
    for given, default in ((gains, 1.0), (offsets, 0.0)):
        numbers = np.array([default]) if given is None else _numbers(given)
        if len(numbers) not in (1, bands):
            return None, f"{what}: {len(numbers)} numbers for {bands} bands: not applied"
        lists.append(np.broadcast_to(numbers, bands).copy())
    found = BandGains(*lists)
    useless = ~found.usable
    if bad is not None:
        found.gains[useless & bad], found.offsets[useless & bad] = 1.0, 0.0
        useless &= ~bad
    if useless.any():
        which = positions_text(np.flatnonzero(useless))
        return None, (
            f"{what}: those of bands {which} (counted from 1) are zero, no finite numbers, or "
            f"beyond {LEAST:g} to {MOST:g}: none were applied"
        )
    return (None if found.identity else found), None


def _numbers(given: Any) -> np.ndarray:
    """A list as float64; NaN for what is no number."""
    items = np.asarray(given, dtype=object).reshape(-1)
    return np.array([_number(item) for item in items])


def _number(item: Any) -> float:
    try:
        return float(item)
    except (TypeError, ValueError, OverflowError):
        return np.nan
