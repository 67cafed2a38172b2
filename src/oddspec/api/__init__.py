"""The Python interface: open a scene, detect."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from oddspec.api.opening import odd_about, open_scene, tell
from oddspec.detectors import load
from oddspec.errors import InputError, SettingError
from oddspec.execution.resources import Resources
from oddspec.execution.run import fit_scene, run
from oddspec.execution.score_store import ScoreArray
from oddspec.io.dataarray import DataArraySource
from oddspec.io.destripe import DestripedSource
from oddspec.models import Model
from oddspec.progress import Progress, silent
from oddspec.scene import Scene
from oddspec.settings import build


def open(
    path: str | os.PathLike[str],
    *,
    variable: str | None = None,
    bands: Any = None,
    nodata: float | None = None,
    mask_flat: bool = False,
    mask: Any = None,
    area_of_interest: Any = None,
    use_gains: bool = True,
    max_memory: int | None = None,
    allow_truncated: bool = False,
    axes: Any = None,
    dark: str | os.PathLike[str] | None = None,
    white: str | os.PathLike[str] | None = None,
    destripe: bool = False,
) -> Scene:
    """Open a scene file; its pixels are read when they are needed, by windows.

    Parameters
    ----------
    path
        ENVI, GeoTIFF, MATLAB, NumPy or HDF5/NetCDF file, or a product or capture of a sensor.
    variable
        Name of the cube in a file that holds several arrays, such as ``data`` or ``hsi.Data``.
    bands
        The bands to use: positions from 0; a mask with one truth value per band; a slice; or text
        as on the command line, ``1-100,120`` (counted from 1) or ``400-1300nm``. By default all
        but those that the file calls bad, and those that hold nothing: nodata, NaN or infinity
        throughout, or one value.
    nodata
        Value of masked pixels; by default the one that the file declares.
    mask_flat
        Mask defects too: pixels with the same value in every band (dead or filled ones), and a
        spectrum that a quarter of the pixels share.
    mask
        Pixels to leave out: quality flags that the product tells, as ``"cloud,water"`` (by default
        fill, saturated, cloud, cloud-shadow, cirrus; ``"none"`` for none); the path of an image or
        of polygons; an array ``(h, w)``, true where pixels are left out; or a list of such.
    area_of_interest
        The path of an image or of polygons, or an array: what lies outside is left out.
    use_gains
        Apply gains and offsets of bands that the file declares where a detector's scores depend
        on them (`Detector.affine_invariant`). What is opened reads as it is stored until then.
    max_memory
        Bytes that a reader may use where a format has to be read whole.
    allow_truncated
        Read a file that is shorter than its header says, and mask the rest.
    axes
        What the axes of a MATLAB, HDF5 or NumPy file or of an array mean: ``band,row,column``, or
        a sequence of these words.
    dark, white
        Files of the dark and the white reference of a raw ENVI scan, by which it becomes
        reflectance, where they do not lie beside it as a capture's; ``"none"`` for none.
    destripe
        Take offsets and gains of single columns, as push-broom scanners have them, out of the
        scene; see `oddspec.io.destripe`.

    Returns
    -------
    Scene
        With ``shape``, ``wavelengths``, ``source.metadata`` and ``read(rows, columns)``; close it,
        or use it in a ``with`` statement.

    Raises
    ------
    InputError
        If the file cannot be read as it is; the message says what to do.

    Warns
    -----
    DataWarning
        Of all that is odd about the scene, each once; the logger ``oddspec`` gets the same.
    """
    scene = open_scene(
        path,
        variable=variable,
        bands=bands,
        nodata=nodata,
        mask_flat=mask_flat,
        mask=mask,
        area_of_interest=area_of_interest,
        use_gains=use_gains,
        max_memory=max_memory,
        allow_truncated=allow_truncated,
        axes=axes,
        dark=dark,
        white=white,
        destripe=destripe,
    )
    tell(scene, odd_about(scene))
    return scene


def detect(
    scene: Any,
    detector: str | Model = "rx",
    *,
    bands: Any = None,
    nodata: float | None = None,
    variable: str | None = None,
    axes: Any = None,
    mask_flat: bool = False,
    mask: Any = None,
    area_of_interest: Any = None,
    dark: str | os.PathLike[str] | None = None,
    white: str | os.PathLike[str] | None = None,
    destripe: bool = False,
    use_gains: bool = True,
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
        NumPy array ``(h, w, b)``, `xarray.DataArray`, `xarray.Dataset` with one cube, opened
        `Scene`, or path. What is masked in a masked array is missing.
    detector
        A name that `oddspec.detectors()` lists, or a model that `fit` or `load_model` gave, which
        is applied as it is.
    bands, nodata, variable, axes, mask_flat, mask, area_of_interest, dark, white, destripe,
    use_gains
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

    Warns
    -----
    DataWarning
        Of all that is odd about the scene, each once, unless it was opened before; the logger
        ``oddspec`` gets the same.

    Examples
    --------
    >>> import numpy as np
    >>> cube = np.random.default_rng(0).normal(size=(50, 60, 10))
    >>> cube[7, 9] += 5
    >>> scores = detect(cube, "rx")
    >>> np.unravel_index(scores.argmax(), scores.shape) == (7, 9)
    True
    """
    reading = _reading(locals())
    with _opened(scene, max_memory, reading) as opened:
        if isinstance(detector, Model):
            if settings:
                raise SettingError(
                    f"{', '.join(settings)}: a fitted model has its settings already; give them to "
                    f"oddspec.fit"
                )
            name, chosen, model = detector.name, detector.detector, detector
            seen = model.suited(opened)
        else:
            name, chosen, model = detector, build(load(detector), settings), None
            seen = opened.suited_to(chosen)
        tell(seen, _odd(scene, opened, seen))
        if model:
            model.check(seen)
        target = ScoreArray(*seen.shape[:2])
        resources = Resources(max_memory, workers, device)
        run(seen, chosen, target, resources, progress, fitted=model.fitted if model else None)
        source = opened.source
        if isinstance(source, DestripedSource):
            source = source.inner
        if isinstance(source, DataArraySource) and not isinstance(scene, Scene):
            return source.like(target.scores, name)
        return target.scores


def fit(
    scene: Any,
    detector: str = "rx",
    *,
    bands: Any = None,
    nodata: float | None = None,
    variable: str | None = None,
    axes: Any = None,
    mask_flat: bool = False,
    mask: Any = None,
    area_of_interest: Any = None,
    dark: str | os.PathLike[str] | None = None,
    white: str | os.PathLike[str] | None = None,
    destripe: bool = False,
    use_gains: bool = True,
    max_memory: int | None = None,
    workers: int | None = None,
    device: str = "cpu",
    progress: Progress = silent,
    **settings: Any,
) -> Model:
    """Fit a detector to a scene, to apply it to others.

    Parameters
    ----------
    scene, detector, bands, nodata, variable, axes, mask_flat, mask, area_of_interest, dark, white,
    destripe, use_gains
        As for `detect`; the detector by name.
    max_memory, workers, device, progress, **settings
        As for `detect`.

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
    reading = _reading(locals())
    chosen = build(load(detector), settings)
    with _opened(scene, max_memory, reading) as opened:
        seen = opened.suited_to(chosen)
        tell(seen, _odd(scene, opened, seen))
        outcome = fit_scene(seen, chosen, Resources(max_memory, workers, device), progress)
        model = Model.of(detector, chosen, outcome.fitted, seen)
    if model is None:
        raise SettingError(f"{detector} fits nothing to a scene that another scene could use")
    return model


_READING = {
    **dict.fromkeys(("bands", "nodata", "variable", "axes", "mask", "area_of_interest")),
    "dark": None,
    "white": None,
    "mask_flat": False,
    "destripe": False,
    "use_gains": True,
}
"""Arguments of `detect` and `fit` that say how a scene is read, with their defaults."""


def _reading(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was said about reading, without what was left out."""
    return {name: given[name] for name, left_out in _READING.items() if given[name] is not left_out}


def _odd(given: Any, opened: Scene, seen: Scene) -> Sequence[str]:
    """What to tell of a scene as a detector sees it; of one that the user opened what is new."""
    if isinstance(given, Scene):
        return seen.notes[len(opened.notes) :]
    return odd_about(seen)


@contextmanager
def _opened(scene: Any, max_memory: int | None, reading: dict[str, Any]) -> Iterator[Scene]:
    """The scene, closed in the end if it was opened here."""
    if isinstance(scene, Scene):
        if reading:
            raise InputError(
                f"{scene.name}: an opened scene has its {', '.join(reading)} already; give "
                f"them to oddspec.open instead"
            )
        yield scene
        return
    with open_scene(scene, max_memory=max_memory, **reading) as opened:
        yield opened
