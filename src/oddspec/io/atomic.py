"""Atomic writing: a file is complete under its name, or what was there before is unchanged.

That holds for kills, full disks and power cuts: the bytes are on the disk before the file gets its
name, and the name is on the disk when `atomic_write` returns. So whoever removes what a file was
made from, such as partial results, removes it after the file is safe.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from oddspec.errors import InputError, OddspecError

_PREFIX = ".partial-"


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to, which is renamed to ``path`` on success.

    The temporary name is always the same, so an interrupted run leaves one file and not many.
    GDAL's side file (``.aux.xml``) follows its file, and that of an older file is removed. A link
    at ``path`` or at the temporary name is replaced, never written through.

    Raises
    ------
    OddspecError
        If the file cannot be written (disk full, folder read-only, ...); the old one is kept.
    """
    partial = path.with_name(_PREFIX + path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Also what an earlier run left, and a link that somebody planted there.
        _remove(partial)
        yield partial
        old_side, new_side = (_side(name) for name in (path, partial))
        _sync(partial)
        if new_side.exists():
            _sync(new_side)
        os.replace(partial, path)
        if new_side.exists():
            os.replace(new_side, old_side)
        elif old_side.exists():
            old_side.unlink()
        _sync_names(path.parent)
    except OSError as error:
        raise OddspecError(
            f"{path}: cannot be written ({error.strerror or error}); what was there before is "
            f"unchanged. Check that the folder is writable and the disk has room"
        ) from error
    finally:
        with suppress(OSError):
            _remove(partial)


@contextmanager
def told_where(path: Path) -> Iterator[None]:
    """Turn what the system says against writing to ``path`` into a sentence.

    Raises
    ------
    OddspecError
        In place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise OddspecError(
            f"{path}: cannot be written ({error.strerror or error}); check that the folder is "
            f"writable and the disk has room"
        ) from error


def must_be_text(path: Path) -> None:
    """Raise unless a path's name is text: GDAL, JSON and HTML cannot hold another.

    Raises
    ------
    InputError
        If it is not valid UTF-8.
    """
    try:
        str(path.resolve()).encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{path}: the name of the file or of its folder is not valid UTF-8, so it cannot be "
            f"written into the products; rename it"
        ) from None


def write_text(path: Path, text: str) -> Path:
    """Write a UTF-8 text file by `atomic_write`, and give its path back."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")
    return path


def _side(path: Path) -> Path:
    """Where GDAL keeps what a format cannot express."""
    return path.with_name(path.name + ".aux.xml")


def _remove(partial: Path) -> None:
    for name in glob.glob(glob.escape(str(partial)) + "*"):
        os.unlink(name)


def _sync(path: Path) -> None:
    """Have the bytes on the disk before the name changes hands."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _sync_names(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can be asked for that."""
    with suppress(OSError):  # Windows opens no folders, and some network file systems sync none
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
