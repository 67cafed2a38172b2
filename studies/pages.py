"""Renew the tables and figures in README and docs from the folders of studies.

``python -m studies.pages PRINTED``: the folders are those in ``studies/records``, which hold every
run without its curves; PRINTED is a CSV of printed values (docs/study_output.md), for tables that
ask for it. A table stands between two comments::

    <!-- table: defaults --what summary -->
    <!-- end of table -->

and what lies between is replaced by what ``oddspec study table`` prints for that folder. A figure
stands between ``<!-- figure: parameters curve --metric map_error -->`` and
``<!-- end of figure -->``; the pictures of ``oddspec study figure`` lie in docs/images/results.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path

from oddspec.command import main as command

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "studies" / "records"
PICTURES = ROOT / "docs" / "images" / "results"
PART = re.compile(r"(<!-- (table|figure): (.+?) -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def renew(page: Path, printed: Path) -> str:
    """The page with its tables and figures made anew; those of studies not at hand stay."""

    def made(match: re.Match[str]) -> str:
        name, *options = shlex.split(match[3])
        if not (RECORDS / name / "records.jsonl").is_file():
            return match[0]
        options = [str(printed) if option == "PRINTED" else option for option in options]
        for place, option in enumerate(options):
            if option == "--also":
                options[place + 1] = str(RECORDS / options[place + 1])
        if match[2] == "figure":
            options += ["--format", "png", "--out", str(PICTURES / name)]
        out = io.StringIO()
        with redirect_stdout(out):
            if command(["study", match[2], str(RECORDS / name), *options]):
                return match[0]  # the command has said why
        lines = out.getvalue().rstrip()
        if match[2] == "figure":
            lines = "\n".join(_shown(Path(line), page) for line in lines.splitlines())
        return f"{match[1]}{lines}\n{match[4]}"

    return PART.sub(made, page.read_text(encoding="utf-8"))


def put(text: str, marker: str, table: str) -> str:
    """The page with that table after ``<!-- marker -->``, for scripts that make their own."""
    place = re.compile(rf"(<!-- {re.escape(marker)} -->\n).*?(<!-- end of table -->)", re.DOTALL)
    return place.sub(lambda match: f"{match[1]}{table}\n{match[2]}", text)


def _shown(picture: Path, page: Path) -> str:
    words = picture.stem.replace("-", " ").replace("_", " ")
    return f"![{words}]({Path(os.path.relpath(picture, page.parent)).as_posix()})"


def main(printed: Path) -> None:
    """Renew all pages."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        new = renew(page, printed)
        if new != page.read_text(encoding="utf-8"):
            page.write_text(new, encoding="utf-8")
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
