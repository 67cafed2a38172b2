"""Fitted models: kept in a file, read back without trust, applied to another scene.

What a detector has fitted is a frozen dataclass of arrays, numbers, names and further dataclasses.
That is all that is needed to write it down and to build it again: arrays go into the file under
their dotted names, the rest into its JSON, and the types in the class say how it fits together. A
new detector therefore needs no code for it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import types
import typing
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import valid_pixels
from oddspec.detector import Background, BackgroundDetector, Detector, SceneDetector, SceneModel
from oddspec.detectors import is_file, load, no_files, short_name
from oddspec.errors import DataWarning, InputError
from oddspec.execution.resources import Resources
from oddspec.io import npz as archive
from oddspec.io.gains import BandGains
from oddspec.io.reading import cause
from oddspec.scene import Scene
from oddspec.settings import build, kept
from oddspec.statistics.band_statistics import BandStatistics

KIND = "detector"

_ALWAYS = 2**20
"""Bytes that a model may unpack to whatever the budget."""

_MOST_BANDS = 2**20

LATER = ("shrinkage", "beginning", "growths", "squared", "sizes", "rebuilt")
"""Fields that came after the first models were saved. They are left out of a file while they have
their default, so that a model's digest stays what it was when an interrupted run began."""

LOOK_VALUES = 1_000_000
FEWEST_ROWS = 8
"""So many values, or rows of a wide scene, are looked at to compare it with another."""


_BROUGHT = (
    "gains or offsets that this file, or that of the scene that the model was fitted to, declares "
    "were applied to the bands, so that the values are those that the model knows"
)
_STORED = (
    "gains or offsets that the file declares were not applied: the model is of an earlier version, "
    "which was fitted to stored numbers"
)


@dataclass(frozen=True, eq=False)
class Model:
    """A detector and what it has fitted to a scene.

    Attributes
    ----------
    name
        Of the detector.
    detector
        Its settings.
    fitted
        What scores pixels.
    bands
        Number of bands that it was fitted in.
    wavelengths
        Their centres in nanometres, where they are known.
    statistics
        Of the scene that it was fitted to, or of evenly spread rows of a large one. None in
        older files, whose models are applied without such a comparison.
    gains
        What turns the numbers that it was fitted to into the values that its scene's file
        declares; they change nothing where those were applied, or none are declared. None in
        older files, whose models are applied to numbers as they are stored.
    """

    name: str
    detector: Detector
    fitted: Background | SceneModel
    bands: int
    wavelengths: np.ndarray | None = None
    statistics: BandStatistics | None = None
    gains: BandGains | None = None

    @classmethod
    def of(cls, name: str, detector: Detector, fitted: Any, scene: Scene) -> Model | None:
        """The model of that scene; None where nothing was fitted that another scene could use."""
        if fitted is None or not dataclasses.is_dataclass(type(fitted)):
            return None
        bands, wavelengths = scene.shape[2], scene.wavelengths
        left = None if scene.gains else scene.declared_gains
        gains = left or BandGains.none(bands)
        return cls(name, detector, fitted, bands, wavelengths, _statistics(scene), gains)

    def suited(self, scene: Scene) -> Scene:
        """The scene in the values that the model was fitted to, with a note where it declares some.

        Two scenes of one product may declare different gains, so that those matter to all models.
        """
        declared = scene.declared_gains
        if self.gains is None and declared is not None:
            return dataclasses.replace(scene, notes=(*scene.notes, _STORED))
        if self.gains is None or scene.shape[2] != self.bands:
            return scene
        needed = (declared or BandGains.none(self.bands)).then_undo(self.gains)
        return scene if needed.identity else scene.with_gains(needed, _BROUGHT)

    def save(self, path: str | Path) -> None:
        """Write it into one ``.npz`` file.

        Raises
        ------
        OddspecError
            If the file cannot be written; the old one is kept.
        """
        arrays, content = self._parts()
        archive.save_npz(path, KIND, arrays, content)

    @property
    def digest(self) -> str:
        """SHA-256 of all its numbers and settings."""
        arrays, content = self._parts()
        found = hashlib.sha256(repr(sorted(content.items())).encode())
        for key in sorted(arrays):
            found.update(key.encode())
            # The bytes where they are: a copy would double the model's memory.
            found.update(np.ascontiguousarray(arrays[key]).reshape(-1).view(np.uint8).data)
        return found.hexdigest()

    def check(self, scene: Scene) -> None:
        """Refuse a scene with other bands or in other units; say so if its values are others.

        Raises
        ------
        InputError
            If the number of bands differs, or their wavelengths by more than half their spacing,
            or the values by orders of magnitude.

        Warns
        -----
        DataWarning
            If the values are far from those that the model was fitted to.
        """
        self._check_bands(scene)
        here = _statistics(scene) if self.statistics else None
        if not self.statistics or not here:
            return
        found = self.statistics.compare(here)
        told = f"compared with the scene that the model of {self.name} was fitted to, {found}"
        if found.other_units:
            gains = ", leave out its gains (--no-gains)" if scene.gains else ""
            raise InputError(
                f"{scene.source.path or scene.name}: {told}: bring the scene to the units of that "
                f"one{gains}, or fit a model to it"
            )
        if found.far:
            warnings.warn(
                f"{told}: scores, and thresholds found for that scene, mean little here if the "
                f"units differ",
                DataWarning,
                stacklevel=3,
            )

    def _check_bands(self, scene: Scene) -> None:
        name, bands = scene.source.path or scene.name, scene.shape[2]
        if bands != self.bands:
            raise InputError(
                f"{name}: {bands} bands are used here, but the model of {self.name} was fitted in "
                f"{self.bands}; choose the same ones with --bands"
            )
        if self.wavelengths is None or scene.wavelengths is None or bands < 2:
            return
        apart = np.abs(scene.wavelengths - self.wavelengths)
        spacing = np.median(np.abs(np.diff(self.wavelengths)))
        worst = int(apart.argmax())
        if apart[worst] > spacing / 2:
            raise InputError(
                f"{name}: band {worst + 1} of those used is at {scene.wavelengths[worst]:.1f} nm, "
                f"in the model of {self.name} at {self.wavelengths[worst]:.1f} nm; a model is for "
                f"the bands that it was fitted in: choose them with --bands"
            )

    def _parts(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        arrays: dict[str, np.ndarray] = {}
        content = {
            "detector": self.name,
            "settings": kept(self.detector),
            "bands": self.bands,
            "fitted": _flatten(self.fitted, "fitted", arrays),
        }
        if self.wavelengths is not None:
            arrays["wavelengths"] = np.asarray(self.wavelengths)
        if self.statistics is not None:
            content["statistics"] = _flatten(self.statistics, "statistics", arrays)
        if self.gains is not None:
            content["gains"] = _flatten(self.gains, "gains", arrays)
        return arrays, content


def load_model(
    path: str | Path, detector: str | None = None, *, max_memory: int | None = None
) -> Model:
    """The model that `Model.save` wrote. Nothing in the file is executed.

    Parameters
    ----------
    path
        The file, which need not be trusted.
    detector
        The Python file of a detector of your own, where the model is of one: a model only says
        that file's name, and code runs only where you name it.
    max_memory
        Bytes of resident memory that the process may use; by default half of what is free is
        added to what it has.

    Raises
    ------
    InputError
        If the file is not one, is damaged, is from a detector that there is not, or from another
        one than was given.
    BudgetError
        If it would unpack to more than the memory allows.
    """
    # Arrays are copied once while they are read or put to use.
    limit = max(Resources(max_memory).left() / 2, _ALWAYS)
    arrays, content = archive.load_npz(path, KIND, limit)
    named = content.get("detector")
    name = _trusted(path, str(named), detector)
    try:
        cls = load(name)
        # An ensemble's members are names, too.
        with no_files():
            built = build(cls, content["settings"])
            kind = fitted_class(cls)
            if kind is None:
                raise ValueError(f"{name} fits nothing that another scene could use")
            fitted = _restore(kind, content["fitted"], arrays)
        bands, wavelengths = int(content["bands"]), arrays.get("wavelengths")
        if not 0 < bands <= _MOST_BANDS:
            raise ValueError(f"{bands} bands")
        statistics = None
        if "statistics" in content:
            statistics = _restore(BandStatistics, content["statistics"], arrays)
            if statistics.mean.shape != (bands,) or statistics.deviation.shape != (bands,):
                raise ValueError(f"its statistics are not of {bands} bands")
        gains = None
        if "gains" in content:
            gains = _restore(BandGains, content["gains"], arrays)
            if gains.gains.shape != (bands,) or gains.offsets.shape != (bands,):
                raise ValueError(f"its gains are not of {bands} bands")
            if not gains.usable.all():
                raise ValueError("its gains hold zero or no finite numbers")
        if isinstance(fitted, Background):
            fitted.score(np.zeros((2, bands)))  # arrays that do not fit together fail here
    except Exception as error:  # whatever a detector stumbles over where its numbers are wrong
        raise InputError(
            f"{path}: this saved model is damaged, or of another version ({cause(error)}); save it "
            f"again"
        ) from None
    return Model(name, built, fitted, bands, wavelengths, statistics, gains)


def _trusted(path: str | Path, named: str, given: str | None) -> str:
    """The detector to load: of the registry by the model's word, a Python file by the user's."""
    if given is None and is_file(named):
        raise InputError(
            f"{path}: was fitted by a detector of your own, {short_name(named)}.py; a model never "
            f"runs code, so name that file again: --detector {short_name(named)}.py, or "
            f"load_model(path, detector=...)"
        )
    if given is None:
        return named
    if (short_name(named), is_file(named)) != (short_name(given), is_file(given)):
        raise InputError(f"{path}: was fitted by {short_name(named)}, not by {given}")
    return given


def fitted_class(detector: type[Detector]) -> Any:
    """The class of what a detector fits; None where nothing is left to be applied."""
    if issubclass(detector, SceneDetector):
        return detector.fitted
    if issubclass(detector, BackgroundDetector):
        return typing.get_type_hints(detector.fit)["return"]
    return None


def _statistics(scene: Scene) -> BandStatistics | None:
    """Of the scene's valid pixels, or of those in evenly spread rows; None where there are none."""
    height, width, bands = scene.shape
    count = min(height, max(FEWEST_ROWS, LOOK_VALUES // (width * bands)))
    pixels = [
        valid_pixels(*scene.read((row, row + 1), (0, width)))
        for row in np.unique(np.linspace(0, height - 1, count).astype(np.intp)).tolist()
    ]
    found = np.concatenate(pixels)
    return BandStatistics.of(found) if len(found) else None


def _flatten(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """The value in terms of JSON, each array moved to ``arrays`` and its name left in its place."""
    if isinstance(value, np.ndarray):
        # One array in two places stays one: A @ A.T rounds otherwise than A @ B.T with an equal B.
        where = value.__array_interface__
        name = next((k for k, known in arrays.items() if known.__array_interface__ == where), name)
        arrays[name] = value
        return {"array": name}
    if isinstance(value, np.generic):
        return value.item()
    if dataclasses.is_dataclass(value):
        return {
            field.name: _flatten(getattr(value, field.name), f"{name}.{field.name}", arrays)
            for field in dataclasses.fields(value)
            if field.name not in LATER or not _is(getattr(value, field.name), field.default)
        }
    if isinstance(value, tuple):
        return [_flatten(part, f"{name}.{i}", arrays) for i, part in enumerate(value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}, which a saved model cannot hold")


def _is(value: Any, default: Any) -> bool:
    """Whether a field has its default; an array, which compares entry by entry, is none."""
    return not isinstance(value, np.ndarray) and bool(value == default)


def _restore(kind: Any, value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The value that `_flatten` was given, of the annotated kind."""
    if isinstance(value, dict) and set(value) == {"array"}:
        return arrays[value["array"]]
    if inspect.isclass(kind) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        names = [field.name for field in dataclasses.fields(kind)]
        names = [name for name in names if name in value or name not in LATER]
        return kind(**{name: _restore(hints[name], value[name], arrays) for name in names})
    if inspect.isclass(kind) and issubclass(kind, tuple) and hasattr(kind, "_fields"):
        hints = typing.get_type_hints(kind)
        return kind(*map(lambda n, v: _restore(hints[n], v, arrays), kind._fields, value))
    if typing.get_origin(kind) is tuple:
        inside = typing.get_args(kind)
        every = [inside[0]] * len(value) if inside[1:] == (...,) else inside
        return tuple(_restore(k, v, arrays) for k, v in zip(every, value, strict=True))
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        if value is None:
            return None
        kinds = [k for k in typing.get_args(kind) if k is not type(None)]
        return _restore(kinds[0], value, arrays) if len(kinds) == 1 else value
    if kind in (bool, int, float, str) and not isinstance(value, kind):
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return value
