"""What a variable of HDF5 or NetCDF means: its axes, packing, bands and place.

Whatever library reads the file: NetCDF-3 has the same attributes and coordinates as NetCDF-4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import Axes, find_axes, kept_axes, named_axes
from oddspec.io.gains import read_gains
from oddspec.io.hdf5.dimensions import Coordinates
from oddspec.io.hdf5.links import text_of
from oddspec.io.hdf5.packing import Packing, has_lists
from oddspec.io.hdf5.source import StoredCube
from oddspec.io.source import Metadata
from oddspec.io.variables import Variable, check_real
from oddspec.io.wavelengths import (
    good_to_bad,
    list_lengths,
    named_good_bands,
    named_wavelengths,
    to_nanometres,
)


@dataclass(frozen=True, eq=False)
class StoredVariable:
    """What a library tells of the variable that is the cube.

    Attributes
    ----------
    variable
        Its name and lengths.
    dtype, attributes, chunks
        As stored.
    coordinates
        Of all its axes.
    beside
        Names and lengths of the file's variables of real numbers or truth values.
    read_list
        Reads one of them by its name: the numbers (None where it holds none) and their unit.
    default_fill
        See `Packing.of`.
    """

    variable: Variable
    dtype: np.dtype[Any]
    attributes: Mapping[str, Any]
    chunks: tuple[int, ...] | None
    coordinates: Coordinates
    beside: Mapping[str, tuple[int, ...]]
    read_list: Callable[[str], tuple[np.ndarray | None, Any]]
    default_fill: Any = None


def cube_of_variable(path: Path, told: StoredVariable, axes: Axes | None) -> StoredCube:
    """The cube that a variable is.

    The meaning of the axes is, in this order: what ``axes`` says; the names of the dimensions;
    what lies beside it, or else rows, columns, bands (`find_axes`).

    Raises
    ------
    InputError
        If it holds no real numbers, or it is not clear what its axes mean.
    """
    name, lengths = told.variable.name, told.variable.shape
    beside = {other: shape for other, shape in told.beside.items() if other != name}
    beside |= _lists_in(told.attributes)
    what = f"variable {name!r}"
    check_real(path, what, told.dtype)
    if not prod(lengths):
        raise InputError(f"{path}: variable {told.variable} is empty")
    packing, notes = Packing.of(told.dtype, told.attributes, told.default_fill)
    kept = kept_axes(lengths, told.coordinates.names)
    coordinates = told.coordinates.of_axes(kept)
    shape = [lengths[axis] for axis in kept]
    order = axes or named_axes(coordinates.names)
    if order is None:
        order, doubts = find_axes(path, what, shape, beside)
        size = " x ".join(map(str, shape))
        assumed = f"the axes of {what} ({size}) have no names: taken as {', '.join(order)}; if that"
        notes += doubts or [f"{assumed} is wrong, say so with --axes"]
    bands = shape[order.index("band")]
    wavelengths, units = coordinates.wavelengths(order)
    if wavelengths is None and (found := named_wavelengths(beside, bands)):
        wavelengths, units = _read(told, found)
    nanometres = None
    if wavelengths is not None:
        nanometres, unclear = to_nanometres(wavelengths, text_of(units), bands)
        notes += [unclear] if unclear else []
    bad = None
    if found := named_good_bands(beside, bands):
        good, _ = _read(told, found)
        bad, unclear = good_to_bad(good, bands, repr(found)) if good is not None else (None, None)
        notes += [unclear] if unclear else []
    gains = None
    if has_lists(told.attributes):
        scale, offset = (told.attributes.get(name) for name in ("scale_factor", "add_offset"))
        gains, unclear = read_gains(scale, offset, bands, "scale_factor, add_offset", bad)
        notes += [unclear] if unclear else []
    georeference, more = coordinates.georeference(order)
    metadata = Metadata(
        wavelengths=nanometres,
        bad_bands=bad,
        nodata=packing.nodata,
        gains=gains,
        georeference=georeference,
        description=text_of(told.attributes.get("long_name")),
        notes=(*notes, *more),
        extra={"variable": name, "axes": ",".join(order)},
    )
    return StoredCube(name, order, packing, metadata, lengths, told.chunks, kept)


_ATTRIBUTE = "attribute/"
"""Before the name of a list that is an attribute of the cube, not a variable of the file."""


def _lists_in(attributes: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Lengths of the attributes that are lists with one entry per band."""
    found = {}
    for name, value in attributes.items():
        shape = np.shape(value)
        if np.asarray(value).dtype.kind in "biuf" and list_lengths({name: shape}):
            found[_ATTRIBUTE + name] = shape
    return found


def _read(told: StoredVariable, name: str) -> tuple[np.ndarray | None, Any]:
    """A list with one entry per band and its unit: an attribute of the cube, or a variable."""
    if name.startswith(_ATTRIBUTE):
        key = name.removeprefix(_ATTRIBUTE)
        units = told.attributes.get(f"{key}_units", told.attributes.get("wavelength_units"))
        return np.asarray(told.attributes[key]), units
    return told.read_list(name)
