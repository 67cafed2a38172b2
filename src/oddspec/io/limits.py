"""How much a reader may allocate: checked before the allocation, never after."""

from __future__ import annotations

from pathlib import Path

from oddspec.errors import BudgetError, InputError
from oddspec.execution.resources import held, total_memory
from oddspec.text import bytes_text

_RATIO = 2000
"""Deflate reaches 1032:1 at most, and a file that is all one value may beat it a little."""

_HARMLESS = 64 * 2**20
"""Bytes that may unpack from next to nothing: an all-zero test scene is no attack."""

_SMALL = 16 * 2**20
"""Bytes that are compared with the budget alone: a program that leaves no room for them is refused
with what the whole run needs."""

_parent = 0


def count_parent(size: int) -> None:
    """In a child process that reads for another: the bytes that the others hold of the budget."""
    global _parent
    _parent = size


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
        Bytes, of which the program has taken some; None for the memory that the machine has.

    Raises
    ------
    BudgetError
        If ``needed`` is more than is left of that.
    """
    limit = total_memory() if max_memory is None else max_memory
    program = held() + _parent
    if needed > limit or (needed > _SMALL and needed + program > limit):
        source = "this machine has" if max_memory is None else "--max-memory allows"
        raise BudgetError(
            f"{path}: reading {what} needs {bytes_text(needed)} of memory beside the program's "
            f"{bytes_text(program)}, but {source} {bytes_text(limit)}; give more memory or convert "
            f"the file to ENVI or GeoTIFF, which are read in pieces"
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
