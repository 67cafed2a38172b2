"""Renew the tables in README and docs from the folders of studies.

``python -m studies.pages PRINTED``: the folders are those in ``studies/records``, which hold every
run without its curves; PRINTED is a CSV of printed values (docs/study_output.md), for tables that
ask for it. A table stands between two comments::

    <!-- table: defaults --what summary -->
    <!-- end of table -->

and what lies between is replaced by what ``oddspec study table`` prints for that folder.
"""

from __future__ import annotations

import io
import re
import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path

from oddspec.command import main as command

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "studies" / "records"
TABLE = re.compile(r"(<!-- table: (.+?) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def renew(text: str, printed: Path) -> str:
    """The page with its tables made anew; those of studies that are not at hand stay."""

    def made(match: re.Match[str]) -> str:
        name, *options = shlex.split(match[2])
        if not (RECORDS / name / "records.jsonl").is_file():
            return match[0]
        options = [str(printed) if option == "PRINTED" else option for option in options]
        for place, option in enumerate(options):
            if option == "--also":
                options[place + 1] = str(RECORDS / options[place + 1])
        out = io.StringIO()
        with redirect_stdout(out):
            if command(["study", "table", str(RECORDS / name), *options]):
                return match[0]  # the command has said why
        return f"{match[1]}{out.getvalue().rstrip()}\n{match[3]}"

    return TABLE.sub(made, text)


def main(printed: Path) -> None:
    """Renew all pages."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        old = page.read_text(encoding="utf-8")
        new = renew(old, printed)
        if new != old:
            page.write_text(new, encoding="utf-8")
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
