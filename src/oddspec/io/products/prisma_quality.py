"""What a PRISMA scene tells of each pixel: masks of L1, matrices of errors, the padding of L2D."""

from __future__ import annotations

from functools import partial

import numpy as np

from oddspec.io.hdf5.links import read_small
from oddspec.io.hdf5.source import StoredCube
from oddspec.io.products.hdf5 import LayerFile, has
from oddspec.io.products.matrices import matrix_layers
from oddspec.io.quality import Layer

_PIXEL_MASKS = {
    "cloud": ("Cloud_Mask", 1),
    "glint": ("SunGlint_Mask", 1),
    "water": ("LandCover_Mask", 0),
    "snow": ("LandCover_Mask", 1),
}
"""Of L1: the mask of each flag, and the number that sets it."""
_UNKNOWN = (10, 255)
"""Numbers of a mask that say nothing."""

_ERRORS = {
    "L1": ("{}_PIXEL_SAT_ERR_MATRIX", {"saturated": 1, "bad-detector": 2}),
    "L2": ("{}_PIXEL_L2_ERR_MATRIX", {"saturated": 4, "product-invalid": 1}),
}
"""Matrices with a number for each pixel and band, and the bits of the flags. Bit 2 of L2 (negative
reflectance) is no flag: such values are stored as 0, which is missing."""


def prisma_layers(
    masks: LayerFile,
    level: str,
    swath: str,
    cubes: list[StoredCube],
    shape: tuple[int, int],
    used: np.ndarray,
) -> tuple[dict[str, Layer], list[str]]:
    """The flags that a scene has, and notes on those that it lacks.

    Parameters
    ----------
    masks
        The file.
    level, swath
        Such as ``L2D``, and the group of its cube.
    cubes
        Those of the two spectrometers.
    shape
        Rows and columns of the scene.
    used
        Positions of the bands that count, among those of both, one after the other.

    Raises
    ------
    InputError
        If a mask has other rows, columns or bands than the scene.
    """
    fields = f"{swath}/Data Fields"
    found: dict[str, Layer] = {}
    notes: list[str] = []
    for flag, (name, value) in _PIXEL_MASKS.items() if level == "L1" else ():
        place = f"{fields}/{name}"
        if not has(masks.file, place):
            continue
        layer = masks.layer(place, shape, partial(np.equal, value))
        values = read_small(masks.path, masks.file[place])
        if values is not None and np.isin(values, _UNKNOWN).all():
            notes.append(f"{name!r} was not processed, so that {flag} is not known")
        else:
            found[flag] = layer
    matrix, bits = _ERRORS[level[:2]]
    names = [f"{fields}/{matrix.format(part)}" for part in ("VNIR", "SWIR")]
    if has(masks.file, *names):
        found |= matrix_layers(masks, names, cubes, used, bits)
    angles = f"{swath}/Geometric Fields/Solar_Zenith_Angle"
    if level == "L2D" and has(masks.file, angles):
        # Outside the scene the map is filled up with angles of 0, too.
        layer = masks.layer(angles, shape, partial(np.equal, 0))
        values = read_small(masks.path, masks.file[angles])
        if values is not None and not values.any():
            notes.append("'Solar_Zenith_Angle' is 0 throughout and tells nothing of the padding")
        else:
            found["fill"] = layer
    return found, notes
