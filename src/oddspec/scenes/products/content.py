"""What made products show: a small landscape in the bands of the sensor, with implanted targets."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.execution.executors import one_blas_thread
from oddspec.io.atomic import atomic_write
from oddspec.io.source import Georeference
from oddspec.scenes.mixing import Renderer
from oddspec.scenes.recipe import Recipe
from oddspec.scenes.sidecars import truth_rows

_BANDS = 300
"""Bands that the landscape is computed in at least, before it is brought to those of the sensor."""


@dataclass(frozen=True)
class Content:
    """A scene in the bands of a sensor.

    Attributes
    ----------
    cube
        Values ``(h, w, b)``, float32: reflectance from 0 to 1, or radiance in mW / (m2 sr nm).
    truth
        Target pixels ``(h, w)``, bool.
    """

    cube: np.ndarray
    truth: np.ndarray


def make_content(
    wavelengths: np.ndarray,
    *,
    rows: int,
    columns: int,
    quantity: str = "reflectance",
    seed: int = 0,
    targets: int = 6,
) -> Content:
    """Compute a landscape with targets in the bands of a sensor.

    Parameters
    ----------
    wavelengths
        Nanometres of the bands, in any order; beyond 350 to 2500 the nearest value is taken.
    rows, columns
        Size.
    quantity
        ``reflectance`` or ``radiance``.
    seed
        Contents of the same settings and seed are equal.
    targets
        How many to implant, if there is room for so many: each takes 8 x 8 pixels.
    """
    scales = {"reflectance": 1e-4, "radiance": 1 / 50}
    # No fewer than the sensor has: between fewer the noise would not be of full rank.
    bands = max(_BANDS, len(wavelengths))
    recipe = Recipe(
        rows=rows,
        columns=columns,
        bands=bands,
        seed=seed,
        dtype="float32",
        quantity=quantity,
        wavelength_range=(350.0, 2500.0),
        targets=min(targets, (rows // 8) * (columns // 8)),
    )
    with one_blas_thread():
        lines = Renderer(recipe).rows(0, rows)
    own = recipe.wavelengths
    place = np.clip(np.interp(wavelengths, own, np.arange(bands)), 0, bands - 1)
    low = np.minimum(place.astype(np.intp), bands - 2)
    part = (place - low).astype(np.float32)
    cube = lines[:, :, low] * (1 - part) + lines[:, :, low + 1] * part
    return Content(
        np.ascontiguousarray(cube * np.float32(scales[quantity])),
        truth_rows(recipe, 0, rows).astype(bool),
    )


def write_truth_image(path: Path, truth: np.ndarray, georeference: Georeference | None) -> Path:
    """A truth as GeoTIFF: 1 on targets, 0 elsewhere, 255 where the map has no pixel."""
    return write_geotiff(path, truth.astype(np.uint8), georeference, nodata=255)


def write_geotiff(
    path: Path,
    image: np.ndarray,
    georeference: Georeference | None = None,
    *,
    nodata: float | None = None,
    descriptions: Sequence[str] = (),
) -> Path:
    """Write an image of rows, columns (and bands, with their descriptions)."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    bands = image.reshape(*image.shape[:2], -1).transpose(2, 0, 1)
    profile: dict[str, Any] = {
        "driver": "GTiff", "height": image.shape[0], "width": image.shape[1], "count": len(bands),
        "dtype": image.dtype.name, "compress": "deflate", "nodata": nodata,
    }  # fmt: skip
    if georeference is not None:
        profile |= {"crs": georeference.crs, "transform": georeference.transform}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with atomic_write(path) as partial, rasterio.open(partial, "w", **profile) as dataset:
            dataset.write(bands)
            for band, text in enumerate(descriptions, start=1):
                dataset.set_band_description(band, text)
    return path
