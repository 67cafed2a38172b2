"""How much a reader may allocate: checked before the allocation, never after."""

from __future__ import annotations

from pathlib import Path

from oddspec.errors import BudgetError, InputError
from oddspec.execution.resources import total_memory
from oddspec.text import bytes_text

_RATIO = 2000
"""Deflate reaches 1032:1 at most, and a file that is all one value may beat it a little."""

_HARMLESS = 64 * 2**20
"""Bytes that may unpack from next to nothing: an all-zero test scene is no attack."""


def check_memory(path: Path, what: str, needed: int, max_memory: int | None) -> None:
    """Refuse to read what needs more memory than the budget.

    Parameters
    ----------
    path
        The file.
    what
        What would be read, such as ``variable 'data'``.
    needed
        Bytes.
    max_memory
        Bytes; None for the memory that the machine has.

    Raises
    ------
    BudgetError
        If ``needed`` is more than that.
    """
    limit = total_memory() if max_memory is None else max_memory
    if needed > limit:
        source = "this machine has" if max_memory is None else "--max-memory allows"
        raise BudgetError(
            f"{path}: reading {what} needs {bytes_text(needed)} of memory, but {source} "
            f"{bytes_text(limit)}; give more memory or convert the file to ENVI or GeoTIFF, which "
            f"are read in pieces"
        )


def check_expansion(path: Path, what: str, unpacked: int, packed: int, ratio: int = _RATIO) -> None:
    """Refuse what claims to hold far more than compression can explain.

    Parameters
    ----------
    path
        The file.
    what
        What claims it, such as ``variable 'data'``.
    unpacked, packed
        Bytes claimed and bytes stored.
    ratio
        Most bytes that one stored byte may unpack to.

    Raises
    ------
    InputError
        If it is more, and the claim exceeds 64 MB.
    """
    if unpacked > _HARMLESS and unpacked > ratio * max(packed, 1):
        raise InputError(
            f"{path}: {what} claims {bytes_text(unpacked)} but the file stores only "
            f"{bytes_text(packed)} of it, which no honest compression explains; the file is "
            f"incomplete or made to do harm"
        )
