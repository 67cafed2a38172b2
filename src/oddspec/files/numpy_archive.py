"""NumPy's .npz archives; pickled objects are never read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from oddspec.errors import InputError
from oddspec.files.axes import ROWS_COLUMNS_BANDS, doubt_axes
from oddspec.files.budget import check_expansion, check_memory
from oddspec.files.numpy_file import NpyHeader, check_real_or_bool, native, read_npy_header
from oddspec.files.source import ArraySource, Metadata, Source
from oddspec.files.variables import Variable, choose_cube, is_real
from oddspec.files.wavelengths import named_wavelengths, to_nanometres

__all__ = ["npz_variables", "open_npz", "read_npz"]

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
