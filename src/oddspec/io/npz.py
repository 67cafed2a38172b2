"""Arrays and JSON in one .npz file, which cannot run code when it is read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import BudgetError, InputError
from oddspec.io.atomic import atomic_write

__all__ = ["load", "save"]

SETTINGS = "settings.json"
FORMAT = "oddspec-model-1"
MAX_BYTES = 2_000_000_000
"""No model of a few small networks comes near this."""


def save(
    path: str | Path, kind: str, arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any]
) -> None:
    """Write arrays and settings into one file, aside first, so that no half file is left.

    Parameters
    ----------
    path
        Where; by custom it ends in ``.npz``. An existing file is replaced.
    kind
        What sort of model it is; `load` asks for the same.
    arrays
        Numbers only.
    settings
        Anything that JSON can hold.

    Raises
    ------
    TypeError
        If an array holds objects.
    OddspecError
        If the file cannot be written; the old one is kept.
    """
    path = Path(path)
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{name} has type {array.dtype}: only numbers are kept")
    text = json.dumps({"format": FORMAT, "kind": kind, "settings": dict(settings)}, sort_keys=True)
    with atomic_write(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        archive.writestr(SETTINGS, text)
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)


def load(
    path: str | Path, kind: str, max_bytes: int = MAX_BYTES
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and settings of a file that `save` wrote. Nothing in it is executed.

    Parameters
    ----------
    path
        The file, which need not be trusted.
    kind
        What sort of model is expected.
    max_bytes
        Most that it may unpack to.

    Raises
    ------
    InputError
        If the file is something else, is broken, or holds objects instead of numbers.
    BudgetError
        If it would unpack to more than ``max_bytes``.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file, but a saved model was expected")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(archive, path, max_bytes)
            head = json.loads(archive.read(SETTINGS))
            _check_kind(head, kind, path)
            arrays = {
                name.removesuffix(".npy"): _read(archive, name)
                for name in archive.namelist()
                if name.endswith(".npy")
            }
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: this is not a saved {kind} model, or it is damaged ({error}); save it again"
        ) from error
    return arrays, head["settings"]


def _check_size(archive: zipfile.ZipFile, path: Path, max_bytes: int) -> None:
    declared = sum(member.file_size for member in archive.infolist())
    if declared > max_bytes:
        raise BudgetError(
            f"{path}: this model unpacks to {declared / 1e9:.1f} GB, but at most "
            f"{max_bytes / 1e9:.1f} GB are allowed: it is not one that oddspec wrote"
        )


def _check_kind(head: Any, kind: str, path: Path) -> None:
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise InputError(f"{path}: its {SETTINGS} does not say {FORMAT}; save the model again")
    if head.get("kind") != kind or not isinstance(head.get("settings"), dict):
        raise InputError(
            f"{path}: this is a saved model of kind {head.get('kind')!r}, but {kind!r} was expected"
        )


def _read(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} has type {array.dtype}, not numbers")
    return np.asarray(array)
