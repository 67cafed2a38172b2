"""Files whose parsers may crash are read in a child process; a crash is that file's error.

SciPy's reader of MATLAB 5 files and the HDF5 library end the process on some damaged files; a
mapped file (NetCDF-3) that is cut off while it is read does so, too. Such a file is opened by a
child, which stays with it; pixels come back through shared memory.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import count
from math import prod
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import RawCube
from oddspec.errors import InputError
from oddspec.execution.child import ChildEnded, ChildProcess, function_named
from oddspec.execution.resources import total_memory
from oddspec.io.geolocation import HasGeolocation, LookupTable
from oddspec.io.reading import reading
from oddspec.io.source import Metadata, Source, check_window, read_into

UNSAFE = ("MATLAB 5", "MATLAB 7.3", "HDF5", "NetCDF-3")
"""Formats whose parsers can crash."""

SECONDS = 60.0
"""To find out what a file holds; reading pixels may take longer, by their number."""

MOST_BUFFERS = 4
"""Kept for windows to come."""

SLOWEST = 5e6
"""Bytes a second: what is slower has stopped."""


def _work(size: int) -> float:
    """A processor's seconds for so many bytes of a file, and of the pixels that are asked for.

    A damaged table can lead the HDF5 library round in circles; the clock alone would tell that
    late, as it must leave time to slow disks and busy machines.
    """
    return 4.0 + size / 20e6


class _Buffers:
    """Shared memory that is used again: fresh pages cost more than the copy into them."""

    def __init__(self) -> None:
        self._free: list[SharedMemory] = []
        self._lock = threading.Lock()
        self._closed = False

    def take(self, size: int) -> SharedMemory:
        with self._lock:
            fitting = [memory for memory in self._free if size <= memory.size <= 4 * size + 2**20]
            if fitting:
                chosen = min(fitting, key=lambda memory: memory.size)
                self._free.remove(chosen)
                return chosen
        return SharedMemory(create=True, size=size)

    def give_back(self, memory: SharedMemory) -> None:
        with self._lock:
            self._free.append(memory)
            most = 0 if self._closed else MOST_BUFFERS
            surplus = self._free.pop(0) if len(self._free) > most else None
        if surplus is not None:
            _discard(surplus)

    def close(self) -> None:
        """Keep none any more, nor those that pixels still lie in once they are free."""
        with self._lock:
            surplus, self._free = self._free, []
            self._closed = True
        for memory in surplus:
            _discard(memory)


_unlinked: list[SharedMemory] = []
"""Taken away already, but perhaps still in use by pixels that are about to go."""


def _discard(memory: SharedMemory) -> None:
    with suppress(OSError):
        memory.unlink()
    _unlinked.append(memory)
    for gone in list(_unlinked):
        with suppress(OSError, BufferError, ValueError):
            gone.close()
            _unlinked.remove(gone)


class IsolatedSource:
    """A scene file that a child process has open. Reading is safe from several threads.

    Parameters
    ----------
    path
        The file.
    opener
        What opens it there, as ``module:name``, with the path and the options.
    options
        Those of `oddspec.io.open.open_source`.
    """

    def __init__(self, path: Path, opener: str, options: Mapping[str, Any]) -> None:
        self._path_of_file = path
        self._file_size = path.stat().st_size
        self._limit = options["max_memory"] or total_memory()
        self._lock = threading.Lock()
        self._buffers = _Buffers()
        self._child = _take()
        try:
            with self._errors():
                facts = self._child.call(
                    "oddspec.io.isolated:_open",
                    opener,
                    path,
                    options,
                    seconds=SECONDS,
                    work=_work(self._file_size),
                    memory=self._bytes,
                )
        except BaseException:
            self.close()
            raise
        self._handle: int = facts.pop("handle")
        self.path: Path | None = path
        self.name: str = facts["name"]
        self.format: str = facts["format"]
        self.shape: tuple[int, int, int] = facts["shape"]
        self.dtype: np.dtype[Any] = facts["dtype"]
        self.metadata: Metadata = facts["metadata"]
        self.block: tuple[int, int] | None = facts["block"]
        self.quality: tuple[str, ...] = facts["quality"]

    @property
    def _bytes(self) -> int:
        """What the child may have: the budget, beside what it had before."""
        return self._limit + 200_000_000

    def read(self, rows: tuple[int, int], columns: tuple[int, int]) -> RawCube:
        """Pixels of the half-open window, all bands."""
        return self._window("read", rows, columns, self.shape[2:], self.dtype)

    def read_quality(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """Flags ``(h, w)``, uint16, of the pixels of a half-open window."""
        return self._window("read_quality", rows, columns, (), np.dtype(np.uint16))

    def geolocation(self) -> LookupTable | None:
        """The way from the sensor's pixels to the map, if the file tells it."""
        with self._lock, self._errors():
            found: LookupTable | None = self._child.call(
                "oddspec.io.isolated:_geolocation",
                self._handle,
                seconds=SECONDS,
                work=_work(self._file_size),
                memory=self._bytes,
            )
        return found

    def _window(
        self,
        method: str,
        rows: tuple[int, int],
        columns: tuple[int, int],
        per_pixel: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> np.ndarray:
        """What a method of the source in the child gives for a window of rows and columns."""
        check_window(self.shape, rows, columns)
        shape = (rows[1] - rows[0], columns[1] - columns[0], *per_pixel)
        size = prod(shape) * dtype.itemsize
        if not size:
            return np.empty(shape, dtype)
        with reading(self.path):
            memory = self._buffers.take(size)
        try:
            with self._lock, self._errors():
                self._child.call(
                    "oddspec.io.isolated:_read",
                    self._handle,
                    method,
                    rows,
                    columns,
                    memory.name,
                    shape,
                    dtype,
                    seconds=SECONDS + size / SLOWEST,
                    work=_work(self._file_size + size),
                    memory=self._bytes,
                )
        except BaseException:
            self._buffers.give_back(memory)
            raise
        found = np.ndarray(shape, dtype, buffer=memory.buf)
        # Views of the array keep it alive, so the buffer is free only when all are gone.
        weakref.finalize(found, self._buffers.give_back, memory)
        return found

    def close(self) -> None:
        """Release the file; the child goes back to wait for another."""
        child, self._child = getattr(self, "_child", None), None  # type: ignore[assignment]
        if child is None:
            return
        self._buffers.close()
        if hasattr(self, "_handle") and child.alive:
            try:
                child.call("oddspec.io.isolated:_close", self._handle, seconds=SECONDS)
            except (ChildEnded, InputError):
                return
        _give_back(child)

    def __del__(self) -> None:
        # At the end of the program modules may be gone already; children end with it anyway.
        with suppress(Exception):
            self.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        if self._child is None:
            raise InputError(f"{self._path_of_file}: has been closed")
        with _sentence(self._path_of_file):
            yield


def read_isolated(path: Path, function: str, *arguments: Any, max_memory: int | None = None) -> Any:
    """What a function ``module:name`` makes of a file, in a child process.

    Raises
    ------
    InputError
        If the parser crashes, takes more than a minute or more memory than it may.
    OddspecError
        What the function raises.
    """
    work = _work(path.stat().st_size)
    child = _take()
    limit = (total_memory() if max_memory is None else max_memory) + 200_000_000
    try:
        with _sentence(path):
            return child.call(function, path, *arguments, seconds=SECONDS, memory=limit, work=work)
    finally:
        _give_back(child)


@contextmanager
def _sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except ChildEnded as error:
        raise InputError(
            f"{path}: is damaged: the library that reads this format failed on it ({error}); "
            f"copy the file again or convert it to ENVI"
        ) from None


_idle: list[ChildProcess] = []
"""Children that wait for a file: starting one costs more than reading a small scene."""

_guard = threading.Lock()


def _take() -> ChildProcess:
    with _guard:
        while _idle:
            child = _idle.pop()
            if child.alive:
                return child
    return ChildProcess()


def _give_back(child: ChildProcess) -> None:
    with _guard:
        if child.alive and len(_idle) < 2:
            _idle.append(child)
            return
    child.end()


@atexit.register
def _end_all() -> None:
    while _idle:
        _idle.pop().end()


# What follows runs in the child.

_opened: dict[int, Source] = {}
_numbers = count()


def _open(opener: str, path: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    source: Source = function_named(opener)(path, **options)
    handle = next(_numbers)
    _opened[handle] = source
    names = ("name", "format", "shape", "dtype", "metadata")
    facts = {name: getattr(source, name) for name in names}
    more = {"block": getattr(source, "block", None), "quality": getattr(source, "quality", ())}
    return {**facts, **more, "handle": handle}


def _read(
    handle: int,
    method: str,
    rows: tuple[int, int],
    columns: tuple[int, int],
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
) -> None:
    source, out = _opened[handle], np.ndarray(shape, dtype, buffer=_attached(name).buf)
    if method == "read":
        read_into(source, out, rows, columns)
    else:
        out[...] = getattr(source, method)(rows, columns)


def _geolocation(handle: int) -> LookupTable | None:
    source = _opened[handle]
    return source.geolocation() if isinstance(source, HasGeolocation) else None


def _close(handle: int) -> None:
    _opened.pop(handle).close()


@lru_cache(MOST_BUFFERS + 4)
def _attached(name: str) -> SharedMemory:
    """Shared memory of the parent, which alone takes it away again."""
    # Python below 3.13 lets every process that attaches count as an owner.
    register: Callable[..., None] = resource_tracker.register
    resource_tracker.register = lambda *_: None
    try:
        return SharedMemory(name)
    finally:
        resource_tracker.register = register
