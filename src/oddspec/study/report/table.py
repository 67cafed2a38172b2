"""A table of a study before it is written: headings, rows, and cells that know their parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oddspec.study.runs import TIMES
from oddspec.text import gigabytes, megabytes


@dataclass(frozen=True)
class Cell:
    """One field of a table.

    Attributes
    ----------
    text
        As it is shown.
    latex
        The same for a paper, where that is shorter; without markup.
    below
        Lines under it: published values and differences.
    parts, published
        The same as single values, for CSV; those of each published value apart.
    sort
        What the field is sorted by; None sorts last.
    failed
        Whether the text is the reason of a failure.
    """

    text: str
    below: tuple[str, ...] = ()
    parts: Mapping[str, Any] = field(default_factory=dict)
    published: tuple[Mapping[str, Any], ...] = ()
    sort: float | None = None
    failed: bool = False
    latex: str = ""


DASH, NOT_RUN = Cell("–"), Cell("not run")
MEDIANS = "Results that depend on a seed are medians, with the least and the most beside them."
"""What a note says of cells whose text is so; `Cell.latex` has another spread."""


@dataclass(frozen=True)
class TableRow:
    """A row: its names, its cells, and whether it sums up those above.

    ``lower`` says that its lowest value is the best one, None that its values do not compare.
    """

    names: tuple[str, ...]
    cells: tuple[Cell, ...]
    total: bool = False
    lower: bool | None = None


@dataclass(frozen=True)
class StudyTable:
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
        As many cells each as there are headings.
    notes
        What a reader must know to read it.
    measured
        Whether the cells are results of one kind, with parts: such a table is written to CSV with
        one line for each result.
    """

    title: str
    corner: tuple[str, ...]
    headings: tuple[tuple[str, str], ...]
    rows: tuple[TableRow, ...]
    notes: Sequence[str] = ()
    measured: bool = False

    @classmethod
    def of(
        cls, title: str, corner: Sequence[str], heads: Sequence[str], rows: Sequence[TableRow],
        notes: Sequence[str] = (),
    ) -> StudyTable:  # fmt: skip
        """A table with headings of one line."""
        return cls(title, tuple(corner), tuple((head, "") for head in heads), tuple(rows), notes)

    @property
    def right(self) -> list[bool]:
        """Which columns hold numbers and are set flush right."""
        columns = zip(*(row.cells for row in self.rows), strict=True)
        return [self.measured or any(c.sort is not None for c in column) for column in columns]


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
    return f"{'+' if value > 0 else '−'}{text}"


def number_cell(value: float, metric: str) -> Cell:
    """A cell of a number; a dash for NaN."""
    return DASH if value != value else Cell(amount(value, metric), sort=value)


def slug(text: str) -> str:
    """A text as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
