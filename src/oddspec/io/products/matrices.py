"""Quality that is told for each band of each pixel, as bits beside the cubes of a product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np

from oddspec.errors import InputError
from oddspec.io.hdf5.links import DAMAGED, find_dataset
from oddspec.io.hdf5.source import StoredCube
from oddspec.io.products.hdf5 import LayerFile
from oddspec.io.quality import Layer
from oddspec.io.reading import reading

_Bits = Callable[[tuple[int, int], tuple[int, int]], np.ndarray]


def matrix_layers(
    masks: LayerFile,
    names: Sequence[str],
    cubes: Sequence[StoredCube],
    used: np.ndarray,
    bits: dict[str, int],
) -> dict[str, Layer]:
    """Flags that are set where a bit is set in any of the used bands.

    Parameters
    ----------
    masks
        The file.
    names
        The dataset of bits of each cube, of its shape.
    cubes
        Those of the spectrometers.
    used
        Positions of the bands that count, among those of all cubes, one after the other.
    bits
        Of each flag the bits, of which one is enough.

    Raises
    ------
    InputError
        If a dataset has another shape than its cube, or holds no bits.
    """
    found, start = [], 0
    for name, cube in zip(names, cubes, strict=True):
        dataset = find_dataset(masks.path, masks.file, name)
        if dataset.shape != cube.lengths or dataset.dtype.kind not in "iu":
            size = " x ".join(map(str, dataset.shape))
            raise InputError(
                f"{masks.path}: {name!r} ({size}, {dataset.dtype}) does not fit its cube, which "
                f"has {' x '.join(map(str, cube.lengths))}"
            )
        bands = cube.shape[2]
        found.append((dataset, cube, used[(used >= start) & (used < start + bands)] - start))
        start += bands

    # Kept for the next flag: there are as many numbers as in the cubes.
    @lru_cache(maxsize=1)
    def read(rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        together = np.zeros((rows[1] - rows[0], columns[1] - columns[0]), found[0][0].dtype)
        for dataset, cube, bands in found:
            axis = cube.axes.index("band")
            with reading(masks.path, DAMAGED):
                values = dataset[cube.selection(rows, columns)]
            together |= np.bitwise_or.reduce(values.take(bands, axis=axis), axis=axis)
        return together

    return {flag: partial(_has_bits, read, wanted) for flag, wanted in bits.items()}


def _has_bits(
    read: _Bits, bits: int, rows: tuple[int, int], columns: tuple[int, int]
) -> np.ndarray:
    return np.asarray(read(rows, columns) & bits != 0)
