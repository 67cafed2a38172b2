"""Choosing some of a study's rows, by words as a user types them."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from oddspec.errors import SettingError
from oddspec.study.row import Row

__all__ = ["select"]


def select(rows: Sequence[Row], words: Sequence[str]) -> list[Row]:
    """The rows that every word fits.

    A word fits a row if it is its detector, column, paper, scene or truth, or ``seed=3``,
    ``noise=0.05``. ``*`` stands for any characters, and a comma for *or*: ``rx,lren``; a column
    with a comma in its name is found by its whole name.

    Raises
    ------
    SettingError
        If a word fits no row at all, or no row is fitted by all.
    """
    chosen = list(rows)
    for word in words:
        options = [option.strip() for option in word.split(",") if option.strip()]
        if any(_fits(row, word) for row in rows):
            options = [word]
        for option in options:
            if not any(_fits(row, option) for row in rows):
                raise SettingError(f"--only {option}: fits no row of the plan; {_known(rows)}")
        chosen = [row for row in chosen if any(_fits(row, option) for option in options)]
    if words and not chosen:
        raise SettingError(f"--only {' '.join(words)}: no row of the plan fits all of these")
    return chosen


def _fits(row: Row, word: str) -> bool:
    name, equals, value = word.partition("=")
    if equals and name in ("seed", "noise", "noise_seed"):
        try:
            return getattr(row, name) == float(value)
        except ValueError:
            return False
    texts = (row.detector, row.column, row.paper or "", row.scene.key, row.scene.name, row.id)
    # A bracket is itself: columns are called "ten [code]".
    pattern = word.casefold().replace("[", "[[]")
    return any(fnmatchcase(text.casefold(), pattern) for text in texts)


def _known(rows: Sequence[Row]) -> str:
    parts = {
        "detectors": dict.fromkeys(row.detector for row in rows),
        "columns": dict.fromkeys(row.column for row in rows),
        "scenes": dict.fromkeys(row.scene.key for row in rows),
    }
    return "; ".join(f"its {name}: {', '.join(found) or 'none'}" for name, found in parts.items())
