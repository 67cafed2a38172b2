"""Which records the plan of their folder still asks for, and in which order."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from oddspec.errors import InputError
from oddspec.text import counted

if TYPE_CHECKING:
    from oddspec.study.results import Run

__all__ = ["places_in", "still_asked"]

_ROWS = "rows.json"


def places_in(folder: Path) -> Callable[[str, str, str | None, str], float | None]:
    """Where in the plan, as it was last run, a record of that id, column, paper and scene stands.

    `oddspec study` writes it down. None is of a record that the plan does not ask for. Of scenes
    that were not at hand then, and in folders that do not say it, all records are asked for, after
    the others.
    """
    try:
        content = json.loads((folder / _ROWS).read_text(encoding="utf-8"))
        rows = {(id_, column, paper): k for k, (id_, column, paper) in enumerate(content["rows"])}
        missing = set(content["missing"])
    except (OSError, ValueError, TypeError, KeyError):
        return lambda *_: math.inf
    return lambda id_, column, paper, scene: rows.get(
        (id_, column, paper), math.inf if scene in missing else None
    )


def still_asked(runs: list[Run]) -> tuple[list[Run], list[str]]:
    """The runs that the plans of their folders ask for, and a note if there are others.

    After a setting was corrected in a plan, the records of both settings lie in its folder.

    Raises
    ------
    InputError
        If nothing is left.
    """
    kept = [run for run in runs if run.asked]
    if not kept:
        raise InputError(
            f"{runs[0].folder}: none of its {counted(len(runs), 'record')} is of a row of the plan "
            f"as it was last run; run `oddspec study` with the plan, or remove rows.json there"
        )
    others = len(runs) - len(kept)
    have = "is" if others == 1 else "are"
    note = f"{counted(others, 'record')} that {have} of no row of the plan {have} left out."
    return kept, [note] if others else []
