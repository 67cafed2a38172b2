"""Recognise the files of public scenes by their checksum, whatever they are called."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from oddspec.errors import InputError
from oddspec.io.checksum import sha256
from oddspec.progress import Progress, silent
from oddspec.scenes.public import UNKNOWN, PublicScene, SceneFile, catalogue


class Recognised(NamedTuple):
    """A file that was looked at; scene and entry are None where it is not in the catalogue."""

    path: Path
    scene: PublicScene | None
    file: SceneFile | None


def recognise(folder: str | Path, progress: Progress = silent) -> list[Recognised]:
    """Look at every file in ``folder`` and below, or at the one file that it names.

    Only a file of a size that the catalogue lists is read; links to folders are not followed.

    Raises
    ------
    InputError
        If there is no such folder or file, or a file cannot be read.
    """
    root = Path(folder)
    if not root.exists():
        raise InputError(f"{root}: there is no such file or folder; name one that exists")
    paths = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
    by_size: dict[int, list[tuple[PublicScene, SceneFile]]] = {}
    for scene in catalogue():
        for file in scene.files:
            if file.sha256 != UNKNOWN:
                by_size.setdefault(file.bytes, []).append((scene, file))
    found = []
    for number, path in enumerate(paths):
        progress(number, len(paths), "checking files")
        found.append(_identify(path, by_size))
    progress(len(paths), len(paths), "checking files")
    return found


def _identify(path: Path, by_size: dict[int, list[tuple[PublicScene, SceneFile]]]) -> Recognised:
    try:
        candidates = by_size.get(path.stat().st_size, [])
        if not candidates:
            return Recognised(path, None, None)
        digest = sha256(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path}: cannot be read ({reason}); check its permissions") from error
    for scene, file in candidates:
        if file.sha256 == digest:
            return Recognised(path, scene, file)
    return Recognised(path, None, None)
