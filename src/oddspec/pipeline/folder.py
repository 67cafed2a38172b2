"""The folder of a scene's products: inside the given one, for one run at a time and one scene."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from oddspec.detectors import short_name
from oddspec.errors import InputError
from oddspec.execution.score_store import PARTIAL, read_identity
from oddspec.io import lock
from oddspec.io.source import Source

_RESERVED = {
    "CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "123456789¹²³"),
}  # fmt: skip
"""Devices of Windows, whatever follows after a dot."""


def folder_name(scene: str) -> str:
    """The name of a scene's folder: the scene's own, where every system takes that for one name.

    Characters that are not printable or separate folders, and blanks and dots at the end, become
    underscores, so that no name leads elsewhere (``..``); a device of Windows gets one behind it.
    """
    name = "".join(c if c.isprintable() and c not in "/\\" else "_" for c in scene)
    kept = name.rstrip(" .")
    name = kept + "_" * (len(name) - len(kept)) or "_"
    base, dot, rest = name.partition(".")
    return f"{base}_{dot}{rest}" if base.rstrip().upper() in _RESERVED else name


@contextmanager
def locked_folder(
    folder: Path, source: Source, detector: str, overwrite: bool = False
) -> Iterator[None]:
    """The folder for this run alone, and not another scene's.

    Parameters
    ----------
    folder
        Of the scene's products.
    source
        The scene.
    detector
        Its name, or the path of its file.
    overwrite
        Whether another detector's products may be replaced.

    Raises
    ------
    InputError
        If another run writes there, or the folder holds what must not be replaced.
    """
    _refuse_links(folder)
    with lock.locked(folder, "run"):
        try:
            _check_owner(folder, source, detector, overwrite)
            yield
        finally:
            # Nothing but products in a folder that is handed on; some systems keep an open file.
            with suppress(OSError):
                (folder / lock.LOCK).unlink()
            # Nor a folder without any; one that holds something cannot be removed so.
            with suppress(OSError):
                folder.rmdir()


def _refuse_links(folder: Path) -> None:
    """Refuse a folder that is a link or holds one, or a pipe: what is written must stay there."""
    inside = (
        Path(place, name)
        for place, folders, files in os.walk(folder)
        for name in (*folders, *files)
    )
    for path in (folder, *inside):
        if path.is_symlink():
            raise InputError(
                f"{path}: is a link, and products are never written through one; remove it or "
                f"choose another --out"
            )
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError(f"{path}: is no plain file; remove it or choose another --out")


def _check_owner(folder: Path, source: Source, detector: str, overwrite: bool) -> None:
    """Refuse a folder of another scene or detector: its results, finished or interrupted."""
    for kind, found in (("results", _finished(folder)), ("interrupted run", _interrupted(folder))):
        if found is None:
            continue
        earlier, name = found
        if source.path is not None and earlier and earlier != str(source.path.resolve()):
            raise InputError(
                f"{folder}: holds the {kind} of {earlier}, another scene of the same name; choose "
                f"another --out, or remove that folder"
            )
        # Of a detector in a file, the file's name: the same one may be reached by several paths.
        before, now = short_name(name or detector), short_name(detector)
        if before != now and not overwrite:
            raise InputError(
                f"{folder}: holds the {kind} of the detector {before}, this run is of {now}; "
                f"choose another --out, or say --overwrite to replace what is there"
            )


def _finished(folder: Path) -> tuple[str, str] | None:
    """Scene and detector of the results in a folder; None where there are none."""
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return str(record["scene"]["path"] or ""), str(record.get("detector", ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _interrupted(folder: Path) -> tuple[str, str] | None:
    """Scene and detector of the run that was interrupted in a folder; None where there is none."""
    identity, _ = read_identity(folder / PARTIAL)
    if not identity:
        return None
    return str(identity.get("input", "")), str(identity.get("detector", ""))
