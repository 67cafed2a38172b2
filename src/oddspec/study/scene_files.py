"""A scene of a study: a cube and one truth of it, as files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from oddspec.errors import DataWarning, SettingError
from oddspec.io.checksum import FileTimes
from oddspec.io.flat import FlatSource
from oddspec.io.open import open_source
from oddspec.io.truth import truth_of
from oddspec.scene import Scene
from oddspec.survey import LOOK_VALUES, look_over, survey


@dataclass(frozen=True)
class StudyScene:
    """A cube and one truth of it, as files.

    Attributes
    ----------
    key
        As a plan writes it: the name, or ``NAME/TRUTH`` where several truths are in use.
    name
        Of the scene alone.
    cube, cube_variable, truth, truth_variable
        Where to read; the variables are None where a file holds a single array.
    truth_file
        Name of the truth's file: the usual one for a public scene, whatever the user calls it.
    sha256, truth_sha256
        Of the two files; equal if it is one. An ENVI file's is over its header too.
    shape
        Rows, columns, bands.
    note
        What is uncertain about it, or empty.
    times
        Of each of its files, by path: a run compares them, since it may begin hours after the
        checksums were computed.
    reading
        What the plan says of how its files are read: ``variable``, ``axes``, ``truth_variable``.
    """

    key: str
    name: str
    cube: Path
    cube_variable: str | None
    truth: Path
    truth_variable: str | None
    truth_file: str
    sha256: str
    truth_sha256: str
    shape: tuple[int, int, int]
    note: str = ""
    times: Mapping[str, FileTimes] = field(default_factory=dict, compare=False)
    reading: Mapping[str, str] = field(default_factory=dict)

    def open(self) -> Scene:
        """The cube, to be closed."""
        return open_scene_file(self.cube, self.cube_variable, self.reading.get("axes"))

    def labels(self, scene: Scene) -> np.ndarray:
        """The truth of the opened cube, as `oddspec.io.truth.truth_of` gives it."""
        return truth_of(self.truth, scene.source, self.truth_variable)


def open_scene_file(
    path: str | Path, variable: str | None, axes: str | None, max_memory: int | None = None
) -> Scene:
    """A scene as `oddspec.detect` would open it: without bands that hold nothing."""
    source = open_source(path, variable=variable, axes=axes, max_memory=max_memory)
    try:
        return look_over(Scene.of(source))
    except BaseException:
        source.close()
        raise


@dataclass(frozen=True)
class Missing:
    """A scene that a plan names and that is not at hand."""

    key: str
    reason: str


def opened(
    key: str,
    name: str,
    cube: tuple[Path, str | None],
    truth: tuple[Path, str | None],
    truth_file: str,
    sums: tuple[str, str],
    note: str = "",
    reading: Mapping[str, str] | None = None,
) -> StudyScene:
    """The scene, once its cube can be opened; raises `InputError` where it cannot."""
    said = reading or {}
    source = open_source(cube[0], variable=cube[1], axes=said.get("axes"))
    header = source.header if isinstance(source, FlatSource) else None
    files = (cube[0], source.path, header, truth[0])
    times = {str(path): FileTimes.of(path) for path in files if path}
    shape = source.shape
    source.close()
    return StudyScene(key, name, *cube, *truth, truth_file, *sums, shape, note, times, said)


def looked_over(found: StudyScene) -> StudyScene:
    """The scene, once its truth can be read, with what is odd about its pixels as a note."""
    with found.open() as scene, warnings.catch_warnings():
        # Every run tells how cube and truth were read.
        warnings.simplefilter("ignore", DataWarning)
        found.labels(scene)
        notes = survey(scene, LOOK_VALUES).notes
    return replace(found, note="; ".join(notes))


def expanded(path: str | Path) -> Path:
    """The path with ``~`` and ``~user`` replaced by that home folder.

    Raises
    ------
    SettingError
        If there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise SettingError(
            f"{path}: there is no such user's home folder; write the path in full"
        ) from None


def relative(path: Path, start: Path) -> str:
    """The way from one folder to a path, for files that are moved together."""
    return os.path.relpath(path.resolve(), start.resolve())
