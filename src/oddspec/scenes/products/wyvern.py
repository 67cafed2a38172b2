"""A small product of Wyvern: L1B radiance on a map, its STAC item, data mask and truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from oddspec.io.atomic import write_text
from oddspec.scenes.products.content import write_geotiff
from oddspec.scenes.products.gridded import make_gridded

_NAME = "wyvern_dragonette-003_20241229T165203_12324bcb"
_WAVELENGTHS = (
    *(445, 465, 480, 490, 503, 510, 520, 535, 550, 570, 585, 600, 615, 635, 650, 660),
    *(670, 680, 690, 700, 712, 722, 735, 750, 765, 782, 800, 815, 832, 850, 870),
)
_NODATA = -9999.0


def write_wyvern(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write the product and its truth; the first path is that of the STAC item."""
    wavelengths = np.array(_WAVELENGTHS, dtype=np.float64)
    scene = make_gridded(wavelengths, rows=rows, columns=columns, seed=seed, quantity="radiance")
    scene.cube[scene.outside] = _NODATA
    names = [f"Band_{nm}" for nm in _WAVELENGTHS]
    bands = [
        {
            "name": name,
            "center_wavelength": nm / 1000,
            "full_width_half_max": 0.035 * nm / 1000,
            "solar_illumination": 1500.0,
        }
        for name, nm in zip(names, _WAVELENGTHS, strict=True)
    ]
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": _NAME,
        "properties": {
            "datetime": "2024-12-29T16:52:03Z",
            "platform": "dragonette-003",
            "processing:facility": "wyvern",
            "processing:level": "L1B",
        },
        "assets": {
            "Cloud optimized GeoTiff": {
                "href": f"https://example.com/{_NAME}.tiff",
                "eo:bands": bands,
                "raster:bands": [{"nodata": _NODATA, "data_type": "float32"} for _ in bands],
            },
            "Data Mask": {"href": f"https://example.com/{_NAME}_data_mask.tiff"},
        },
    }
    none = np.zeros(scene.cloud.shape, dtype=bool)
    mask = np.stack([~scene.cloud, scene.cloud, none, none], axis=2).astype(np.uint8)
    mask[scene.outside] = 255
    return [
        write_text(folder / f"{_NAME}.json", json.dumps(item, indent=1)),
        write_geotiff(
            folder / f"{_NAME}.tiff", scene.cube, scene.place, nodata=_NODATA, descriptions=names
        ),
        write_geotiff(folder / f"{_NAME}_data_mask.tiff", mask, scene.place, nodata=255),
        scene.write_truth(folder),
    ]
