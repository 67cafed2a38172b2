"""Where files come in: whatever a parser raises on one becomes a sentence that names the file.

Parsers of other people's formats raise more kinds of errors on damaged files than any list has:
errors of compression, of syntax, of recursion, of classes that no library makes public. So all are
caught, in one place, and no reader needs a list of its own.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any

from oddspec.errors import BudgetError, InputError, OddspecError
from oddspec.text import printable

_LONGEST = 160
"""Characters of a parser's own words; some of them repeat the file."""


@contextmanager
def reading(
    path: str | PathLike[str] | None, problem: str = "is damaged, or cannot be read"
) -> Iterator[None]:
    """Within it a file is opened, parsed or read.

    Parameters
    ----------
    path
        The file, for messages.
    problem
        What to say of the file where a parser fails on it.

    Raises
    ------
    InputError
        For all that a parser raises, but for the errors of this package and for KeyboardInterrupt,
        which pass.
    BudgetError
        If there was not enough memory.
    """
    try:
        yield
    except OddspecError:
        raise
    except MemoryError as error:
        raise BudgetError(
            f"{path}: there is not enough memory to read it; raise --max-memory, or close other "
            f"programs"
        ) from error
    except Exception as error:
        # "Invalid argument" is no fault of the disk: a parser was led to a place before the start.
        if isinstance(error, OSError) and error.strerror and error.errno != errno.EINVAL:
            raise InputError(f"{path}: cannot be read ({cause(error.strerror)})") from error
        raise InputError(f"{path}: {problem} ({cause(error)})") from error


def cause(error: Any) -> str:
    """What an error says, as a part of a sentence: one line, not long, and never empty."""
    if isinstance(error, OddspecError):
        return str(error)
    try:
        text = " ".join(printable(error).split())
    except Exception:  # an error whose own text cannot be made, of a name that is no UTF-8
        text = ""
    kind = type(error).__name__
    # These say nothing without their kind: KeyError('data') is written 'data'.
    if isinstance(error, (LookupError, ArithmeticError, AttributeError)):
        text = f"{kind}: {text}"
    return (text or kind)[:_LONGEST]
