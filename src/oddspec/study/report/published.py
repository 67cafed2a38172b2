"""Values that papers print: read from a file, with what their names stand for here."""

from __future__ import annotations

import csv
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oddspec.errors import InputError

_FIELDS = ("paper", "table", "metric", "method", "scene", "value")


@dataclass(frozen=True)
class PublishedScene:
    """What a paper's name of a scene stands for.

    Attributes
    ----------
    name
        Of the scene here, empty where there is no such scene.
    truth
        Which of its truths, empty where none is named.
    reason
        Why it is not to be had; shown unless something was measured on a scene of that name.
    """

    name: str
    truth: str = ""
    reason: str = ""

    def is_truth(self, name: str) -> bool:
        """Whether a record's truth is the one meant, whatever else its name holds."""
        words = re.findall(r"[a-z0-9]+", name.lower())
        parts = {name.lower(), *(word.removeprefix("truth") for word in words)}
        return not self.truth or self.truth in parts

    def __str__(self) -> str:
        return f"{self.name}/{self.truth}" if self.truth else self.name


@dataclass(frozen=True)
class PublishedValue:
    """One number that a paper prints, with its names and what they stand for here.

    Attributes
    ----------
    metric
        As `oddspec.evaluate` names it, or ``seconds``.
    machine
        What a time was taken on.
    columns
        Columns it may stand beside, lower case; empty for all that are no ablation.
    scenes
        One scene, or those that it is the mean of.
    grid
        The metric over as many thresholds as the paper takes, where it does so.
    """

    paper: str
    table: str
    metric: str
    method: str
    scene: str
    value: float
    noise: float
    machine: str
    detector: str
    columns: tuple[str, ...]
    scenes: tuple[PublishedScene, ...]
    grid: str

    @property
    def source(self) -> str:
        """Paper and table."""
        return f"{self.paper}, {self.place_in_paper}"

    @property
    def place_in_paper(self) -> str:
        """Table or figure."""
        word = "" if self.table.lower().startswith("fig") else "Table "
        return f"{word}{self.table.replace(' (', ', ').rstrip(')')}"


def read_published(path: str | Path, names: Mapping[str, Any]) -> list[PublishedValue]:
    """Read a CSV with the columns paper, table, metric, method, scene, value.

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
            lacking = [name for name in _FIELDS if name not in (reader.fieldnames or ())]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: printed values cannot be read ({error})") from error
    if lacking:
        raise InputError(
            f"{path}: lacks the column {', '.join(lacking)}; printed values need the columns "
            f"{', '.join(_FIELDS)}"
        )
    return [
        _published(row, names, f"{path}, line {number}") for number, row in enumerate(rows, start=2)
    ]


def read_names(path: Path) -> dict[str, Any]:
    """What papers call detectors and scenes, and what these are called here, by paper.

    Raises
    ------
    InputError
        If the file cannot be read or is no such TOML.
    """
    try:
        papers: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["papers"]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError) as error:
        raise InputError(f"{path}: holds no names of papers ({error})") from None
    return papers


def _published(
    row: Mapping[str, str | None], names: Mapping[str, Any], where: str
) -> PublishedValue:
    text = {name: (row.get(name) or "").strip() for name in _FIELDS}
    try:
        value = float(text["value"])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: the value {text['value']!r} is no number")
    # A metric's name, perhaps with the noise or the machine.
    match = re.fullmatch(r"(\w+)(?:\s+sigma=([\d.eE+-]+))?(?:\s+\((.*)\))?", text["metric"])
    metric, sigma, machine = match.groups() if match else (text["metric"], None, None)
    try:
        noise = float(sigma or 0)
    except ValueError:
        raise InputError(
            f"{where}: the metric {text['metric']!r} has a sigma that is no number; write it as in "
            f"'auc_pd_pf sigma=0.05'"
        ) from None
    own = names.get(text["paper"], {})
    method = own.get("methods", {}).get(text["method"], {"detector": text["method"]})
    return PublishedValue(
        paper=text["paper"],
        table=text["table"],
        metric=metric,
        method=text["method"],
        scene=text["scene"],
        value=value,
        noise=noise,
        machine=machine or "",
        detector=method["detector"],
        columns=tuple(name.lower() for name in method.get("columns", ())),
        scenes=_scenes(text["scene"], own.get("scenes", {})),
        grid=own.get("grids", {}).get(metric, ""),
    )


def _scenes(name: str, names: Mapping[str, Any]) -> tuple[PublishedScene, ...]:
    own, _, truth = name.partition("/")
    entry = names.get(name, {"scene": own, "truth": truth.lower()})
    if "mean_of" in entry:
        return tuple(scene for part in entry["mean_of"] for scene in _scenes(part, names))
    return (PublishedScene(*(entry.get(part, "") for part in ("scene", "truth", "reason"))),)
