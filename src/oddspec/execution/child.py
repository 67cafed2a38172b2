"""Child processes that run functions of this package: what crashes there is an error here.

A request is the name of a function and its arguments, an answer what it returned or the error that
it raised, both pickled: parent and child are the same program, and nothing of a file is unpickled.
Requests go through the child's standard input and answers through its standard output, which works
on every system. What it prints is kept for messages.

Files of scenes and the runs of a study are worked on so. A child ends with its parent, and the
programs that it has started end with it, however it ends; but for such as have left its process
group (``setsid``), and on Windows those of a child that has crashed.
"""

from __future__ import annotations

import importlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import psutil

import oddspec
from oddspec.errors import OddspecError
from oddspec.execution.resources import helpers, resident

START = 300.0
"""Seconds within which a child must have started: busy machines take long."""

LOOK = 0.1
"""Seconds between two looks at a child's memory."""

TAIL = 400
"""Characters of a dead child's last words."""

CODE = "import sys; from oddspec.execution.child import serve; serve(*sys.argv[1:])"

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class ChildEnded(Exception):
    """The child has ended in the midst of a task, or was ended; the text says how."""


class ChildError(Exception):
    """The function raised there what is no error of this package; the text says what."""


class ChildProcess:
    """A process that runs one function after the other, on one thread.

    Parameters
    ----------
    module
        What is imported there before the first task, which then need not wait for it.
    on_answer
        Called, in a thread of its own, as soon as `answer` has something to return or raise.

    Raises
    ------
    OddspecError
        If it cannot be started.
    """

    def __init__(
        self, module: str = "oddspec.io", on_answer: Callable[[], None] = lambda: None
    ) -> None:
        self._on_answer = on_answer
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        paths = [str(Path(oddspec.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | dict.fromkeys(THREADS, "1")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", CODE, module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment,
                # A group of its own: Ctrl-C is for the parent, which then ends its children.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            raise OddspecError(f"no child process can be started ({error.strerror})") from error
        helpers.add(self)
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.answer(START)
        except ChildEnded as error:
            self.end()
            raise OddspecError(f"no child process can be started: {error}") from None

    @property
    def memory(self) -> int:
        """Bytes that it has now; 0 where the system does not tell."""
        return resident(self._process.pid) or 0

    @property
    def worked(self) -> float:
        """Seconds that processors have worked for it; 0 where the system does not tell."""
        try:
            times = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)

    @property
    def alive(self) -> bool:
        """Whether it can be asked for more."""
        return self._process.poll() is None

    @property
    def answered(self) -> bool:
        """Whether `answer` returns, or raises, at once."""
        return not self._answers.empty()

    def call(
        self,
        function: str,
        *arguments: Any,
        seconds: float | None = None,
        memory: int | None = None,
        work: float | None = None,
    ) -> Any:
        """What a function returns there.

        Parameters
        ----------
        function
            As ``module:name``.
        *arguments
            Anything that can be pickled.
        seconds, memory, work
            Limits of time, of resident bytes and of a processor's seconds; a child that exceeds one
            is ended.

        Raises
        ------
        OddspecError
            If the function raises one.
        ChildError
            If it raises anything else.
        ChildEnded
            If the process ends, or is ended, before it returns.
        """
        most = None if work is None else self.worked + work
        self.ask(function, *arguments)
        return self.answer(seconds, memory, most)

    def ask(self, function: str, *arguments: Any) -> None:
        """Begin a task, of which `answer` waits for the end.

        Raises
        ------
        ChildEnded
            If the process is no more.
        """
        assert self._process.stdin
        try:
            _send(self._process.stdin, (function, arguments))
        except OSError:
            raise ChildEnded(self._ending()) from None

    def answer(
        self, seconds: float | None = None, memory: int | None = None, worked: float | None = None
    ) -> Any:
        """What the task returned; see `call`. ``worked``: the most that `worked` may become."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            gone = not self.alive
            try:
                kind, value = self._answers.get(timeout=LOOK)
            except queue.Empty:
                if gone:  # what it has started may hold the pipe open
                    raise ChildEnded(self._ending()) from None
                if memory is not None and self.memory > memory:
                    self.end()
                    raise ChildEnded("it took more memory than it may") from None
                if worked is not None and self.worked > worked:
                    self.end()
                    raise ChildEnded("it went on working without coming to an end") from None
                if until is not None and time.monotonic() > until:
                    self.end()
                    raise ChildEnded(f"it took more than {seconds:.0f} s") from None
                continue
            if kind == "ended":
                raise ChildEnded(self._ending())
            if kind == "error":
                raise value
            return value

    def end(self) -> None:
        """End the process and what it has started."""
        with suppress(psutil.Error):
            # Of a process that is gone, the number may be another's by now.
            if self.alive:
                for child in psutil.Process(self._process.pid).children(recursive=True):
                    child.kill()
        self._process.kill()
        self._process.wait()
        helpers.discard(self)
        # Of a process that has crashed, only its group still tells what it had started. As long as
        # the group has members, the system gives its number to no other process.
        if not psutil.pid_exists(self._process.pid):
            _end_group(self._process.pid)
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError, AttributeError):
                stream.close()  # type: ignore[union-attr]

    def _listen(self) -> None:
        assert self._process.stdout
        with suppress(EOFError, OSError, ValueError):
            while True:
                content = _receive(self._process.stdout)
                try:
                    answer = pickle.loads(content)
                except Exception as error:  # such as one of a class that only the child has loaded
                    answer = "error", ChildError(f"gave an answer that cannot be read ({error})")
                self._answers.put(answer)
                self._on_answer()
        self._answers.put(("ended", None))
        self._on_answer()

    def _ending(self) -> str:
        """How the process ended, with its last words."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        code = self._process.returncode
        if code is None:
            how = "the process closed its pipe"
        elif code < 0:
            name = next((s.name for s in signal.Signals if s == -code), "unknown")
            out_of_memory = "; the system may have run out of memory" * (name == "SIGKILL")
            how = f"the process ended by signal {-code} ({name}){out_of_memory}"
        else:
            how = f"the process ended by itself with status {code}"
        words = self._last_words()
        return f"{how}: {words}" if words else how

    def _last_words(self) -> str:
        if self._log.closed:
            return ""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - 4 * TAIL))
        return " ".join(self._log.read().decode(errors="replace").split())[-TAIL:]


_serving = False


def is_child() -> bool:
    """Whether this process is a child, in which a crash is an error already."""
    return _serving


def serve(module: str) -> None:
    """Run what the parent asks for until it is gone: the child's side, with that module loaded."""
    global _serving
    _serving = True
    # Tasks and answers come and go through handles of their own, which no program that is started
    # here inherits: whatever prints, prints to the log, and whatever reads, reads nothing.
    requests = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_await_tasks, args=(requests, tasks), daemon=True).start()
    importlib.import_module(module)
    _send(answers, ("value", None))
    while True:
        function, arguments = tasks.get()
        try:
            answer = "value", function_named(function)(*arguments)
        except OddspecError as error:
            answer = "error", error
        except Exception as error:
            answer = "error", ChildError(f"{type(error).__name__}: {error}"[:TAIL])
        _send(answers, answer)


def function_named(name: str) -> Any:
    """The function ``module:name``."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _await_tasks(requests: IO[bytes], tasks: queue.SimpleQueue[Any]) -> None:
    """Pass tasks on; when the parent is gone, end at once, in the midst of a task too."""
    try:
        while True:
            tasks.put(pickle.loads(_receive(requests)))
    except (EOFError, OSError):
        _end_group(os.getpid())
        os._exit(0)


def _end_group(number: int) -> None:
    """End the processes of a child's group, where the system has such groups."""
    end = getattr(os, "killpg", None)
    if end is not None:
        with suppress(OSError):
            end(number, signal.SIGKILL)


def _send(stream: IO[bytes], value: Any) -> None:
    content = pickle.dumps(value)
    stream.write(len(content).to_bytes(8, "little"))
    stream.write(content)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    size = _exactly(stream, 8)
    return _exactly(stream, int.from_bytes(size, "little"))


def _exactly(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content
