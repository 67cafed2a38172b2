"""What can go wrong by the user's doing: one clear sentence each, never a traceback."""

__all__ = [
    "BudgetError",
    "DataWarning",
    "InputError",
    "NotConverged",
    "OddspecError",
    "SettingError",
]


class OddspecError(Exception):
    """A mistake that the user can mend.

    The message is one sentence that names the file or setting, what was found, what was expected
    and what to do. The command line prints it and exits with status 2.
    """


class InputError(OddspecError, ValueError):
    """A file or array cannot be used as it is."""


class SettingError(OddspecError, ValueError):
    """A setting is unknown, of the wrong type or out of its range."""


class BudgetError(OddspecError, MemoryError):
    """The work would need more memory than the budget allows; raised before allocating it."""


class DataWarning(UserWarning):
    """The input is odd, and the documented reading was taken."""


class NotConverged(UserWarning):
    """A solver stopped before reaching its tolerance; the message gives the gap it reached."""
