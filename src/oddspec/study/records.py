"""A study's folder: its plan, and its records line by line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from oddspec.errors import InputError
from oddspec.io.atomic import write_text
from oddspec.study.plan import Plan, make_plan
from oddspec.study.scene_files import relative

__all__ = ["Records", "key_of", "read_records", "recall_plan", "remember_plan", "remember_rows"]

FILE = "records.jsonl"
PLAN = "plan.toml"
PLACE = "study.json"
"""Where the plan came from and the scenes are, relative to the folder."""
ROWS = "rows.json"
"""What the plan asked for when it was last run; tables leave out other records."""


def key_of(record: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """What a record is known by in its study: id, column, paper."""
    return record["id"], record["column"], record.get("paper")


def read_records(folder: str | Path) -> list[dict[str, Any]]:
    """The records of a study's folder, of each row the last one; also while it is running.

    A last line that a kill cut short is left out.

    Raises
    ------
    InputError
        If the folder has no records, or a line before the last is no record.
    """
    path = Path(folder) / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; is {folder} the folder of a study?") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    return list(_parsed(path, content).values())


def _parsed(path: Path, content: bytes) -> dict[tuple[str, str, str | None], dict[str, Any]]:
    found = {}
    *lines, _ = content.split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            found[key_of(record)] = record
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"{path}: line {number} is no record of a study; restore the file, or remove the "
                f"line to have it run again"
            ) from None
    return found


class Records:
    """The records of a locked folder, to read and to append to."""

    def __init__(self, folder: Path) -> None:
        path = folder / FILE
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise InputError(
                f"{path}: cannot be written to ({error.strerror}); choose another --out"
            ) from None
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            # A kill may leave half a line at the end: cut it off, so that the next is not joined
            # to it; its run is done again.
            os.ftruncate(self._file, len(whole))
        try:
            self.by_key = _parsed(path, whole)
        except InputError:
            self.close()
            raise

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a record: one write, on the disk when this returns."""
        text = json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n"
        # A path that is no UTF-8 may stand in a reason; so written, it is JSON all the same.
        line = text.encode(errors="backslashreplace")
        try:
            written = os.write(self._file, line)
            os.fsync(self._file)
        except OSError as error:
            raise InputError(f"{FILE}: cannot be written to ({error.strerror})") from None
        if written != len(line):
            raise InputError(f"{FILE}: the disk is full; make room and run the study again")
        self.by_key[key_of(record)] = dict(record)

    def close(self) -> None:
        """Release the file."""
        os.close(self._file)


def remember_plan(folder: Path, plan: Plan) -> None:
    """Keep the plan beside its records.

    Raises
    ------
    InputError
        If the folder holds another study.
    """
    place = _read_place(folder)
    if place is not None and place.get("name") != plan.name:
        raise InputError(
            f"{folder}: holds the study {place.get('name')!r}, this one is {plan.name!r}; choose "
            f"another --out"
        )
    content = {
        "name": plan.name,
        "folder": relative(plan.folder, folder),
        "data": None if plan.data is None else relative(plan.data, folder),
    }
    write_text(folder / PLAN, plan.text)
    write_text(folder / PLACE, json.dumps(content, indent=2) + "\n")


def remember_rows(
    folder: Path, keys: Iterable[tuple[str, str, str | None]], missing: Iterable[str]
) -> None:
    """Keep the keys of all rows that the plan asks for, and the names of scenes not at hand.

    Tables and reports know by it which records a changed plan has left behind, without the scenes.
    """
    content = {"rows": list(keys), "missing": sorted(set(missing))}
    write_text(folder / ROWS, json.dumps(content) + "\n")


def recall_plan(folder: Path, data: str | Path | None = None) -> Plan:
    """The plan that a study's folder was made by.

    Raises
    ------
    InputError
        If there is none.
    """
    place = _read_place(folder)
    try:
        text = (folder / PLAN).read_text(encoding="utf-8")
    except OSError:
        place = None
    if place is None:
        raise InputError(f"{folder}: is no folder of a study; name one that `oddspec study` wrote")
    base = (folder / place["folder"]).resolve()
    own = data or (place["data"] and folder / place["data"]) or None
    return make_plan(text, str(folder / PLAN), base, place["name"], own)


def _read_place(folder: Path) -> dict[str, Any] | None:
    try:
        place: dict[str, Any] = json.loads((folder / PLACE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return place
