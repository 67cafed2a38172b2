"""Power cuts: what was not synchronised to the disk is gone.

A run writes down, in a folder beside it, the content that every file had when it was synchronised
(`RECORDER` is loaded by each of its processes). Then the process is killed, and the pages (4 KiB)
of each of its files become those that were synchronised or those that were written since, drawn
page by page or for the whole file; what was never synchronised may also be zero, or missing at the
end. File systems leave any of these. Renames count at once, since they do on most file systems:
that is the worst case for a file that was renamed before its content was safe.
"""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

PAGE = 4096

STORE = "ODDSPEC_RELIABILITY_STORE"
"""Environment variable with the folder of the contents that were synchronised."""

RECORDER = f"""
import hashlib, os, shutil, threading
store = os.environ.get({STORE!r})
def install():
    lock, fsync, replace, rename = threading.Lock(), os.fsync, os.replace, os.rename
    def place(path):
        return os.path.join(store, hashlib.sha256(os.path.abspath(path).encode()).hexdigest())
    def keep(handle):
        fsync(handle)
        number = handle if isinstance(handle, int) else handle.fileno()
        path = os.readlink(f"/proc/self/fd/{{number}}")
        if os.path.isfile(path):
            with lock:
                new = f"{{place(path)}}.{{os.getpid()}}"
                shutil.copyfile(path, new)
                replace(new, place(path))
    def moved(move, old, new, **more):
        # The new name gets what was synchronised under the old one, be it nothing.
        with lock:
            move(old, new, **more)
            if os.path.exists(place(old)):
                replace(place(old), place(new))
            elif os.path.exists(place(new)):
                os.unlink(place(new))
    os.fsync = keep
    os.replace = lambda old, new, **more: moved(replace, old, new, **more)
    os.rename = lambda old, new, **more: moved(rename, old, new, **more)
if store:
    install()
"""
"""A ``sitecustomize.py``, which Python loads when it starts."""


def lose_unsynchronised(folder: Path, store: Path, draw: random.Random) -> None:
    """Give the files below the folder contents that they may have after a power cut."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            kept = store / hashlib.sha256(str(path.absolute()).encode()).hexdigest()
            safe = kept.read_bytes() if kept.exists() else None
            path.write_bytes(_after_cut(safe, path.read_bytes(), draw))


def _after_cut(safe: bytes | None, written: bytes, draw: random.Random) -> bytes:
    if safe == written:
        return written
    kind = draw.choice(("safe", "written", "pages", "half"))
    if kind == "written":
        return written
    if kind == "safe":
        return safe or b""
    if kind == "half":
        # The beginning is never shorter than what was safe.
        return written[: max(len(written) // 2, len(safe or b""))]
    pages = []
    for start in range(0, len(written), PAGE):
        new = written[start : start + PAGE]
        old = (safe or b"")[start : start + PAGE]
        # Behind the old end of the file, a page that was not written reads as zeros.
        pages.append(draw.choice((new, old + bytes(len(new) - len(old)))))
    return b"".join(pages)
