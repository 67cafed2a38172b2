"""A small product of EnMAP: L2A reflectance on a map, its metadata, masks and truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oddspec.io.atomic import write_text
from oddspec.scenes.products.content import write_geotiff
from oddspec.scenes.products.gridded import make_gridded, stored_numbers

_NAME = "ENMAP01-____L2A-DT0000004950_20221103T162438Z_001_V010110_20221118T145147Z"
_VNIR = np.linspace(418.0, 993.0, 91)
_SWIR = np.linspace(902.0, 2445.0, 133)
_NODATA = -32768
_GAIN = 1e-4
_WATER_VAPOUR = (1345.0, 1425.0)
"""Nanometres between which L2A holds no data."""


def write_enmap(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write the product and its truth; the first path is that of the metadata."""
    wavelengths = np.concatenate([_VNIR, _SWIR])
    order = np.argsort(wavelengths)
    is_vnir = order < len(_VNIR)
    wavelengths = wavelengths[order]
    scene = make_gridded(wavelengths, rows=rows, columns=columns, seed=seed)
    gains, offsets = np.full(len(order), _GAIN), np.zeros(len(order))
    numbers = stored_numbers(scene.cube, gains, offsets, np.int16)
    empty = (wavelengths > _WATER_VAPOUR[0]) & (wavelengths < _WATER_VAPOUR[1])
    numbers[:, :, empty] = _NODATA
    numbers[scene.outside] = _NODATA
    inside = ~scene.outside
    masks = {
        "CLASSES": np.where(scene.outside, 3, 1),
        "CLOUD": scene.cloud,
        "CLOUDSHADOW": np.roll(scene.cloud, rows // 8, axis=0) & inside & ~scene.cloud,
        "CIRRUS": np.zeros(inside.shape),
        "HAZE": np.zeros(inside.shape),
        "SNOW": np.zeros(inside.shape),
        "TESTFLAGS": np.where(scene.outside, 3, 0),
    }

    def file(ending: str) -> Path:
        return folder / f"{_NAME}-{ending}"

    return [
        write_text(file("METADATA.XML"), _metadata(wavelengths, is_vnir, empty)),
        write_geotiff(file("SPECTRAL_IMAGE.TIF"), numbers, scene.place, nodata=_NODATA),
        *(
            write_geotiff(file(f"QL_QUALITY_{name}.TIF"), mask.astype(np.uint8), scene.place)
            for name, mask in masks.items()
        ),
        scene.write_truth(folder),
    ]


def _metadata(wavelengths: np.ndarray, is_vnir: np.ndarray, empty: np.ndarray) -> str:
    numbers = np.arange(1, len(wavelengths) + 1)
    statistics = "".join(
        f'<bandID number="{n}"><mean>{-1000000 if gone else 0.2}</mean>'
        f"<stdDeviation>{0 if gone else 0.1}</stdDeviation></bandID>\n"
        for n, gone in zip(numbers, empty, strict=True)
    )
    bands = "".join(
        f'<bandID number="{n}"><wavelengthCenterOfBand>{nm:.3f}</wavelengthCenterOfBand>'
        f"<FWHMOfBand>{8.0 if vnir else 9.5}</FWHMOfBand><GainOfBand>{_GAIN}</GainOfBand>"
        f"<OffsetOfBand>0</OffsetOfBand></bandID>\n"
        for n, nm, vnir in zip(numbers, wavelengths, is_vnir, strict=True)
    )
    vnir, swir = (",".join(map(str, numbers[which])) for which in (is_vnir, ~is_vnir))
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<level_X>
<metadata><name>{_NAME}-METADATA.XML</name></metadata>
<base><level>L2A</level><temporalCoverage><startTime>2022-11-03T16:24:38.123456Z</startTime>
<stopTime>2022-11-03T16:24:42.654321Z</stopTime></temporalCoverage></base>
<product><bandStatistics>
{statistics}</bandStatistics></product>
<specific><numberOfVNIRBands>{is_vnir.sum()}</numberOfVNIRBands>
<vnirProductQuality><expectedChannelsList>{vnir}</expectedChannelsList></vnirProductQuality>
<swirProductQuality><expectedChannelsList>{swir}</expectedChannelsList></swirProductQuality>
<bandCharacterisation>
{bands}</bandCharacterisation></specific>
</level_X>
"""
