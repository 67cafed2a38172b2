"""How tables are written: as Markdown, CSV and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from oddspec.study.records_store import pandas_module
from oddspec.study.report.table import MEDIANS, Cell, StudyTable, TableRow, slug
from oddspec.text import csv_cell, printable


def _markdown(table: StudyTable) -> str:
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


def _csv(table: StudyTable) -> str:
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

_PAGE = (100, 48)
"""Characters of \\footnotesize across and lines down that a page of an article has room for."""
_LONG = 40
"""Characters from which on a text is broken into lines."""


def _latex(table: StudyTable) -> str:
    r"""Tables of LaTeX to be ``\input`` in a document, as many as it takes to fit on pages."""
    notes = list(table.notes)
    if any(cell.latex for row in table.rows for cell in row.cells):
        notes = [note for note in notes if note != MEDIANS]
        notes.append("Results of several runs are medians ± half the interquartile range.")
    if len(table.headings) > 1 and any(row.lower is not None for row in table.rows):
        notes.append("The best value of a row is bold.")
    texts = ["% needs \\usepackage{booktabs,graphicx}"]
    marked = [_latex_cells(row) for row in table.rows]
    for part, (rows, columns) in enumerate(_pieces(table), start=1):
        caption = (
            " ".join([f"{table.title}.", *notes]) if part == 1 else f"{table.title}, continued."
        )
        end = f"-{part}" if part > 1 else ""
        texts += [
            r"\begin{table}\centering\footnotesize",
            f"\\caption{{{latex_text(caption)}}}",
            f"\\label{{tab:{slug(table.title)}{end}}}",
            # A table that is wider than the page all the same is made smaller.
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            f"{_tabular(table, marked, rows, columns)}}}",
            r"\end{table}",
        ]
    return "\n".join(texts) + "\n"


def _pieces(table: StudyTable) -> Iterator[tuple[list[int], list[int]]]:
    """Rows and columns of parts that fit on a page; each part has the names of its rows."""
    names = len(table.corner)
    wide = [2 + min(_LONG, max(map(len, texts))) for texts in _texts(table)]
    high = [
        max(1 + len(cell.below) + len(cell.text) // _LONG for cell in row.cells)
        for row in table.rows
    ]
    for rows in _filled(high, _PAGE[1]):
        for columns in _filled(wide[names:], _PAGE[0] - sum(wide[:names])):
            yield rows, columns


def _filled(sizes: Sequence[int], room: int) -> Iterator[list[int]]:
    """Positions in their order, as many at a time as there is room for, at least one."""
    page: list[int] = []
    for at, size in enumerate(sizes):
        if page and sum(sizes[i] for i in page) + size > room:
            yield page
            page = []
        page.append(at)
    yield page


def _texts(table: StudyTable) -> Iterator[list[str]]:
    """The texts of each column, its headings first."""
    for at, name in enumerate(table.corner):
        yield [name, *(row.names[at] for row in table.rows)]
    for at, heading in enumerate(table.headings):
        cells = [row.cells[at] for row in table.rows]
        yield [max(heading, key=len), *(t for c in cells for t in (c.latex or c.text, *c.below))]


def _tabular(
    table: StudyTable, marked: Sequence[Sequence[str]], rows: Sequence[int], columns: Sequence[int]
) -> str:
    """A part of the table between its rules, as pandas writes it, with a rule before sums."""
    names = len(table.corner)
    at = [*range(names), *(names + column for column in columns)]
    right = [False] * names + table.right
    long = [max(map(len, texts)) > _LONG for texts in _texts(table)]
    letters = "".join(
        "r" if right[i] else f"p{{{_LONG / 100}\\linewidth}}" if long[i] else "l" for i in at
    )
    frame = pandas_module().DataFrame([[marked[row][i] for i in at] for row in rows])
    style = frame.style.hide(axis="index").hide(axis="columns")
    lines = style.to_latex(hrules=True, column_format=letters).splitlines()
    # Only the rows are pandas's: its headings know no rule over the columns of one detector.
    body = lines[-2 - len(rows) : -2]
    sums = next((i for i, row in enumerate(rows) if table.rows[row].total), 0)
    if sums:
        body.insert(sums, r"\midrule")
    headings = [table.headings[column] for column in columns]
    heads = _latex_heads(table.corner, headings)
    ends = [r"\bottomrule", r"\end{tabular}"]
    return "\n".join([lines[0], r"\toprule", *heads, r"\midrule", *body, *ends])


def _latex_heads(corner: Sequence[str], headings: Sequence[tuple[str, str]]) -> list[str]:
    """Detectors over the columns that belong to them, and below them where settings come from."""
    if not any(second for _, second in headings):
        return [_latex_line(map(latex_text, [*corner, *(first for first, _ in headings)]))]
    above, rules, at = [""] * len(corner), [], len(corner) + 1
    for name, group in groupby(first for first, _ in headings):
        count = len(list(group))
        above.append(f"\\multicolumn{{{count}}}{{c}}{{{latex_text(name)}}}")
        rules.append(f"\\cmidrule(lr){{{at}-{at + count - 1}}}")
        at += count
    below = [latex_text(name) for name in (*corner, *(second for _, second in headings))]
    return [_latex_line(above), " ".join(rules), _latex_line(below)]


def _latex_line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _latex_cells(row: TableRow) -> list[str]:
    """The row's texts with LaTeX's markup; the best of its values bold."""
    # Means over fewer scenes than the others have do not compare.
    values = [c.sort for c in row.cells if c.sort is not None and "(of" not in c.text]
    compared = len(values) > 1 and row.lower is not None
    best = (min if row.lower else max)(values) if compared else None
    shown = {c.latex or c.text for c in row.cells if compared and c.sort == best}
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


TABLE_FORMATS: dict[str, Callable[[StudyTable], str]] = {
    "markdown": _markdown,
    "csv": _csv,
    "latex": _latex,
}
