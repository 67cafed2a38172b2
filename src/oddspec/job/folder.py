"""The folder of a scene's products: for one run at a time, and for one scene only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from oddspec.errors import InputError
from oddspec.files.source import Source

__all__ = ["locked"]


@contextmanager
def locked(folder: Path, source: Source) -> Iterator[None]:
    """The folder for this run alone, and not another scene's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{folder}: another run is writing there; wait for it or choose another --out"
        ) from None
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written to ({error.strerror}); choose another --out"
        ) from None
    try:
        _check_owner(folder, source)
        yield
    finally:
        lock.release()
        (folder / ".lock").unlink(missing_ok=True)


def _check_owner(folder: Path, source: Source) -> None:
    try:
        earlier = json.loads((folder / "run.json").read_text(encoding="utf-8"))["scene"]["path"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if source.path is not None and earlier and Path(earlier) != source.path.resolve():
        raise InputError(
            f"{folder}: holds the results of {earlier}, another scene of the same name; choose "
            f"another --out, or remove that folder"
        )
