"""NetCDF-3 files (classic and 64-bit offset), by SciPy: one of their variables as a scene.

Attributes, coordinates and packing mean what they mean in NetCDF-4. The file is mapped, never read
as a whole.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube
from oddspec.io.axes import ROWS_COLUMNS_BANDS, Axes
from oddspec.io.hdf5.dimensions import Coordinates
from oddspec.io.hdf5.links import text_of
from oddspec.io.hdf5.meaning import StoredVariable, cube_of_variable
from oddspec.io.hdf5.packing import netcdf_fill
from oddspec.io.hdf5.plane import plane_of
from oddspec.io.hdf5.source import StoredCube
from oddspec.io.labels import Plane
from oddspec.io.limits import check_memory
from oddspec.io.reading import reading
from oddspec.io.source import check_window
from oddspec.io.variables import Variable, choose_cube, is_real

_DAMAGED = "is damaged, or no NetCDF-3 file that can be read"

_LONGEST_LIST = 1_000_000
"""Entries of a list such as wavelengths; a longer variable is none."""


class Netcdf3Source:
    """A cube in a NetCDF-3 file. Reading is safe from several threads."""

    format = "NetCDF-3"

    def __init__(self, path: Path, cube: StoredCube) -> None:
        self.path: Path | None = path
        self.name = path.stem
        self.shape = cube.shape
        self.dtype = cube.packing.dtype
        self.metadata = cube.metadata
        self._cube = cube
        # From the stored order of axes to rows, columns, bands.
        self._back = tuple(cube.axes.index(axis) for axis in ROWS_COLUMNS_BANDS)
        self._file = _open(path)

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands."""
        check_window(self.shape, rows, columns)
        selection = self._cube.selection(rows, columns)
        with reading(self.path, _DAMAGED):
            block = np.array(self._file.variables[self._cube.variable].data[selection])
        return self._cube.packing.unpack(block).transpose(self._back)

    def close(self) -> None:
        """Release the file."""
        _close(self._file)


def open_netcdf3(
    path: Path, *, variable: str | None = None, axes: Axes | None = None
) -> Netcdf3Source:
    """Open a cube in a NetCDF-3 file.

    Raises
    ------
    InputError
        If it is not clear which is the cube or what its axes mean, or the file is damaged.
    """
    with _opened(path) as file:
        variables = _variables(file)
        chosen = choose_cube(path, variables, variable)
        cube = cube_of_variable(path, _told(file, variables, chosen), axes)
    return Netcdf3Source(path, cube)


def netcdf3_variables(path: Path) -> list[Variable]:
    """The variables of a file, in the stored order of axes."""
    with _opened(path) as file:
        return _variables(file)


def read_netcdf3(path: Path, variable: Variable, max_memory: int | None = None) -> Plane:
    """The whole of a variable of rows and columns, in the stored order of axes.

    Raises
    ------
    BudgetError
        If it needs more memory than allowed.
    """
    with _opened(path) as file:
        data = file.variables[variable.name].data
        size = 2 * prod(data.shape) * data.dtype.itemsize
        check_memory(path, f"variable {variable}", size, max_memory)
        values = data.astype(data.dtype.newbyteorder("="))
        coordinates = _coordinates(file, variable.name)
        return plane_of(values, _attributes(file.variables[variable.name]), coordinates)


def _open(path: Path) -> Any:
    from scipy.io import netcdf_file

    with reading(path, _DAMAGED):
        return netcdf_file(str(path), "r", mmap=True, maskandscale=False)


def _close(file: Any) -> None:
    with warnings.catch_warnings():
        # That parts of the mapped file are still in use: they are given up right after.
        warnings.simplefilter("ignore", RuntimeWarning)
        file.close()


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    file = _open(path)
    try:
        with reading(path, _DAMAGED):
            yield file
    finally:
        _close(file)


def _variables(file: Any) -> list[Variable]:
    return [
        Variable(
            name,
            tuple(variable.data.shape),
            str(variable.data.dtype.newbyteorder("=")),
            is_real(variable.data.dtype),
        )
        for name, variable in file.variables.items()
    ]


def _told(file: Any, variables: list[Variable], chosen: Variable) -> StoredVariable:
    """What the file tells of the variable that is the cube."""
    data = file.variables[chosen.name].data

    def read_list(name: str) -> tuple[np.ndarray | None, Any]:
        return _list(file, name), _attributes(file.variables[name]).get("units")

    return StoredVariable(
        chosen,
        data.dtype,
        _attributes(file.variables[chosen.name]),
        None,
        _coordinates(file, chosen.name),
        {v.name: v.shape for v in variables if v.real},
        read_list,
        netcdf_fill(data.dtype),
    )


def _list(file: Any, name: str) -> np.ndarray | None:
    """A short list of numbers, in native byte order; None if it is none."""
    data = file.variables[name].data
    if not is_real(data.dtype) or data.size > _LONGEST_LIST:
        return None
    return np.asarray(data.astype(data.dtype.newbyteorder("=")))


def _attributes(variable: Any) -> dict[str, Any]:
    """The attributes of a variable, bytes as text."""
    return {
        name: text_of(value) if isinstance(value, bytes) else value
        for name, value in variable._attributes.items()
    }


def _coordinates(file: Any, name: str) -> Coordinates:
    """The variables that bear the names of a variable's dimensions, and its grid mapping."""
    own = file.variables[name]
    values: list[np.ndarray | None] = []
    units: list[str | None] = []
    for dimension, length in zip(own.dimensions, own.data.shape, strict=True):
        scale = file.variables.get(dimension)
        numbers = None if scale is None else _list(file, dimension)
        values.append(numbers if numbers is not None and numbers.shape == (length,) else None)
        units.append(None if scale is None else _attributes(scale).get("units"))
    mapping = file.variables.get(_attributes(own).get("grid_mapping"))
    return Coordinates(
        tuple(own.dimensions),
        tuple(values),
        tuple(units),
        {} if mapping is None else _attributes(mapping),
    )
