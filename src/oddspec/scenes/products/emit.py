"""A small granule of EMIT: L2A reflectance, its mask, and the truth in both geometries."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oddspec.io.atomic import atomic_write
from oddspec.scenes.products.content import make_content
from oddspec.scenes.products.flight import turned_flight

_STEM = "EMIT_L2A_{}_001_20230614T120000_2316508_001"
_FILL, _BAD_VALUE = -9999.0, -0.01
_MASK_BANDS = (
    *("Cloud flag", "Cirrus flag", "Water flag", "Spacecraft Flag", "Dilated Cloud Flag"),
    *("AOD550", "H2O (g cm-2)", "Aggregate Flag"),
)
_PIXEL = 0.000542232520256367
"""Degrees, of the map."""
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
    flight = turned_flight(rows, columns, pixel=_PIXEL, corner=_CORNER)
    granule = folder / f"{_STEM.format('RFL')}.nc"
    with atomic_write(granule) as partial, h5py.File(partial, "w") as file:
        file.attrs.update(
            title="EMIT L2A Estimated Surface Reflectance 60 m V001",
            instrument="EMIT",
            time_coverage_start="2023-06-14T12:00:00+0000",
            geotransform=np.array(flight.place.transform.to_gdal()),
            spatial_ref=flight.wkt,
        )
        data = file.create_dataset("reflectance", data=cube, fillvalue=_FILL)
        data.attrs.update(units="unitless", _FillValue=np.float32(_FILL))
        bands = file.create_group("sensor_band_parameters")
        bands["wavelengths"] = wavelengths.astype(np.float32)
        bands["fwhm"] = np.full(285, 8.4, np.float32)
        bands["good_wavelengths"] = good.astype(np.uint8)
        location = file.create_group("location")
        location["lon"], location["lat"] = flight.x, flight.y
        location["elev"] = np.zeros((rows, columns))
        location["glt_x"], location["glt_y"] = flight.samples, flight.lines
    mask = folder / f"{_STEM.format('MASK')}.nc"
    with atomic_write(mask) as partial, h5py.File(partial, "w") as file:
        layers = np.zeros((rows, columns, len(_MASK_BANDS)), np.float32)
        layers[cloud, 0] = layers[cloud, 4] = layers[cloud, 7] = 1
        file.create_dataset("mask", data=layers, fillvalue=_FILL)
        file["sensor_band_parameters/mask_bands"] = np.array(_MASK_BANDS, dtype=h5py.string_dtype())
    return [
        granule,
        mask,
        *flight.write_truths(folder, content.truth, None),
    ]
