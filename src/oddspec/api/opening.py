"""What Python users give as a scene, opened; and what is odd about it, told to them."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from oddspec.arrays import to_numpy
from oddspec.errors import DataWarning, InputError
from oddspec.execution.executors import one_blas_thread
from oddspec.execution.resources import Resources
from oddspec.io.axes import ROWS_COLUMNS_BANDS, find_axes, kept_axes, parse_axes
from oddspec.io.dataarray import only_cube, open_dataarray
from oddspec.io.open import open_source
from oddspec.io.source import ArraySource, Metadata, Source
from oddspec.scene import Scene
from oddspec.survey import LOOK_VALUES, look_over, survey
from oddspec.text import printable

_LOG = logging.getLogger("oddspec")
_LOG.addHandler(logging.NullHandler())

_BYTES_PER_VALUE = 40
"""Memory that a survey takes for each value it looks at."""


def open_scene(
    given: Any,
    *,
    bands: Any = None,
    nodata: float | None = None,
    mask_flat: bool = False,
    mask: Any = None,
    area_of_interest: Any = None,
    use_gains: bool = True,
    max_memory: int | None = None,
    **reading: Any,
) -> Scene:
    """A scene of a path, a DataArray, a Dataset or an array; see `oddspec.open`.

    Raises
    ------
    InputError, SettingError, BudgetError
        If it cannot be read as it is.
    """
    if isinstance(given, (str, os.PathLike)):
        source: Source = open_source(given, max_memory=max_memory, **reading)
    elif hasattr(given, "dims") and hasattr(given, "coords"):
        array = only_cube(given, reading.get("variable"))
        source = open_dataarray(array, parse_axes(reading.get("axes")))
    else:
        if reading.get("variable") is not None:
            raise InputError(
                f"variable={reading['variable']!r}: an array has no variables; leave it out"
            )
        source = _array_source(given, bands, reading.get("axes"))
    try:
        scene = Scene.of(
            source, bands, nodata, mask_flat, mask, area_of_interest, max_memory, use_gains
        )
        return look_over(scene, asked=bands is not None)
    except BaseException:
        source.close()
        raise


def _array_source(given: Any, bands: Any, axes: Any) -> ArraySource:
    """An array of any library as a scene; what is masked in it is missing."""
    mask = None
    if isinstance(given, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(given) if np.any(given.mask) else None
        given = given.data
    try:
        array = np.asarray(to_numpy(given))
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"a {type(given).__name__} was given, which cannot be taken as an array "
            f"({printable(error)[:80]}); expected a path, an array of rows, columns and bands, or "
            f"an xarray.DataArray"
        ) from None
    kept = kept_axes(array.shape)
    if len(kept) != 3:
        raise InputError(
            f"an array of shape {array.shape} was given, but a scene has three axes: rows, "
            f"columns, bands"
        )
    if not array.size:
        raise InputError(f"an array of shape {array.shape} was given, which is empty")
    if array.dtype.kind not in "iuf":
        raise InputError(
            f"an array of type {array.dtype} was given, but spectra must be real numbers "
            f"(integers or floats)"
        )
    shape = tuple(array.shape[axis] for axis in kept)
    # A mask of good bands tells which axis they are.
    is_mask = isinstance(bands, (list, tuple, np.ndarray)) and np.asarray(bands).dtype == np.bool_
    beside = {"good_bands": np.shape(bands)} if is_mask else {}
    order, notes = find_axes(None, "the array", shape, beside, parse_axes(axes))
    back = [order.index(axis) for axis in ROWS_COLUMNS_BANDS]
    return ArraySource(
        array.reshape(shape).transpose(back),
        Metadata(notes=tuple(notes)),
        missing=None if mask is None else mask.reshape(shape).transpose(back),
    )


def odd_about(scene: Scene, max_memory: int | None = None) -> list[str]:
    """What the command line would note of a scene, from a look that takes a moment."""
    left = Resources(max_memory).left()
    values = min(LOOK_VALUES, max(left, 0) / (8 * _BYTES_PER_VALUE))
    with one_blas_thread():
        found = survey(scene, values)
    return [*scene.notes, *found.notes]


def tell(scene: Scene, notes: Iterable[str], stacklevel: int = 2) -> None:
    """Warn of each note once, where the caller's caller stands, and log it."""
    name = scene.source.path.name if scene.source.path else scene.name
    for note in dict.fromkeys(notes):
        text = printable(f"{name}: {note}")
        _LOG.warning(text)
        warnings.warn(text, DataWarning, stacklevel=stacklevel + 1)
