"""ENVI files with the fields of a camera's or a sensor's own header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from oddspec.io.atomic import write_text
from oddspec.io.envi.writer import EnviWriter


def write_envi_product(
    path: Path, cube: np.ndarray, fields: dict[str, Any] | None = None, **settings: Any
) -> list[Path]:
    """Write a cube, and fields that `EnviWriter` does not know behind those of its header.

    Parameters
    ----------
    path
        The data file.
    cube
        ``(h, w, b)`` of the type to be written.
    fields
        By the header's names, as texts.
    **settings
        As for `EnviWriter`.

    Returns
    -------
    The data file and its header.
    """
    rows, columns, bands = cube.shape
    size = {"rows": rows, "columns": columns, "bands": bands, "dtype": cube.dtype}
    with EnviWriter(path, **size, **settings) as writer:
        writer.write_rows(0, cube)
    if fields:
        lines = [f"{name} = {value}\n" for name, value in fields.items()]
        text = writer.header.read_text(encoding="utf-8")
        write_text(writer.header, text + "".join(lines))
    return [path, writer.header]
