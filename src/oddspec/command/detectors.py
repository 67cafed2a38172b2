"""``oddspec detectors``: the table of detectors, or one in full."""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Sequence
from typing import Any

from oddspec.command.terminal import text_table
from oddspec.detector import BackgroundDetector, WindowDetector
from oddspec.detectors import family_of, load, names
from oddspec.errors import SettingError
from oddspec.settings import describe


def add_arguments(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    parser.set_defaults(run=run_command)
    parser.add_argument("name", nargs="?", metavar="NAME", help="one detector in full")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run_command(chosen: argparse.Namespace) -> int:
    """Print the table, or one detector's documentation and settings."""
    if chosen.name and not chosen.json:
        print(_in_full(chosen.name))
        return 0
    rows = [_row(name) for name in ([chosen.name] if chosen.name else names())]
    if chosen.json:
        print(json.dumps(rows, indent=2))
        return 0
    columns = ("name", "family", "needs", "cost", "devices", "reference")
    lines = [
        [", ".join(v) if isinstance(v := row[c], list) else v for c in columns] for row in rows
    ]
    print(text_table([columns, *lines]))
    return 0


def _row(name: str) -> dict[str, Any]:
    try:
        cls = load(name)
    except SettingError:
        # Neither a library that is not there nor another's mistake may hide the other detectors.
        lacking = {"learned": "PyTorch", "installed": "mending: it cannot be loaded"}
        family = family_of(name)
        if family not in lacking:
            raise
        row = dict.fromkeys(("cost", "reference"), "")
        return row | {"name": name, "family": family, "needs": lacking[family], "devices": []}
    if issubclass(cls, BackgroundDetector):
        needs = "two passes, any size"
    elif issubclass(cls, WindowDetector):
        needs = "tiles, any size"
    else:
        needs = "the scene in memory"
    return {
        "name": name,
        "family": family_of(name),
        "needs": needs,
        "cost": cls.cost,
        "devices": list(cls.devices),
        "reference": cls.reference,
        "settings": {entry.name: entry.default for entry in describe(cls)},
    }


def _in_full(name: str) -> str:
    cls = load(name)
    lines = [f"{name} ({family_of(name)})", "", inspect.getdoc(cls) or "", ""]
    known = describe(cls)
    if known:
        lines.append("Settings for --set NAME=VALUE, with their defaults:")
        lines += [f"  {entry.name} = {entry.default}  ({entry.kind_name})" for entry in known]
    else:
        lines.append("It has no settings.")
    return "\n".join(lines)
