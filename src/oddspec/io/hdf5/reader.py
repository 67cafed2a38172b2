"""HDF5 and NetCDF-4 files: one of their variables as a scene."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from oddspec.errors import InputError
from oddspec.io.axes import guess_axes, named_axes
from oddspec.io.hdf5.dimensions import Coordinates, is_bare, read_coordinates
from oddspec.io.hdf5.links import (
    find_dataset,
    hdf5_variables,
    open_hdf5_file,
    read_small,
    text_of,
    walk,
)
from oddspec.io.hdf5.packing import Packing
from oddspec.io.hdf5.source import Hdf5Source, StoredCube, open_cube
from oddspec.io.source import Metadata
from oddspec.io.variables import Variable, check_real, choose_cube
from oddspec.io.wavelengths import named_wavelengths, to_nanometres


def open_hdf5(
    path: Path,
    *,
    variable: str | None = None,
    max_memory: int | None = None,
    axes: tuple[str, str, str] | None = None,
) -> Hdf5Source:
    """Open a cube in an HDF5 or NetCDF-4 file.

    The meaning of the axes is, in this order: what ``axes`` says; the names of the dimensions;
    a list of wavelengths as long as one axis; or else rows, columns, bands (`guess_axes`).

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
        dataset = find_dataset(path, file, chosen.name)
        coordinates = read_coordinates(path, file, dataset)
        stored = _stored_cube(path, file, dataset, chosen, coordinates, variables, axes)
    return open_cube(path, stored, "HDF5", max_memory)


def _resolved(path: Path, file: Any, variables: list[Variable], wanted: str | None) -> Variable:
    if wanted is None or any(v.name == wanted.strip("/") for v in variables):
        return choose_cube(path, variables, wanted)
    # Reached by a soft link.
    dataset = find_dataset(path, file, wanted)
    other = Variable(wanted, dataset.shape, str(dataset.dtype), real=True)
    return choose_cube(path, [other], wanted)


def _stored_cube(
    path: Path,
    file: Any,
    dataset: Any,
    chosen: Variable,
    coordinates: Coordinates,
    variables: list[Variable],
    axes: tuple[str, str, str] | None,
) -> StoredCube:
    what = f"variable {chosen.name!r}"
    check_real(path, what, dataset.dtype)
    if not prod(dataset.shape):
        raise InputError(f"{path}: variable {chosen} is empty")
    fill = dataset.fillvalue if _has_own_fill(dataset) else None
    packing, notes = Packing.of(dataset.dtype, dict(dataset.attrs), fill)
    order = axes or named_axes(coordinates.names)
    shapes = {v.name: v.shape for v in variables if v.real}
    if order is None:
        lists = [
            length
            for length in sorted(set(dataset.shape))
            if named_wavelengths(shapes, length) is not None
        ]
        only = lists[0] if len(lists) == 1 else None
        order, note = guess_axes(path, what, dataset.shape, only)
        notes.append(note)
    bands = dataset.shape[order.index("band")]
    wavelengths, units = coordinates.wavelengths(order)
    if wavelengths is None and (name := named_wavelengths(shapes, bands)):
        listed = find_dataset(path, file, name)
        if not is_bare(listed):
            wavelengths, units = read_small(path, listed), listed.attrs.get("units")
    nanometres = None
    if wavelengths is not None:
        nanometres, unclear = to_nanometres(wavelengths, text_of(units), bands)
        notes += [unclear] if unclear else []
    georeference, more = coordinates.georeference(order)
    metadata = Metadata(
        wavelengths=nanometres,
        nodata=packing.nodata,
        georeference=georeference,
        description=text_of(dataset.attrs.get("long_name")),
        notes=(*notes, *more),
        extra={"variable": chosen.name, "axes": ",".join(order)},
    )
    return StoredCube(chosen.name, order, packing, metadata, dataset.shape, dataset.chunks)


def _has_own_fill(dataset: Any) -> bool:
    import h5py

    creation = dataset.id.get_create_plist()
    return bool(creation.fill_value_defined() == h5py.h5d.FILL_VALUE_USER_DEFINED)
