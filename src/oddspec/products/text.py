"""Numbers in words, and text from a file's metadata made harmless for where it is written."""

from __future__ import annotations

from typing import Any

__all__ = ["counted", "csv_cell", "printable", "rough", "shorten"]


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
