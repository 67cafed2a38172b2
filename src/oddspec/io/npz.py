"""NumPy's .npz archives: scenes and truths, and models, which are arrays with JSON beside them.

They need not be trusted: nothing in them is run, and what is claimed is checked against what is
stored before anything is allocated.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import BudgetError, InputError
from oddspec.execution.resources import Resources
from oddspec.io.atomic import atomic_write
from oddspec.io.axes import ROWS_COLUMNS_BANDS, find_axes, kept_axes
from oddspec.io.limits import check_expansion, check_memory
from oddspec.io.numpy_file import NpyHeader, native, read_npy_header
from oddspec.io.reading import reading
from oddspec.io.source import ArraySource, Metadata, Source
from oddspec.io.variables import Variable, check_real_or_bool, choose_cube, is_real
from oddspec.io.wavelengths import bands_told
from oddspec.text import bytes_text

SETTINGS = "settings.json"
FORMAT = "oddspec-model-1"
_LARGEST_SETTINGS = 16 * 2**20
"""Bytes of JSON; that of a model is a list of names and takes kilobytes."""

_MOST_MEMBERS = 10_000

_DAMAGED = "is a damaged or unsupported .npz file"

_MODEL_RATIO = 100
"""Most that a model may unpack to for each byte: `save_npz` does not compress, others may."""


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
        If it is not clear which is the cube or what its axes mean, or it is damaged.
    BudgetError
        If it is larger than the budget.
    """
    with _archive(path) as (archive, headers):
        chosen = choose_cube(path, _variables(headers), variable)
        array = _member(path, archive, chosen.name, headers, max_memory)
        if not array.size:
            raise InputError(f"{path}: {chosen} is empty")
        array = array.reshape([array.shape[axis] for axis in kept_axes(array.shape)])
        beside = {
            name: header.shape
            for name, header in headers.items()
            if name != chosen.name and (is_real(header.dtype) or header.dtype == np.bool_)
        }
        order, doubts = find_axes(path, f"array {chosen.name!r}", array.shape, beside, axes)
        cube = array.transpose([order.index(axis) for axis in ROWS_COLUMNS_BANDS])
        wavelengths, bad, notes = bands_told(
            beside,
            cube.shape[2],
            lambda name: _member(path, archive, name, headers, max_memory),
        )
    metadata = Metadata(wavelengths=wavelengths, bad_bands=bad, notes=(*doubts, *notes))
    return ArraySource(cube, metadata, name=path.stem, path=path, format="NumPy")


def npz_variables(path: Path) -> list[Variable]:
    """The arrays in an .npz file."""
    with _archive(path) as (_, headers):
        return _variables(headers)


def read_npz(path: Path, variable: Variable, max_memory: int | None = None) -> np.ndarray:
    """One array of an .npz file."""
    with _archive(path) as (archive, headers):
        return _member(path, archive, variable.name, headers, max_memory)


def save_npz(
    path: str | Path, kind: str, arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any]
) -> None:
    """Write arrays and settings into one file.

    Parameters
    ----------
    path
        Where; by custom it ends in ``.npz``. An existing file is replaced.
    kind
        What sort of model it is; `load_npz` asks for the same.
    arrays
        Numbers only.
    settings
        Anything that JSON can hold.

    Raises
    ------
    TypeError
        If an array holds objects.
    OddspecError
        If the file cannot be written; the old one is kept.
    """
    path = Path(path)
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{name} has type {array.dtype}: only numbers are kept")
    text = json.dumps({"format": FORMAT, "kind": kind, "settings": dict(settings)}, sort_keys=True)
    with atomic_write(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        archive.writestr(SETTINGS, text)
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)


def load_npz(
    path: str | Path, kind: str, max_bytes: float | None = None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and settings of a file that `save_npz` wrote. Nothing in it is executed.

    Parameters
    ----------
    path
        The file, which need not be trusted.
    kind
        What sort of model is expected.
    max_bytes
        Most that it may unpack to; by default a quarter of the free memory.

    Raises
    ------
    InputError
        If the file is something else, is broken, holds objects instead of numbers, or unpacks to
        far more than it stores.
    BudgetError
        If it would unpack to more than ``max_bytes``.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file, but a saved model was expected")
    problem = f"this is not a saved {kind} model, or it is damaged"
    with reading(path, problem), zipfile.ZipFile(path) as archive:
        _check_size(archive, path, max_bytes)
        head = json.loads(archive.read(SETTINGS))
    _check_kind(head, kind, path)
    try:
        with _archive(path) as (archive, headers):
            arrays = {name: _member(path, archive, name, headers, None) for name in headers}
    except InputError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise InputError(f"{path}: {problem} ({reason}); save it again") from error
    return arrays, head["settings"]


def _check_size(archive: zipfile.ZipFile, path: Path, max_bytes: float | None) -> None:
    declared = sum(member.file_size for member in archive.infolist())
    limit = Resources().left() / 2 if max_bytes is None else max_bytes
    if declared > limit:
        raise BudgetError(
            f"{path}: this model unpacks to {bytes_text(declared)}, but at most "
            f"{bytes_text(limit)} are allowed: raise --max-memory if you trust it"
        )
    check_expansion(path, "this model", declared, path.stat().st_size, _MODEL_RATIO)
    if archive.getinfo(SETTINGS).file_size > _LARGEST_SETTINGS:
        raise ValueError(f"{SETTINGS} is larger than {bytes_text(_LARGEST_SETTINGS)}")


def _check_kind(head: Any, kind: str, path: Path) -> None:
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise InputError(f"{path}: its {SETTINGS} does not say {FORMAT}; save the model again")
    if not isinstance(head.get("settings"), dict):
        raise InputError(f"{path}: its {SETTINGS} holds no settings; save the model again")
    if head.get("kind") != kind:
        raise InputError(
            f"{path}: this is a saved model of kind {head.get('kind')!r}, but {kind!r} was expected"
        )


@contextmanager
def _archive(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, NpyHeader]]]:
    """The open archive, and the header of each of its arrays by name."""
    with reading(path, _DAMAGED), zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        if len(members) > _MOST_MEMBERS:
            raise InputError(f"{path}: holds {len(members)} arrays, more than {_MOST_MEMBERS}")
        headers = {}
        for info in members:
            with archive.open(info) as file:
                headers[info.filename.removesuffix(".npy")] = read_npy_header(path, file)
        yield archive, headers


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
    """One array, whose header was compared with what the archive says and stores of it."""
    header, info = headers[name], archive.getinfo(f"{name}.npy")
    what = f"array {name!r}"
    check_real_or_bool(path, what, header.dtype)
    check_expansion(path, what, header.size, info.compress_size)
    check_memory(path, what, header.size, max_memory)
    if info.file_size != header.size:
        raise InputError(
            f"{path}: {what} has {info.file_size} bytes, but its header asks for {header.size}"
        )
    with archive.open(info) as file:
        return native(np.lib.format.read_array(file, allow_pickle=False))
