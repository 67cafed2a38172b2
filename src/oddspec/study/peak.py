"""The largest memory of this process since a moment, though it has done other work before."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path

from oddspec.products.record import peak_memory

__all__ = ["peak_since_reset", "reset_peak", "resident"]

_STATUS = Path("/proc/self/status")


def reset_peak() -> bool:
    """Give free memory back and begin to count anew; False where the system does not allow it."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_since_reset() -> int | None:
    """Bytes; since the process began where the count could not be set back."""
    with suppress(OSError, ValueError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return peak_memory()


def resident(process: int | None = None) -> int | None:
    """Bytes of memory that a process (by default this one) has now; None where not known."""
    try:
        pages = int(Path(f"/proc/{process or 'self'}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
