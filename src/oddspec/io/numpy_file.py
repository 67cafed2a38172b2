"""NumPy's .npy files; pickled objects are never read."""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import find_axes, kept_axes
from oddspec.io.flat import FlatSource
from oddspec.io.limits import check_memory
from oddspec.io.reading import reading
from oddspec.io.source import Metadata
from oddspec.io.variables import check_real, check_real_or_bool

_LONGEST_HEADER = 2**14
"""Bytes; NumPy takes none with more than 10,000 characters."""


@dataclass(frozen=True)
class NpyHeader:
    """Shape, order and type of an array, and where its numbers begin."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def size(self) -> int:
        """Bytes that header and numbers take together."""
        return self.offset + prod(self.shape) * self.dtype.itemsize


def open_npy(
    path: Path, *, axes: tuple[str, str, str] | None = None, allow_truncated: bool = False
) -> FlatSource:
    """Open a .npy file as a scene; its axes are rows, columns, bands unless said otherwise.

    Axes of length 1 beyond three are dropped.

    Raises
    ------
    InputError
        If it holds no cube of real numbers, is truncated, or could as well have its bands first.
    """
    with open(path, "rb") as file:
        header = read_npy_header(path, file)
    check_real(path, "its array", header.dtype)
    # Axes of length 1 make no difference to where the numbers lie.
    stored = tuple(header.shape[axis] for axis in kept_axes(header.shape))
    if len(stored) != 3 or not prod(stored):
        raise InputError(
            f"{path}: holds an array of shape {header.shape}, expected three dimensions (rows, "
            f"columns, bands), none of them empty"
        )
    present, notes = _check_size(path, header, allow_truncated)
    order, doubts = find_axes(path, "its array", stored, {}, axes)
    length = dict(zip(order, stored, strict=True))
    # In Fortran's order the first axis is the fastest.
    first, second, third = order[::-1] if header.fortran else order
    return FlatSource(
        path,
        path.stem,
        "NumPy",
        offset=header.offset,
        dtype=header.dtype,
        axes=(first, second, third),
        shape=(length["row"], length["column"], length["band"]),
        present=present,
        metadata=Metadata(notes=(*notes, *doubts)),
    )


def read_npy(path: Path, max_memory: int | None = None) -> np.ndarray:
    """A .npy file as an array in memory.

    Raises
    ------
    InputError
        If it is damaged or holds other things than real numbers or truth values.
    BudgetError
        If it is larger than the budget.
    """
    with open(path, "rb") as file:
        header = read_npy_header(path, file)
        check_real_or_bool(path, "its array", header.dtype)
        check_memory(path, "its array", header.size, max_memory)
        _check_size(path, header, allow_truncated=False)
        file.seek(0)
        return native(np.lib.format.read_array(file, allow_pickle=False))


def read_npy_header(path: Path, file: Any) -> NpyHeader:
    """The header at the start of an open binary file; nothing is allocated.

    Raises
    ------
    InputError
        If there is none, or it claims what cannot be.
    """
    with reading(path, "has no readable NumPy header"):
        # NumPy would read what the file says is the header's length, and then refuse it.
        head = io.BytesIO(file.read(_LONGEST_HEADER))
        version = np.lib.format.read_magic(head)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(head)
        elif version == (2, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(head)
        else:
            raise ValueError(f"format version {version[0]}.{version[1]}")
        offset = head.tell()
    # True and False pass NumPy's own check for whole numbers.
    if (
        any(length < 0 or isinstance(length, bool) for length in shape)
        or prod(shape) * dtype.itemsize >= 2**62
    ):
        raise InputError(f"{path}: claims an impossible shape, {shape}")
    return NpyHeader(shape, fortran, dtype, offset)


def _check_size(
    path: Path, header: NpyHeader, allow_truncated: bool
) -> tuple[int | None, list[str]]:
    """How many numbers the file has (None for all), and notes on what was unusual."""
    actual = path.stat().st_size
    found = f"{path}: has {actual} bytes, but its header asks for {header.size}"
    if actual == header.size:
        return None, []
    if actual > header.size:
        return None, [f"{found}: the rest was not read"]
    present = (actual - header.offset) // header.dtype.itemsize
    if not allow_truncated:
        raise InputError(
            f"{found}: it is truncated; copy it again, or give --allow-truncated to read what is "
            f"there"
        )
    if present * 1000 < prod(header.shape):
        raise InputError(f"{found}: not even a thousandth is there, too little to read")
    return present, [f"{found}: what is missing was masked"]


def native(array: np.ndarray) -> np.ndarray:
    """The array in the machine's byte order."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
