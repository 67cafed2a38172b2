"""What readers of products in HDF5 files share: texts, lists and layers of one band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.hdf5.links import DAMAGED, find_dataset, read_small, text_of, walk
from oddspec.io.quality import Layer
from oddspec.io.reading import reading


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
