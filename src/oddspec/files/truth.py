"""Which pixels are anomalies: truth files of any format, checked against their scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oddspec.errors import InputError
from oddspec.files.plane import read_plane

__all__ = ["read_truth"]


def read_truth(
    path: str | Path,
    shape: tuple[int, int],
    variable: str | None = None,
    max_memory: int | None = None,
) -> np.ndarray:
    """Labels ``(h, w)`` of a scene's pixels: 0 is background, anything above is a target.

    Numbers are passed on as they are, so that objects may be told apart, with one exception: of a
    picture that holds nothing but 0 and 255, or of any file that does, 255 becomes 1. Where 255
    stands apart from other labels (254 is not among them) it could mean either a target or a
    pixel that nobody judged; that is refused. All 0 or all 1 is passed on.

    Parameters
    ----------
    path
        A .mat (any version), .npy, .npz, .png, .bmp, .tif, HDF5 or single-band ENVI file.
    shape
        Rows and columns of the scene.
    variable
        Which variable of the file; by default the only plane of the scene's shape.
    max_memory
        Bytes that reading may take.

    Returns
    -------
    uint8, or int32 if a label exceeds 255.

    Raises
    ------
    InputError
        If the file has another shape (a transposed match is named), holds negative, fractional or
        missing numbers, or cannot be understood.
    """
    return _labels(Path(path), read_plane(path, shape, variable, max_memory))


def _labels(path: Path, plane: np.ndarray) -> np.ndarray:
    values = np.unique(plane)
    if plane.dtype.kind == "f" and not (np.isfinite(values) & (values == np.floor(values))).all():
        odd = values[~(np.isfinite(values) & (values == np.floor(values)))][0]
        raise InputError(
            f"{path}: the truth holds {odd:g}; expected whole numbers, 0 for background and above "
            f"for targets"
        )
    if values[0] < 0 or values[-1] >= 2**31:
        odd = values[0] if values[0] < 0 else values[-1]
        raise InputError(
            f"{path}: the truth holds {odd:g}; expected labels from 0 (background) to 2147483647"
        )
    present = set(values.tolist())
    if present <= {0, 255}:
        return (plane == 255).astype(np.uint8)
    if 255 in present and 254 not in present:
        others = sorted(present - {0, 255})
        raise InputError(
            f"{path}: the truth holds 255 beside {', '.join(f'{n:g}' for n in others[:4])}; 255 "
            f"may mean a target or a pixel that nobody judged, so set it to 1 or 0"
        )
    return plane.astype(np.uint8 if values[-1] < 256 else np.int32)
