"""Journals: files of lines that grow while a program runs, and that a kill may cut short.

A line counts once its end is on the disk. A kill can leave at most a half last line; readers leave
it out, and the next writer cuts it off.
"""

from __future__ import annotations

import os
from pathlib import Path


def read_lines(path: Path) -> list[bytes]:
    """The whole lines of a journal without their ends; also while another process is appending.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    # What follows the last end of a line is a line that is not whole, or nothing.
    *lines, _ = path.read_bytes().split(b"\n")
    return lines


class Journal:
    """A journal to append to, by one process at a time.

    Parameters
    ----------
    path
        Made if it does not exist; a half last line is cut off.

    Attributes
    ----------
    lines
        What was there when it was opened, without the ends of the lines.

    Raises
    ------
    OSError
        If the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        # Without a buffer of Python's, a line is one write: a kill cannot hold half of it back.
        self._file = open(path, "a+b", buffering=0)  # noqa: SIM115 - closed by close()
        self.lines = read_lines(path)
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
        written = self._file.write(data)
        if durable:
            os.fsync(self._file.fileno())
        if written != len(data):
            raise OSError("the disk is full")

    def close(self) -> None:
        """Release the file; closing again does nothing."""
        self._file.close()
