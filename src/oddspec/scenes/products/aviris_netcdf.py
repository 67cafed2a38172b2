"""A small line of AVIRIS-5: L1B radiance in sensor geometry, with its lookup table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oddspec.io.atomic import atomic_write
from oddspec.scenes.products.content import make_content
from oddspec.scenes.products.flight import turned_flight

_STEM = "AV520250701t180000_000_L1B_RDN_0123abcd"
_FILL = np.float32(-9999)


def write_aviris_5(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write the line and its truths; the first path is the line."""
    import h5py

    wavelengths = np.linspace(378.0, 2500.0, 424)
    content = make_content(wavelengths, rows=rows, columns=columns, quantity="radiance", seed=seed)
    flight = turned_flight(rows, columns, pixel=5.0, corner=(500_010.0, 4_100_010.0), epsg=32611)
    path = folder / f"{_STEM}_RDN.nc"
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        file.attrs.update(
            title="AVIRIS-5 L1B Calibrated Radiance", time_coverage_start="2025-07-01T18:00:00Z"
        )
        # A tenth of the values of W/m2/sr/um are those in uW/cm2/sr/nm.
        cube = file.create_dataset("radiance/radiance", data=content.cube.transpose(2, 0, 1) / 10)
        cube.attrs.update(_FillValue=_FILL, units="uW nm-1 cm-2 sr-1")
        for name, values in (("wavelength", wavelengths), ("fwhm", np.full(424, 5.5))):
            file[f"radiance/{name}"] = values.astype(np.float32)
            file[f"radiance/{name}"].attrs["units"] = "nanometers"
        table = file.create_group("geolocation_lookup_table")
        table["sample"], table["line"] = flight.samples, flight.lines
        mapping = file.create_dataset("transverse_mercator", data=np.bytes_(""))
        numbers = " ".join(map(repr, flight.place.transform.to_gdal()))
        mapping.attrs.update(crs_wkt=flight.wkt, spatial_ref=flight.wkt, GeoTransform=numbers)
    return [
        path,
        *flight.write_truths(folder, content.truth, None),
    ]
