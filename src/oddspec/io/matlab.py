"""MATLAB files up to version 7.2 (level 5); later ones are HDF5, see matlab73."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import doubt_axes
from oddspec.io.limits import check_expansion, check_memory
from oddspec.io.numpy_file import native
from oddspec.io.reading import reading
from oddspec.io.source import ArraySource, Metadata, Source
from oddspec.io.variables import Variable, check_real, choose_cube
from oddspec.io.wavelengths import wavelengths_of

PERMUTE = "save it with its axes in that order (permute in MATLAB)"
"""What to do about a variable whose bands are not its last axis."""

_DAMAGED = "is no MATLAB file that can be read, or it is damaged"

_NUMERIC = (
    *("double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    "logical",
)
"""The classes of numbers; structs, cells, text and objects are never read."""


def matlab5_variables(path: Path) -> list[Variable]:
    """What a MATLAB file holds; nothing but names, sizes and classes is read.

    Raises
    ------
    InputError
        If it cannot be understood.
    """
    from scipy.io import whosmat

    with reading(path, _DAMAGED):
        listed = whosmat(path)
    return [
        Variable(name, tuple(int(n) for n in shape), kind, real=kind in _NUMERIC)
        for name, shape, kind in listed
    ]


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
    with reading(path, _DAMAGED):
        array = np.asarray(loadmat(path, variable_names=[variable.name])[variable.name])
    if array.shape != variable.shape:
        raise InputError(f"{path}: variable {variable} turned out to have shape {array.shape}")
    if variable.kind == "logical":
        array = array.astype(np.uint8)
    check_real(path, f"variable {variable}", array.dtype)
    return native(array)


def open_matlab5(
    path: Path, *, variable: str | None = None, max_memory: int | None = None
) -> Source:
    """Open a MATLAB file as a scene: the cube is read into memory, the other variables are not.

    Raises
    ------
    InputError
        If it is not clear which is the cube, or it is complex or damaged.
    BudgetError
        If it might need more memory than the budget.
    """
    variables = matlab5_variables(path)
    # A cube of truth values would be a mistake, but logical planes are welcome as truth.
    cubes = [v for v in variables if v.kind != "logical" or v.name == variable]
    chosen = choose_cube(path, cubes, variable)
    if not prod(chosen.shape):
        raise InputError(f"{path}: variable {chosen} is empty")
    cube = read_matlab5(path, chosen, max_memory)
    by_name = {v.name: v for v in variables if v.real}
    wavelengths, notes = wavelengths_of(
        {name: v.shape for name, v in by_name.items()},
        cube.shape[2],
        lambda name: read_matlab5(path, by_name[name], max_memory),
        doubt_axes(f"variable {chosen.name!r}", cube.shape, PERMUTE),
    )
    metadata = Metadata(
        wavelengths=wavelengths,
        notes=tuple(notes),
        extra={"variable": chosen.name, "class": chosen.kind},
    )
    return ArraySource(cube, metadata, name=path.stem, path=path, format="MATLAB 5")
