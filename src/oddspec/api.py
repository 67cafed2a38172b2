"""The Python interface: open a scene, detect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.detectors import load
from oddspec.errors import InputError, SettingError
from oddspec.execution.resources import Resources
from oddspec.execution.run import fit_scene, run
from oddspec.execution.score_store import ScoreArray
from oddspec.io.dataarray import DataArraySource, open_dataarray
from oddspec.io.open import open_source
from oddspec.io.source import ArraySource
from oddspec.models import Model
from oddspec.progress import Progress, silent
from oddspec.scene import Scene
from oddspec.settings import build


def open(
    path: str | Path,
    *,
    variable: str | None = None,
    bands: Sequence[int] | None = None,
    nodata: float | None = None,
    mask_flat: bool = False,
    max_memory: int | None = None,
    allow_truncated: bool = False,
    axes: str | None = None,
) -> Scene:
    """Open a scene file; its pixels are read when they are needed, by windows.

    Parameters
    ----------
    path
        ENVI, GeoTIFF, MATLAB, NumPy or HDF5/NetCDF file.
    variable
        Name of the cube in a file that holds several arrays.
    bands
        Positions of the bands to use, from 0; by default all but those that the file calls bad.
    nodata
        Value of masked pixels; by default the one that the file declares.
    mask_flat
        Mask pixels with the same value in every band too (dead or filled ones).
    max_memory
        Bytes that a reader may use where a format has to be read whole.
    allow_truncated
        Read a file that is shorter than its header says, and mask the rest.
    axes
        What the axes of an HDF5 or NumPy file mean, slowest first, as ``band,row,column``.

    Returns
    -------
    Scene
        With ``shape``, ``wavelengths``, ``source.metadata`` and ``read(rows, columns)``.

    Raises
    ------
    InputError
        If the file cannot be read as it is; the message says what to do.
    """
    source = open_source(
        path,
        variable=variable,
        max_memory=max_memory,
        allow_truncated=allow_truncated,
        axes=axes,
    )
    return Scene.of(source, bands, nodata, mask_flat)


def detect(
    scene: Any,
    detector: str | Model = "rx",
    *,
    bands: Sequence[int] | None = None,
    nodata: float | None = None,
    variable: str | None = None,
    max_memory: int | None = None,
    workers: int | None = None,
    device: str = "cpu",
    progress: Progress = silent,
    **settings: Any,
) -> Any:
    """Score every pixel of a scene: larger is more anomalous.

    Parameters
    ----------
    scene
        NumPy array ``(h, w, b)``, `xarray.DataArray`, opened `Scene`, or path.
    detector
        A name that `oddspec.detectors()` lists, or a model that `fit` or `load_model` gave, which
        is applied as it is.
    bands, nodata, variable
        As for `open`; not for a `Scene`, which has been opened with them.
    max_memory
        Bytes of resident memory that the process may use; by default half of what is free is
        added to what it has.
    workers
        Threads; by default one per CPU. Only where a detector works on the whole scene at once do
        the scores depend on it, by rounding. Networks that learn from a sample learn on as many as
        PyTorch has.
    device
        ``cpu``, ``cuda`` or ``auto``.
    progress
        Called with what is done, the total and the stage.
    **settings
        The detector's own, see ``oddspec detectors NAME``.

    Returns
    -------
    numpy.ndarray or xarray.DataArray
        ``(h, w)`` float64 with NaN for invalid pixels; a `DataArray` with the coordinates of the
        one that was given.

    Raises
    ------
    OddspecError
        If input, settings or budget do not serve; the message says what to do.

    Examples
    --------
    >>> import numpy as np
    >>> cube = np.random.default_rng(0).normal(size=(50, 60, 10))
    >>> cube[7, 9] += 5
    >>> scores = detect(cube, "rx")
    >>> np.unravel_index(scores.argmax(), scores.shape) == (7, 9)
    True
    """
    opened = _as_scene(scene, bands, nodata, variable, max_memory)
    target = ScoreArray(*opened.shape[:2])
    resources = Resources(max_memory, workers, device)
    if isinstance(detector, Model):
        if settings:
            raise SettingError(
                f"{', '.join(settings)}: a fitted model has its settings already; give them to "
                f"oddspec.fit"
            )
        detector.check(opened)
        run(opened, detector.detector, target, resources, progress, fitted=detector.fitted)
        name = detector.name
    else:
        run(opened, build(load(detector), settings), target, resources, progress)
        name = detector
    if isinstance(opened.source, DataArraySource) and not isinstance(scene, Scene):
        return opened.source.like(target.scores, name)
    return target.scores


def fit(
    scene: Any,
    detector: str = "rx",
    *,
    bands: Sequence[int] | None = None,
    nodata: float | None = None,
    variable: str | None = None,
    max_memory: int | None = None,
    workers: int | None = None,
    device: str = "cpu",
    progress: Progress = silent,
    **settings: Any,
) -> Model:
    """Fit a detector to a scene, to apply it to others.

    Parameters
    ----------
    scene, detector, bands, nodata, variable, max_memory, workers, device, progress, **settings
        As for `detect`; the detector by name.

    Returns
    -------
    Model
        For ``detect(other, model)``; ``model.save(path)`` keeps it, and `load_model` reads it.

    Raises
    ------
    SettingError
        If the detector fits nothing that another scene could use, as those that compare a pixel
        with the ring around it.
    OddspecError
        If input, settings or budget do not serve; the message says what to do.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> model = fit(rng.normal(size=(50, 60, 10)), "rx")
    >>> other = rng.normal(size=(20, 30, 10))
    >>> other[7, 9] += 5
    >>> int(detect(other, model).argmax()) == 7 * 30 + 9
    True
    """
    chosen = build(load(detector), settings)
    opened = _as_scene(scene, bands, nodata, variable, max_memory)
    outcome = fit_scene(opened, chosen, Resources(max_memory, workers, device), progress)
    model = Model.of(detector, chosen, outcome.fitted, opened)
    if model is None:
        raise SettingError(f"{detector} fits nothing to a scene that another scene could use")
    return model


def _as_scene(
    scene: Any,
    bands: Sequence[int] | None,
    nodata: float | None,
    variable: str | None,
    max_memory: int | None,
) -> Scene:
    if isinstance(scene, Scene):
        if any(choice is not None for choice in (bands, nodata, variable)):
            raise InputError(
                f"{scene.name}: an opened scene has its bands, nodata and variable already; give "
                f"them to oddspec.open instead"
            )
        return scene
    if isinstance(scene, (str, Path)):
        return open(scene, variable=variable, bands=bands, nodata=nodata, max_memory=max_memory)
    if hasattr(scene, "dims") and hasattr(scene, "coords"):
        return Scene.of(open_dataarray(scene), bands, nodata)
    array = np.asarray(scene)
    if array.ndim != 3:
        raise InputError(
            f"an array of shape {array.shape} was given, but a scene has three axes: rows, "
            f"columns, bands"
        )
    if array.dtype.kind not in "iuf":
        raise InputError(
            f"an array of type {array.dtype} was given, but spectra must be real numbers "
            f"(integers or floats)"
        )
    return Scene.of(ArraySource(array), bands, nodata)
