"""A small tile of NEON: reflectance on a map."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oddspec.io.atomic import atomic_write
from oddspec.io.source import Georeference
from oddspec.scenes.products.content import make_content, write_truth_image

_SITE = "SJER"
_CORNER = (256_000.0, 4_113_000.0)
"""Outer one of the upper left pixel; pixels are 1 m wide."""


def write_neon(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write the tile and its truth; the first path is the tile."""
    import h5py
    from affine import Affine
    from rasterio.crs import CRS

    wavelengths = 383.9 + 5.007 * np.arange(426)
    content = make_content(wavelengths, rows=rows, columns=columns, seed=seed)
    stored = np.rint(np.clip(content.cube, -1, 3) * 10_000).astype(np.int16)
    stored[0] = -9999
    path = folder / f"NEON_D17_{_SITE}_DP3_256000_4113000_reflectance.h5"
    place = Georeference(CRS.from_epsg(32611), Affine(1, 0, _CORNER[0], 0, -1, _CORNER[1]))
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        group = file.create_group(f"{_SITE}/Reflectance")
        group.attrs["Band_Window_1_Nanometers"] = np.array([1340, 1445], np.float32)
        group.attrs["Band_Window_2_Nanometers"] = np.array([1790, 1955], np.float32)
        cube = group.create_dataset("Reflectance_Data", data=stored)
        left, top = _CORNER
        cube.attrs.update(
            Scale_Factor=np.float32(10_000),
            Data_Ignore_Value=np.float32(-9999),
            Spatial_Extent_meters=np.array([left, left + columns, top - rows, top]),
        )
        bands = group.create_group("Metadata/Spectral_Data")
        bands["Wavelength"] = wavelengths.astype(np.float32)
        bands["FWHM"] = np.full(426, 5.8, np.float32)
        system = group.create_group("Metadata/Coordinate_System")
        info = f"UTM, 1.000, 1.000, {left}, {top}, 1.0, 1.0, 11, North, WGS-84, units=Meters, 0"
        system["Map_Info"] = np.bytes_(info)
        system["EPSG Code"] = np.bytes_("32611")
        classes = np.full((rows, columns), 5, np.uint8)
        classes[0] = 0
        group["Metadata/Ancillary_Imagery/Haze_Cloud_Water_Map"] = classes
    on_map = content.truth.astype(np.uint8)
    on_map[0] = 255
    return [path, write_truth_image(folder / "truth_map.tif", on_map, place)]
