"""A scene of a study: a cube and one truth of it, as files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oddspec.errors import SettingError
from oddspec.io.checksum import FileTimes
from oddspec.io.flat import FlatSource
from oddspec.io.open import open_source


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
) -> StudyScene:
    """The scene, once its cube can be opened; raises `InputError` where it cannot."""
    source = open_source(cube[0], variable=cube[1])
    header = source.header if isinstance(source, FlatSource) else None
    files = (cube[0], source.path, header, truth[0])
    times = {str(path): FileTimes.of(path) for path in files if path}
    shape = source.shape
    source.close()
    return StudyScene(key, name, *cube, *truth, truth_file, *sums, shape, note, times)


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
