"""The cube of a product: parts joined, bands sorted, the quality of pixels beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
        sorted_already = order is None or np.array_equal(order, np.arange(count))
        self._order = None if sorted_already else order
        self._layers, self._locate = layers or {}, locate

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands."""
        pieces = [part.read(rows, columns) for part in self._parts]
        joined = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=2)
        return joined if self._order is None else joined[:, :, self._order]

    def read_into(self, out: np.ndarray, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        """The same into an array ``(h, w, b)``; without a copy on the way if the part can."""
        if len(self._parts) == 1 and self._order is None:
            read_into(self._parts[0], out, rows, columns)
        else:
            out[...] = self.read(rows, columns)

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
