"""MATLAB files up to version 7.2 (level 5); later ones are HDF5, see matlab73."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import ROWS_COLUMNS_BANDS, Axes, find_axes, kept_axes
from oddspec.io.limits import check_expansion, check_memory
from oddspec.io.numpy_file import native
from oddspec.io.reading import reading
from oddspec.io.source import ArraySource, Metadata, Source
from oddspec.io.variables import Variable, check_real, choose_cube
from oddspec.io.wavelengths import bands_told

_DAMAGED = "is no MATLAB file that can be read, or it is damaged"

_NUMERIC = (
    *("double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    "logical",
)
"""The classes of numbers; cells, text and objects are never read."""

_LISTED = 64 * 2**20
"""Bytes of a struct that is read to list its fields, which the file does not list; a struct that
is named is read whatever its size, within the budget."""

_DEEPEST, _MOST_FIELDS = 8, 1000

_CLASSES = {"float64": "double", "float32": "single", "bool": "logical"}
"""MATLAB's names of NumPy's types, where they differ."""


def matlab5_variables(
    path: Path, wanted: str | None = None, max_memory: int | None = None
) -> list[Variable]:
    """What a MATLAB file holds: names, sizes and classes, fields of structs as ``struct.field``.

    Parameters
    ----------
    path
        The file.
    wanted
        The variable that will be read, if that is known: its struct is looked into.
    max_memory
        Bytes that a struct may take.

    Raises
    ------
    InputError
        If it cannot be understood.
    BudgetError
        If the struct of ``wanted`` might need more memory than the budget.
    """
    from scipy.io import whosmat

    with reading(path, _DAMAGED):
        listed = whosmat(path)
    found = [
        Variable(name, tuple(int(n) for n in shape), kind, real=kind in _NUMERIC)
        for name, shape, kind in listed
    ]
    structs = [name for name, _, kind in listed if kind == "struct"]
    sizes = _sizes(path, [name for name, _, _ in listed]) if structs else {}
    for name in structs:
        asked = wanted is not None and _outer(wanted) == name
        if asked or sizes[name] <= _LISTED:
            values = _fields(name, _read_struct(path, name, sizes[name], max_memory))
            found += [_described(name, value) for name, value in values]
    return found


def _outer(name: str) -> str:
    """The variable in which a field such as ``hsi(2).Data`` lies."""
    return name.partition(".")[0].partition("(")[0]


def _described(name: str, value: np.ndarray) -> Variable:
    kind = "cell" if value.dtype.kind == "O" else "char" if value.dtype.kind == "U" else ""
    kind = kind or _CLASSES.get(value.dtype.name, value.dtype.name)
    return Variable(name, value.shape, kind, real=kind in _NUMERIC, inside=True)


def _fields(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays in a struct by their names, such as ``hsi.info.wavelength``."""
    found = _walk(name, value, depth)
    for _, pair in zip(range(_MOST_FIELDS), found, strict=False):
        yield pair


def _walk(name: str, value: Any, depth: int) -> Iterator[tuple[str, np.ndarray]]:
    if not isinstance(value, np.ndarray) or depth > _DEEPEST:
        return
    if value.dtype.names is None:
        yield name, value
        return
    for number, element in enumerate(value.reshape(-1), start=1):
        # As in MATLAB, where a struct is an array of structs.
        outer = name if value.size == 1 else f"{name}({number})"
        for field in value.dtype.names:
            yield from _walk(f"{outer}.{field}", element[field], depth + 1)


def _read_struct(path: Path, name: str, size: int, max_memory: int | None) -> Any:
    from scipy.io import loadmat

    check_expansion(path, f"variable {name!r}", size, path.stat().st_size)
    check_memory(path, f"variable {name!r}", size, max_memory)
    with reading(path, _DAMAGED):
        return loadmat(path, variable_names=[name])[name]


def _sizes(path: Path, names: list[str]) -> dict[str, int]:
    """Bytes that each variable takes when it is unpacked, as the file says."""
    sizes: list[int] = []
    with open(path, "rb") as file:
        order: Literal["little", "big"] = "little" if file.read(128)[126:128] == b"IM" else "big"
        while len(tag := file.read(8)) == 8:
            kind, length = (int.from_bytes(tag[i : i + 4], order) for i in (0, 4))
            if kind == 15:  # compressed: the tag of what is inside comes first
                with suppress(zlib.error):
                    tag = zlib.decompressobj().decompress(file.read(min(length, 256)), 8)
                file.seek(-min(length, 256), 1)
            sizes.append(int.from_bytes(tag[4:8], order))
            file.seek(length, 1)
    if len(sizes) != len(names):
        return dict.fromkeys(names, max(sizes, default=0))
    return dict(zip(names, sizes, strict=True))


def read_matlab5(path: Path, variable: Variable, max_memory: int | None = None) -> np.ndarray:
    """One variable, of the type in which it is stored (often smaller than its MATLAB class).

    Raises
    ------
    InputError
        If it is complex or damaged.
    BudgetError
        If it might need more memory than the budget.
    """
    from scipy.io import loadmat

    kind = np.dtype(np.uint8 if variable.kind == "logical" else variable.kind)
    size = prod(variable.shape) * kind.itemsize
    check_expansion(path, f"variable {variable}", size, path.stat().st_size)
    check_memory(path, f"variable {variable}", size, max_memory)
    outer = _outer(variable.name) if variable.inside else variable.name
    with reading(path, _DAMAGED):
        array = np.asarray(loadmat(path, variable_names=[outer])[outer])
    if variable.inside:
        array = dict(_fields(outer, array))[variable.name]
    if array.shape != variable.shape:
        raise InputError(f"{path}: variable {variable} turned out to have shape {array.shape}")
    if variable.kind == "logical":
        array = array.astype(np.uint8)
    check_real(path, f"variable {variable}", array.dtype)
    return native(array)


def open_matlab5(
    path: Path,
    *,
    variable: str | None = None,
    max_memory: int | None = None,
    axes: Axes | None = None,
) -> Source:
    """Open a MATLAB file as a scene: the cube is read into memory, other large variables are not.

    Raises
    ------
    InputError
        If it is not clear which is the cube or what its axes mean, or it is complex or damaged.
    BudgetError
        If it might need more memory than the budget.
    """
    variables = matlab5_variables(path, variable, max_memory)
    # A cube of truth values would be a mistake, but logical planes are welcome as truth.
    cubes = [v for v in variables if v.kind != "logical" or v.name == variable]
    chosen = choose_cube(path, cubes, variable)
    if not prod(chosen.shape):
        raise InputError(f"{path}: variable {chosen} is empty")
    by_name = {v.name: v for v in variables if v.real and v.name != chosen.name}
    beside = {name: v.shape for name, v in by_name.items()}
    shape = [chosen.shape[axis] for axis in kept_axes(chosen.shape)]
    order, doubts = find_axes(path, f"variable {chosen.name!r}", shape, beside, axes)
    array = read_matlab5(path, chosen, max_memory).reshape(shape, order="F")
    cube = array.transpose([order.index(axis) for axis in ROWS_COLUMNS_BANDS])
    wavelengths, bad, notes = bands_told(
        beside, cube.shape[2], lambda name: read_matlab5(path, by_name[name], max_memory)
    )
    metadata = Metadata(
        wavelengths=wavelengths,
        bad_bands=bad,
        notes=(*doubts, *notes),
        extra={"variable": chosen.name, "class": chosen.kind},
    )
    return ArraySource(cube, metadata, name=path.stem, path=path, format="MATLAB 5")
