"""A table before it is written: headings, rows, and entries that know their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oddspec.study.metric_names import TIMES
from oddspec.text import gigabytes, megabytes

_MINUS = "−"


@dataclass(frozen=True)
class Entry:
    """What stands in one field.

    Attributes
    ----------
    text
        As it is shown.
    below
        Lines under it: printed values and differences.
    parts, printed
        The same as single values, for CSV; those of each printed value apart.
    sort
        What the field is sorted by; None sorts last.
    failed
        Whether the text is the reason of a failure.
    """

    text: str
    below: tuple[str, ...] = ()
    parts: Mapping[str, Any] = field(default_factory=dict)
    printed: tuple[Mapping[str, Any], ...] = ()
    sort: float | None = None
    failed: bool = False


MISSING = Entry("not run")


@dataclass(frozen=True)
class Row:
    """A row: its names, its entries, and whether it sums up those above."""

    names: tuple[str, ...]
    entries: tuple[Entry, ...]
    total: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table.

    Attributes
    ----------
    title
        What it shows.
    corner
        Headings of the columns that name the rows.
    headings
        Of the other columns, each in two lines (the second may be empty).
    rows
        As many entries each as there are headings.
    notes
        What a reader must know to read it.
    measured
        Whether the entries are results of one kind, with parts: such a table is written to CSV
        with one line for each result.
    """

    title: str
    corner: tuple[str, ...]
    headings: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    notes: Sequence[str] = ()
    measured: bool = False

    @property
    def right(self) -> list[bool]:
        """Which columns hold numbers and are set flush right."""
        columns = zip(*(row.entries for row in self.rows), strict=True)
        return [self.measured or any(e.sort is not None for e in column) for column in columns]


def amount(value: float | None, metric: str) -> str:
    """A value of a metric for reading."""
    if value is None:
        return "–"
    if metric in TIMES:
        return f"{value:.{1 if value >= 9.95 else 2 if value >= 0.0995 else 3}f}"
    if metric == "peak_memory":
        return memory_text(value)
    if metric == "iterations" or metric.startswith(("objects", "false_objects")):
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) < 1e4 else f"{value:.4g}"


def memory_text(value: float) -> str:
    """Bytes as the tables show them."""
    return gigabytes(value) if value >= 1e9 else megabytes(value)


def difference_text(value: float, metric: str) -> str:
    """A difference with its sign; none where it is zero to the digits shown."""
    text = amount(abs(value), metric)
    if not any(digit in text for digit in "123456789"):
        return f"±{text}"
    return f"{'+' if value > 0 else _MINUS}{text}"
