"""What stopped a command, as one sentence; what nobody foresaw is written down in full."""

from __future__ import annotations

import errno
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from oddspec import __version__
from oddspec.errors import OddspecError
from oddspec.io.reading import cause

_NO_ROOM = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


def told(error: Exception, out: Path | None, words: Sequence[str] = ()) -> str:
    """The sentence for an error.

    Parameters
    ----------
    error
        Whatever was raised.
    out
        Folder of the command's products, in which the details of an unforeseen error are written
        if it is there; otherwise they go to the folder for temporary files.
    words
        The command line, for the details.
    """
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return (
            f"{error.filename or 'a file'} cannot be written ({error.strerror}); make room, or "
            f"choose another --out"
        )
    if isinstance(error, (OddspecError, OSError)):
        # An OSError is one that no reader or writer has put into better words.
        return str(error)
    if isinstance(error, MemoryError):
        return f"there was not enough memory ({cause(error)}); give less to --max-memory"
    where = _write_details(error, out, words)
    kept = f"the details are in {where}" if where else "the details could not be written"
    kind = type(error).__name__
    said = f"{kind}: {cause(error).removeprefix(f'{kind}: ')}"
    return f"{said}: this should not happen, please report it; {kept}"


def _write_details(error: Exception, out: Path | None, words: Sequence[str]) -> Path | None:
    """A new file with the traceback, or None where none can be written."""
    head = (
        f"oddspec {__version__}, Python {sys.version.split()[0]}, {platform.platform()}\n"
        f"command: {' '.join(words or sys.argv)}\n\n"
    )
    text = head + "".join(traceback.format_exception(error))
    for folder in (out, Path(tempfile.gettempdir())):
        if folder is None or not folder.is_dir():
            continue
        try:
            # A new name each time, never through a link that somebody put there.
            handle, name = tempfile.mkstemp(".txt", "oddspec-error-", folder)
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return Path(name)
    return None
