"""Doing many tasks on a few threads, with progress, and stopping soon when one fails."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from oddspec.progress import Progress

__all__ = ["spread"]

T = TypeVar("T")


def spread(
    tasks: Sequence[T],
    work: Callable[[T], None],
    workers: int,
    progress: Progress,
    stage: str,
    done: int = 0,
) -> None:
    """Do all tasks on worker threads; the first failure or Ctrl-C stops the others soon."""
    total = done + len(tasks)
    progress(done, total, stage)
    if not tasks:
        return
    waiting: Iterator[T] = iter(tasks)
    counter = itertools.count(done + 1)
    lock = threading.Lock()
    stop = threading.Event()

    def loop() -> None:
        try:
            while not stop.is_set():
                try:
                    with lock:
                        task = next(waiting)
                except StopIteration:
                    return
                work(task)
                with lock:
                    progress(next(counter), total, stage)
        except BaseException:
            stop.set()
            raise

    count = min(workers, len(tasks))
    with ThreadPoolExecutor(count, thread_name_prefix="oddspec") as pool:
        futures = [pool.submit(loop) for _ in range(count)]
        try:
            for future in futures:
                future.result()
        finally:
            stop.set()
