"""A small scene of PRISMA: L2D reflectance on a map, or L1 radiance in sensor geometry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from oddspec.io.atomic import atomic_write
from oddspec.io.source import Georeference
from oddspec.scenes.products.content import make_content, write_truth_image
from oddspec.scenes.products.flight import turned_flight

_NAME = "PRS_{}_STD_20230614101500_20230614101504_0001.he5"
_PIXEL = 30.0
_CENTRE = (600_015.0, 5_029_985.0)
"""Easting and northing of the centre of the upper left pixel."""


def write_prisma_l2d(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write a scene of L2D, padded at the left, and its truth; the first path is the scene."""
    from affine import Affine
    from rasterio.crs import CRS

    padded = np.zeros((rows, columns), dtype=bool)
    padded[:, : columns // 10] = True
    path = folder / _NAME.format("L2D")
    truth = _write(path, "L2D", rows=rows, columns=columns, seed=seed, padded=padded)
    left, top = _CENTRE[0] - _PIXEL / 2, _CENTRE[1] + _PIXEL / 2
    place = Georeference(CRS.from_epsg(32632), Affine(_PIXEL, 0, left, 0, -_PIXEL, top))
    on_map = np.where(padded, 255, truth)
    return [path, write_truth_image(folder / "truth_map.tif", on_map, place)]


def write_prisma_l1(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write a scene of L1 and its truths; the first path is the scene."""
    path = folder / _NAME.format("L1")
    padded = np.zeros((rows, columns), dtype=bool)
    truth = _write(path, "L1", rows=rows, columns=columns, seed=seed, padded=padded)
    flight = turned_flight(rows, columns, pixel=0.0003, corner=(10.0, 45.5))
    return [
        path,
        *flight.write_truths(folder, truth, np.float64),
    ]


def _write(
    path: Path, level: str, *, rows: int, columns: int, seed: int, padded: np.ndarray
) -> np.ndarray:
    """Write the file; its truth."""
    import h5py

    radiance = level == "L1"
    # Descending, as in the product, and overlapping from 943 to 977 nm; 0 was not acquired.
    parts = {
        "Vnir": np.append(np.linspace(977.3, 406.9, 63), [0.0] * 3),
        "Swir": np.append(np.linspace(2497.1, 943.4, 171), [0.0] * 2),
    }
    content = make_content(
        np.concatenate(list(parts.values())),
        rows=rows,
        columns=columns,
        quantity="radiance" if radiance else "reflectance",
        seed=seed,
    )
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        file.attrs.update(_facts(level, rows, columns, parts))
        swath = file.create_group(f"HDFEOS/SWATHS/PRS_{level}_HCO")
        fields = swath.create_group("Data Fields")
        start = 0
        for part, wavelengths in parts.items():
            bands = slice(start, start + len(wavelengths))
            start = bands.stop
            scale = 100.0 if radiance else 65535.0
            values = np.clip(np.rint(content.cube[:, :, bands] * scale), 1, 65535)
            values[:, :, wavelengths == 0] = 0
            values[padded] = 0
            stored = values.astype(np.uint16).transpose(0, 2, 1)
            fields.create_dataset(f"{part.upper()}_Cube", data=stored)
            matrix = "SAT_ERR" if radiance else "L2_ERR"
            errors = np.zeros(stored.shape, np.uint8)
            fields.create_dataset(f"{part.upper()}_PIXEL_{matrix}_MATRIX", data=errors)
        places = swath.create_group("Geolocation Fields")
        if radiance:
            flight = turned_flight(rows, columns, pixel=0.0003, corner=(10.0, 45.5))
            for part in ("VNIR", "SWIR"):
                places[f"Longitude_{part}"], places[f"Latitude_{part}"] = flight.x, flight.y
            cloud = np.zeros((rows, columns), np.uint8)
            cloud[: rows // 6, : columns // 6] = 1
            fields["Cloud_Mask"] = cloud
            fields["SunGlint_Mask"] = np.zeros_like(cloud)
            fields["LandCover_Mask"] = np.full_like(cloud, 2)
        else:
            longitudes, latitudes = _degrees(rows, columns)
            places["Longitude"], places["Latitude"] = longitudes, latitudes
            angles = np.where(padded, 0, 31.5).astype(np.float32)
            swath.create_dataset("Geometric Fields/Solar_Zenith_Angle", data=angles)
    return content.truth


def _facts(level: str, rows: int, columns: int, parts: dict[str, np.ndarray]) -> dict[str, Any]:
    """The attributes of the file."""
    facts: dict[str, Any] = {
        "Processing_Level": np.bytes_(level.removeprefix("L")),
        "Product_Name": np.bytes_(_NAME.format(level)),
        "Product_StartTime": np.bytes_("2023-06-14T10:15:00.000"),
    }
    for part, wavelengths in parts.items():
        facts[f"List_Cw_{part}"] = wavelengths.astype(np.float32)
        facts[f"List_Fwhm_{part}"] = np.where(wavelengths > 0, 11.0, 0).astype(np.float32)
        facts[f"List_Cw_{part}_Flags"] = (wavelengths > 0).astype(np.uint8)
        if level == "L1":
            facts |= {f"ScaleFactor_{part}": np.float32(100), f"Offset_{part}": np.float32(0)}
        else:
            facts |= {f"L2Scale{part}Min": np.float32(0), f"L2Scale{part}Max": np.float32(1)}
    if level == "L2D":
        right = _CENTRE[0] + (columns - 1) * _PIXEL
        bottom = _CENTRE[1] - (rows - 1) * _PIXEL
        facts |= {
            "Epsg_Code": np.uint32(32632),
            "Product_ULcorner_easting": _CENTRE[0],
            "Product_ULcorner_northing": _CENTRE[1],
            "Product_LRcorner_easting": right,
            "Product_LRcorner_northing": bottom,
        }
    return facts


def _degrees(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes of the pixels of the map."""
    from rasterio.warp import transform

    x, y = np.meshgrid(
        _CENTRE[0] + _PIXEL * np.arange(columns), _CENTRE[1] - _PIXEL * np.arange(rows)
    )
    found = transform("EPSG:32632", "EPSG:4326", x.ravel(), y.ravel())
    longitudes, latitudes = (np.reshape(values, x.shape) for values in found)
    return longitudes, latitudes
