"""Printed values: read from a file, and what their names stand for here."""

from __future__ import annotations

import csv
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from oddspec.errors import InputError

__all__ = ["Printed", "PrintedScene", "read_printed"]

_COLUMNS = ("paper", "table", "metric", "method", "scene", "value")


@dataclass(frozen=True)
class PrintedScene:
    """What a paper's name of a scene stands for.

    Attributes
    ----------
    scene
        Name here, empty where there is no such scene.
    truth
        Which of its truths, empty where none is named.
    reason
        Why it is not to be had; shown unless something was measured on a scene of that name.
    """

    scene: str
    truth: str = ""
    reason: str = ""

    def is_truth(self, name: str) -> bool:
        """Whether a record's truth is the one meant, whatever else its name holds."""
        words = re.findall(r"[a-z0-9]+", name.lower())
        parts = {name.lower(), *(word.removeprefix("truth") for word in words)}
        return not self.truth or self.truth in parts

    def __str__(self) -> str:
        return f"{self.scene}/{self.truth}" if self.truth else self.scene


@dataclass(frozen=True)
class Printed:
    """One number that a paper prints, with its names and what they stand for here."""

    paper: str
    table: str
    metric: str
    """As `oddspec.evaluate` names it, or ``seconds``."""
    method: str
    scene: str
    value: float
    note: str = ""
    noise: float = 0.0
    machine: str = ""
    """What a time was taken on."""
    detector: str = ""
    columns: tuple[str, ...] = ()
    """Columns it may stand beside, lower case; empty for all that are no ablation."""
    places: tuple[PrintedScene, ...] = ()
    """One scene, or those that it is the mean of."""
    grid: str = ""
    """The metric over as many thresholds as the paper takes, where it does so."""

    @property
    def source(self) -> str:
        """Paper and table."""
        return f"{self.paper}, {self.place_in_paper}"

    @property
    def place_in_paper(self) -> str:
        """Table or figure."""
        word = "" if self.table.lower().startswith("fig") else "Table "
        return f"{word}{self.table.replace(' (', ', ').rstrip(')')}"


def read_printed(path: str | Path) -> list[Printed]:
    """Read a CSV with the columns paper, table, metric, method, scene, value (and note).

    A metric may be followed by ``sigma=`` and the noise, or by a machine in brackets; a scene by
    ``/`` and the name of its truth.

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column, or holds a value that is no number.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            lacking = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: printed values cannot be read ({error})") from error
    if lacking:
        raise InputError(
            f"{path}: lacks the column {', '.join(lacking)}; printed values need the columns "
            f"{', '.join(_COLUMNS)}"
        )
    return [_printed(row, f"{path}, line {number}") for number, row in enumerate(rows, start=2)]


def _printed(row: Mapping[str, str | None], where: str) -> Printed:
    text = {name: (row.get(name) or "").strip() for name in (*_COLUMNS, "note")}
    try:
        value = float(text["value"])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: the value {text['value']!r} is no number")
    try:
        metric, noise, machine = _metric(text["metric"])
    except ValueError:
        raise InputError(
            f"{where}: the metric {text['metric']!r} has a sigma that is no number; write it as in "
            f"'auc_pd_pf sigma=0.05'"
        ) from None
    names = _names().get(text["paper"], {})
    method = names.get("methods", {}).get(text["method"], {"detector": text["method"]})
    return Printed(
        *(text["paper"], text["table"], metric, text["method"], text["scene"], value),
        note=text["note"],
        noise=noise,
        machine=machine,
        detector=method["detector"],
        columns=tuple(name.lower() for name in method.get("columns", ())),
        places=_places(text["scene"], names.get("scenes", {})),
        grid=names.get("grids", {}).get(metric, ""),
    )


def _metric(text: str) -> tuple[str, float, str]:
    """Name, noise and machine; raises ValueError for a noise that is no number."""
    match = re.fullmatch(r"(\w+)(?:\s+sigma=([\d.eE+-]+))?(?:\s+\((.*)\))?", text)
    if match is None:
        return text, 0.0, ""
    return match[1], float(match[2] or 0), match[3] or ""


def _places(name: str, scenes: Mapping[str, Any]) -> tuple[PrintedScene, ...]:
    own, _, truth = name.partition("/")
    entry = scenes.get(name, {"scene": own, "truth": truth.lower()})
    if "mean_of" in entry:
        return tuple(place for part in entry["mean_of"] for place in _places(part, scenes))
    return (PrintedScene(entry.get("scene", ""), entry.get("truth", ""), entry.get("reason", "")),)


@cache
def _names() -> dict[str, Any]:
    text = (files("oddspec.study.report") / "printed_names.toml").read_text("utf-8")
    papers: dict[str, Any] = tomllib.loads(text)["papers"]
    return papers
