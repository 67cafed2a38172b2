"""Small flight lines of AVIRIS: NG reflectance in sensor geometry, Classic radiance on a map."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oddspec.io.source import Georeference
from oddspec.scenes.products.content import make_content, write_truth_image
from oddspec.scenes.products.envi_files import write_envi_product
from oddspec.scenes.products.flight import turned_flight

_NG, _CLASSIC = "ang20230614t100000", "f230614t01p00r05"
_PIXEL, _CORNER, _EPSG = 5.0, (325_000.0, 3_900_000.0), 32611
_FILL = -9999.0
_CLASSIC_FILL = -50
_BEGINS = (366.0, 654.0, 1253.0, 1862.0)
_ENDS = (677.0, 1273.0, 1880.0, 2496.0)
_COUNTS = (32, 64, 64, 64)
"""Bands of the four spectrometers of the Classic one, which overlap."""
_GAINS = (300.0, 600.0, 1200.0)


def write_aviris_ng(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write reflectance, its lookup table and the places of its pixels; the first is the image."""
    wavelengths = np.linspace(376.86, 2500.12, 425)
    content = make_content(wavelengths, rows=rows, columns=columns, seed=seed)
    flight = turned_flight(rows, columns, pixel=_PIXEL, corner=_CORNER, epsg=_EPSG)
    bad = (wavelengths > 1340) & (wavelengths < 1430) | (wavelengths > 1790) & (wavelengths < 1960)
    image = write_envi_product(
        folder / f"{_NG}_rfl_v2",
        content.cube,
        wavelengths=wavelengths,
        bad_bands=bad,
        nodata=_FILL,
        description="AVIRIS-NG L2 surface reflectance",
    )
    table = np.stack([flight.samples, flight.lines], axis=2)
    # As where a neighbour fills in.
    table[table.shape[0] // 2, :, :] *= -1
    places = np.stack([flight.x, flight.y, np.zeros_like(flight.x)], axis=2)
    beside = write_envi_product(
        folder / f"{_NG}_ort_glt", table.astype(np.int32), georeference=flight.place
    )
    names = {"band names": "{Easting (m), Northing (m), Elevation (m)}"}
    zone = "Input geometry, UTM zone 11 North"
    beside += write_envi_product(folder / f"{_NG}_ort_igm", places, names, description=zone)
    on_map = flight.to_map(content.truth)
    return [
        *image,
        *beside,
        write_truth_image(folder / "truth_sensor.tif", content.truth, None),
        write_truth_image(folder / "truth_map.tif", on_map, flight.place),
    ]


def write_aviris_classic(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write radiance as big-endian whole numbers on a turned map, and its gains."""
    from affine import Affine
    from rasterio.crs import CRS

    wavelengths = np.concatenate(
        [np.linspace(*ends) for ends in zip(_BEGINS, _ENDS, _COUNTS, strict=True)]
    )
    content = make_content(wavelengths, rows=rows, columns=columns, quantity="radiance", seed=seed)
    gains = np.repeat(_GAINS, (110, 50, 64))
    # Radiance here is in mW / (m2 sr nm), ten times that of uW / (cm2 sr nm).
    numbers = np.rint(content.cube / 10 * gains).astype(">i2")
    outside = np.zeros((rows, columns), dtype=bool)
    outside[:, : columns // 10] = True
    numbers[outside] = _CLASSIC_FILL
    turned = Affine(*Affine.rotation(-12.0)[:6]) @ Affine.scale(_PIXEL, -_PIXEL)
    place = Georeference(CRS.from_epsg(_EPSG), Affine.translation(*_CORNER) @ turned)
    stem = f"{_CLASSIC}rdn_e"
    image = write_envi_product(
        folder / f"{stem}_sc01_ort_img",
        numbers,
        wavelengths=wavelengths,
        georeference=place,
        interleave="bip",
        description="AVIRIS calibrated radiance",
    )
    sidecar = folder / f"{stem}.gain"
    lines = [f"{gain:10.2f}{band:10d}\n" for band, gain in enumerate(gains, start=1)]
    sidecar.write_text("".join(lines), encoding="ascii")
    truth = np.where(outside, 255, content.truth)
    return [*image, sidecar, write_truth_image(folder / "truth_map.tif", truth, place)]
