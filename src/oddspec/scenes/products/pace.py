"""A small granule of PACE OCI: L1B reflectance at the top of the atmosphere."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oddspec.io.atomic import atomic_write
from oddspec.scenes.products.content import make_content
from oddspec.scenes.products.flight import turned_flight

_FILL = np.float32(-32767)
_SWIR = (939.716, 1038.317, 1250.375, 1248.550, 1378.169, 1619.626, 1618.036, 2130.593, 2258.432)
_WIDTHS = (45, 80, 30, 30, 15, 75, 75, 50, 75)


def write_pace(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write the granule and its truths; the first path is the granule."""
    import h5py

    parts = {
        "blue": np.linspace(314.6, 605.6, 119),
        "red": np.linspace(599.9, 894.6, 163),
        "SWIR": np.array(_SWIR),
    }
    content = make_content(
        np.concatenate(list(parts.values())), rows=rows, columns=columns, seed=seed
    )
    flight = turned_flight(rows, columns, pixel=0.011, corner=(-80.0, 35.0))
    path = folder / "PACE_OCI.20240614T173000.L1B.V3.nc"
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        file.attrs.update(
            title="PACE OCI Level-1B Data",
            instrument="OCI",
            product_name=path.name,
            time_coverage_start="2024-06-14T17:30:00.000Z",
        )
        start = 0
        for part, wavelengths in parts.items():
            values = content.cube[:, :, start : start + len(wavelengths)].transpose(2, 0, 1)
            start += len(wavelengths)
            cube = file.create_dataset(f"observation_data/rhot_{part}", data=values)
            cube.attrs["_FillValue"] = _FILL
            quality = np.zeros(values.shape, np.uint8)
            flags = file.create_dataset(f"observation_data/qual_{part}", data=quality)
            flags.attrs["flag_meanings"] = "saturation"
            file[f"sensor_band_parameters/{part}_wavelength"] = wavelengths.astype(np.float32)
        file["sensor_band_parameters/SWIR_bandpass"] = np.array(_WIDTHS, np.float32)
        places = file.create_group("geolocation_data")
        for name, degrees in (("longitude", flight.x), ("latitude", flight.y)):
            places[name] = degrees.astype(np.float32)
            places[name].attrs["_FillValue"] = _FILL
    return [
        path,
        *flight.write_truths(folder, content.truth, np.float32),
    ]
