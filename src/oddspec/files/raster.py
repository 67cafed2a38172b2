"""Opening files with GDAL: one named driver, no guessing, no noise."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from oddspec.errors import InputError

__all__ = ["open_raster"]


def open_raster(path: Path, driver: str) -> Any:
    """A rasterio dataset of exactly that driver.

    Raises
    ------
    InputError
        If GDAL cannot open it so.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return rasterio.open(path.absolute(), driver=driver, sharing=False)
    except RasterioError as error:
        text = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: cannot be opened as {driver} ({text})") from error
