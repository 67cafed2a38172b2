"""How many threads PyTorch has, and several trainings side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import torch

from oddspec.progress import Progress, silent

__all__ = ["one_thread", "side_by_side"]

T = TypeVar("T")


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep PyTorch to one thread for a while.

    Many small products are not sped up by several threads; and where other work shares the
    processor, they wait for each other at every one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def side_by_side(
    count: int, work: Callable[[int, Progress], T], progress: Progress = silent
) -> tuple[T, ...]:
    """What ``work(number, progress)`` returns for 0, 1, ... count - 1.

    As many run at a time as PyTorch has threads, each with one of them, so the results do not
    depend on their number. When one fails the others stop at their next word of progress.

    Parameters
    ----------
    count
        How often.
    work
        One training; tells its own progress.
    progress
        Told the sum of all.
    """
    shares, lock, stop = [0.0] * count, threading.Lock(), threading.Event()

    def one(number: int) -> T:
        def told(done: float, total: float, stage: str) -> None:
            if stop.is_set():
                raise _Stopped
            with lock:
                shares[number] = done / total if total else 1.0
                progress(sum(shares), count, stage)

        return work(number, told)

    threads = min(count, torch.get_num_threads())
    with one_thread(), ThreadPoolExecutor(threads, "oddspec") as pool:
        futures = [pool.submit(one, number) for number in range(count)]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
    for future in futures:
        error = future.exception()
        if error is not None and not isinstance(error, _Stopped):
            raise error
    return tuple(future.result() for future in futures)


class _Stopped(Exception):
    """Another training has failed."""
