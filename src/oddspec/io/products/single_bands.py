"""Products that keep each band in an image of its own, read as one cube."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube
from oddspec.errors import InputError
from oddspec.io.geotiff import GeoTiffSource, open_geotiff
from oddspec.io.limits import check_memory
from oddspec.io.source import Metadata


class SingleBands:
    """Images of one band each as a cube ``(h, w, b)``, float32: stored numbers by factors.

    A pixel that is 0 in all bands is missing and becomes NaN; 0 in some bands is a value.

    Parameters
    ----------
    path
        The file that names the images, for messages.
    images
        GeoTIFFs of one size, type and place.
    factors
        What the numbers of each band are divided by.
    max_memory
        Bytes that reading may take.

    Raises
    ------
    InputError
        If an image has several bands, or differs from the first.
    """

    format = "GeoTIFF"
    dtype: np.dtype[Any] = np.dtype(np.float32)

    def __init__(
        self, path: Path, images: Sequence[Path], factors: np.ndarray, max_memory: int | None
    ) -> None:
        self.path: Path | None = path
        self.name = path.stem
        self._factors = factors.astype(np.float32)[:, None, None]
        self._images: list[GeoTiffSource] = []
        # An image serves one thread at a time: another would open it again, and files run out.
        self._locks = [threading.Lock() for _ in images]
        try:
            for image in images:
                self._images.append(open_geotiff(image, max_memory=max_memory))
                self._must_be_alike(image)
        except BaseException:
            self.close()
            raise
        first = self._images[0]
        height, width, _ = first.shape
        self.shape: tuple[int, int, int] = (height, width, len(images))
        self.block = first.block
        self.metadata = Metadata(georeference=first.metadata.georeference, interleave="bsq")
        rows = self.block[0] if self.block else 1
        check_memory(path, "a row of blocks", 8 * rows * width * len(images), max_memory)

    def _must_be_alike(self, path: Path) -> None:
        first, last = self._images[0], self._images[-1]
        facts = [(image.shape, image.dtype, image.metadata.georeference) for image in (first, last)]
        if last.shape[2] != 1 or facts[0] != facts[1]:
            size = " x ".join(map(str, last.shape))
            raise InputError(
                f"{path}: has {size} pixels, type and place that are not those of "
                f"{first.path and first.path.name} ({' x '.join(map(str, first.shape))}); the "
                f"images of all bands must be alike"
            )

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands."""
        shape = (len(self._images), rows[1] - rows[0], columns[1] - columns[0])
        numbers = np.empty(shape, self._images[0].dtype)
        for band, (image, lock) in enumerate(zip(self._images, self._locks, strict=True)):
            with lock:
                numbers[band] = image.read(rows, columns)[:, :, 0]
        values = numbers / self._factors
        values[:, ~numbers.any(axis=0)] = np.nan
        cube: np.ndarray = values.transpose(1, 2, 0)
        return cube

    def close(self) -> None:
        """Release all files."""
        for image in self._images:
            image.close()
