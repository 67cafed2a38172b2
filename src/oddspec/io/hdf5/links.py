"""What an HDF5 file holds, never following it out of itself.

HDF5 files can point at other files in four ways (external links, external storage, virtual
datasets, and soft links that lead to one of these); reading through them would return bytes of any
file that the user may read. Here all four are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.io.limits import check_expansion, check_memory
from oddspec.io.reading import reading
from oddspec.io.variables import Variable, is_real
from oddspec.text import bytes_text

DAMAGED = "is damaged, or no HDF5 file that can be read"

_MOST_OBJECTS = 20_000
_DEEPEST = 32


@contextmanager
def open_hdf5_file(path: Path, **settings: Any) -> Iterator[Any]:
    """The open file; what HDF5 finds damaged becomes an `InputError`."""
    import h5py

    with reading(path, DAMAGED), h5py.File(path, "r", **settings) as file:
        yield file


def hdf5_variables(path: Path, file: Any) -> list[Variable]:
    """The datasets of a file, by the names that ``--variable`` takes, in the stored order of axes.

    Hard links are followed, each object once; datasets that lead out of the file are listed as
    not real, with the reason as their type.
    """
    import h5py

    found: list[Variable] = []
    seen = 0

    def visit(name: str, item: Any) -> bool | None:
        nonlocal seen
        seen += 1
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            outside = _outside(item)
            real = outside is None and is_real(item.dtype)
            found.append(Variable(name, tuple(item.shape), outside or str(item.dtype), real))
        return True if seen > _MOST_OBJECTS else None

    if file.visititems(visit):
        raise InputError(f"{path}: holds more than {_MOST_OBJECTS} objects")
    return found


def find_dataset(path: Path, file: Any, name: str) -> Any:
    """The dataset of that name, reached without leaving the file.

    Raises
    ------
    InputError
        If there is none, or if it, or the way to it, leads out of the file.
    """
    import h5py

    found = walk(path, file, name)
    if found is None:
        held = hdf5_variables(path, file)
        names = ", ".join(map(str, held[:12])) or "nothing"
        raise InputError(f"{path}: has no variable {name!r}; it holds {names}")
    if not isinstance(found, h5py.Dataset):
        raise InputError(f"{path}: {name!r} is a group, not a variable")
    _check_dataset(path, found)
    return found


def walk(path: Path, file: Any, name: str) -> Any:
    """The object of that name, or None; soft links are followed within the file only.

    Raises
    ------
    InputError
        If the way to it leads out of the file.
    """
    import h5py

    place: Any = file
    steps = [step for step in name.split("/") if step]
    for _ in range(_DEEPEST):
        if not steps:
            return place
        step = steps.pop(0)
        link = place.get(step, getlink=True) if isinstance(place, h5py.Group) else None
        if link is None:
            return None
        if isinstance(link, h5py.ExternalLink):
            raise InputError(
                f"{path}: {name!r} is a link to another file ({link.filename[:80]!r}), which is "
                f"never followed; open that file itself"
            )
        if isinstance(link, h5py.SoftLink):
            place = file if link.path.startswith("/") else place
            steps = [part for part in link.path.split("/") if part not in ("", ".")] + steps
        else:
            place = place[step]
    return None


def _check_dataset(path: Path, dataset: Any) -> None:
    """Raise `InputError` if a dataset leads out of its file or claims far more than it stores."""
    outside = _outside(dataset)
    what = f"variable {dataset.name!r}"
    if outside is not None:
        raise InputError(
            f"{path}: {what} is {outside}, which is never followed; copy the data into the file "
            f"(h5repack does it)"
        )
    if dataset.shape is None:
        raise InputError(f"{path}: {what} is empty")
    claimed = prod(dataset.shape) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if dataset.chunks is None and stored > path.stat().st_size:
        raise InputError(
            f"{path}: {what} claims {bytes_text(stored)}, but the whole file has "
            f"{bytes_text(path.stat().st_size)}"
        )
    check_expansion(path, what, claimed, stored)


def _outside(dataset: Any) -> str | None:
    """How a dataset leads out of its file, or None."""
    if dataset.external:
        return "stored in another file (external storage)"
    if dataset.is_virtual:
        return "put together from other files (virtual dataset)"
    return None


def read_small(path: Path, dataset: Any) -> np.ndarray | None:
    """A short list of numbers or truth values, such as wavelengths; None if it is none."""
    numbers = is_real(dataset.dtype) or dataset.dtype == np.bool_
    if dataset.shape is None or prod(dataset.shape) > 1_000_000 or not numbers:
        return None
    _check_dataset(path, dataset)
    return np.asarray(dataset[()])


def variables_of(path: Path) -> list[Variable]:
    """The datasets of a file that is not open; see `hdf5_variables`."""
    with open_hdf5_file(path) as file:
        return hdf5_variables(path, file)


def read_dataset(path: Path, variable: Variable, max_memory: int | None = None) -> np.ndarray:
    """The whole of a dataset, in the stored order of axes."""
    with open_hdf5_file(path) as file:
        dataset = find_dataset(path, file, variable.name)
        size = prod(dataset.shape) * dataset.dtype.itemsize
        check_memory(path, f"variable {variable}", size, max_memory)
        return np.asarray(dataset[()])


def text_of(value: Any) -> str:
    """An attribute's value as text; empty where it is none."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value if isinstance(value, str) else ""
