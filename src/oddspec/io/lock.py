"""A folder for one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from oddspec.errors import InputError

LOCK = ".lock"
"""Name of the file that is locked. `locked` leaves it there: to remove it might let two processes
each lock a file of that name."""


@contextmanager
def locked(folder: Path, who: str) -> Iterator[None]:
    """Make the folder and hold it for this process alone.

    Parameters
    ----------
    folder
        Where the process writes.
    who
        What writes there, for the message to another process: ``run``.

    Raises
    ------
    InputError
        If another process is writing there, or nobody can.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{folder}: another {who} is writing there; wait for it or choose another --out"
        ) from None
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written to ({error.strerror}); choose another --out"
        ) from None
    try:
        yield
    finally:
        lock.release()
