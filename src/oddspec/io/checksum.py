"""SHA-256 of files, computed in a thread of its own while other work goes on."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

PIECE = 4 * 2**20


def sha256(path: Path, stop: threading.Event | None = None) -> str:
    """Hexadecimal SHA-256 of a file's bytes; empty if ``stop`` was set meanwhile."""
    digest = hashlib.sha256()
    piece = bytearray(PIECE)
    with open(path, "rb", buffering=0) as file:
        while size := file.readinto(piece):
            if stop is not None and stop.is_set():
                return ""
            digest.update(memoryview(piece)[:size])
    return digest.hexdigest()


class Checksum:
    """The SHA-256 of a file, computed in another thread from now on."""

    def __init__(self, path: Path) -> None:
        self._stop = threading.Event()
        self._result = ""
        self._thread = threading.Thread(target=self._work, args=(path,), daemon=True)
        self._thread.start()

    def result(self) -> str:
        """Wait for the checksum; empty if the file could not be read."""
        self._thread.join()
        return self._result

    def cancel(self) -> None:
        """Stop early: the result is not needed any more."""
        self._stop.set()

    def _work(self, path: Path) -> None:
        try:
            self._result = sha256(path, self._stop)
        except OSError:
            self._result = ""
