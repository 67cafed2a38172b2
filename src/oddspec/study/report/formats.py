"""How tables are written: as Markdown, CSV and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from oddspec.products.text import csv_cell, printable
from oddspec.study.records_store import pandas_module
from oddspec.study.report.table import Cell, Table, TableRow, slug

__all__ = ["FORMATS", "latex_text"]


def _markdown(table: Table) -> str:
    """A table of Markdown, with its notes below.

    Not `pandas.DataFrame.to_markdown`: it pads every column to its widest cell, so that one changed
    number would change every line of a committed page.
    """
    firsts = [f"`{a}`" if table.measured else _escaped(a) for a, _ in table.headings]
    heads = [
        f"{first}<br>*{_escaped(second)}*" if second else first
        for first, (_, second) in zip(firsts, table.headings, strict=True)
    ]
    sides = ["---:" if right else "---" for right in table.right]
    lines = [
        _line([*map(_escaped, table.corner), *heads]),
        "|".join(["", *["---"] * len(table.corner), *sides, ""]),
    ]
    for row in table.rows:
        cells = [_bold(_escaped(name), row.total) for name in row.names]
        for cell in row.cells:
            text = _escaped(cell.text)
            text = f"*{text}*" if cell.failed else _bold(text, row.total)
            cells.append("<br>".join([text, *map(_escaped, cell.below)]))
        lines.append(_line(cells))
    return "\n".join([*lines, "", *(f"{note}  " for note in table.notes)]).rstrip() + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _bold(text: str, total: bool) -> str:
    return f"**{text}**" if total and text else text


def _escaped(text: str) -> str:
    """Text that stays within its field of a Markdown table and is not taken for markup."""
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", printable(text)) if text else ""


def _csv(table: Table) -> str:
    """Values in full.

    A table of a metric has one line for each result, and for each published value beside it; other
    tables have one line for each row.
    """
    frame = pandas_module().DataFrame
    if table.measured:
        lines = [
            {
                **dict(zip(table.corner, row.names, strict=True)),
                "detector": detector,
                "settings": origin,
                **cell.parts,
                **beside,
            }
            for row in table.rows
            for (detector, origin), cell in zip(table.headings, row.cells, strict=True)
            if cell.parts
            for beside in (cell.published or ({},))
        ]
        written = frame(lines, dtype=object)
    else:
        rows = [[*row.names, *map(_value, row.cells)] for row in table.rows]
        heads = [*table.corner, *(first for first, _ in table.headings)]
        written = frame(rows, columns=heads, dtype=object)
    text: str = written.map(csv_cell).to_csv(index=False, lineterminator="\n")
    return text


def _value(cell: Cell) -> Any:
    """The number behind a cell, where its text is but that number."""
    whole = re.fullmatch(r"[+−±-]?[\d.,]+( [GM]B)?", cell.text)
    return cell.sort if whole and cell.sort is not None else cell.text


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "−": "$-$", "–": "--",
    "±": r"$\pm$", "×": r"$\times$", "σ": r"$\sigma$", "τ": r"$\tau$", "†": r"\dag{}",
    "λ": r"$\lambda$", "β": r"$\beta$", "·": r"$\cdot$", "…": r"\ldots{}", '"': "''",
}  # fmt: skip

_PAGE = (88, 48)
"""Characters of \\footnotesize across and lines down that a page of an article has room for."""
_LONG = 40
"""Characters from which on a text is broken into lines."""


def _latex(table: Table) -> str:
    r"""Tables of LaTeX to be ``\input`` in a document, as many as it takes to fit on pages."""
    texts = ["% needs \\usepackage{booktabs,graphicx}"]
    for part, piece in enumerate(_pieces(table), start=1):
        end = f"-{part}" if part > 1 else ""
        caption = [table.title, *table.notes] if part == 1 else [f"{table.title}, continued"]
        if part == 1 and any(cell.latex for row in table.rows for cell in row.cells):
            caption += [
                "Values after ± are half the interquartile range over the runs",
                "The best value of a row is bold",
            ]
        sentences = " ".join(latex_text(sentence.rstrip(".")) + "." for sentence in caption)
        texts += [
            r"\begin{table}\centering\footnotesize",
            f"\\caption{{{sentences}}}",
            f"\\label{{tab:{slug(table.title)}{end}}}",
            # A table that is wider than the page all the same is made smaller.
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            f"{_tabular(piece)}}}",
            r"\end{table}",
        ]
    return "\n".join(texts) + "\n"


def _pieces(table: Table) -> Iterator[Table]:
    """The table cut into such as fit on a page, columns first."""
    wide = [2 + _width([name, *texts]) for name, *texts in _texts(table)]
    left = _PAGE[0] - sum(wide[: len(table.corner)])
    blocks: list[list[int]] = [[]]
    for column, width in enumerate(wide[len(table.corner) :]):
        room = left - sum(wide[len(table.corner) + other] for other in blocks[-1])
        if blocks[-1] and width > room:
            blocks.append([])
        blocks[-1].append(column)
    for rows in _pages(table.rows):
        for block in blocks:
            yield replace(
                table,
                headings=tuple(table.headings[i] for i in block),
                rows=tuple(replace(r, cells=tuple(r.cells[i] for i in block)) for r in rows),
            )


def _pages(rows: Sequence[TableRow]) -> Iterator[list[TableRow]]:
    page: list[TableRow] = []
    lines = 0
    for row in rows:
        high = max(len(cell.below) + 1 + len(cell.text) // _LONG for cell in row.cells)
        if page and lines + high > _PAGE[1]:
            yield page
            page, lines = [], 0
        page.append(row)
        lines += high
    yield page


def _texts(table: Table) -> Iterator[list[str]]:
    """The texts of each column, its headings first."""
    for at, name in enumerate(table.corner):
        yield [name, *(row.names[at] for row in table.rows)]
    for at, heading in enumerate(table.headings):
        cells = [row.cells[at] for row in table.rows]
        yield [max(heading, key=len), *(t for c in cells for t in (c.latex or c.text, *c.below))]


def _width(texts: Sequence[str]) -> int:
    return min(_LONG, max(map(len, texts)))


def _tabular(table: Table) -> str:
    """The table between its rules, as pandas writes it, with a rule before sums."""
    frame = pandas_module().DataFrame([_latex_cells(row) for row in table.rows])
    grouped = any(second for _, second in table.headings)
    # Names of the rows stand in the lower line of a heading of two.
    heads = [("", name) for name in table.corner] + [
        (first, second) if grouped else ("", first) for first, second in table.headings
    ]
    texts = list(_texts(table))
    right = [False] * len(table.corner) + table.right
    letters = "".join(
        "r" if r else f"p{{{_LONG / 100}\\linewidth}}" if max(map(len, t)) > _LONG else "l"
        for r, t in zip(right, texts, strict=True)
    )
    style = frame.style.hide(axis="index").hide(axis="columns")
    lines = style.to_latex(hrules=True, column_format=letters).splitlines()
    body = lines[2:-2]  # between the rules
    sums = next((i for i, row in enumerate(table.rows) if row.total), 0)
    if sums:
        body.insert(sums, r"\midrule")
    names = " & ".join(latex_text(second) for _, second in heads) + r" \\"
    above, rules, at = [], [], 1
    for name, group in groupby(first for first, _ in heads):
        count = len(list(group))
        above += (
            [""] * count if not name else [f"\\multicolumn{{{count}}}{{c}}{{{latex_text(name)}}}"]
        )
        rules += [f"\\cmidrule(lr){{{at}-{at + count - 1}}}"] if name else []
        at += count
    top = [" & ".join(above) + r" \\", " ".join(rules)] if grouped else []
    return "\n".join([*lines[:2], *top, names, r"\midrule", *body, *lines[-2:]])


def _latex_cells(row: TableRow) -> list[str]:
    """The row's texts with LaTeX's markup; the best of its values bold."""
    known = [c.sort for c in row.cells if c.sort is not None and "(of" not in c.text]
    best = (min if row.lower else max)(known) if known and row.lower is not None else None
    shown = {c.latex or c.text for c in row.cells if best is not None and c.sort == best}
    texts = [latex_text(name) for name in row.names]
    for cell in row.cells:
        plain = cell.latex or cell.text
        text = latex_text(plain)
        if cell.failed:
            text = f"\\textit{{{text}}}"
        elif plain in shown:
            text = f"\\textbf{{{text}}}"
        if cell.below:
            lines = r" \\ ".join([text, *map(latex_text, cell.below)])
            text = f"\\shortstack[r]{{{lines}}}"
        texts.append(text)
    return texts


def latex_text(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return "".join(_LATEX.get(c, c) for c in printable(text))


FORMATS: dict[str, Callable[[Table], str]] = {"markdown": _markdown, "csv": _csv, "latex": _latex}
