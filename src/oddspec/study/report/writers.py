"""Tables as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from itertools import groupby
from typing import Any

from oddspec.study.report.sheet import Entry, Row, Sheet
from oddspec.text import csv_cell, printable

__all__ = ["KINDS", "latex_text", "write_csv", "write_latex", "write_markdown"]

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "−": "$-$", "–": "--",
    "±": r"$\pm$", "×": r"$\times$", "σ": r"$\sigma$", "τ": r"$\tau$",
    "λ": r"$\lambda$", "β": r"$\beta$", "·": r"$\cdot$", "…": r"\ldots{}", '"': "''",
}  # fmt: skip


def write_markdown(sheet: Sheet) -> str:
    """A table of Markdown, with its notes below."""
    heads = [f"{a}<br>*{_cell(b)}*" if b else a for a, b in _heads(sheet)]
    lines = [_line([*map(_cell, sheet.corner), *heads])]
    sides = ["---:" if right else "---" for right in sheet.right]
    lines.append("|".join(["", *["---"] * len(sheet.corner), *sides, ""]))
    for row in sheet.rows:
        names = [_bold(_cell(name), row.total) for name in row.names]
        lines.append(_line([*names, *(_entry(entry, row.total) for entry in row.entries)]))
    return "\n".join([*lines, "", *(f"{note}  " for note in sheet.notes)]).rstrip() + "\n"


def _heads(sheet: Sheet) -> list[tuple[str, str]]:
    """Headings as Markdown, detectors as code."""
    return [(f"`{a}`" if sheet.measured else _cell(a), b) for a, b in sheet.headings]


def _entry(entry: Entry, total: bool) -> str:
    text = f"*{_cell(entry.text)}*" if entry.failed else _bold(_cell(entry.text), total)
    return "<br>".join([text, *map(_cell, entry.below)])


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _bold(text: str, total: bool) -> str:
    return f"**{text}**" if total and text else text


def _cell(text: str) -> str:
    """Text that stays within its field of the table and is not taken for markup."""
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", printable(text)) if text else ""


def write_csv(sheet: Sheet) -> str:
    """Values in full.

    A table of a metric has one line for each result, and for each printed value beside it; other
    tables have one line for each row.
    """
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    if not sheet.measured:
        out.writerow([*sheet.corner, *(first for first, _ in sheet.headings)])
        for row in sheet.rows:
            out.writerow([csv_cell(v) for v in (*row.names, *map(_value, row.entries))])
        return text.getvalue()
    shown = [
        (row, heading, entry, beside)
        for row in sheet.rows
        for heading, entry in zip(sheet.headings, row.entries, strict=True)
        if entry.parts
        for beside in (entry.printed or ({},))
    ]
    parts = list(dict.fromkeys(name for *_, e, beside in shown for name in (*e.parts, *beside)))
    out.writerow([*sheet.corner, "detector", "settings", *parts])
    for row, heading, entry, beside in shown:
        values = [{**entry.parts, **beside}.get(name) for name in parts]
        out.writerow([csv_cell(value) for value in (*row.names, *heading, *values)])
    return text.getvalue()


def _value(entry: Entry) -> Any:
    """The number behind an entry, where its text is but that number."""
    whole = re.fullmatch(r"[+−±-]?[\d.,]+( [GM]B)?", entry.text)
    return entry.sort if whole and entry.sort is not None else entry.text


def write_latex(sheet: Sheet) -> str:
    r"""A table of LaTeX's package booktabs, to be ``\input`` in a document."""
    lines = ["% needs \\usepackage{booktabs}"]
    lines += [f"% {printable(note)}" for note in (sheet.title, *sheet.notes)]
    columns = "".join("r" if right else "l" for right in sheet.right)
    lines += [f"\\begin{{tabular}}{{{'l' * len(sheet.corner)}{columns}}}", r"\toprule"]
    lines += _latex_heads(sheet)
    lines.append(r"\midrule")
    previous = False
    for row in sheet.rows:
        if row.total != previous:
            lines.append(r"\midrule")
        previous = row.total
        lines.append(_latex_row(row))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _latex_heads(sheet: Sheet) -> list[str]:
    """Detectors over the columns that belong to them, and below them where settings come from."""
    corner = [latex_text(name) for name in sheet.corner]
    if not any(second for _, second in sheet.headings):
        return [_latex_line([*corner, *(latex_text(first) for first, _ in sheet.headings)])]
    groups, rules, at = [], [], len(corner) + 1
    for name, group in groupby(sheet.headings, key=lambda heading: heading[0]):
        width = len(list(group))
        groups.append(f"\\multicolumn{{{width}}}{{c}}{{{latex_text(name)}}}")
        rules.append(f"\\cmidrule(lr){{{at}-{at + width - 1}}}")
        at += width
    above = _latex_line([*("" for _ in corner), *groups])
    below = _latex_line([*corner, *(latex_text(second) for _, second in sheet.headings)])
    return [above, " ".join(rules), below]


def _latex_row(row: Row) -> str:
    cells = []
    for entry in row.entries:
        text = latex_text(entry.text)
        if entry.failed:
            text = f"\\textit{{{text}}}"
        if entry.below:
            lines = r" \\ ".join([text, *map(latex_text, entry.below)])
            text = f"\\shortstack[r]{{{lines}}}"
        cells.append(text)
    return _latex_line([*map(latex_text, row.names), *cells])


def _latex_line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def latex_text(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return "".join(_LATEX.get(c, c) for c in printable(text))


KINDS: dict[str, Callable[[Sheet], str]] = {
    "markdown": write_markdown,
    "csv": write_csv,
    "latex": write_latex,
}
