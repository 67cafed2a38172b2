"""One run of a study: a detector on a scene, measured; what goes wrong becomes part of the row."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import Cube, Mask
from oddspec.detector import Insight
from oddspec.detectors import family_of, load
from oddspec.errors import (
    BudgetError,
    DataWarning,
    InputError,
    NotConverged,
    OddspecError,
    SettingError,
)
from oddspec.execution.resources import Resources, peak_since_reset, reset_peak, resident
from oddspec.execution.run import run
from oddspec.execution.score_store import ScoreArray
from oddspec.io.atomic import atomic_write
from oddspec.io.checksum import FileTimes, WatchedInputs, sha256
from oddspec.io.source import ArraySource, Metadata, Source
from oddspec.io.truth import truth_of
from oddspec.metrics import Classes, evaluate, scaled_areas
from oddspec.products.record import as_json
from oddspec.scene import Scene
from oddspec.settings import build
from oddspec.statistics.scaling import global01
from oddspec.study.scene_files import open_scene_file
from oddspec.text import gigabytes

POINTS = 500
"""Most points of a curve that are kept."""

PER_STEP = ("objective", "losses")
"""Curves of an iteration: one value per step or epoch."""

IN_MEMORY = 1 / 8
"""Share of the budget up to which a cube is read before the clock starts."""

STRIP_VALUES = 20_000_000
"""Values that are read at once to count valid pixels."""


def perform(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run a task and return what a record says about how it went.

    Never raises but for what ends the process (`KeyboardInterrupt`, `SystemExit`).

    Parameters
    ----------
    task
        ``source``, ``settings`` and ``detector_sha256`` (None but for a file) of the detector;
        ``cube``, ``cube_variable``, ``truth``, ``truth_variable``, and of their files the
        ``times`` by path, which must not have changed; ``noise``, ``noise_seed``;
        ``thresholds`` for areas on grids; ``map``, a path for the scores or None; ``max_memory``
        in bytes.
    """
    result: dict[str, Any] = {"status": "failed", "reason": None}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            _perform(task, result)
            result["status"] = "done"
        except BudgetError as error:
            result |= {"status": "refused", "reason": str(error)}
        except OddspecError as error:
            result["reason"] = str(error)
        except Exception as error:
            result["reason"] = _described(error)
            result["traceback"] = traceback.format_exc()[-4000:]
    result["warnings"] = _warnings(caught)
    if any(issubclass(warning.category, NotConverged) for warning in caught):
        result["converged"] = False
    return result


def _perform(task: Mapping[str, Any], result: dict[str, Any]) -> None:
    cls = load(task["source"])
    digest = task["detector_sha256"]
    if digest is not None and sha256(Path(task["source"])) != digest:
        raise SettingError(
            f"{task['source']}: has changed since the study began; run the study again"
        )
    detector = build(cls, task["settings"])
    if family_of(task["source"]) == "learned":
        _load_torch()
    inputs = WatchedInputs()
    for path, times in task.get("times", {}).items():
        inputs.watch(Path(path), FileTimes(*times))
    inputs.check()
    scene, truth = _scene(task)
    scene = scene.suited_to(detector)
    for note in scene.notes:
        warnings.warn(note, DataWarning, stacklevel=2)
    try:
        h, w, _ = scene.shape
        target = ScoreArray(h, w)
        resources = Resources(task["max_memory"], workers=1)
        result["peak_memory_exact"] = reset_peak()
        result["memory_before"] = resident()
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            outcome = run(scene, detector, target, resources)
        finally:
            result["seconds"] = {
                "wall": round(time.perf_counter() - wall, 4),
                "cpu": round(time.process_time() - cpu, 4),
            }
            result["peak_memory"] = peak_since_reset()
        result["unscored"] = _unscored(scene, target.scores)
    finally:
        scene.source.close()
    inputs.check()
    result |= _curves(outcome.insights)
    if task["map"] is not None:
        with atomic_write(Path(task["map"])) as partial, open(partial, "wb") as file:
            np.save(file, target.scores)
    result["metrics"] = _metrics(target.scores, truth, task["thresholds"])


def _load_torch() -> None:
    """Load what PyTorch loads when it is first used: that takes seconds, and is no run's own."""
    import torch

    torch.optim.Adam([torch.zeros(1, requires_grad=True)]).zero_grad()


def _scene(task: Mapping[str, Any]) -> tuple[Scene, np.ndarray]:
    """The scene, with noise if there is to be some, in memory if it is small; and its targets."""
    budget = task["max_memory"]
    scene = open_scene_file(task["cube"], task["cube_variable"], task.get("axes"), budget)
    source = scene.source
    try:
        truth = truth_of(task["truth"], source, task["truth_variable"]) > 0
    except BaseException:
        source.close()
        raise
    h, w, b = source.shape
    whole = (0, h), (0, w)
    if task["noise"]:
        if declared := scene.declared_gains:
            # The same noise for all detectors, so the same values.
            scene = replace(scene, gains=declared)
        _must_fit(scene, budget)
        noisy = with_noise(*scene.read(*whole), task["noise"], task["noise_seed"])
        source.close()
        place = Metadata(georeference=source.metadata.georeference)
        return replace(Scene.of(ArraySource(noisy, place, source.name)), notes=scene.notes), truth
    # An array has no flags of a product's pixels.
    if not scene.mask.flags and h * w * b * source.dtype.itemsize <= IN_MEMORY * budget:
        held = _held(source, source.read(*whole))
        source.close()
        return replace(scene, source=held), truth
    return scene, truth


def with_noise(cube: Cube, valid: Mask, sigma: float, seed: int) -> Cube:
    """The cube scaled to 0..1 by its lowest and highest valid value, plus white Gaussian noise.

    Values below 0 and above 1 that the noise makes are left as they are. A seed stands for one
    field of standard normal numbers for all ``sigma`` and all detectors, so that levels and
    detectors are compared on the same noise.

    Parameters
    ----------
    cube
        ``(h, w, b)``.
    valid
        Pixels that count; the others are NaN in the result.
    sigma
        Standard deviation, in units of the scaled cube.
    seed
        Of the noise alone.

    Raises
    ------
    InputError
        If no pixel is valid.

    References
    ----------
    S. Moradi et al., "Robust asymmetric encoder-decoder nonnegative matrix factorization for
    hyperspectral anomaly detection", Neurocomputing, 2026, section 5.3.
    doi:10.1016/j.neucom.2026.133709
    """
    if not valid.any():
        raise InputError("no pixel of the scene is valid, so noise has no scale")
    pixels = cube[valid]
    noisy = np.full(cube.shape, np.nan)
    drawn = np.random.default_rng(seed).standard_normal(cube.shape)
    noisy[valid] = global01(pixels)(pixels) + sigma * drawn[valid]
    return noisy


def _held(source: Source, cube: np.ndarray) -> ArraySource:
    """The same scene in memory, so that reading the file is not part of a detector's time."""
    return ArraySource(cube, source.metadata, source.name, source.path, source.format)


def _must_fit(scene: Scene, budget: int) -> None:
    h, w, b = scene.shape
    needs, left = 4 * 8 * h * w * b, Resources(budget).left()
    if needs > left:
        raise BudgetError(
            f"{scene.source.path or scene.name}: to add noise needs {gigabytes(needs)}, but "
            f"{gigabytes(max(left, 0))} are left of the budget: raise --max-memory"
        )


def _unscored(scene: Scene, scores: np.ndarray) -> int:
    """How many valid pixels have no score: a detector must not choose what it is judged by.

    Raises
    ------
    InputError
        If none has one.
    """
    lacking = np.isnan(scores)
    if not lacking.any():
        return 0
    h, w, b = scene.shape
    step = max(1, STRIP_VALUES // (w * b))
    valid = [scene.read((top, min(top + step, h)), (0, w))[1] for top in range(0, h, step)]
    found = lacking & np.concatenate(valid)
    count, known = int(found.sum()), int((~lacking).sum())
    if not known:
        raise InputError("the detector gave no pixel a score: all are NaN")
    if count:
        warnings.warn(
            f"{count} of {count + known} valid pixels have no score (NaN): areas and rates are "
            f"over the others only",
            DataWarning,
            stacklevel=2,
        )
    return count


def _metrics(scores: np.ndarray, truth: np.ndarray, thresholds: Sequence[int]) -> dict[str, Any]:
    """All metrics; those on grids of thresholds under names such as ``auc_pf_tau_500``."""
    found = evaluate(scores, truth)
    for count in thresholds:
        try:
            areas = scaled_areas(Classes.of(scores, truth), count)
        except OddspecError:
            areas = None
        for number, name in enumerate(("auc_pd_tau", "auc_pf_tau")):
            found[f"{name}_{count}"] = None if areas is None else areas[number]
    return as_json(found)


def _curves(insights: Iterable[Insight]) -> dict[str, Any]:
    """Curves, thinned; how many steps there were; whether an objective settled."""
    found = [insight for insight in insights if insight.kind == "curve"]
    steps = [len(insight.values) for insight in found if insight.name in PER_STEP]
    settled = any(insight.name == "objective" for insight in found)
    return {
        "curves": {insight.name: _thinned(insight.values) for insight in found},
        "iterations": max(steps, default=None),
        "converged": True if settled else None,
    }


def _thinned(values: np.ndarray) -> list[Any]:
    """Evenly spaced values, the first and the last among them, to six digits."""
    values = np.asarray(values, dtype=np.float64)
    if len(values) > POINTS:
        values = values[np.linspace(0, len(values) - 1, POINTS).round().astype(int)]
    rounded = [float(f"{value:.6g}") for value in values.ravel()]
    return as_json(np.reshape(rounded, values.shape))


def _described(error: Exception) -> str:
    """An unforeseen error in one line: its kind, its text and where it arose."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:1000] + place


def _warnings(caught: Iterable[warnings.WarningMessage]) -> list[str]:
    """Texts of warnings, each once; the kind of other packages' warnings is named."""
    own = (DataWarning, NotConverged)
    texts = [
        str(warning.message)
        if issubclass(warning.category, own)
        else f"{warning.category.__name__}: {warning.message}"
        for warning in caught
    ]
    return list(dict.fromkeys(texts))
