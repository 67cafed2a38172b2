"""Dimension names, coordinate variables and grid mapping of a NetCDF-4 (or HDF5) variable."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.coordinates import read_georeference
from oddspec.io.hdf5.links import find_dataset, read_small, text_of
from oddspec.io.source import Georeference


@dataclass(frozen=True)
class Coordinates:
    """What a file says about a variable's axes.

    Attributes
    ----------
    names
        Of the dimensions, empty text where there is none.
    values, units
        Coordinates along each axis and their units; None where there are none.
    mapping
        Attributes of the grid mapping.
    """

    names: tuple[str, ...]
    values: tuple[np.ndarray | None, ...]
    units: tuple[str | None, ...]
    mapping: dict[str, Any] = field(default_factory=dict)

    def of_axes(self, kept: tuple[int, ...]) -> Coordinates:
        """What is said about some of the axes."""
        names = tuple(self.names[axis] for axis in kept)
        values = tuple(self.values[axis] for axis in kept)
        units = tuple(self.units[axis] for axis in kept)
        return replace(self, names=names, values=values, units=units)

    def wavelengths(self, axes: tuple[str, str, str]) -> tuple[np.ndarray | None, str | None]:
        """Coordinates of the bands and their unit, if they are wavelengths rather than numbers."""
        band = axes.index("band")
        values, units = self.values[band], self.units[band]
        if values is None or (not units and np.array_equal(values % 1, np.zeros(len(values)))):
            # Bands that are merely counted.
            return None, None
        return values, units

    def georeference(self, axes: tuple[str, ...]) -> tuple[Georeference | None, list[str]]:
        """Where the pixels lie, and notes on what was unusual."""
        row, column = axes.index("row"), axes.index("column")
        return read_georeference(
            self.values[column],
            self.values[row],
            self.mapping,
            degrees="degree" in (self.units[row] or "").lower(),
        )


def read_coordinates(path: Path, file: Any, dataset: Any) -> Coordinates:
    """The dimension scales of a dataset, and its grid mapping.

    Raises
    ------
    InputError
        If they lead out of the file.
    """
    names, values, units = [], [], []
    for axis in range(dataset.ndim):
        name, scale = _scale(file, dataset, axis)
        numbers = read_small(path, scale) if scale is not None else None
        real = numbers is not None and numbers.shape == (dataset.shape[axis],)
        bare = scale is None or is_bare(scale)
        names.append(name)
        values.append(numbers if real and not bare else None)
        units.append(text_of(scale.attrs.get("units", "")) or None if scale is not None else None)
    return Coordinates(tuple(names), tuple(values), tuple(units), _mapping(path, file, dataset))


def is_bare(scale: Any) -> bool:
    """Whether a dimension scale has no coordinates of its own; netCDF marks those by a sentence."""
    return text_of(scale.attrs.get("NAME", "")).startswith("This is a netCDF dimension but not")


def _scale(file: Any, dataset: Any, axis: int) -> tuple[str, Any]:
    """Name and dimension scale of an axis; the scale is None where there is none."""
    import h5py

    lists = _per_axis(dataset, "DIMENSION_LIST")
    references = lists[axis] if lists is not None else []
    if len(references) and isinstance(references[0], h5py.Reference) and references[0]:
        scale = file[references[0]]
        if isinstance(scale, h5py.Dataset) and scale.name:
            return str(scale.name).rpartition("/")[2], scale
    for name in ("DIMENSION_LABELS", "_ARRAY_DIMENSIONS"):
        labels = _per_axis(dataset, name)
        if labels is not None and text_of(labels[axis]):
            return text_of(labels[axis]), None
    return "", None


def _per_axis(dataset: Any, name: str) -> Any:
    """An attribute with one entry per axis, or None."""
    value = dataset.attrs.get(name)
    array = None if value is None else np.atleast_1d(value)
    return array if array is not None and len(array) == dataset.ndim else None


def _mapping(path: Path, file: Any, dataset: Any) -> dict[str, Any]:
    name = text_of(dataset.attrs.get("grid_mapping", ""))
    if not name:
        return {}
    parent = str(dataset.parent.name or "/")
    for place in (f"{parent}/{name}", name):
        try:
            return dict(find_dataset(path, file, place).attrs)
        except InputError:
            continue
    return {}
