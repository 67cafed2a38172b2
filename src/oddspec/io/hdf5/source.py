"""A cube inside an HDF5 file, read by windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube
from oddspec.io.axes import ROWS_COLUMNS_BANDS, Axes
from oddspec.io.hdf5.links import DAMAGED, find_dataset
from oddspec.io.hdf5.packing import Packing
from oddspec.io.limits import check_memory
from oddspec.io.reading import reading
from oddspec.io.source import Metadata, check_window
from oddspec.text import bytes_text

_CACHE = 64 * 2**20
"""Bytes of unpacked chunks kept; a row of chunks is then unpacked once, not once per strip."""


@dataclass(frozen=True)
class StoredCube:
    """How a cube lies in its file: what must be known before it is opened for reading.

    Attributes
    ----------
    variable
        Name of the dataset.
    axes
        What the axes mean that are kept.
    packing
        How stored numbers become values.
    metadata
        What the file says about the scene.
    lengths
        Of all axes of the dataset.
    chunks
        Lengths of a chunk along all axes; None where there are none.
    kept
        Positions of the three axes that count; the others are of length 1.
    """

    variable: str
    axes: Axes
    packing: Packing
    metadata: Metadata
    lengths: tuple[int, ...]
    chunks: tuple[int, ...] | None
    kept: tuple[int, ...] = (0, 1, 2)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, bands."""
        length = self._by_axis(self.lengths)
        return length["row"], length["column"], length["band"]

    def _by_axis(self, lengths: tuple[int, ...]) -> dict[str, int]:
        return {axis: lengths[place] for axis, place in zip(self.axes, self.kept, strict=True)}

    @property
    def block(self) -> tuple[int, int] | None:
        """Rows and columns of a chunk, or None if the file has none."""
        if self.chunks is None:
            return None
        length = self._by_axis(self.chunks)
        return length["row"], length["column"]

    def selection(self, rows: tuple[int, int], columns: tuple[int, int]) -> tuple[Any, ...]:
        """What to index the dataset with: slices along the kept axes, 0 along the others."""
        chosen: list[Any] = [0] * len(self.lengths)
        parts = {"row": slice(*rows), "column": slice(*columns), "band": slice(None)}
        for axis, place in zip(self.axes, self.kept, strict=True):
            chosen[place] = parts[axis]
        return tuple(chosen)


class Hdf5Source:
    """A cube in an HDF5 file. The HDF5 library serves one thread at a time."""

    def __init__(self, path: Path, cube: StoredCube, format_name: str, cache: int) -> None:
        import h5py

        self.path: Path | None = path
        self.name = path.stem
        self.format = format_name
        self.shape = cube.shape
        self.dtype = cube.packing.dtype
        self.metadata = cube.metadata
        self.block = cube.block
        """Rows and columns of the pieces in which the file is stored, or None."""
        self._cube = cube
        # From the stored order of axes to rows, columns, bands.
        self._back = tuple(cube.axes.index(axis) for axis in ROWS_COLUMNS_BANDS)
        self._file = h5py.File(path, "r", rdcc_nbytes=cache, rdcc_nslots=10_007)
        self._dataset = find_dataset(path, self._file, cube.variable)

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands; only the chunks it touches are unpacked."""
        check_window(self.shape, rows, columns)
        with reading(self.path, DAMAGED):
            block = self._dataset[self._cube.selection(rows, columns)]
        return self._cube.packing.unpack(block).transpose(self._back)

    def read_into(self, out: np.ndarray, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        """The same into an array ``(h, w, b)`` of the values' type, without a copy on the way."""
        stored_so = self._back == (0, 1, 2) and out.flags.c_contiguous
        if not stored_so or not self._cube.packing.plain or out.dtype != self._dataset.dtype:
            out[...] = self.read(rows, columns)
            return
        check_window(self.shape, rows, columns)
        with reading(self.path, DAMAGED):
            chosen = self._cube.selection(rows, columns)
            self._dataset.read_direct(out.reshape(self._lengths(chosen)), chosen)

    def _lengths(self, chosen: tuple[Any, ...]) -> tuple[int, ...]:
        """Lengths of the axes that an index leaves."""
        return tuple(each.indices(size)[1] - each.indices(size)[0]
                     for each, size in zip(chosen, self._dataset.shape, strict=True)
                     if isinstance(each, slice))  # fmt: skip

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def open_cube(path: Path, cube: StoredCube, format_name: str, max_memory: int | None) -> Hdf5Source:
    """Open a cube, its chunk cache fitted to a row of chunks and to the budget."""
    chunks, cache = cube.chunks, 0
    if chunks is not None:
        size = cube.packing.stored.itemsize
        check_memory(path, "one chunk", 2 * prod(chunks) * size, max_memory)
        rows = cube.block[0] if cube.block else 1
        row_of_chunks = rows * cube.shape[1] * cube.shape[2] * size
        most = _CACHE if max_memory is None else min(_CACHE, max_memory // 8)
        cache = min(row_of_chunks + prod(chunks) * size, most)
        if row_of_chunks > most and rows > 1:
            note = (
                f"stored in chunks of {' x '.join(map(str, chunks))}: a row of them takes "
                f"{bytes_text(row_of_chunks)}, more than is kept, so strips of less than {rows} "
                f"rows unpack chunks again and again"
            )
            metadata = replace(cube.metadata, notes=(*cube.metadata.notes, note))
            cube = replace(cube, metadata=metadata)
    with reading(path, DAMAGED):
        return Hdf5Source(path, cube, format_name, cache)
