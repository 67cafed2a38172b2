"""Which bytes a run has read: SHA-256 of files, and whether they changed while they were read."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from typing import NamedTuple

from oddspec.errors import InputError

PIECE = 4 * 2**20

READ_AGAIN = 64 * 2**20
"""Bytes up to which the checksum of an input is compared at the end of a run as well as its times:
a tenth of a second. Times miss a change where they are coarse (FAT: two seconds), were set back, or
where the change came through mapped memory (tmpfs)."""


class InputChanged(InputError):
    """An input file was written to while it was read: what was computed is of no one file."""


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


class FileTimes(NamedTuple):
    """What the system says of a file: other numbers mean that it may hold other bytes."""

    size: int
    modified: int
    """Nanoseconds since 1970, as ``changed``."""
    changed: int
    """When anything about the file was changed: its bytes, but also its name or its permissions;
    unlike ``modified`` nobody can set it. On Windows when the file was made."""
    inode: int
    device: int

    @classmethod
    def of(cls, path: Path) -> FileTimes:
        """Those of a file now.

        Raises
        ------
        OSError
            If it cannot be opened.
        """
        # Opened, not only looked up: network file systems then ask the server. A pipe, which no
        # reader takes, would wait for what is written to it.
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            stat = os.fstat(file)
        finally:
            os.close(file)
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev)


class WatchedInputs:
    """Files that a run reads, and what they were when it began to read them."""

    def __init__(self) -> None:
        self._times: dict[Path, FileTimes] = {}

    def watch(self, path: Path, times: FileTimes | None = None) -> None:
        """Watch a file from now on, or since it had those times; again: nothing new.

        Raises
        ------
        OSError
            If it cannot be opened.
        """
        if path not in self._times:
            self._times[path] = FileTimes.of(path) if times is None else times

    def check(self) -> None:
        """Compare sizes, times of the last change and identities of all files.

        Raises
        ------
        InputChanged
            If one has changed, or is gone.
        """
        for path, before in self._times.items():
            # Not by `changed`: a backup that links a file, or new permissions, leave its bytes.
            if _now(path)._replace(changed=before.changed) != before:
                raise _changed(path)

    def check_bytes(self, path: Path, digest: str) -> None:
        """Compare a watched file's checksum with ``digest`` where the times may not tell.

        That is in files up to 64 MB, and wherever something about the file was changed. A file
        that is not watched, or an empty checksum, is passed by.

        Raises
        ------
        InputChanged
            If the checksum is another one.
        """
        before = self._times.get(path)
        if before is None or not digest:  # the file could not be read
            return
        now = _now(path)
        doubtful = now.size <= READ_AGAIN or now.changed != before.changed
        if doubtful and sha256(path) != digest:
            raise _changed(path)


def _now(path: Path) -> FileTimes:
    try:
        return FileTimes.of(path)
    except OSError as error:
        raise InputChanged(
            f"{path}: cannot be opened any more ({error.strerror}), so nobody can tell whether it "
            f"was changed while it was read; nothing is kept: run again where the file stays"
        ) from None


def _changed(path: Path) -> InputChanged:
    return InputChanged(
        f"{path}: was written to after this run had begun to read it, so the scores would be "
        f"neither of the old file nor of the new one; nothing is kept: run again when the file is "
        f"complete"
    )
