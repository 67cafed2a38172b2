"""A small product of DESIS: L2A reflectance on a map, its metadata and header, masks and truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oddspec.io.atomic import write_text
from oddspec.scenes.products.content import write_geotiff
from oddspec.scenes.products.gridded import make_gridded, stored_numbers

_NAME = "DESIS-HSI-L2A-DT0707652640_011-20220404T193259-V0220"
_NODATA = -32768
_WAVELENGTHS = np.linspace(401.3, 999.5, 235)
_FLAGS = ("shadow", "land", "snow", "haze land", "haze water", "cloud land", "cloud water", "water")


def write_desis(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write the product and its truth; the first path is that of the metadata."""
    scene = make_gridded(_WAVELENGTHS, rows=rows, columns=columns, seed=seed)
    gains, offsets = np.full(len(_WAVELENGTHS), 1e-4), np.zeros(len(_WAVELENGTHS))
    numbers = stored_numbers(scene.cube, gains, offsets, np.int16)
    numbers[scene.outside] = _NODATA
    quality = np.zeros((rows, columns, 10), np.uint8)
    quality[:, :, _FLAGS.index("land")] = ~scene.outside & ~scene.cloud
    quality[:, :, _FLAGS.index("cloud land")] = scene.cloud
    fields = {"wavelength": _WAVELENGTHS, "fwhm": np.full(len(_WAVELENGTHS), 3.5)}
    fields |= {"data gain values": gains, "data offset values": offsets}
    lists = "".join(f"{name} = {{{_listed(values)}}}\n" for name, values in fields.items())
    bands = "".join(
        f"<band><bandNumber>{n}</bandNumber><wavelengthCenterOfBand>{nm:.3f}"
        f"</wavelengthCenterOfBand><wavelengthWidthOfBand>3.5</wavelengthWidthOfBand>"
        f"<gainOfBand>{gain:g}</gainOfBand><offsetOfBand>{offset:g}</offsetOfBand></band>\n"
        for n, (nm, gain, offset) in enumerate(zip(_WAVELENGTHS, gains, offsets, strict=True), 1)
    )
    metadata = f"""<?xml version="1.0" encoding="UTF-8"?>
<hsi_doc>
<base><temporalCoverage><startTime>2022-04-04T19:32:59.000000Z</startTime></temporalCoverage>
<mission>DESIS</mission><productType>L2A</productType></base>
<specific><bandCharacterisation>
{bands}</bandCharacterisation></specific>
</hsi_doc>
"""
    header = (
        f"ENVI\nsamples = {columns}\nlines = {rows}\nbands = {len(_WAVELENGTHS)}\n"
        f"file type = TIFF\ndata type = 2\ninterleave = bsq\nbyte order = 0\n"
        f"data ignore value = {_NODATA}\nwavelength units = nanometers\n{lists}"
    )

    def file(ending: str) -> Path:
        return folder / f"{_NAME}-{ending}"

    return [
        write_text(file("METADATA.xml"), metadata),
        write_text(file("SPECTRAL_IMAGE.hdr"), header),
        write_geotiff(file("SPECTRAL_IMAGE.tif"), numbers, scene.place, nodata=_NODATA),
        write_geotiff(file("QL_QUALITY-2.tif"), quality, scene.place),
        scene.write_truth(folder),
    ]


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
