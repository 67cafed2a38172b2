"""A small capture of a Specim FX10: a raw scan of 12 bits, its dark and its white reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oddspec.scenes.products.content import make_content, write_truth_image
from oddspec.scenes.products.envi_files import write_envi_product

_NAME = "sample_2023-06-14_10-00-00"
_BANDS = 224
_LINES = 100
"""Of each reference."""
_DARK, _FULL = 120.0, 3200.0
"""Counts of no light, and above these of white in the scan's integration time."""
_WHITE_TIME = 0.5
"""Integration time of the white reference, relative to the scan's."""
_NOISE = 3.0


def write_specim(folder: Path, *, rows: int, columns: int, seed: int) -> list[Path]:
    """Write the folder's files; the first path is that of the folder.

    Columns differ by some percent in their gains, one by 30; one is dead, and single elements are.
    """
    rng = np.random.default_rng(seed)
    wavelengths = np.linspace(397.7, 1003.8, _BANDS)
    content = make_content(wavelengths, rows=rows, columns=columns, seed=seed)
    lamp = np.exp(-(((wavelengths - 700) / 250) ** 2)) * 0.9 + 0.1
    element = (columns, _BANDS)
    gain = _FULL * lamp * rng.normal(1, 0.04, (columns, 1)) * rng.normal(1, 0.01, element)
    gain[columns // 3] *= 0.7
    gain[columns // 2] = 0.0
    gain[rng.random(element) < 1e-3] = 0.0
    dark = _DARK + rng.normal(0, 4, element)

    def counts(light: np.ndarray) -> np.ndarray:
        seen = dark + gain * light
        seen += rng.normal(0, _NOISE, seen.shape)
        return np.clip(np.rint(seen), 0, 4095).astype(np.uint16)

    capture = folder / "capture"
    capture.mkdir()
    scan = {
        "sensor type": "FX10",
        "tint": "8.000000",
        "acquisition date": "DATE(yyyy-mm-dd): 2023-06-14",
    }
    white = {**scan, "tint": f"{8 * _WHITE_TIME:.6f}"}
    references = np.ones((_LINES, *element))
    files = [
        path
        for name, light, fields in (
            (_NAME, content.cube, scan),
            (f"DARKREF_{_NAME}", references * 0, scan),
            (f"WHITEREF_{_NAME}", references * _WHITE_TIME, white),
        )
        for path in write_envi_product(
            capture / f"{name}.raw", counts(light), fields, wavelengths=wavelengths
        )
    ]
    return [folder, *files, write_truth_image(folder / "truth_sensor.tif", content.truth, None)]
