"""Child processes of a study, as the study sees them."""

from __future__ import annotations

import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

import psutil

import oddspec
from oddspec.errors import OddspecError
from oddspec.execution.resources import resident

ENDED = 0


def main(address: str) -> None:
    """Serve the study that listens at that address, whose key comes by standard input."""
    pipe = Client(address, authkey=sys.stdin.buffer.read())
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


START = 300.0
"""Seconds within which a child must have started."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

CODE = "import sys; from oddspec.study.process import main; main(sys.argv[1])"

TAIL = 400
"""Characters of a dead child's last words."""


class Died(Exception):
    """The child has ended by itself, in the midst of a task or before."""


class Child:
    """A process that runs tasks, one at a time, on one thread."""

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        paths = [str(Path(oddspec.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | dict.fromkeys(THREADS, "1")
        environment |= {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        key = secrets.token_bytes()
        # Handles that a child inherits differ from system to system; an address is a text.
        with Listener(authkey=key) as listener:
            # A group of its own: Ctrl-C is for the study, which then ends the child.
            self._process = subprocess.Popen(
                [sys.executable, "-c", CODE, str(listener.address)],
                stdin=subprocess.PIPE,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                env=environment,
            )
            assert self._process.stdin is not None
            with suppress(OSError), self._process.stdin as file:
                file.write(key)
            self._pipe = self._connected(listener)
        self._await_start()

    def _connected(self, listener: Listener) -> Connection | None:
        """The connection that the child has made; None if it has ended before."""
        found: queue.SimpleQueue[Connection] = queue.SimpleQueue()

        def accept() -> None:
            with suppress(OSError, EOFError, AuthenticationError):
                found.put(listener.accept())

        threading.Thread(target=accept, daemon=True).start()
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            with suppress(queue.Empty):
                return found.get(timeout=0.1)
            if self._process.poll() is not None:
                # Nobody else will connect, and only a connection wakes the thread.
                with suppress(OSError, EOFError, AuthenticationError):
                    Client(listener.address, authkey=secrets.token_bytes()).close()
                break
        return None

    @property
    def pipe(self) -> Connection:
        """To wait for an answer."""
        assert self._pipe is not None
        return self._pipe

    def _await_start(self) -> None:
        try:
            if self._pipe and self._pipe.poll(START) and self._pipe.recv_bytes() == b"ready":
                return
        except (EOFError, OSError):
            pass
        words = self.last_words()
        self.end()
        raise OddspecError(f"a child process of the study cannot be started: {words or 'no reply'}")

    @property
    def memory(self) -> int:
        """Bytes that it has now; 0 where the system does not tell."""
        return resident(self._process.pid) or 0

    def ask(self, task: Mapping[str, Any]) -> None:
        """Begin a task.

        Raises
        ------
        Died
            If the child is no more.
        """
        try:
            self.pipe.send_bytes(json.dumps(task).encode())
        except OSError:
            raise Died(self._ending()) from None

    def answer(self) -> dict[str, Any]:
        """The result of its task, once the pipe has something to read.

        Raises
        ------
        Died
            With the way it ended, if it has.
        """
        try:
            result: dict[str, Any] = json.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            raise Died(self._ending()) from None
        return result

    def end(self) -> None:
        """End the process and what it has started."""
        with suppress(psutil.Error):
            process = psutil.Process(self._process.pid)
            for each in [*process.children(recursive=True), process]:
                with suppress(psutil.Error):
                    each.kill()
        self._process.wait()
        if self._pipe is not None:
            self._pipe.close()
        self._log.close()

    def last_words(self) -> str:
        """The end of what it printed. To be asked when it has ended: both share a file position."""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - 4 * TAIL))
        return " ".join(self._log.read().decode(errors="replace").split())[-TAIL:]

    def _ending(self) -> str:
        deadline = time.monotonic() + 10
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        code = self._process.returncode
        if code is None:
            how = "the process closed its pipe"
        elif code < 0:
            name = next((s.name for s in signal.Signals if s == -code), "unknown")
            out_of_memory = "; the system may have run out of memory" * (name == "SIGKILL")
            how = f"the process ended by signal {-code} ({name}){out_of_memory}"
        else:
            how = f"the process ended by itself with status {code}"
        words = self.last_words()
        return f"{how}: {words}" if words else how
