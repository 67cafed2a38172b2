"""Cubes stored as one plain block of numbers (ENVI, .npy): windows by positioned reads.

Nothing is mapped into memory (mapped pages count as resident memory), and no file position is
shared, so any number of threads may read at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube
from oddspec.errors import InputError
from oddspec.io.positioned import PositionedFile
from oddspec.io.reading import reading
from oddspec.io.source import Metadata, check_window

_GAP = 16 * 1024
"""Bytes that are read and thrown away rather than skipped: as long as one more system call."""

_SCRATCH = 4 * 2**20
"""Bytes read at a time where such gaps are cut out."""


class FlatSource:
    """An opened scene whose pixels are one block of numbers in a file.

    Parameters
    ----------
    path, name, format
        The file, the scene's short name, and the format as users know it.
    offset
        Bytes before the block.
    dtype
        Type and byte order of the numbers.
    axes
        Order of the axes, slowest first, such as ``("row", "band", "column")``.
    shape
        Rows, columns, bands.
    present
        Numbers that the file has; all by default. Later ones are read as NaN, and for their sake
        integers as floating point numbers: float32 up to 16 bits, float64 beyond.
    metadata
        What the file says about itself.
    header
        The file that describes the block, where that is another one.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        format: str,
        *,
        offset: int,
        dtype: np.dtype[Any],
        axes: tuple[str, str, str],
        shape: tuple[int, int, int],
        present: int | None = None,
        metadata: Metadata,
        header: Path | None = None,
    ) -> None:
        self.path: Path | None = path
        self.name, self.format = name, format
        self.shape, self.metadata, self.header = shape, metadata, header
        self._offset = offset
        self._stored = dtype
        self._axes = axes
        length = dict(zip(("row", "column", "band"), shape, strict=True))
        self._lengths = tuple(length[axis] for axis in axes)
        self._present = prod(shape) if present is None else min(present, prod(shape))
        self._back = tuple(axes.index(axis) for axis in ("row", "column", "band"))
        native = dtype.newbyteorder("=")
        whole = self._present == prod(shape)
        self.dtype = native if whole else np.promote_types(native, np.float32)
        self._file = PositionedFile(path)

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands: a transposed view of a fresh array."""
        check_window(self.shape, rows, columns)
        chosen = {"row": rows, "column": columns, "band": (0, self.shape[2])}
        ranges = [chosen[axis] for axis in self._axes]
        block = np.empty([stop - start for start, stop in ranges], dtype=self._stored)
        if block.size:
            with reading(self.path):
                self._fill(block, ranges)
        if not self._stored.isnative:
            block = block.byteswap(inplace=True).view(self._stored.newbyteorder("="))
        if block.dtype != self.dtype or self._last(ranges) >= self._present:
            block = self._without_missing(block, ranges)
        return block.transpose(self._back)

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def _fill(self, block: np.ndarray, ranges: list[tuple[int, int]]) -> None:
        """Read the runs of numbers that lie together; across small gaps, several at once."""
        # `split` is the last axis that is not wanted whole: all behind it lies together, so a run
        # is a range of `split` times everything behind.
        split = max(
            (axis for axis in range(3) if block.shape[axis] != self._lengths[axis]), default=0
        )
        inner = prod(self._lengths[split + 1 :])
        run = block.shape[split] * inner
        line = self._lengths[split] * inner
        if split and (line - run) * self._stored.itemsize <= _GAP:
            self._fill_through_gaps(block, ranges, split)
            return
        flat = block.reshape(-1, run)
        for index, start in enumerate(self._starts(ranges, split)):
            self._numbers(flat[index], start)

    def _fill_through_gaps(
        self, block: np.ndarray, ranges: list[tuple[int, int]], split: int
    ) -> None:
        inner = prod(self._lengths[split + 1 :])
        line = self._lengths[split] * inner
        first, last = ranges[split][0] * inner, ranges[split][1] * inner
        count = block.shape[split - 1]
        step = max(1, min(count, _SCRATCH // (line * self._stored.itemsize)))
        scratch = np.empty(step * line, dtype=self._stored)
        flat = block.reshape(-1, count, last - first)
        for index, start in enumerate(self._starts(ranges, split - 1)):
            for done in range(0, count, step):
                lines = min(step, count - done)
                # From the first number wanted to the last one, not whole lines: a window at the
                # very end of the file must not ask for what lies behind it.
                wanted = scratch[first : (lines - 1) * line + last]
                self._numbers(wanted, start + done * line + first)
                cut = scratch[: lines * line].reshape(lines, line)[:, first:last]
                flat[index, done : done + lines] = cut

    def _starts(self, ranges: list[tuple[int, int]], split: int) -> Iterator[int]:
        """Position of the first number of each run; without that of the axis before a gap."""
        strides = [prod(self._lengths[axis + 1 :]) for axis in range(3)]
        heads = product(*(range(*ranges[axis]) for axis in range(split)))
        begin = ranges[split][0] * strides[split]
        for head in heads:
            yield begin + sum(i * stride for i, stride in zip(head, strides, strict=False))

    def _numbers(self, target: np.ndarray, start: int) -> None:
        """Fill a contiguous array from position ``start`` on; zeros behind the end."""
        present = min(max(self._present - start, 0), target.size)
        target[present:] = 0
        view = target[:present].view(np.uint8).data
        offset = self._offset + start * self._stored.itemsize
        while len(view):
            done = self._file.read_into(view, offset)
            if not done:
                raise InputError(
                    f"{self.path}: the file ended at byte {offset} while it was read; it has "
                    f"become shorter since it was opened"
                )
            view, offset = view[done:], offset + done

    def _last(self, ranges: list[tuple[int, int]]) -> int:
        strides = [prod(self._lengths[axis + 1 :]) for axis in range(3)]
        return sum((stop - 1) * stride for (_, stop), stride in zip(ranges, strides, strict=True))

    def _without_missing(self, block: np.ndarray, ranges: list[tuple[int, int]]) -> np.ndarray:
        """The block as floating point numbers, NaN where the file has nothing."""
        result = block.astype(self.dtype)
        _, middle, inner = self._lengths
        # Position of each number of a slice within the whole slice of the slowest axis.
        rest = np.arange(*ranges[1])[:, None] * inner + np.arange(*ranges[2])
        for index, outer in enumerate(range(*ranges[0])):
            left = self._present - outer * middle * inner
            if left < middle * inner:
                result[index][rest >= left] = np.nan
        return result
