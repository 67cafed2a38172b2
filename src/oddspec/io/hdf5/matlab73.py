"""MATLAB files of version 7.3, which are HDF5 with the order of the axes reversed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import Axes, find_axes, kept_axes
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
from oddspec.io.source import Metadata
from oddspec.io.variables import Variable, choose_cube
from oddspec.io.wavelengths import bands_told


def matlab73_variables(path: Path) -> list[Variable]:
    """What a MATLAB 7.3 file holds, with lengths in MATLAB's order; fields as ``struct.field``."""
    with open_hdf5_file(path) as file:
        return _matlab73(path, file)


def _matlab73(path: Path, file: Any) -> list[Variable]:
    found = []
    for variable in hdf5_variables(path, file):
        if variable.name.startswith("#"):
            continue  # what cells and arrays of structs refer to
        kind = text_of(file[variable.name].attrs.get("MATLAB_class")) or variable.kind
        numbers = variable.real and kind not in ("char", "cell", "struct", "function_handle")
        name, inside = variable.name.replace("/", "."), "/" in variable.name
        found.append(Variable(name, variable.shape[::-1], kind, numbers, inside))
    return found


def _stored_name(name: str) -> str:
    """The HDF5 name of ``struct.field``: no name in MATLAB has a dot of its own."""
    return name.replace(".", "/")


def read_matlab73(path: Path, variable: Variable, max_memory: int | None = None) -> np.ndarray:
    """One variable, with its axes in MATLAB's order."""
    stored = replace(variable, name=_stored_name(variable.name))
    return read_dataset(path, stored, max_memory).T


def _short_list(path: Path, file: Any, name: str) -> Sequence[float] | np.ndarray:
    numbers = read_small(path, find_dataset(path, file, _stored_name(name)))
    return [] if numbers is None else numbers


def open_matlab73(
    path: Path,
    *,
    variable: str | None = None,
    max_memory: int | None = None,
    axes: Axes | None = None,
) -> Hdf5Source:
    """Open the cube of a MATLAB 7.3 file.

    Raises
    ------
    InputError
        If it is not clear which is the cube or what its axes mean, or it leads out of the file.
    BudgetError
        If one of the file's chunks is larger than the budget.
    """
    with open_hdf5_file(path) as file:
        variables = _matlab73(path, file)
        if variable is not None:
            variable = variable.strip("/").replace("/", ".")
            # For its clear words on links, which are not in the list.
            walk(path, file, _stored_name(variable))
        chosen = choose_cube(path, variables, variable)
        dataset = find_dataset(path, file, _stored_name(chosen.name))
        if not prod(dataset.shape):
            raise InputError(f"{path}: variable {chosen} is empty")
        packing = Packing(dataset.dtype.newbyteorder("="), dataset.dtype.newbyteorder("="))
        beside = {v.name: v.shape for v in variables if v.real and v.name != chosen.name}
        shape = [chosen.shape[axis] for axis in kept_axes(chosen.shape)]
        order, doubts = find_axes(path, f"variable {chosen.name!r}", shape, beside, axes)
        wavelengths, bad, notes = bands_told(
            beside, shape[order.index("band")], lambda name: _short_list(path, file, name)
        )
        metadata = Metadata(
            wavelengths=wavelengths,
            bad_bands=bad,
            notes=(*doubts, *notes),
            extra={"variable": chosen.name, "class": chosen.kind},
        )
        # The file has the axes of MATLAB in the reverse order.
        kept = tuple(len(chosen.shape) - 1 - axis for axis in kept_axes(chosen.shape))[::-1]
        first, second, third = order[::-1]
        stored = StoredCube(
            _stored_name(chosen.name),
            (first, second, third),
            packing,
            metadata,
            dataset.shape,
            dataset.chunks,
            kept,
        )
    return open_cube(path, stored, "MATLAB 7.3", max_memory)
