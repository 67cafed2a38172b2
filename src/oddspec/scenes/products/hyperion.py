"""A small product of Hyperion: L1T radiance, an image for each band, its metadata and its truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oddspec.io.atomic import write_text
from oddspec.scenes.products.content import write_geotiff
from oddspec.scenes.products.gridded import make_gridded, stored_numbers

_NAME = "EO1H0440342016184110KF"
_VNIR, _SWIR = np.linspace(356.37, 1058.05, 70), np.linspace(852.00, 2577.10, 172)
_FACTORS = {"VNIR": 40.0, "SWIR": 80.0}
_CALIBRATED = (*range(8, 58), *range(77, 225))


def write_hyperion(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write an image for each band, metadata and truth; the first path is that of the metadata.

    Bands that are not calibrated are 0 throughout, as is what lies outside of the strip.
    """
    wavelengths = np.concatenate([_VNIR, _SWIR])
    scene = make_gridded(wavelengths, rows=rows, columns=columns, seed=seed, quantity="radiance")
    factors = np.repeat(list(_FACTORS.values()), [len(_VNIR), len(_SWIR)])
    numbers = stored_numbers(scene.cube, 1 / factors, np.zeros(len(factors)), np.int16)
    numbers[scene.outside] = 0
    numbers[:, :, np.isin(np.arange(1, 243), _CALIBRATED, invert=True)] = 0
    images = [f"{_NAME}_B{band:03d}_L1T.TIF" for band in range(1, 243)]
    names = "".join(
        f'    BAND{band}_FILE_NAME = "{name}"\n' for band, name in enumerate(images, start=1)
    )
    transform = scene.place.transform
    right, bottom = transform @ (columns - 0.5, rows - 0.5)
    left, top = transform @ (0.5, 0.5)
    text = f"""GROUP = L1_METADATA_FILE
  GROUP = PRODUCT_METADATA
    PRODUCT_TYPE = "L1T"
    SPACECRAFT_ID = "EO1"
    SENSOR_ID = "HYPERION"
    ACQUISITION_DATE = 2016-07-02
    START_TIME = "2016 184 10:05:01"
    PRODUCT_UL_CORNER_MAPX = {left:.3f}
    PRODUCT_UL_CORNER_MAPY = {top:.3f}
    PRODUCT_LR_CORNER_MAPX = {right:.3f}
    PRODUCT_LR_CORNER_MAPY = {bottom:.3f}
    PRODUCT_SAMPLES = {columns}
    PRODUCT_LINES = {rows}
{names}  END_GROUP = PRODUCT_METADATA
  GROUP = RADIANCE_SCALING
    SCALING_FACTOR_VNIR = {_FACTORS["VNIR"]:.1f}
    SCALING_FACTOR_SWIR = {_FACTORS["SWIR"]:.1f}
  END_GROUP = RADIANCE_SCALING
  GROUP = PROJECTION_PARAMETERS
    REFERENCE_DATUM = "WGS84"
    REFERENCE_ELLIPSOID = "WGS84"
    GRID_CELL_SIZE = 30.000
    MAP_PROJECTION = "UTM"
  END_GROUP = PROJECTION_PARAMETERS
  GROUP = UTM_PARAMETERS
    ZONE_NUMBER = 33
  END_GROUP = UTM_PARAMETERS
END_GROUP = L1_METADATA_FILE
END
"""
    return [
        write_text(folder / f"{_NAME}_MTL_L1T.TXT", text),
        *(
            write_geotiff(folder / name, numbers[:, :, band], scene.place)
            for band, name in enumerate(images)
        ),
        scene.write_truth(folder),
    ]
