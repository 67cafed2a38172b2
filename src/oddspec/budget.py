"""What a run may use: memory, workers, device."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from oddspec.errors import SettingError

__all__ = ["Resources"]


@dataclass(frozen=True)
class Resources:
    """What a run may use.

    Attributes
    ----------
    max_memory
        Bytes of resident memory for the whole process; None for half of what is free.
    workers
        Threads that work on tiles at once, each with one BLAS thread; None for one per CPU.
    device
        ``cpu``, ``cuda`` or ``auto``.
    """

    max_memory: int | None = None
    workers: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise SettingError(f"workers={self.workers}: expected at least 1")
        if self.max_memory is not None and self.max_memory < 1:
            raise SettingError(f"max_memory={self.max_memory}: expected a number of bytes above 0")

    @property
    def threads(self) -> int:
        """Number of workers."""
        return self.workers or len(os.sched_getaffinity(0))

    def left(self) -> float:
        """Bytes that may still be allocated."""
        if self.max_memory is None:
            return 0.5 * _free_memory()
        return self.max_memory - _resident()


def _resident() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _free_memory() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
