"""The catalogue of public scenes: what each is, where it comes from and how to know its files.

The facts lie in ``catalogue/``, one TOML file per scene; ``sets.toml`` names sets of them (``abu``,
``thirteen``, the scenes of each paper). Nothing of the data itself is part of the
package: a scene's files are known by their SHA-256, whatever they are called.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from oddspec.errors import SettingError

UNKNOWN = "unknown"
"""Stands for the checksum of a file that is known from the literature only."""

WHOLE_FILE = "whole file"
"""Stands for the variable in formats that hold one array without a name."""


@dataclass(frozen=True)
class SceneFile:
    """One file that a public scene is made of.

    ``cube`` and ``truth`` are the names of the variables in it, empty where it holds no such thing.
    """

    name: str
    """Its usual name; only the checksum identifies it."""
    sha256: str
    bytes: int
    format: str
    cube: str
    truth: str


@dataclass(frozen=True)
class SceneTruth:
    """One truth in use for a public scene.

    ``objects`` are 8-connected. ``rx_auc`` is the area under the exact ROC curve of plain global RX
    in float64 (mean and covariance over all pixels; leading eigenvectors only where the covariance
    is singular), rounded to six digits.
    """

    name: str
    file: str
    pixels: int
    objects: int
    rx_auc: float


@dataclass(frozen=True)
class PublicScene:
    """A public benchmark scene as its files hold it: ``rows`` x ``columns`` x ``bands``."""

    name: str
    title: str
    place: str
    sensor: str
    pixel_metres: float
    """Ground size of a pixel, 0 where unknown."""
    rows: int
    columns: int
    bands: int
    dtype: str
    """Type of the stored values, ``unknown`` where the file has not been examined."""
    values: tuple[float, ...]
    """Smallest and largest value; empty where the file has not been examined."""
    covariance_rank: int
    """Rank of the covariance over all pixels; 0 where the file has not been examined."""
    citation: str
    doi: str
    source: str
    """Page to get it from; empty where none is known for sure."""
    licence: str
    notes: tuple[str, ...]
    files: tuple[SceneFile, ...]
    truths: tuple[SceneTruth, ...]

    @property
    def examined(self) -> bool:
        """Whether the files themselves were looked at, and so can be recognised."""
        return all(file.sha256 != UNKNOWN for file in self.files)


Described = TypeVar("Described", SceneFile, SceneTruth, PublicScene)


@cache
def catalogue() -> tuple[PublicScene, ...]:
    """All public scenes, by name.

    Raises
    ------
    ValueError
        If an entry lacks a field, has one too many or repeats a name: a mistake in the package.
    """
    folder = files("oddspec.scenes") / "catalogue"
    names = sorted(e.name[:-5] for e in folder.iterdir() if e.name.endswith(".toml"))
    scenes = tuple(parse(name, (folder / f"{name}.toml").read_text("utf-8")) for name in names)
    _must_be_unique("scene name", [scene.name for scene in scenes])
    sums = [file.sha256 for scene in scenes for file in scene.files]
    _must_be_unique("checksum", [value for value in sums if value != UNKNOWN])
    return scenes


def find(name: str) -> PublicScene:
    """The public scene of that name.

    Raises
    ------
    SettingError
        If there is none; the message names the nearest.
    """
    scenes = {scene.name: scene for scene in catalogue()}
    if name in scenes:
        return scenes[name]
    near = get_close_matches(name, scenes, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "see `oddspec scenes list`"
    raise SettingError(f"scene {name!r} is not in the catalogue of {len(scenes)} scenes: {hint}")


def scene_keys(scene: PublicScene) -> tuple[str, ...]:
    """What studies call a scene: its name, or ``NAME/TRUTH`` where several truths are in use."""
    if len(scene.truths) < 2:
        return (scene.name,)
    return tuple(f"{scene.name}/{truth.name}" for truth in scene.truths)


@cache
def scene_sets() -> dict[str, tuple[str, ...]]:
    """The sets, each as the keys of its scenes.

    Raises
    ------
    ValueError
        If a set names a scene that the catalogue does not have: a mistake in the package.
    """
    text = (files("oddspec.scenes") / "sets.toml").read_text("utf-8")
    known = [key for scene in catalogue() for key in scene_keys(scene)]
    found = {}
    for name, entry in tomllib.loads(text).items():
        members: list[str] = []
        for pattern in entry["scenes"]:
            matching = [key for key in known if fnmatchcase(key, pattern)]
            if not matching:
                raise ValueError(f"sets.toml: {name} names {pattern!r}, which is no scene")
            members += (key for key in matching if key not in members)
        found[name] = tuple(members)
    return found


def parse(origin: str, text: str) -> PublicScene:
    """The scene that a TOML text describes; ``origin`` is the file's name without its suffix.

    Raises
    ------
    ValueError
        If a field lacks or is not known, or the parts do not fit together.
    """
    table = tomllib.loads(text)
    parts: dict[str, Any] = {
        "notes": tuple,
        "values": tuple,
        "files": lambda entries: tuple(_build(SceneFile, e, origin) for e in entries),
        "truths": lambda entries: tuple(_build(SceneTruth, e, origin) for e in entries),
    }
    scene = _build(
        PublicScene, {k: parts[k](v) if k in parts else v for k, v in table.items()}, origin
    )
    if origin != scene.name:
        raise ValueError(f"catalogue/{origin}.toml describes another scene, {scene.name!r}")
    known = {file.name for file in scene.files if file.truth}
    for truth in scene.truths:
        if truth.file not in known:
            raise ValueError(f"catalogue/{origin}.toml: truth {truth.name!r} lies in no file")
    return scene


def _build(kind: type[Described], table: dict[str, Any], origin: str) -> Described:
    expected = {field.name for field in fields(kind)}
    if table.keys() != expected:
        lacking, extra = sorted(expected - table.keys()), sorted(table.keys() - expected)
        what = f"catalogue/{origin}.toml, {kind.__name__}"
        raise ValueError(f"{what}: lacks {lacking}, has unknown {extra}")
    return kind(**table)


def _must_be_unique(what: str, values: list[str]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"catalogue: {what} {', '.join(twice)} is given more than once")
