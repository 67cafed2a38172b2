"""ENVI's data types and interleaves, by the numbers and names its headers use."""

import numpy as np

__all__ = ["COMPLEX", "DATA_TYPES", "INTERLEAVES"]

DATA_TYPES: dict[int, np.dtype] = {
    1: np.dtype(np.uint8),
    2: np.dtype(np.int16),
    3: np.dtype(np.int32),
    4: np.dtype(np.float32),
    5: np.dtype(np.float64),
    12: np.dtype(np.uint16),
    13: np.dtype(np.uint32),
    14: np.dtype(np.int64),
    15: np.dtype(np.uint64),
}
"""Real types by ENVI's code."""

COMPLEX = {6: "complex64", 9: "complex128"}
"""Complex types by ENVI's code."""

INTERLEAVES: dict[str, tuple[str, str, str]] = {
    "bsq": ("band", "row", "column"),
    "bil": ("row", "band", "column"),
    "bip": ("row", "column", "band"),
}
"""Order of the axes in the file, slowest first."""
