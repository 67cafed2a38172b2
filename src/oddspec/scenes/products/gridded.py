"""Made products on a map: the landscape in a strip that lies askew, its place and its clouds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.io.source import Georeference
from oddspec.scenes.products.content import make_content, write_truth_image


@dataclass(frozen=True)
class GriddedContent:
    """A scene on a map.

    Attributes
    ----------
    cube
        Values ``(h, w, b)``, float32.
    truth
        1 on targets, 0 elsewhere, 255 outside of what was measured ``(h, w)``.
    outside, cloud
        Pixels that were not measured, and those under clouds ``(h, w)``, bool.
    place
        The georeference: UTM, pixels of 30 m.
    """

    cube: np.ndarray
    truth: np.ndarray
    outside: np.ndarray
    cloud: np.ndarray
    place: Georeference

    def write_truth(self, folder: Path) -> Path:
        """Write the truth as an image of the map."""
        return write_truth_image(folder / "truth_map.tif", self.truth, self.place)


def make_gridded(wavelengths: np.ndarray, **settings: Any) -> GriddedContent:
    """Compute a landscape under a cloud, seen in a strip that lies askew on the map.

    Parameters
    ----------
    wavelengths, **settings
        As for `oddspec.scenes.products.content.make_content`.
    """
    from affine import Affine
    from rasterio.crs import CRS

    content = make_content(wavelengths, **settings)
    rows, columns, _ = content.cube.shape
    i, j = np.indices((rows, columns))
    # Along the left edge at the top, along the right one at the bottom.
    edge = columns / 20
    outside = (j < edge * (1 - i / rows)) | (j > columns - 1 - edge * i / rows)
    cloud = (i < rows // 5) & (j < columns // 4) & ~outside
    content.cube[cloud] += 0.4 * content.cube.max()
    return GriddedContent(
        content.cube,
        np.where(outside, np.uint8(255), content.truth.astype(np.uint8)),
        outside,
        cloud,
        Georeference(CRS.from_epsg(32633), Affine(30.0, 0.0, 500_000.0, 0.0, -30.0, 5_800_000.0)),
    )


def stored_numbers(
    values: np.ndarray, gains: np.ndarray, offsets: np.ndarray, dtype: Any
) -> np.ndarray:
    """Integers ``(h, w, b)``, none a fill value, from which gains and offsets make these values."""
    numbers = np.rint((values - offsets) / gains)
    return np.clip(numbers, 1, np.iinfo(dtype).max).astype(dtype)
