"""PACE OCI: reflectance at the top of the atmosphere (L1B) of NASA's ocean-colour spectrometer.

Layout after satpy (``pace_oci_l1b_nc.py``), acolite and hyperproc (``readers/pace.py``). Three
detectors lie in one file, bands first, in sensor geometry.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.axes import Axes
from oddspec.io.hdf5.links import open_hdf5_file, text_of
from oddspec.io.hdf5.source import StoredCube, open_cube
from oddspec.io.products.bands import join_bands
from oddspec.io.products.hdf5 import LayerFile, attribute, has, listed, stored_cube, table_in_file
from oddspec.io.products.matrices import matrix_layers
from oddspec.io.products.source import ProductSource
from oddspec.io.quality import Layer
from oddspec.io.source import Metadata, Product

_AXES: Axes = ("band", "row", "column")
_FILL = -32767.0
_PARTS = ("blue", "red", "SWIR")
"""In ascending order. Where two of them saw the same wavelengths the later one counts."""
_CUBES = {"rhot": "reflectance", "Lt": "W m-2 um-1 sr-1"}
_ALIKE = 3.0
"""Nanometres: SWIR bands that are nearer are one band in two gains, the standard gain first."""
_OBSERVED, _LISTS = "observation_data", "sensor_band_parameters"
_PLACES = ("geolocation_data/longitude", "geolocation_data/latitude")


def is_pace(file: Any) -> bool:
    """Whether an open HDF5 file is a granule of PACE OCI."""
    level_1 = any(has(file, f"{_OBSERVED}/{cube}_blue") for cube in _CUBES)
    return (level_1 and has(file, f"{_LISTS}/blue_wavelength")) or _is_level_2(file)


def _is_level_2(file: Any) -> bool:
    spectra = any(has(file, f"geophysical_data/{name}") for name in ("rhos", "Rrs", "l2_flags"))
    return spectra and attribute(file, "instrument").upper() == "OCI"


def open_pace(path: Path, *, max_memory: int | None = None) -> ProductSource:
    """Open a granule of L1B.

    Raises
    ------
    InputError
        If it is one of L2, or lacks a detector, its wavelengths or its coordinates.
    """
    with open_hdf5_file(path) as file:
        name = next((cube for cube in _CUBES if has(file, f"{_OBSERVED}/{cube}_blue")), None)
        if name is None:
            raise InputError(
                f"{path}: is a PACE OCI file of L2, which is not read as a product (bands of "
                f"bio-optics, flags of ocean colour); open the L1B granule, or name a cube with "
                f"--variable geophysical_data/NAME"
            )
        cubes = [
            stored_cube(path, file, f"{_OBSERVED}/{name}_{part}", _AXES, fill=_FILL)
            for part in _PARTS
        ]
        wavelengths = [
            _wavelengths(path, file, part, cube.shape[2])
            for part, cube in zip(_PARTS, cubes, strict=True)
        ]
        shape = cubes[0].shape[:2]
        notes = _drop_second_gain(wavelengths[-1])
        order, overlapping = join_bands(wavelengths)
        everything = np.concatenate(wavelengths)
        if len(overlapping):
            seen = everything[overlapping]
            notes.append(
                f"two detectors saw {seen.min():.0f} to {seen.max():.0f} nm: {len(overlapping)} "
                f"bands of the shorter-waved one were left out"
            )
        located = has(file, *_PLACES)
        if not located:
            notes.append("has no longitudes and latitudes: the scene has no place on the map")
        product = Product(
            "PACE OCI",
            "L1B",
            attribute(file, "product_name") or path.stem,
            attribute(file, "time_coverage_start"),
        )
        title = attribute(file, "title")
    sources = [open_cube(path, cube, "HDF5", max_memory) for cube in cubes]
    metadata = Metadata(
        wavelengths=everything[order],
        nodata=_nodata(path, cubes),
        description=title,
        unit=_CUBES[name],
        product=product,
        notes=(*notes, *(note for source in sources for note in source.metadata.notes)),
        extra={"variable": f"{_OBSERVED}/{name}_*"},
    )
    masks = LayerFile(path)
    try:
        layers = _layers(masks, cubes, order)
    except BaseException:
        masks.close()
        raise
    return ProductSource(
        path,
        path.stem,
        sources,
        metadata,
        order=order,
        layers=layers,
        locate=partial(table_in_file, path, _PLACES, shape, max_memory) if located else None,
        files=[masks],
    )


def _wavelengths(path: Path, file: Any, part: str, bands: int) -> np.ndarray:
    """Nanometres of a detector's bands; NaN for those that were not acquired."""
    found = listed(path, file, f"{_LISTS}/{part}_wavelength", bands)
    if found is None:
        raise InputError(f"{path}: has no '{_LISTS}/{part}_wavelength'; the granule is incomplete")
    return np.where(found > 0, found, np.nan)


def _drop_second_gain(wavelengths: np.ndarray) -> list[str]:
    """Take the wavelength from bands of SWIR that were seen before in another gain; a note."""
    second = [
        at
        for at in range(1, len(wavelengths))
        if np.nanmin(np.abs(wavelengths[:at] - wavelengths[at]), initial=np.inf) < _ALIKE
    ]
    if not second:
        return []
    said = ", ".join(f"{wavelengths[at]:.0f}" for at in second)
    wavelengths[second] = np.nan
    return [f"SWIR bands that exist in two gains, of which the second was left out: {said} nm"]


def _nodata(path: Path, cubes: list[StoredCube]) -> float | None:
    """The one value that marks missing pixels in all detectors."""
    values = {cube.packing.nodata for cube in cubes}
    if len(values) > 1:
        raise InputError(
            f"{path}: its detectors mark missing values differently "
            f"({', '.join(map(str, values))}); the granule is damaged"
        )
    return values.pop()


def _layers(masks: LayerFile, cubes: list[StoredCube], order: np.ndarray) -> dict[str, Layer]:
    """What the detectors' own quality tells: saturation where it says so, or invalid pixels."""
    names = [f"{_OBSERVED}/qual_{part}" for part in _PARTS]
    if not has(masks.file, *names):
        return {}
    said = " ".join(
        text_of(masks.file[name].attrs.get(key))
        for name in names
        for key in ("long_name", "flag_meanings")
    )
    flag = "saturated" if "satur" in said.lower() else "product-invalid"
    return matrix_layers(masks, names, cubes, order, {flag: 0xFF})
