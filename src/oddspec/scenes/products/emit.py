"""A small granule of EMIT: L2A reflectance, its mask, and the truth in both geometries."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oddspec.io.atomic import atomic_write
from oddspec.io.source import Georeference
from oddspec.scenes.products.content import make_content, write_truth_image

_STEM = "EMIT_L2A_{}_001_20230614T120000_2316508_001"
_FILL, _BAD_VALUE = -9999.0, -0.01
_MASK_BANDS = (
    *("Cloud flag", "Cirrus flag", "Water flag", "Spacecraft Flag", "Dilated Cloud Flag"),
    *("AOD550", "H2O (g cm-2)", "Aggregate Flag"),
)
_PIXEL = 0.000542232520256367
"""Degrees, of the map."""
_TURN = np.radians(12.0)
"""Of the flight direction against the map."""
_CORNER = (-106.0, 35.0)


def write_emit(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write the granule, its mask and its truths; the first path is that of the granule."""
    import h5py

    wavelengths = 381.0 + 7.41 * np.arange(285)
    content = make_content(wavelengths, rows=rows, columns=columns, seed=seed)
    cube = content.cube
    good = ~((wavelengths > 1325) & (wavelengths < 1435))
    good &= ~((wavelengths > 1770) & (wavelengths < 1962))
    cube[:, :, ~good] = _BAD_VALUE
    cloud = np.zeros((rows, columns), dtype=bool)
    cloud[: rows // 5, : columns // 4] = True
    cube[cloud] += 0.4
    place, glt_x, glt_y, longitudes, latitudes = _geometry(rows, columns)
    granule = folder / f"{_STEM.format('RFL')}.nc"
    with atomic_write(granule) as partial, h5py.File(partial, "w") as file:
        file.attrs.update(
            title="EMIT L2A Estimated Surface Reflectance 60 m V001",
            instrument="EMIT",
            time_coverage_start="2023-06-14T12:00:00+0000",
            geotransform=np.array(place.transform.to_gdal()),
            spatial_ref=place.crs.to_wkt() if place.crs else "",
        )
        data = file.create_dataset("reflectance", data=cube, fillvalue=_FILL)
        data.attrs.update(units="unitless", _FillValue=np.float32(_FILL))
        bands = file.create_group("sensor_band_parameters")
        bands["wavelengths"] = wavelengths.astype(np.float32)
        bands["fwhm"] = np.full(285, 8.4, np.float32)
        bands["good_wavelengths"] = good.astype(np.uint8)
        location = file.create_group("location")
        location["lon"], location["lat"] = longitudes, latitudes
        location["elev"] = np.zeros((rows, columns))
        location["glt_x"], location["glt_y"] = glt_x, glt_y
    mask = folder / f"{_STEM.format('MASK')}.nc"
    with atomic_write(mask) as partial, h5py.File(partial, "w") as file:
        layers = np.zeros((rows, columns, len(_MASK_BANDS)), np.float32)
        layers[cloud, 0] = layers[cloud, 4] = layers[cloud, 7] = 1
        file.create_dataset("mask", data=layers, fillvalue=_FILL)
        file["sensor_band_parameters/mask_bands"] = np.array(_MASK_BANDS, dtype=h5py.string_dtype())
    on_map = np.where(glt_x > 0, content.truth[glt_y - 1, glt_x - 1], 255)
    return [
        granule,
        mask,
        write_truth_image(folder / "truth_sensor.tif", content.truth, None),
        write_truth_image(folder / "truth_map.tif", on_map, place),
    ]


def _geometry(
    rows: int, columns: int
) -> tuple[Georeference, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The map, its lookup table (from 1, void 0), and where the sensor's pixels lie."""
    from affine import Affine
    from rasterio.crs import CRS

    cos, sin = np.cos(_TURN), np.sin(_TURN)
    i, j = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    # Right and down on the map, in its pixels, of the centres of the sensor's pixels.
    right, down = cos * j + sin * i, -sin * j + cos * i
    right, down = right - right.min() + 1, down - down.min() + 1
    height, width = int(np.ceil(down.max())) + 1, int(np.ceil(right.max())) + 1
    transform = Affine(_PIXEL, 0.0, _CORNER[0], 0.0, -_PIXEL, _CORNER[1])
    y, x = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
    from scipy.spatial import cKDTree

    distance, nearest = cKDTree(np.column_stack([right.ravel(), down.ravel()])).query(
        np.column_stack([x.ravel(), y.ravel()]), distance_upper_bound=0.75
    )
    found = np.isfinite(distance).reshape(height, width)
    at = np.where(found.ravel(), nearest, 0)
    glt_y = np.where(found, (at // columns + 1).reshape(height, width), 0).astype(np.int32)
    glt_x = np.where(found, (at % columns + 1).reshape(height, width), 0).astype(np.int32)
    place = Georeference(CRS.from_epsg(4326), transform)
    return place, glt_x, glt_y, _CORNER[0] + _PIXEL * right, _CORNER[1] - _PIXEL * down
