"""One image in an HDF5 or NetCDF-4 file, such as a truth: its values, nodata and georeference."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.io.hdf5.dimensions import Coordinates, read_coordinates
from oddspec.io.hdf5.links import find_dataset, open_hdf5_file
from oddspec.io.hdf5.packing import Packing
from oddspec.io.labels import Plane
from oddspec.io.limits import check_memory
from oddspec.io.variables import Variable


def read_plane(path: Path, variable: Variable, max_memory: int | None = None) -> Plane:
    """The whole of a dataset of rows and columns, in the stored order of axes.

    Raises
    ------
    InputError
        If it or what describes it leads out of the file.
    """
    with open_hdf5_file(path) as file:
        dataset = find_dataset(path, file, variable.name)
        size = prod(dataset.shape) * dataset.dtype.itemsize
        check_memory(path, f"variable {variable}", size, max_memory)
        coordinates = read_coordinates(path, file, dataset)
        return plane_of(np.asarray(dataset[()]), dict(dataset.attrs), coordinates)


def plane_of(values: np.ndarray, attributes: Mapping[str, Any], coordinates: Coordinates) -> Plane:
    """An image by what HDF5 or NetCDF tell of it; the array may be written to."""
    if values.ndim != 2 or values.dtype.kind not in "iuf":
        return Plane(values)
    fills = Packing.of(values.dtype, attributes)[0].fills
    if fills:
        values[np.isin(values, fills)] = fills[0]
    elif values.dtype.kind == "f" and _declares_nan(attributes):
        # A cube needs no nodata value for NaN; in a truth it tells missing from damaged.
        fills = (float("nan"),)
    place, notes = coordinates.georeference(("row", "column"))
    return Plane(values, fills[0] if fills else None, place, notes=tuple(notes))


def _declares_nan(attributes: Mapping[str, Any]) -> bool:
    stated = [attributes.get(name) for name in ("_FillValue", "missing_value")]
    numbers = [np.asarray(value) for value in stated if value is not None]
    return any(array.dtype.kind == "f" and np.isnan(array).any() for array in numbers)
