"""The folder of a scene's products: for one run at a time, and for one scene only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from oddspec.errors import InputError
from oddspec.io import lock
from oddspec.io.source import Source

__all__ = ["locked"]


@contextmanager
def locked(folder: Path, source: Source) -> Iterator[None]:
    """The folder for this run alone, and not another scene's."""
    with lock.locked(folder, "run"):
        try:
            _check_owner(folder, source)
            yield
        finally:
            # Nothing but products in a folder that is handed on; some systems keep an open file.
            with suppress(OSError):
                (folder / lock.LOCK).unlink()
            # Nor a folder without any; one that holds something cannot be removed so.
            with suppress(OSError):
                folder.rmdir()


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
