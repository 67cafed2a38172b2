"""Small GeoTIFFs whose values tell row, column and band."""

import warnings

import numpy as np
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

PLACE = {"crs": "EPSG:32633", "transform": Affine(30.0, 0, 500_000.0, 0, -30.0, 5_800_000.0)}
"""UTM, the outer corner of the first pixel at 500000, 5800000."""


def write_tiff(path, values, descriptions=(), tags=(), **profile):
    """Write values of rows, columns (and bands), with descriptions and tags of the bands."""
    values = np.asarray(values)
    bands = values.reshape(*values.shape[:2], -1).transpose(2, 0, 1)
    count, height, width = bands.shape
    kind = {"driver": "GTiff", "count": count, "height": height, "width": width}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", dtype=bands.dtype.name, **kind, **profile) as dataset:
            dataset.write(bands)
            for place, text in enumerate(descriptions, start=1):
                dataset.set_band_description(place, text)
            for place, items in enumerate(tags, start=1):
                dataset.update_tags(place, **items)
    return path


def coded(rows, columns, bands, dtype):
    """Values 1000 + 100 row + 10 column + band."""
    i, j, b = np.indices((rows, columns, bands))
    return (1000 + 100 * i + 10 * j + b).astype(dtype)
