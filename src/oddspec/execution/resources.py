"""What the system has and what a run may use of it: memory, processors, device.

The only module that asks the operating system. psutil answers on Linux, macOS and Windows; what it
does not know (the largest memory so far, the name of the processor) is asked for here as well.
"""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from oddspec.errors import SettingError


@dataclass(frozen=True)
class Resources:
    """What a run may use.

    Attributes
    ----------
    max_memory
        Bytes of resident memory for the whole process; None for half of what is free.
    workers
        Threads that work on tiles at once, each with one BLAS thread; None for one per processor.
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
        return self.workers or processors()

    def left(self) -> float:
        """Bytes that may still be allocated."""
        if self.max_memory is None:
            return 0.5 * free_memory()
        return self.max_memory - (resident() or 0)


def choose_device(wanted: str, supported: tuple[str, ...]) -> str:
    """``cpu`` or ``cuda``, from what the user wants and what the detector can do.

    Raises
    ------
    SettingError
        If ``cuda`` is wanted and the detector, PyTorch or a GPU is missing.
    """
    if wanted not in ("cpu", "cuda", "auto"):
        raise SettingError(f"device={wanted!r}: expected cpu, cuda or auto")
    if wanted == "cpu" or (wanted == "auto" and "cuda" not in supported):
        return "cpu"
    if "cuda" not in supported:
        raise SettingError("device='cuda': this detector runs on the CPU only; use --device cpu")
    try:
        import torch
    except ImportError:
        if wanted == "auto":
            return "cpu"
        raise SettingError(
            "device='cuda': PyTorch is not installed; run pip install 'oddspec[torch]' or use "
            "--device cpu"
        ) from None
    if torch.cuda.is_available():
        return "cuda"
    if wanted == "auto":
        return "cpu"
    raise SettingError("device='cuda': PyTorch finds no CUDA device; use --device cpu")


def processors() -> int:
    """Processors that this process may run on."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):  # not on macOS
        with suppress(psutil.Error, OSError):
            return len(process.cpu_affinity()) or 1
    return os.cpu_count() or 1


def free_memory() -> int:
    """Bytes that can be allocated without swapping."""
    return int(psutil.virtual_memory().available)


def total_memory() -> int:
    """Bytes of physical memory."""
    return int(psutil.virtual_memory().total)


def resident(process: int | None = None) -> int | None:
    """Bytes of memory that a process (by default this one) has now; None where not known."""
    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:
        return None


def peak_memory() -> int | None:
    """Largest resident memory of this process so far, in bytes; None where not known."""
    try:
        import resource
    except ImportError:  # Windows, where psutil knows
        peak = getattr(psutil.Process().memory_info(), "peak_wset", None)
        return None if peak is None else int(peak)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def reset_peak() -> bool:
    """Give free memory back and begin to count anew; False where the system does not allow it."""
    if hasattr(psutil, "heap_trim"):
        with suppress(psutil.Error, OSError):
            psutil.heap_trim()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_since_reset() -> int | None:
    """Bytes; since the process began where the count could not be set back."""
    # getrusage never goes down; this counter does after `reset_peak`.
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return peak_memory()


def machine() -> dict[str, Any]:
    """The machine, without its name or its user's."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "memory_bytes": total_memory(),
    }


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
