"""``oddspec study PLAN.toml``, ``oddspec study list|table|figure|report DIR``."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oddspec.command.arguments import memory
from oddspec.command.terminal import progress, say, show, text_table
from oddspec.errors import InputError
from oddspec.study import STATUSES, Row, Study, as_plan, overview, read_records, run_rows
from oddspec.study.records_store import key_of
from oddspec.text import counted

WHAT = ("run", "list", "table", "figure", "report")
"""Words that may follow ``study``; anything else is a plan to run."""

EPILOG = """\
oddspec study PLAN.toml       run what the study's folder lacks; the same command goes on
oddspec study list DIR        what is done, failed, missing and to do
oddspec study table DIR       a table of the records, beside printed values if there are any
oddspec study figure DIR      figures of the records
oddspec study report DIR      one HTML file with tables, figures and where they come from

docs/studies.md explains plans and records."""


def add_arguments(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    parser.epilog = EPILOG
    if not set(WHAT) & set(words[1:2]):
        _add_run(parser)
        return
    commands = parser.add_subparsers(metavar="WHAT", required=True)
    _add_run(commands.add_parser("run", help="run a plan"))
    listed = commands.add_parser("list", help="what is done, failed, missing and to do")
    listed.add_argument("folder", type=Path, metavar="DIR", help="folder of a study")
    listed.add_argument("--data", type=Path, metavar="FOLDER", help="folder of public scenes")
    listed.add_argument("--rows", action="store_true", help="every row, not only counts")
    listed.add_argument("--json", action="store_true", help="every row as JSON")
    listed.set_defaults(run=_list)
    from oddspec.command.study_output import add_outputs

    add_outputs(commands)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_run)
    add = parser.add_argument
    add("plan", type=Path, metavar="PLAN.toml", help="what to run on what (docs/studies.md)")
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for the records (default: the plan's path without .toml)",
    )
    add(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="public scenes, known by their checksums (default: the plan's, or $ODDSPEC_DATA)",
    )
    add("--workers", type=int, metavar="N", help="runs at a time (default: one per CPU)")
    add(
        "--max-memory",
        type=memory,
        metavar="SIZE",
        help="for all runs together, such as 8GB (default: half of what is free)",
    )
    add(
        "--only",
        nargs="+",
        action="extend",
        default=[],
        metavar="TEXT",
        help="rows that every TEXT fits: a detector, column, paper or scene, or seed=3; * stands "
        "for any characters, a comma for or",
    )
    add("--retry", action="store_true", help="repeat rows that failed, were refused or stopped")
    add("--resume", action="store_true", help="go on with what is there: done in any case")
    add(
        "--dry-run",
        action="store_true",
        help="check the plan, count its rows and those to do; run nothing",
    )
    add(
        "--progress",
        choices=("auto", "plain", "json", "none"),
        default="auto",
        help="on standard error: a bar on a terminal and lines elsewhere (auto)",
    )


def _run(chosen: argparse.Namespace) -> int:
    """Run the plan."""
    plan = as_plan(chosen.plan, chosen.data)
    folder: Path = chosen.out or chosen.plan.with_suffix("")
    with progress(chosen.progress, plan.name) as report:
        study = Study(plan, chosen.only, report)
    for scene in study.missing:
        say(f"warning: scene {scene.key} is missing: {scene.reason}")
    if not study.rows:
        raise InputError(f"{chosen.plan}: none of its scenes is at hand, so nothing can be run")
    if chosen.dry_run:
        print(_planned(study, folder))
        return 0
    with progress(chosen.progress, plan.name) as report:
        records = run_rows(
            study,
            folder,
            workers=chosen.workers,
            max_memory=chosen.max_memory,
            retry=chosen.retry,
            progress=report,
            on_record=_report,
        )
    ended = Counter(record["status"] for record in records)
    counts = _counts({status: ended[status] for status in STATUSES})
    print(f"{plan.name}: {counts}; records: {folder / 'records.jsonl'}")
    return 0


def _report(record: Mapping[str, Any], row: Row) -> None:
    """Only what went wrong; the rest is in the records."""
    if record["status"] != "done":
        say(f"{row.title}: {record['status']}: {record['reason']}")


def _planned(study: Study, folder: Path) -> str:
    """How many runs the plan asks for, and how many of them the folder lacks."""
    known = read_records(folder) if (folder / "records.jsonl").exists() else []
    todo = study.todo({key_of(record): record for record in known})
    left = Counter((row.detector, row.column) for row in todo)
    in_plan = Counter((row.detector, row.column) for row in study.rows)
    rows = [(*group, str(n), str(left[group])) for group, n in in_plan.items()]
    scenes = len({row.scene.key for row in study.rows})
    return (
        f"{text_table([('detector', 'column', 'runs', 'to do'), *rows])}\n"
        f"{study.plan.name}: {counted(len(study.rows), 'run')} on {counted(scenes, 'scene')}, "
        f"{len(todo)} of them to do"
    )


def _list(chosen: argparse.Namespace) -> int:
    """Say how far a study is."""
    found = overview(chosen.folder, chosen.data)
    missing = [{"scene": scene.key, "reason": scene.reason} for scene in found.missing]
    if chosen.json:
        content = {
            "name": found.name,
            "counts": found.counts,
            "missing": missing,
            "others": found.others,
            "rows": found.rows,
        }
        print(json.dumps(content, indent=2, allow_nan=False))
        return 0
    if chosen.rows:
        names = ("detector", "column", "scene", "noise", "seed", "status")
        shown = [["" if row[n] is None else str(row[n]) for n in names] for row in found.rows]
        print(text_table([names, *shown]))
    else:
        statuses = [status for status, count in found.counts.items() if count]
        lines = [
            [*group, *(str(counts[status]) for status in statuses)]
            for group, counts in found.groups.items()
        ]
        print(text_table([("detector", "column", *statuses), *lines]))
    for (status, reason), count in _reasons(found.rows).items():
        show(f"{status} {count} times: {reason}")
    for scene in found.missing:
        show(f"missing scene {scene.key}: {scene.reason}")
    print(f"{found.name}: {_counts(found.counts)}, {len(missing)} scenes missing")
    if found.others:
        print(f"{found.others} more records are of no row of the plan as it is now")
    return 0


def _reasons(rows: Sequence[Mapping[str, Any]]) -> Counter[tuple[str, str]]:
    return Counter((row["status"], row["reason"]) for row in rows if row["reason"])


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count)
