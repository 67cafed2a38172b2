"""What readers of products in HDF5 files share: texts, lists and layers of one band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import Axes, named_axes
from oddspec.io.geolocation import LookupTable, table_of_coordinates
from oddspec.io.hdf5.dimensions import read_coordinates
from oddspec.io.hdf5.links import (
    DAMAGED,
    find_dataset,
    open_hdf5_file,
    read_small,
    text_of,
    walk,
)
from oddspec.io.hdf5.packing import Packing
from oddspec.io.hdf5.source import StoredCube
from oddspec.io.limits import check_memory
from oddspec.io.products.bands import BandList
from oddspec.io.quality import Layer
from oddspec.io.reading import reading
from oddspec.io.source import Georeference, Metadata, Product
from oddspec.io.variables import check_real

_PER_PIXEL = 250
"""Bytes for each pixel: its coordinates as stored and as read, and what the search for the nearest
takes (173 were measured for 1000 x 1000 pixels)."""


def has(file: Any, *names: str) -> bool:
    """Whether an open file has all these objects; links out of it count as none."""
    try:
        return all(walk(Path(""), file, name) is not None for name in names)
    except InputError:
        return False


def attribute(holder: Any, name: str) -> str:
    """An attribute as text; empty where there is none or it is no text."""
    value = holder.attrs.get(name)
    return text_of(np.asarray(value).reshape(-1)[0] if np.size(value) == 1 else value).strip()


def listed(path: Path, file: Any, name: str, count: int | None = None) -> np.ndarray | None:
    """A list of numbers (float64), such as wavelengths; None where the file has none.

    Raises
    ------
    InputError
        If it has not so many entries, or some are no numbers.
    """
    if not has(file, name):
        return None
    found = read_small(path, find_dataset(path, file, name))
    values = None if found is None else found.astype(np.float64).reshape(-1)
    if values is None or (count is not None and len(values) != count):
        held = "no numbers" if values is None else f"{len(values)} entries"
        raise InputError(f"{path}: {name!r} has {held}, but the cube has {count} bands")
    return values


def number_attribute(path: Path, holder: Any, name: str, default: float | None = None) -> float:
    """An attribute that is one finite number.

    Parameters
    ----------
    path
        The file, for messages.
    holder, name
        Where it is, and what it is called.
    default
        What it is where there is none; None where there must be one.

    Raises
    ------
    InputError
        If there is no such attribute, or it is none.
    """
    if default is not None and name not in holder.attrs:
        return default
    found = listed_attribute(path, holder, name, 1)
    if found is None or not np.isfinite(found[0]):
        said = "is missing" if found is None else "is no finite number"
        raise InputError(f"{path}: the attribute {name!r} {said}; the product is incomplete")
    return float(found[0])


def listed_attribute(
    path: Path, holder: Any, name: str, count: int | None = None
) -> np.ndarray | None:
    """An attribute that is a list of numbers (float64); None where there is none.

    Raises
    ------
    InputError
        If it has not so many entries, or some are no numbers.
    """
    if name not in holder.attrs:
        return None
    try:
        values = np.asarray(holder.attrs[name]).astype(np.float64).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(f"{path}: the attribute {name!r} holds no numbers") from None
    if count is not None and len(values) != count:
        raise InputError(
            f"{path}: the attribute {name!r} has {len(values)} entries, where {count} were expected"
        )
    return values


def stored_text(path: Path, file: Any, name: str) -> str:
    """A dataset that is one text, such as HDF-EOS's metadata; empty where there is none."""
    if not has(file, name):
        return ""
    dataset = find_dataset(path, file, name)
    if dataset.shape is None or dataset.size != 1 or dataset.dtype.kind not in "SO":
        return ""
    return text_of(np.asarray(dataset[()]).reshape(-1)[0]).strip()


def stored_cube(
    path: Path,
    file: Any,
    name: str,
    axes: Axes,
    *,
    packing: Packing | None = None,
    fill: float | None = None,
) -> StoredCube:
    """How a cube lies in its file; its metadata has the nodata value and notes only.

    Parameters
    ----------
    path, file
        The open file.
    name
        The dataset.
    axes
        What its axes mean where its dimensions have no names.
    packing
        How stored numbers become values; None for what the attributes say.
    fill
        What marks missing values where the attributes say nothing.

    Raises
    ------
    InputError
        If it has not three axes, or holds no real numbers.
    """
    cube = find_dataset(path, file, name)
    check_real(path, f"variable {name!r}", cube.dtype)
    if cube.ndim != 3 or not cube.size:
        size = " x ".join(map(str, cube.shape))
        raise InputError(f"{path}: {name!r} has the shape {size}, where {', '.join(axes)} belong")
    notes: list[str] = []
    if packing is None:
        stated = {} if fill is None else {"_FillValue": fill}
        packing, notes = Packing.of(cube.dtype, stated | dict(cube.attrs))
    order = named_axes(read_coordinates(path, file, cube).names) or axes
    metadata = Metadata(nodata=packing.nodata, notes=tuple(notes), extra={"variable": name})
    return StoredCube(name, order, packing, metadata, cube.shape, cube.chunks)


def described(
    stored: StoredCube,
    bands: BandList,
    product: Product,
    unit: str,
    description: str = "",
    georeference: Georeference | None = None,
) -> StoredCube:
    """A cube with what the product says of it; its bands stay in the order of the file."""
    metadata = replace(
        stored.metadata,
        wavelengths=bands.wavelengths,
        fwhm=bands.fwhm,
        bad_bands=bands.bad,
        georeference=georeference,
        description=description,
        unit=unit,
        product=product,
        notes=(*stored.metadata.notes, *bands.notes),
    )
    return replace(stored, metadata=metadata)


def table_in_file(
    path: Path, names: tuple[str, str], shape: tuple[int, int], max_memory: int | None
) -> LookupTable:
    """The way to the map by arrays of the longitudes and latitudes of all pixels.

    Parameters
    ----------
    path
        The file.
    names
        The datasets of longitudes and latitudes.
    shape
        Rows and columns of the scene.
    max_memory
        Bytes that may be taken.

    Raises
    ------
    InputError
        If they have other rows and columns than the scene, or no pixel lies on the globe.
    BudgetError
        If they need more memory than allowed.
    """
    check_memory(
        path, "the coordinates of all pixels", _PER_PIXEL * shape[0] * shape[1], max_memory
    )
    found = []
    with open_hdf5_file(path) as file:
        for name in names:
            dataset = find_dataset(path, file, name)
            if dataset.shape != shape:
                size = " x ".join(map(str, dataset.shape))
                raise InputError(
                    f"{path}: {name!r} has {size} entries, but the scene has "
                    f"{shape[0]} x {shape[1]} pixels"
                )
            packing, _ = Packing.of(dataset.dtype, dict(dataset.attrs))
            values = packing.unpack(dataset[()]).astype(np.float64)
            if packing.nodata is not None:
                values[values == packing.nodata] = np.nan
            found.append(values)
    try:
        return table_of_coordinates(found[0], found[1])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


class LayerFile:
    """An HDF5 file whose images are read by windows as quality flags.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        import h5py

        self.path = path
        with reading(path, DAMAGED):
            self.file = h5py.File(path, "r")

    def layer(
        self,
        name: str,
        shape: tuple[int, int],
        test: Callable[[np.ndarray], np.ndarray],
        bands: Sequence[int] | None = None,
    ) -> Layer:
        """A reader of one flag.

        Parameters
        ----------
        name
            The dataset, of rows and columns, or of rows, columns and bands.
        shape
            Rows and columns that the scene has.
        test
            Makes a flag ``(h, w)``, bool, of the values of a window.
        bands
            Which bands to read, in ascending order; None where the dataset has none.

        Raises
        ------
        InputError
            If there is no such dataset, or it has other rows and columns than the scene.
        """
        dataset = find_dataset(self.path, self.file, name)
        if dataset.shape[:2] != shape:
            size = " x ".join(map(str, dataset.shape))
            raise InputError(
                f"{self.path}: {name!r} has {size} pixels, but the scene has "
                f"{shape[0]} x {shape[1]}: it is of another scene"
            )
        last = () if bands is None else (list(bands),)

        def read(rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
            with reading(self.path, DAMAGED):
                return test(dataset[(slice(*rows), slice(*columns), *last)])

        return read

    def close(self) -> None:
        """Release the file."""
        self.file.close()
