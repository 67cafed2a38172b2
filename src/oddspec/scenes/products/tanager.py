"""A small scene of Tanager: surface reflectance on a map (ortho), or radiance (basic)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from oddspec.io.atomic import atomic_write
from oddspec.io.source import Georeference
from oddspec.scenes.products.content import Content, make_content, write_truth_image
from oddspec.scenes.products.flight import turned_flight

_BANDS = 426
_FILL = np.float32(-9999)
_PIXEL = 30.0
_CORNER = (500_010.0, 4_100_010.0)
"""Outer one of the upper left pixel."""
_STRIP = "20250305_181530_12_4001"


def write_tanager_ortho(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write an ortho scene of reflectance and its truth; the first path is the scene."""
    import h5py
    from affine import Affine
    from rasterio.crs import CRS

    content, wavelengths = _content(rows, columns, seed, "reflectance")
    good = ~((wavelengths > 1342) & (wavelengths < 1445))
    good &= ~((wavelengths > 1790) & (wavelengths < 1967))
    content.cube[:, :, ~good] = -0.01
    outside = np.zeros((rows, columns), dtype=bool)
    outside[:, : columns // 10] = True
    content.cube[outside] = _FILL
    path = folder / f"{_STRIP}_ortho_sr_hdf5.h5"
    right, bottom = _CORNER[0] + columns * _PIXEL, _CORNER[1] - rows * _PIXEL
    text = (
        'GROUP=GridStructure\n\tGROUP=GRID_1\n\t\tGridName="HYP"\n'
        f"\t\tXDim={columns}\n\t\tYDim={rows}\n"
        f"\t\tUpperLeftPointMtrs=({_CORNER[0]:.6f},{_CORNER[1]:.6f})\n"
        f"\t\tLowerRightMtrs=({right:.6f},{bottom:.6f})\n"
        "\t\tProjection=HE5_GCTP_UTM\n\t\tGridOrigin=HE5_HDFE_GD_UL\n"
        "\tEND_GROUP=GRID_1\nEND_GROUP=GridStructure\nEND\n"
    )
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        group = file.create_group("HDFEOS/GRIDS/HYP")
        group.attrs.update(epsg_code=32611, strip_id=_STRIP)
        file["HDFEOS INFORMATION/StructMetadata.0"] = np.bytes_(text)
        cube = _fields(group, "surface_reflectance", content.cube, wavelengths, outside)
        cube.attrs.update(Unit="", good_wavelengths=good.astype(np.uint8))
    place = Georeference(
        CRS.from_epsg(32611), Affine(_PIXEL, 0, _CORNER[0], 0, -_PIXEL, _CORNER[1])
    )
    on_map = np.where(outside, 255, content.truth)
    return [path, write_truth_image(folder / "truth_map.tif", on_map, place)]


def write_tanager_basic(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write a basic scene of radiance and its truths; the first path is the scene."""
    import h5py

    content, wavelengths = _content(rows, columns, seed, "radiance")
    flight = turned_flight(rows, columns, pixel=0.0003, corner=(-118.0, 37.0))
    path = folder / f"{_STRIP}_basic_radiance_hdf5.h5"
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        group = file.create_group("HDFEOS/SWATHS/HYP")
        group.attrs["strip_id"] = _STRIP
        outside = np.zeros((rows, columns), dtype=bool)
        cube = _fields(group, "toa_radiance", content.cube, wavelengths, outside)
        cube.attrs["Unit"] = "W/(m2 sr um)"
        group["Geolocation Fields/Longitude"] = flight.x
        group["Geolocation Fields/Latitude"] = flight.y
    return [
        path,
        *flight.write_truths(folder, content.truth, np.float64),
    ]


def _content(rows: int, columns: int, seed: int, quantity: str) -> tuple[Content, np.ndarray]:
    wavelengths = np.linspace(376.4, 2499.1, _BANDS)
    content = make_content(wavelengths, rows=rows, columns=columns, quantity=quantity, seed=seed)
    return content, wavelengths


def _fields(
    group: Any, name: str, values: np.ndarray, wavelengths: np.ndarray, outside: np.ndarray
) -> Any:
    """Write cube and masks; the dataset of the cube."""
    rows, columns, bands = values.shape
    fields = group.create_group("Data Fields")
    cube = fields.create_dataset(
        name,
        data=values.transpose(2, 0, 1),
        chunks=(min(14, bands), min(42, rows), min(49, columns)),
        compression="gzip",
    )
    cube.attrs.update(_FillValue=_FILL, wavelengths=wavelengths, fwhm=np.full(bands, 5.5))
    cloud = np.zeros((rows, columns), np.uint8)
    cloud[: rows // 6, -columns // 6 :] = 1
    for mask, data in (
        ("nodata_pixels", outside.astype(np.uint8)),
        ("beta_cloud_mask", cloud),
        ("beta_cirrus_mask", np.zeros_like(cloud)),
    ):
        fields.create_dataset(mask, data=data).attrs["_FillValue"] = np.uint8(255)
    return cube
