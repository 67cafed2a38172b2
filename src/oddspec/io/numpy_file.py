"""NumPy's .npy files; pickled objects are never read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube
from oddspec.errors import InputError
from oddspec.io.axes import ROWS_COLUMNS_BANDS, doubt_axes
from oddspec.io.flat import FlatFile
from oddspec.io.limits import check_expansion, check_memory
from oddspec.io.source import ArraySource, Metadata, Source
from oddspec.io.variables import Variable, check_real, choose_cube, is_real
from oddspec.io.wavelengths import named_wavelengths, to_nanometres

__all__ = [
    "NpyHeader",
    "NpySource",
    "check_real_or_bool",
    "native",
    "npz_variables",
    "open_npy",
    "open_npz",
    "read_npy",
    "read_npy_header",
    "read_npz",
]


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


class NpySource:
    """An opened .npy file, read by windows."""

    format = "NumPy"

    def __init__(self, flat: FlatFile, metadata: Metadata) -> None:
        self.path: Path | None = flat.path
        self.name = flat.path.stem
        self.metadata = metadata
        self._flat = flat

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, bands."""
        return self._flat.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values, in native byte order."""
        return self._flat.dtype

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands; only the bytes needed are read."""
        return self._flat.read(rows, columns)

    def close(self) -> None:
        """Release the file."""
        self._flat.close()


def open_npy(
    path: Path, *, axes: tuple[str, str, str] | None = None, allow_truncated: bool = False
) -> NpySource:
    """Open a .npy file as a scene; its axes are rows, columns, bands unless said otherwise.

    Raises
    ------
    InputError
        If it holds no cube of real numbers or is truncated.
    """
    header = _npy_header(path)
    if len(header.shape) != 3 or not prod(header.shape):
        raise InputError(
            f"{path}: holds an array of shape {header.shape}, expected three dimensions (rows, "
            f"columns, bands), none of them empty"
        )
    present, notes = _check_size(path, header, allow_truncated)
    if axes is None:
        notes += doubt_axes("its array", header.shape, "say --axes {}")
    order = axes or ROWS_COLUMNS_BANDS
    length = dict(zip(order, header.shape, strict=True))
    shape = (length["row"], length["column"], length["band"])
    first, second, third = order[::-1] if header.fortran else order
    stored = (first, second, third)
    flat = FlatFile(path, header.offset, header.dtype, stored, shape, present)
    return NpySource(flat, Metadata(notes=tuple(notes)))


def read_npy(path: Path, max_memory: int | None = None) -> np.ndarray:
    """A .npy file as an array in memory.

    Raises
    ------
    InputError
        If it is damaged or holds other things than real numbers.
    BudgetError
        If it is larger than the budget.
    """
    header = _npy_header(path, allow_bool=True)
    check_memory(path, "its array", header.size, max_memory)
    _check_size(path, header, allow_truncated=False)
    with open(path, "rb") as file:
        return native(np.lib.format.read_array(file, allow_pickle=False))


def check_real_or_bool(path: Path, what: str, dtype: np.dtype[Any]) -> None:
    """Like `check_real`, but a mask of booleans will do as well."""
    if dtype != np.bool_:
        check_real(path, what, dtype)


def _npy_header(path: Path, *, allow_bool: bool = False) -> NpyHeader:
    with open(path, "rb") as file:
        header = read_npy_header(path, file)
    (check_real_or_bool if allow_bool else check_real)(path, "its array", header.dtype)
    return header


def read_npy_header(path: Path, file: Any) -> NpyHeader:
    """The header at the start of an open binary file; nothing is allocated.

    Raises
    ------
    InputError
        If there is none, or it claims what cannot be.
    """
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        elif version == (2, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
        else:
            raise ValueError(f"format version {version[0]}.{version[1]}")
        offset = file.tell()
    except (ValueError, TypeError, OSError, SyntaxError, RecursionError, MemoryError) as error:
        # NumPy names the whole header in its message.
        raise InputError(f"{path}: has no readable NumPy header ({str(error)[:80]})") from error
    if any(length < 0 for length in shape) or prod(shape) * dtype.itemsize >= 2**62:
        raise InputError(f"{path}: claims an impossible shape, {shape}")
    return NpyHeader(shape, fortran, dtype, offset)


def _check_size(
    path: Path, header: NpyHeader, allow_truncated: bool
) -> tuple[int | None, list[str]]:
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


_MOST_MEMBERS = 10_000


def open_npz(
    path: Path,
    *,
    variable: str | None = None,
    max_memory: int | None = None,
    axes: tuple[str, str, str] | None = None,
) -> Source:
    """Open an .npz file as a scene: one of its arrays is read into memory.

    Raises
    ------
    InputError
        If the cube cannot be told or is damaged.
    BudgetError
        If it is larger than the budget.
    """
    with _archive(path) as (archive, headers):
        chosen = choose_cube(path, _variables(headers), variable)
        array = _member(path, archive, chosen.name, headers, max_memory)
        if not array.size:
            raise InputError(f"{path}: {chosen} is empty")
        order = axes or ROWS_COLUMNS_BANDS
        cube = array.transpose([order.index(axis) for axis in ROWS_COLUMNS_BANDS])
        shapes = {name: header.shape for name, header in headers.items() if is_real(header.dtype)}
        wave = named_wavelengths(shapes, cube.shape[2])
        wavelengths, note = None, None
        if wave:
            values = _member(path, archive, wave, headers, max_memory)
            wavelengths, note = to_nanometres(values, None, cube.shape[2])
    notes = [note] if note else []
    if axes is None and not wave:
        notes += doubt_axes(f"array {chosen.name!r}", array.shape, "say --axes {}")
    metadata = Metadata(wavelengths=wavelengths, notes=tuple(notes))
    return ArraySource(cube, metadata, name=path.stem, path=path, format="NumPy")


def npz_variables(path: Path) -> list[Variable]:
    """The arrays in an .npz file."""
    with _archive(path) as (_, headers):
        return _variables(headers)


def read_npz(path: Path, variable: str, max_memory: int | None = None) -> np.ndarray:
    """One array of an .npz file."""
    with _archive(path) as (archive, headers):
        return _member(path, archive, variable, headers, max_memory)


@contextmanager
def _archive(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, NpyHeader]]]:
    """The open archive, and the header of each of its arrays by name."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            if len(members) > _MOST_MEMBERS:
                raise InputError(f"{path}: holds {len(members)} arrays, more than {_MOST_MEMBERS}")
            headers = {}
            for info in members:
                with archive.open(info) as file:
                    headers[info.filename.removesuffix(".npy")] = read_npy_header(path, file)
            yield archive, headers
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise InputError(f"{path}: is a damaged or unsupported .npz file ({error})") from error


def _variables(headers: dict[str, NpyHeader]) -> list[Variable]:
    return [
        Variable(name, header.shape, str(header.dtype), is_real(header.dtype))
        for name, header in headers.items()
    ]


def _member(
    path: Path,
    archive: zipfile.ZipFile,
    name: str,
    headers: dict[str, NpyHeader],
    max_memory: int | None,
) -> np.ndarray:
    header, info = headers[name], archive.getinfo(f"{name}.npy")
    check_real_or_bool(path, f"array {name!r}", header.dtype)
    check_expansion(path, f"array {name!r}", header.size, info.compress_size)
    check_memory(path, f"array {name!r}", header.size, max_memory)
    if info.file_size != header.size:
        raise InputError(
            f"{path}: array {name!r} has {info.file_size} bytes, but its header asks for "
            f"{header.size}"
        )
    with archive.open(info) as file:
        try:
            return native(np.lib.format.read_array(file, allow_pickle=False))
        except (ValueError, OSError) as error:
            raise InputError(f"{path}: array {name!r} cannot be read ({error})") from error
