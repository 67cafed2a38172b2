"""What the machine can do, measured on the spot: the limits that detectors are held against."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from oddspec.execution.resources import machine, processors

__all__ = ["copy_rate", "describe", "matmul_rate", "read_rate", "seconds", "seconds_in_turn"]


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Median time of one call, after one that does not count."""
    return seconds_in_turn([work], repeats)[0]


def seconds_in_turn(works: list[Callable[[], object]], repeats: int = 5) -> list[float]:
    """Median time of each, called in turn so that a drift of the machine hits all alike."""
    taken: list[list[float]] = [[] for _ in works]
    for repeat in range(repeats + 1):
        for work, times in zip(works, taken, strict=True):
            start = time.perf_counter()
            work()
            if repeat:
                times.append(time.perf_counter() - start)
    return [statistics.median(times) for times in taken]


def matmul_rate(size: int = 2000) -> float:
    """Operations per second of a float64 matrix product with all BLAS threads."""
    a = np.random.default_rng(0).random((size, size))
    return 2 * size**3 / seconds(lambda: a @ a)


def copy_rate(megabytes: int = 400) -> float:
    """Bytes copied per second, in memory far larger than the caches."""
    source = np.ones(megabytes * 125_000)
    target = np.empty_like(source)
    return source.nbytes / seconds(lambda: np.copyto(target, source))


def read_rate(path: Path) -> float:
    """Bytes per second of plain reads of a file that the system has cached, in 16 MB pieces."""
    piece = bytearray(16 * 2**20)

    def read() -> None:
        with open(path, "rb", buffering=0) as file:
            while file.readinto(piece):
                pass

    return path.stat().st_size / seconds(read)


def describe() -> str:
    """One line about the machine."""
    return f"{machine()['processor']}, {processors()} CPUs, NumPy {np.__version__}"
