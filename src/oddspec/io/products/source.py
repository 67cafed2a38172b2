"""The cube of a product: parts joined, bands sorted, the quality of pixels beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube
from oddspec.errors import InputError
from oddspec.io.geolocation import LookupTable
from oddspec.io.quality import Layer, flags_of_layers
from oddspec.io.source import Metadata, Source, read_into


class ProductSource:
    """A product as a scene. Reading is safe from several threads, as it is of its parts.

    Parameters
    ----------
    path
        The file or folder that was opened, for messages.
    name
        For folders and titles.
    parts
        Cubes of equal rows and columns, such as those of two spectrometers.
    metadata
        Of the joined cube; lists with one entry per band are in the order of ``order``.
    order
        Positions among the bands of all parts, one after the other: which of them are bands of
        the scene, in ascending wavelength. None for all as they are.
    layers
        Readers of the quality flags that the product tells.
    locate
        Finds out where the pixels lie, for a product in sensor geometry.
    files
        What else is to be closed with it.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        parts: Sequence[Source],
        metadata: Metadata,
        *,
        order: np.ndarray | None = None,
        layers: Mapping[str, Layer] | None = None,
        locate: Callable[[], LookupTable | None] | None = None,
        files: Sequence[Any] = (),
    ) -> None:
        sizes = {part.shape[:2] for part in parts}
        if len(sizes) > 1:
            listed = " and ".join(f"{h} x {w}" for h, w in sorted(sizes))
            raise InputError(
                f"{path}: its parts have {listed} pixels, but must be of one size to be joined"
            )
        count = sum(part.shape[2] for part in parts)
        self.path: Path | None = path
        self.name = name
        self.format = str(metadata.product or parts[0].format)
        self.shape: tuple[int, int, int] = (*sizes.pop(), count if order is None else len(order))
        self.dtype: np.dtype[Any] = np.result_type(*(part.dtype for part in parts))
        self.metadata = metadata
        self.block = getattr(parts[0], "block", None)
        self.quality: tuple[str, ...] = tuple(layers or ())
        self._parts, self._files = parts, files
        # Bands in their order already need no copy.
        single = len(parts) == 1 and (order is None or np.array_equal(order, np.arange(count)))
        self._moves = (
            None if single else _moves(parts, np.arange(count) if order is None else order)
        )
        self._layers, self._locate = layers or {}, locate

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands."""
        if self._moves is None:
            return self._parts[0].read(rows, columns)
        return self._join(None, rows, columns)

    def read_into(self, out: np.ndarray, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        """The same into an array ``(h, w, b)``; without a copy on the way if the part can."""
        if self._moves is None:
            read_into(self._parts[0], out, rows, columns)
        else:
            self._join(out, rows, columns)

    def _join(
        self, joined: np.ndarray | None, rows: tuple[int, int], columns: tuple[int, int]
    ) -> np.ndarray:
        """Bands of all parts in an array ``(h, w, b)``, a new one if none is given."""
        # Part by part, so that no more than one lies beside the joined bands.
        for part, (to, taken) in zip(self._parts, self._moves or (), strict=True):
            piece = part.read(rows, columns)
            if joined is None:
                joined = _in_order_of(piece, (*piece.shape[:2], self.shape[2]), self.dtype)
            joined[:, :, to] = piece[:, :, taken]
        assert joined is not None
        return joined

    def read_quality(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """Flags ``(h, w)``, uint16, of the pixels of a half-open window."""
        return flags_of_layers(self._layers, rows, columns)

    def geolocation(self) -> LookupTable | None:
        """The way from the sensor's pixels to the map, if the product tells it."""
        return self._locate() if self._locate else None

    def close(self) -> None:
        """Release all files."""
        for each in (*self._parts, *self._files):
            each.close()


def _in_order_of(
    piece: np.ndarray, shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> np.ndarray:
    """An array whose axes lie in memory as those of another: copying is several times faster."""
    order = sorted(range(3), key=lambda axis: -piece.strides[axis])
    return np.empty([shape[axis] for axis in order], dtype).transpose(np.argsort(order))


_Positions = np.ndarray | slice


def _moves(parts: Sequence[Source], order: np.ndarray) -> list[tuple[_Positions, _Positions]]:
    """Of each part, to which bands of the scene which of its own go."""
    starts = np.cumsum([0, *(part.shape[2] for part in parts)])
    found = []
    for start, stop in pairwise(starts):
        to = np.flatnonzero((order >= start) & (order < stop))
        found.append((_as_slice(to), _as_slice(order[to] - start)))
    return found


def _as_slice(positions: np.ndarray) -> _Positions:
    """Evenly spaced positions as a slice, which copies several times faster than a list."""
    if len(positions) < 2:
        return positions
    step = int(positions[1] - positions[0])
    if not step or (np.diff(positions) != step).any():
        return positions
    stop = int(positions[-1]) + step
    return slice(int(positions[0]), stop if stop >= 0 else None, step)
