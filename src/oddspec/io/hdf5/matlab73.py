"""MATLAB files of version 7.3, which are HDF5 with the order of the axes reversed."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import doubt_axes
from oddspec.io.hdf5.links import (
    find_dataset,
    hdf5_variables,
    open_hdf5_file,
    read_dataset,
    read_small,
    text_of,
    walk,
)
from oddspec.io.hdf5.packing import Packing
from oddspec.io.hdf5.source import Hdf5Source, StoredCube, open_cube
from oddspec.io.matlab import PERMUTE
from oddspec.io.source import Metadata
from oddspec.io.variables import Variable, choose_cube
from oddspec.io.wavelengths import wavelengths_of


def matlab73_variables(path: Path) -> list[Variable]:
    """The top-level variables of a MATLAB 7.3 file, with their lengths in MATLAB's order."""
    with open_hdf5_file(path) as file:
        return _matlab73(path, file)


def _matlab73(path: Path, file: Any) -> list[Variable]:
    found = []
    for variable in hdf5_variables(path, file):
        if "/" in variable.name:
            continue
        kind = text_of(file[variable.name].attrs.get("MATLAB_class")) or variable.kind
        numbers = variable.real and kind not in ("char", "cell", "struct", "function_handle")
        found.append(Variable(variable.name, variable.shape[::-1], kind, numbers))
    return found


def read_matlab73(path: Path, variable: Variable, max_memory: int | None = None) -> np.ndarray:
    """One variable, with its axes in MATLAB's order."""
    return read_dataset(path, variable, max_memory).T


def _short_list(path: Path, file: Any, name: str) -> Sequence[float] | np.ndarray:
    numbers = read_small(path, find_dataset(path, file, name))
    return [] if numbers is None else numbers


def open_matlab73(
    path: Path, *, variable: str | None = None, max_memory: int | None = None
) -> Hdf5Source:
    """Open the cube of a MATLAB 7.3 file.

    Raises
    ------
    InputError
        If it is not clear which is the cube, or it leads out of the file.
    BudgetError
        If one of the file's chunks is larger than the budget.
    """
    with open_hdf5_file(path) as file:
        variables = _matlab73(path, file)
        if variable is not None:
            # For its clear words on links, which are not in the list.
            walk(path, file, variable)
        chosen = choose_cube(path, variables, variable)
        dataset = find_dataset(path, file, chosen.name)
        if not prod(dataset.shape):
            raise InputError(f"{path}: variable {chosen} is empty")
        packing = Packing(dataset.dtype.newbyteorder("="), dataset.dtype.newbyteorder("="))
        wavelengths, notes = wavelengths_of(
            {v.name: v.shape for v in variables if v.real},
            dataset.shape[0],
            lambda name: _short_list(path, file, name),
            doubt_axes(f"variable {chosen.name!r}", chosen.shape, PERMUTE),
        )
        metadata = Metadata(
            wavelengths=wavelengths,
            notes=tuple(notes),
            extra={"variable": chosen.name, "class": chosen.kind},
        )
        stored = StoredCube(
            chosen.name,
            ("band", "column", "row"),
            packing,
            metadata,
            dataset.shape,
            dataset.chunks,
        )
    return open_cube(path, stored, "MATLAB 7.3", max_memory)
