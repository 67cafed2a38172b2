"""Journals: files of lines that grow while a program runs, and that a kill may cut short.

A line counts once its end is on the disk. A kill can leave at most a half last line; readers leave
it out, and the next writer cuts it off. A power cut can leave anything of lines that were not
durable: users either give each line a checksum, or append durably and say which last line is whole.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path


def _any(line: bytes) -> bool:
    return True


def read_lines(path: Path, is_whole: Callable[[bytes], bool] = _any) -> list[bytes]:
    """The whole lines of a journal without their ends; also while another process is appending.

    Parameters
    ----------
    path
        The journal.
    is_whole
        Whether a line can be one that was written; asked of the last one, which is else left out.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    # What follows the last end of a line is a line that is not whole, or nothing.
    *lines, _ = path.read_bytes().split(b"\n")
    if lines and not is_whole(lines[-1]):
        lines.pop()
    return lines


class Journal:
    """A journal to append to, by one process at a time.

    Parameters
    ----------
    path
        Made if it does not exist; a half last line is cut off.
    is_whole
        As for `read_lines`: a last line that is not whole is cut off, too.

    Attributes
    ----------
    lines
        What was there when it was opened, without the ends of the lines.

    Raises
    ------
    OSError
        If the file cannot be read or written.
    """

    def __init__(self, path: Path, is_whole: Callable[[bytes], bool] = _any) -> None:
        # Without a buffer of Python's, a line is one write: a kill cannot hold half of it back.
        self._file = open(path, "a+b", buffering=0)  # noqa: SIM115 - closed by close()
        self.lines = read_lines(path, is_whole)
        # The next line must not be joined to a half one.
        self._file.truncate(sum(len(line) + 1 for line in self.lines))

    def append(self, line: bytes, *, durable: bool = False) -> None:
        """Add a line, which holds no line break; ``durable``: on the disk when this returns.

        Raises
        ------
        OSError
            If it cannot be written whole.
        """
        data = line + b"\n"
        before = os.fstat(self._file.fileno()).st_size
        written = self._file.write(data)
        if written != len(data):
            # Another thread or a later try may append after this: never to half a line.
            self._file.truncate(before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if durable:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Release the file; closing again does nothing."""
        self._file.close()
