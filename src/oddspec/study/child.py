"""A study's child process: it runs one task after the other, each told through a pipe.

It lives on between tasks, so that libraries are loaded once, and ends with the pipe: whatever
becomes of the study, no child is left over.
"""

from __future__ import annotations

import json
import os
import queue
import threading
from multiprocessing.connection import Connection

__all__ = ["main"]

ENDED = 0


def main(handle: int) -> None:
    """Serve the pipe with that file handle until it is closed."""
    pipe = Connection(handle)
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, tasks), daemon=True).start()
    from oddspec.study.perform import perform

    pipe.send_bytes(b"ready")
    while True:
        result = perform(json.loads(tasks.get()))
        pipe.send_bytes(json.dumps(result, allow_nan=False).encode())


def _listen(pipe: Connection, tasks: queue.SimpleQueue[bytes]) -> None:
    """Pass tasks on; when the study is gone, end at once, in the midst of a task too."""
    while True:
        try:
            tasks.put(pipe.recv_bytes())
        except (EOFError, OSError):
            os._exit(ENDED)
