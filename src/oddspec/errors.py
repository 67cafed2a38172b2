"""What can go wrong by the user's doing: one clear sentence each, never a traceback."""

import difflib
from collections.abc import Iterable

from oddspec.text import shorten

_LONGEST = 1000
"""Characters of a message: what it quotes from a file must not make it endless."""


class OddspecError(Exception):
    """A mistake that the user can mend.

    The message is one sentence that names the file or setting, what was found, what was expected
    and what to do. The command line prints it and exits with status 2. Of a text of more than
    1000 characters the middle is left out.
    """

    def __init__(self, *parts: object) -> None:
        super().__init__(*(shorten(p, _LONGEST) if isinstance(p, str) else p for p in parts))


class InputError(OddspecError, ValueError):
    """A file or array cannot be used as it is."""


class SettingError(OddspecError, ValueError):
    """A setting is unknown, of the wrong type or out of its range."""


class BudgetError(OddspecError, MemoryError):
    """The work would need more memory than the budget allows; raised before allocating it."""


class DataWarning(UserWarning):
    """The input is unusual, and the documented reading was taken."""


class NotConverged(UserWarning):
    """A solver stopped before reaching its tolerance; the message gives the gap it reached."""


def did_you_mean(name: str, known: Iterable[str], most: int = 1) -> str:
    """``; did you mean this or that?``, to follow the statement that there is no such name.

    Empty where no known name is near.
    """
    near = difflib.get_close_matches(name, list(known), n=most)
    return f"; did you mean {' or '.join(near)}?" if near else ""
