"""HDF5 and NetCDF-4 files: one of their variables as a scene."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import Axes, find_axes, kept_axes, named_axes
from oddspec.io.gains import read_gains
from oddspec.io.hdf5.dimensions import Coordinates, is_bare, read_coordinates
from oddspec.io.hdf5.links import (
    find_dataset,
    hdf5_variables,
    open_hdf5_file,
    read_small,
    text_of,
    walk,
)
from oddspec.io.hdf5.packing import Packing, has_lists
from oddspec.io.hdf5.source import Hdf5Source, StoredCube, open_cube
from oddspec.io.source import Metadata
from oddspec.io.variables import Variable, check_real, choose_cube
from oddspec.io.wavelengths import (
    good_to_bad,
    list_lengths,
    named_good_bands,
    named_wavelengths,
    to_nanometres,
)


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
    axes: Axes | None,
) -> StoredCube:
    what = f"variable {chosen.name!r}"
    check_real(path, what, dataset.dtype)
    if not prod(dataset.shape):
        raise InputError(f"{path}: variable {chosen} is empty")
    fill = dataset.fillvalue if _has_own_fill(dataset) else None
    packing, notes = Packing.of(dataset.dtype, dict(dataset.attrs), fill)
    kept = kept_axes(dataset.shape, coordinates.names)
    coordinates = coordinates.of_axes(kept)
    shape = [dataset.shape[axis] for axis in kept]
    beside = {
        v.name: v.shape for v in variables if (v.real or v.kind == "bool") and v.name != chosen.name
    }
    beside |= _listed_attributes(dataset)
    order = axes or named_axes(coordinates.names)
    if order is None:
        order, doubts = find_axes(path, what, shape, beside)
        size = " x ".join(map(str, shape))
        assumed = f"the axes of {what} ({size}) have no names: taken as {', '.join(order)}; if that"
        notes += doubts or [f"{assumed} is wrong, say so with --axes"]
    bands = shape[order.index("band")]
    wavelengths, units = coordinates.wavelengths(order)
    if wavelengths is None and (name := named_wavelengths(beside, bands)):
        wavelengths, units = _listed(path, file, dataset, name)
    nanometres = None
    if wavelengths is not None:
        nanometres, unclear = to_nanometres(wavelengths, text_of(units), bands)
        notes += [unclear] if unclear else []
    bad = None
    if name := named_good_bands(beside, bands):
        good, _ = _listed(path, file, dataset, name)
        bad, unclear = good_to_bad(good, bands, repr(name)) if good is not None else (None, None)
        notes += [unclear] if unclear else []
    gains = None
    if has_lists(dataset.attrs):
        scale, offset = (dataset.attrs.get(name) for name in ("scale_factor", "add_offset"))
        gains, unclear = read_gains(scale, offset, bands, "scale_factor, add_offset", bad)
        notes += [unclear] if unclear else []
    georeference, more = coordinates.georeference(order)
    metadata = Metadata(
        wavelengths=nanometres,
        bad_bands=bad,
        nodata=packing.nodata,
        gains=gains,
        georeference=georeference,
        description=text_of(dataset.attrs.get("long_name")),
        notes=(*notes, *more),
        extra={"variable": chosen.name, "axes": ",".join(order)},
    )
    return StoredCube(chosen.name, order, packing, metadata, dataset.shape, dataset.chunks, kept)


_ATTRIBUTE = "attribute/"
"""Before the name of a list that is an attribute of the cube, not a variable of the file."""


def _listed_attributes(dataset: Any) -> dict[str, tuple[int, ...]]:
    """Lengths of the attributes of a dataset that are lists with one entry per band."""
    found = {}
    for name, value in dataset.attrs.items():
        shape = np.shape(value)
        if np.asarray(value).dtype.kind in "biuf" and list_lengths({name: shape}):
            found[_ATTRIBUTE + name] = shape
    return found


def _listed(path: Path, file: Any, dataset: Any, name: str) -> tuple[np.ndarray | None, Any]:
    """A list with one entry per band and its unit: an attribute of the cube, or a variable."""
    if name.startswith(_ATTRIBUTE):
        key = name.removeprefix(_ATTRIBUTE)
        units = dataset.attrs.get(f"{key}_units", dataset.attrs.get("wavelength_units"))
        return np.asarray(dataset.attrs[key]), units
    found = find_dataset(path, file, name)
    if is_bare(found):
        return None, None
    return read_small(path, found), found.attrs.get("units")


def _has_own_fill(dataset: Any) -> bool:
    import h5py

    creation = dataset.id.get_create_plist()
    return bool(creation.fill_value_defined() == h5py.h5d.FILL_VALUE_USER_DEFINED)
