"""Numbers as text for people, and text from files made harmless for where it is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def bytes_text(count: float | None) -> str:
    """A number of bytes in the unit that suits it, to three digits: ``1.5 GB``; a dash for None."""
    if count is None:
        return "–"
    if count < 1000:
        return f"{count:.0f} bytes"
    for unit in _UNITS:
        count /= 1000
        if count < 1000 or unit == _UNITS[-1]:
            break
    return f"{count:.3g} {unit}"


def gigabytes(count: float) -> str:
    """A number of bytes in GB, where sizes are compared: ``0.25 GB``."""
    return f"{count / 1e9:.2f} GB"


def megabytes(count: float, decimals: int = 0) -> str:
    """A number of bytes in MB, where sizes are compared: ``1,250 MB``."""
    return f"{count / 1e6:,.{decimals}f} MB"


def duration_text(seconds: float) -> str:
    """A time for reading: ``40 s``, ``3 min 20 s``, ``2 h 5 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def printable(value: Any) -> str:
    """The value as text without control characters (terminal escapes, line breaks)."""
    return "".join(c if c.isprintable() else " " for c in str(value))


def csv_cell(value: Any) -> Any:
    """A cell that a spreadsheet will not take for a formula.

    Numbers are left as they are; text that begins with one of ``= + - @`` (after white space)
    gets an apostrophe in front. None and NaN become an empty cell.
    """
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if not isinstance(value, str):
        return value
    text = printable(value)
    return "'" + text if text.lstrip().startswith(("=", "+", "-", "@")) else text


def shorten(text: str, length: int) -> str:
    """The text, with its middle left out if it is longer than ``length`` characters."""
    if len(text) <= length:
        return text
    kept = max(length - 1, 2)
    return text[: kept - kept // 2] + "…" + text[-(kept // 2) :]


def rough(value: float) -> str:
    """A number of things, which may be an expectation: whole from ten on, two digits below."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def counted(count: float, noun: str) -> str:
    """``1 pixel``, ``1,200 pixels``, ``0.62 pixels``."""
    shown = rough(count)
    return f"{shown} {noun}{'' if shown == '1' else 's'}"


def positions_text(positions: Iterable[Any], most: int = 12) -> str:
    """Positions from 0 as people count them, from 1, in ranges: ``3, 13-18``."""
    ranges: list[list[int]] = []
    for number in sorted({int(position) + 1 for position in positions}):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    shown = [str(a) if a == b else f"{a}-{b}" for a, b in ranges[:most]]
    more = len(ranges) - most
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
