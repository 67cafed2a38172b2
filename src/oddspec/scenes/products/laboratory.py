"""Small raw scans of Resonon and HySpex cameras, with what calibrates them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from oddspec.io.atomic import atomic_write
from oddspec.io.cameras.hyspex import HEADER_FIELDS
from oddspec.scenes.products.content import make_content, write_truth_image
from oddspec.scenes.products.envi_files import write_envi_product

_FULL = 3200.0
"""Counts above dark of a bright pixel."""


def _elements(columns: int, bands: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Dark level in counts, and sensitivity around 1, of each element ``(columns, bands)``."""
    rng = np.random.default_rng(seed)
    dark = 60 + rng.normal(0, 3, (columns, bands))
    gain = rng.normal(1, 0.04, (columns, 1)) * rng.normal(1, 0.01, (columns, bands))
    gain[columns // 3] *= 0.7
    return dark, gain


def write_resonon(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write a scan with a spectral binning of 2 and its calibration pack; the first is the scan."""
    bands = 150
    wavelengths = np.linspace(390.0, 1020.0, bands)
    content = make_content(wavelengths, rows=rows, columns=columns, quantity="radiance", seed=seed)
    dark, gain = _elements(columns, bands, seed)
    # Two elements are summed up for each number.
    light = content.cube / content.cube.max()
    counts = 2 * dark + _FULL * gain * light + np.random.default_rng(seed).normal(0, 3, light.shape)
    settings = {"gain": "0.0", "shutter": "12.0", "ceiling": "4095", "sample binning": "1"}
    files = write_envi_product(
        folder / "field.bil",
        np.clip(np.rint(counts), 0, 4095).astype(np.uint16),
        {**settings, "spectral binning": "2", "imager serial number": "100121-201"},
        wavelengths=wavelengths,
    )
    # Microflicks per count of one element: as bright as the content, in 10 uW / (cm2 sr um).
    factors = 2 * float(content.cube.max()) * 100 / (_FULL * gain)
    pack = folder / "100121-201.icp"
    name = f"offset_{2 * bands}bands_4095ceiling_0gain_{columns}samples_12shutter.bip"
    with atomic_write(pack) as partial, zipfile.ZipFile(partial, "w") as archive:
        for member, frame in (("gain.bip", factors), (name, dark)):
            header: dict[str, object] = {
                "samples": columns,
                "lines": 1,
                "bands": 2 * bands,
                "data type": 4,
            }
            header |= {"interleave": "bip", "byte order": 0, **settings, "spectral binning": "1"}
            text = "".join(f"{key} = {value}\n" for key, value in header.items())
            archive.writestr(f"{member}.hdr", f"ENVI\n{text}")
            archive.writestr(member, np.repeat(frame, 2, axis=1).astype("<f4").tobytes())
    return [*files, pack, write_truth_image(folder / "truth_sensor.tif", content.truth, None)]


def write_hyspex(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write a scan behind the header of a VNIR-1800; the first path is the scan."""
    bands = 186
    wavelengths = np.linspace(406.6, 995.8, bands)
    content = make_content(wavelengths, rows=rows, columns=columns, quantity="radiance", seed=seed)
    dark, gain = _elements(columns, bands, seed)
    light = content.cube / content.cube.max()
    counts = dark + 16 * _FULL * gain * light
    counts += np.random.default_rng(seed).normal(0, 5, light.shape)
    header = np.zeros(1, HEADER_FIELDS)
    lists = [wavelengths, np.full(bands, 0.5), gain.T, dark.T]
    size = HEADER_FIELDS.itemsize + 8 * sum(each.size for each in lists)
    header["word"], header["size"], header["serial"] = b"HYSPEX", size, 832
    header["bands"], header["samples"], header["time"] = bands, columns, 9000
    header["sensor"] = b"VNIR-1800"
    header["SF"], header["aperture"] = 0.0125, 0.01
    header["across"], header["along"] = 1.6e-4, 3.2e-4
    start = header.tobytes() + b"".join(each.astype("<f8").tobytes() for each in lists)
    scan, envi = write_envi_product(
        folder / "line_VNIR_1800.hyspex",
        np.clip(np.rint(counts), 0, 65535).astype("<u2"),
        wavelengths=wavelengths,
    )
    data = scan.read_bytes()
    with atomic_write(scan) as partial:
        partial.write_bytes(start + data)
    text = envi.read_text(encoding="utf-8").replace("header offset = 0", f"header offset = {size}")
    envi.write_text(text, encoding="utf-8")
    return [scan, envi, write_truth_image(folder / "truth_sensor.tif", content.truth, None)]
