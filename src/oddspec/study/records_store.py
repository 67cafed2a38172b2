"""A study's folder: its plan, its records line by line, and which of them the plan asks for."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

from oddspec.errors import InputError, OddspecError
from oddspec.io.atomic import write_text
from oddspec.io.journal import Journal, read_lines
from oddspec.io.reading import cause, reading
from oddspec.study.plan import Plan, make_plan
from oddspec.study.row import Key
from oddspec.study.scene_files import relative

if TYPE_CHECKING:
    import pandas

FILE = "records.jsonl"
PLAN = "plan.toml"
PLACE = "study.json"
"""Where the plan came from and the scenes are, relative to the folder."""
ROWS = "rows.json"
"""What the plan asked for when it was last run; tables leave out other records."""

KEY = ("id", "column")
NEEDED = ("id", "detector", "column", "scene", "status")
"""Fields without which a record cannot stand in a table."""

_TEXT: tuple[type, ...] = (str, NoneType)
_NUMBER: tuple[type, ...] = (int, float, NoneType)
_TABLE: tuple[type, ...] = (dict, NoneType)
_TYPES = (
    dict.fromkeys(("id", "column", "detector", "scene", "status"), (str,))
    | dict.fromkeys(("paper", "study", "reason", "truth", "map", "started", "note"), _TEXT)
    | dict.fromkeys(("noise", "seed", "noise_seed", "peak_memory", "iterations"), _NUMBER)
    | dict.fromkeys(("settings", "varied", "origins", "metrics", "curves", "machine"), _TABLE)
)
"""Of fields that are read again: the types that they may have where they are there."""


class RecordList(list[dict[str, Any]]):
    """Records of a study: a list of dictionaries, and the same as a table."""

    @property
    def frame(self) -> pandas.DataFrame:
        """One row per record; fields within fields have names such as ``metrics.auc_pd_pf``.

        Raises
        ------
        OddspecError
            If pandas is not installed.
        """
        return pandas_module().json_normalize(list(self), max_level=1)


def pandas_module() -> Any:
    """Pandas, which is loaded by tables only: a study runs without it."""
    try:
        import pandas
    except ImportError:
        raise OddspecError(
            "tables and figures of a study need pandas: pip install 'oddspec[study]'"
        ) from None
    return pandas


def key_of(record: Mapping[str, Any]) -> Key:
    """What a record is known by in its study: id, column, paper."""
    return record["id"], record["column"], record.get("paper")


def read_records(folder: str | Path, needed: Iterable[str] = KEY) -> RecordList:
    """The records of a study's folder, of each row the last one; also while it is running.

    A last line that a kill or a power cut damaged is left out.

    Parameters
    ----------
    folder
        Holds ``records.jsonl``.
    needed
        Fields that each record must have.

    Raises
    ------
    InputError
        If the folder has no records, or a line is no record.
    """
    path = Path(folder) / FILE
    try:
        lines = read_lines(path, _is_json)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); is {folder} the folder of a "
            f"study?"
        ) from None
    return RecordList(_parsed(path, lines, needed).values())


def _parsed(
    path: Path, lines: Iterable[bytes], needed: Iterable[str] = KEY
) -> dict[Key, dict[str, Any]]:
    found = {}
    for number, line in enumerate(lines, 1):
        try:
            record = _LOADS.decode(line.decode())
            wrong = _wrong(record, needed)
        except (ValueError, RecursionError) as error:
            wrong = f"is no JSON: {cause(error)}"
        if not wrong:
            found[key_of(record)] = record
        else:
            raise InputError(
                f"{path}: line {number} is no record of a study (it {wrong}); restore the file, or "
                f"remove the line to have it run again"
            )
    return found


def _number(text: str) -> float:
    """A number that can be computed with; ``NaN`` and what is infinite no record has."""
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:20]} is no number that is written down")
    return number


def _whole(text: str) -> int:
    _number(text)
    return int(text)


_LOADS = json.JSONDecoder(parse_constant=_number, parse_float=_number, parse_int=_whole)


def _wrong(record: Any, needed: Iterable[str]) -> str:
    """What keeps something from being a record; empty where nothing does."""
    if not isinstance(record, dict):
        return "is no JSON object"
    lacking = [name for name in needed if name not in record]
    if lacking:
        return f"lacks {', '.join(lacking)}"
    for name, types in _TYPES.items():
        if name in record and not isinstance(record[name], types):
            return f"has a {type(record[name]).__name__} as its {name}"
    return ""


def _is_json(line: bytes) -> bool:
    """Whether a last line is whole: a power cut may leave its end on the disk, and not all of it.

    Earlier lines were on the disk before the next was begun; there, damage is told.
    """
    try:
        json.loads(line)
    except ValueError:
        return False
    except RecursionError:
        pass  # whole, but no record: that is told as for any other line
    return True


class RecordFile:
    """The records of a locked folder, to read and to append to."""

    def __init__(self, folder: Path) -> None:
        path = folder / FILE
        try:
            self._journal = Journal(path, _is_json)
        except OSError as error:
            raise InputError(
                f"{path}: cannot be written to ({error.strerror}); choose another --out"
            ) from None
        try:
            self.by_key = _parsed(path, self._journal.lines)
        except InputError:
            self.close()
            raise

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a record, which is on the disk when this returns."""
        text = json.dumps(record, allow_nan=False, ensure_ascii=False)
        try:
            # A path that is no UTF-8 may stand in a reason; so written, it is JSON all the same.
            self._journal.append(text.encode(errors="backslashreplace"), durable=True)
        except OSError as error:
            raise InputError(
                f"{FILE}: cannot be written to ({error.strerror or error}); make room and run the "
                f"study again"
            ) from None
        self.by_key[key_of(record)] = dict(record)

    def close(self) -> None:
        """Release the file."""
        self._journal.close()


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


def remember_rows(folder: Path, keys: Iterable[Key], missing: Iterable[str]) -> None:
    """Keep the keys of all rows that the plan asks for, and the names of scenes not at hand.

    Tables and reports know by it which records a changed plan has left behind, without the scenes.
    """
    content = {"rows": list(keys), "missing": sorted(set(missing))}
    write_text(folder / ROWS, json.dumps(content) + "\n")


def places_in_plan(folder: Path) -> Callable[[Mapping[str, Any]], float | None]:
    """A function of a record: where in the plan, as it was last run, its row stands.

    None is of a record that the plan does not ask for. Of scenes that were not at hand then, and in
    folders that do not say it, all records are asked for, after the others.
    """
    try:
        content = json.loads((folder / ROWS).read_text(encoding="utf-8"))
        rows = {(id_, column, paper): k for k, (id_, column, paper) in enumerate(content["rows"])}
        missing = set(content["missing"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return lambda record: math.inf
    return lambda record: rows.get(key_of(record), math.inf if record["scene"] in missing else None)


def recall_plan(folder: Path, data: str | Path | None = None) -> Plan:
    """The plan that a study's folder was made by.

    Raises
    ------
    InputError
        If there is none.
    """
    place = _read_place(folder)
    if place is None or not (folder / PLAN).is_file():
        raise InputError(f"{folder}: is no folder of a study; name one that `oddspec study` wrote")
    with reading(folder / PLAN):
        text = (folder / PLAN).read_text(encoding="utf-8")
    base = (folder / place["folder"]).resolve()
    own = data or (place["data"] and folder / place["data"]) or None
    return make_plan(text, str(folder / PLAN), base, place["name"], own)


def _read_place(folder: Path) -> dict[str, Any] | None:
    """Name, folder and data as they were written; None where they were not, or are damaged."""
    try:
        place = json.loads((folder / PLACE).read_text(encoding="utf-8"))
        whole = isinstance(place["name"], str) and isinstance(place["folder"], str)
        whole = whole and isinstance(place["data"], (str, NoneType))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return place if whole else None
