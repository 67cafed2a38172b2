"""Images beside a scene whose bands tell the quality of its pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from oddspec.errors import InputError
from oddspec.io.geotiff import GeoTiffSource, open_geotiff
from oddspec.io.quality import Layer


class LayerImages:
    """GeoTIFFs of a scene's rows and columns that are read as quality flags, window by window.

    Parameters
    ----------
    shape
        Rows and columns that the scene has.
    max_memory
        Bytes that reading may take.

    Attributes
    ----------
    readers
        Of each flag that was added.
    """

    def __init__(self, shape: tuple[int, int], max_memory: int | None = None) -> None:
        self.readers: dict[str, Layer] = {}
        self._shape, self._max_memory = shape, max_memory
        self._images: dict[Path, GeoTiffSource] = {}

    def add(
        self,
        flag: str,
        path: Path,
        test: Callable[[np.ndarray], np.ndarray],
        bands: Sequence[int] | None = None,
    ) -> None:
        """Take a flag from an image; where it is there already, a pixel needs either.

        Parameters
        ----------
        flag
            One of `oddspec.io.quality.QUALITY_FLAGS`.
        path
            The image.
        test
            Tells of values ``(h, w, b)`` whether they set the flag; one band is enough.
        bands
            Which bands to read, from 0; None for all.

        Raises
        ------
        InputError
            If it is no GeoTIFF of integers, has other rows and columns than the scene, or not these
            bands.
        """
        image, earlier = self._image(path), self.readers.get(flag)
        if bands is not None and max(bands) >= image.shape[2]:
            raise InputError(
                f"{path}: has {image.shape[2]} bands, but band {max(bands) + 1} should tell {flag}"
            )

        def read(rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
            found = test(image.read_bands(rows, columns, bands)).any(axis=2)
            return np.asarray(found if earlier is None else found | earlier(rows, columns))

        self.readers[flag] = read

    def _image(self, path: Path) -> GeoTiffSource:
        """The image, which is opened once for all its flags."""
        if path not in self._images:
            image = open_geotiff(path, max_memory=self._max_memory)
            self._images[path] = image
            if image.dtype.kind not in "iu":
                raise InputError(f"{path}: holds {image.dtype} numbers, where flags are integers")
            if image.shape[:2] != self._shape:
                size = " x ".join(map(str, image.shape[:2]))
                raise InputError(
                    f"{path}: has {size} pixels, but the scene has {self._shape[0]} x "
                    f"{self._shape[1]}: it is of another scene"
                )
        return self._images[path]

    def close(self) -> None:
        """Release the files."""
        for image in self._images.values():
            image.close()
