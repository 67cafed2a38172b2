"""Making ENVI files, right and wrong ones, without the project's own writer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CODES = {"u1": 1, "i2": 2, "i4": 3, "f4": 4, "f8": 5, "u2": 12, "u4": 13, "i8": 14, "u8": 15}
ORDERS = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}

MakeEnvi = Callable[..., Path]


@pytest.fixture
def make_envi(tmp_path: Path) -> MakeEnvi:
    """Write a cube as an ENVI file, byte for byte; fields given by name replace the right ones."""

    def make(
        cube: np.ndarray,
        order: str = "bil",
        name: str = "scene.img",
        header_name: str | None = None,
        lead: bytes = b"",
        cut: int | None = None,
        more: bytes = b"",
        **fields: Any,
    ) -> Path:
        h, w, b = cube.shape
        kind = cube.dtype.newbyteorder("=").str[1:]
        header = {
            "samples": w,
            "lines": h,
            "bands": b,
            "header offset": len(lead),
            "data type": CODES.get(kind, 1),
            "interleave": order,
            "byte order": int(cube.dtype.str[0] == ">"),
        }
        header |= {key.replace("_", " "): value for key, value in fields.items()}
        lines = [f"{key} = {value}" for key, value in header.items() if value is not None]
        path = tmp_path / name
        data = lead + cube.transpose(ORDERS[order]).tobytes() + more
        path.write_bytes(data if cut is None else data[:cut])
        text = "\n".join(["ENVI", *lines, ""])
        (tmp_path / (header_name or f"{path.stem}.hdr")).write_text(text, encoding="utf-8")
        return path

    return make
