"""HDF5 and NetCDF-4 files: one of their variables as a scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from oddspec.io.axes import Axes
from oddspec.io.hdf5.dimensions import is_bare, read_coordinates
from oddspec.io.hdf5.links import find_dataset, hdf5_variables, open_hdf5_file, read_small, walk
from oddspec.io.hdf5.meaning import StoredVariable, cube_of_variable
from oddspec.io.hdf5.source import Hdf5Source, open_cube
from oddspec.io.variables import Variable, choose_cube


def open_hdf5(
    path: Path,
    *,
    variable: str | None = None,
    max_memory: int | None = None,
    axes: Axes | None = None,
) -> Hdf5Source:
    """Open a cube in an HDF5 or NetCDF-4 file.

    The meaning of the axes is, in this order: what ``axes`` says; the names of the dimensions;
    what lies beside it, or else rows, columns, bands (`find_axes`).

    Raises
    ------
    InputError
        If it is not clear which is the cube or what its axes mean, or they lead out of the file.
    BudgetError
        If one of the file's chunks is larger than the budget.
    """
    with open_hdf5_file(path) as file:
        variables = hdf5_variables(path, file)
        if variable is not None:
            # For its clear words on links, which are not in the list.
            walk(path, file, variable)
        chosen = _resolved(path, file, variables, variable)
        stored = cube_of_variable(path, _told(path, file, variables, chosen), axes)
    return open_cube(path, stored, "HDF5", max_memory)


def _resolved(path: Path, file: Any, variables: list[Variable], wanted: str | None) -> Variable:
    if wanted is None or any(v.name == wanted.strip("/") for v in variables):
        return choose_cube(path, variables, wanted)
    # Reached by a soft link.
    dataset = find_dataset(path, file, wanted)
    other = Variable(wanted, dataset.shape, str(dataset.dtype), real=True)
    return choose_cube(path, [other], wanted)


def _told(path: Path, file: Any, variables: list[Variable], chosen: Variable) -> StoredVariable:
    """What the file tells of the variable that is the cube."""
    dataset = find_dataset(path, file, chosen.name)

    def read_list(name: str) -> tuple[np.ndarray | None, Any]:
        found = find_dataset(path, file, name)
        if is_bare(found):
            return None, None
        return read_small(path, found), found.attrs.get("units")

    return StoredVariable(
        chosen,
        dataset.dtype,
        dict(dataset.attrs),
        dataset.chunks,
        read_coordinates(path, file, dataset),
        {v.name: v.shape for v in variables if v.real or v.kind == "bool"},
        read_list,
        dataset.fillvalue if _has_own_fill(dataset) else None,
    )


def _has_own_fill(dataset: Any) -> bool:
    import h5py

    creation = dataset.id.get_create_plist()
    return bool(creation.fill_value_defined() == h5py.h5d.FILL_VALUE_USER_DEFINED)
