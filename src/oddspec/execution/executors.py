"""Threads: every thread pool of the package, and how many threads the libraries below may use.

Work is shared out over threads of our own, each with one BLAS thread: pieces in parallel scale
better than one product in parallel, and sums do not depend on how BLAS splits them.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController, threadpool_limits

from oddspec.progress import Progress

T = TypeVar("T")
R = TypeVar("R")

Map = Callable[..., Iterable[Any]]
"""Works as the built-in ``map``: results in the order of the items."""


def run_tasks(
    tasks: Sequence[T],
    work: Callable[[T], None],
    workers: int,
    progress: Progress,
    stage: str,
    done: int = 0,
) -> None:
    """Do all tasks on worker threads; after the first failure or Ctrl-C no further one begins.

    Parameters
    ----------
    tasks
        What ``work`` is called with.
    work
        Does one task.
    workers
        Number of threads.
    progress
        Called with the number of finished tasks. If it raises, that counts as a failure.
    stage
        Name of this work, for ``progress``.
    done
        Tasks that were finished in an earlier run; they count as progress.
    """
    total = done + len(tasks)
    progress(done, total, stage)
    counter, lock = itertools.count(done + 1), threading.Lock()

    def one(task: T) -> None:
        work(task)
        with lock:
            progress(next(counter), total, stage)

    _in_threads(one, tasks, workers, threading.Event())


def map_in_threads(
    work: Callable[[T, Progress], R], tasks: Sequence[T], threads: int, progress: Progress
) -> list[R]:
    """What ``work(task, progress)`` returns for each task, in order.

    Parameters
    ----------
    work
        Reports progress of its own. When a task fails, the others stop at their next report.
    tasks
        What ``work`` is called with.
    threads
        Tasks at a time.
    progress
        Called with the sum of what all tasks report, each counting as 1.
    """
    shares, lock, stop = [0.0] * len(tasks), threading.Lock(), threading.Event()

    def one(number: int) -> R:
        def report(done: float, total: float, stage: str) -> None:
            if stop.is_set():
                raise _Stopped
            with lock:
                shares[number] = done / total if total else 1.0
                progress(sum(shares), len(tasks), stage)

        return work(tasks[number], report)

    return _in_threads(one, range(len(tasks)), threads, stop)


class _Stopped(Exception):
    """Another task has failed."""


def _in_threads(
    work: Callable[[T], R], tasks: Sequence[T], threads: int, stop: threading.Event
) -> list[R]:
    """Results in the order of the tasks. ``stop`` is set at the first failure."""
    if not tasks:
        return []

    def one(task: T) -> R:
        if stop.is_set():
            raise _Stopped
        try:
            return work(task)
        except BaseException:
            stop.set()  # here and not in the main thread, which may wake up a few tasks later
            raise

    with ThreadPoolExecutor(min(threads, len(tasks)), "oddspec") as pool:
        futures = [pool.submit(one, task) for task in tasks]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()  # Ctrl-C arrives in the main thread
    for future in futures:
        error = future.exception()
        if error is not None and not isinstance(error, _Stopped):
            raise error
    return [future.result() for future in futures]


@contextmanager
def thread_pool() -> Iterator[Map]:
    """A ``map`` on as many threads as BLAS may use now, each with one BLAS thread meanwhile.

    Products of small blocks are not worth several BLAS threads: these wait for each other at every
    product, and on a machine with other work take many times as long as one thread would.
    """
    blas = ThreadpoolController().select(user_api="blas")
    threads = max([library["num_threads"] for library in blas.info()], default=1)
    if threads == 1:
        yield map
        return
    with blas.limit(limits=1), ThreadPoolExecutor(threads, "oddspec") as pool:
        yield pool.map


def one_blas_thread() -> AbstractContextManager[Any]:
    """Keep BLAS to one thread for a while, where the parallel work is done by our own threads."""
    return library_threads(1, "blas")


def library_threads(count: int | None, api: str | None = None) -> AbstractContextManager[Any]:
    """Limit the threads of BLAS and OpenMP (PyTorch's too) for a while; None changes nothing."""
    limits: AbstractContextManager[Any] = threadpool_limits(count, user_api=api)
    return limits
