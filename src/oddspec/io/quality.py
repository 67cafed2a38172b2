"""What products say of the quality of each pixel, under the same names whatever the product."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from oddspec.errors import SettingError

QUALITY_FLAGS = {
    name: np.uint16(1 << bit)
    for bit, name in enumerate(
        (
            *("fill", "saturated", "cloud", "cirrus", "cloud-shadow", "haze", "snow", "water"),
            *("glint", "terrain-shadow", "bad-detector", "product-invalid"),
        )
    )
}
"""Bit of each flag in a layer of 16 bits."""

USER_MASK = np.uint16(1 << 15)
"""Bit of pixels that the user has masked."""

DEFAULT_MASK = ("fill", "saturated", "cloud", "cloud-shadow", "cirrus")
"""Flags that mask a pixel where nothing else is asked for, and the product tells them."""

Layer = Callable[[tuple[int, int], tuple[int, int]], np.ndarray]
"""Reads a flag ``(h, w)``, bool, of a half-open window of rows and columns."""


@runtime_checkable
class HasQuality(Protocol):
    """A source that tells of each pixel's quality."""

    @property
    def quality(self) -> tuple[str, ...]:
        """The flags of `QUALITY_FLAGS` that it tells; none where it tells nothing."""

    def read_quality(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """Flags ``(h, w)``, uint16, of the pixels of a half-open window."""


def parse_flags(text: str) -> tuple[str, ...]:
    """Read ``--mask``, such as ``cloud,water``; ``default`` and ``none`` are words of their own.

    Raises
    ------
    SettingError
        If a word is no flag.
    """
    found: list[str] = []
    for word in (word.strip().lower().replace("_", "-") for word in text.split(",")):
        if word == "default":
            found += DEFAULT_MASK
        elif word in QUALITY_FLAGS:
            found.append(word)
        elif word != "none":
            raise SettingError(
                f"mask {word!r}: expected some of {', '.join(QUALITY_FLAGS)}, or default, or none"
            )
    return tuple(dict.fromkeys(found))


def flag_bits(names: Iterable[str]) -> np.uint16:
    """The flags as bits of one number."""
    bits = np.array([QUALITY_FLAGS[name] for name in names], np.uint16)
    return np.uint16(np.bitwise_or.reduce(bits))


def flags_of_layers(
    layers: Mapping[str, Layer], rows: tuple[int, int], columns: tuple[int, int]
) -> np.ndarray:
    """Flags ``(h, w)``, uint16, of a window, of layers by the names of their flags."""
    found = np.zeros((rows[1] - rows[0], columns[1] - columns[0]), np.uint16)
    for name, read in layers.items():
        found |= np.where(read(rows, columns), QUALITY_FLAGS[name], np.uint16(0))
    return found
