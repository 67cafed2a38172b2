"""Files read and written at given positions, by any number of threads at once."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from oddspec.errors import InputError


class PositionedFile:
    """An open file without a position of its own.

    Parameters
    ----------
    path
        The file.
    mode
        As for `open`, a binary one; ``rb``, ``wb`` or ``r+b``.
    """

    def __init__(self, path: Path, mode: str = "rb") -> None:
        self._file = open(path, mode, buffering=0)  # noqa: SIM115 - closed by close()
        self._lock = threading.Lock()

    def read_into(self, view: memoryview, offset: int) -> int:
        """Fill ``view`` with bytes from there on; returns how many came, 0 behind the end.

        Raises
        ------
        InputError
            If the file has been closed.
        """
        if self._file.closed:
            raise InputError(f"{self._file.name}: has been closed")
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [view], offset)
        # Where the system has no positioned reads, threads take turns with the one position.
        with self._lock:
            self._file.seek(offset)
            return self._file.readinto(view) or 0  # type: ignore[attr-defined]

    def write(self, data: bytes | memoryview, offset: int) -> None:
        """Write all of the bytes from there on."""
        view = memoryview(data)
        while view:
            # The system may write less than it was given.
            done = self._write_some(view, offset)
            view, offset = view[done:], offset + done

    def _write_some(self, view: memoryview, offset: int) -> int:
        if hasattr(os, "pwrite"):
            return os.pwrite(self._file.fileno(), view, offset)
        with self._lock:
            self._file.seek(offset)
            return self._file.write(view)

    def truncate(self, size: int) -> None:
        """Make the file that long; bytes that come with it are zero and take no room yet."""
        os.truncate(self._file.fileno(), size)

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __del__(self) -> None:
        # A scene that is dropped without being closed is no mistake of its user.
        if hasattr(self, "_file"):
            self._file.close()

    def __enter__(self) -> PositionedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
