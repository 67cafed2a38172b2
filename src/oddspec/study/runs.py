"""A record of a study as tables read it, and what metrics are called."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

DEFAULTS, PUBLISHED, TUNED = "defaults", "as published", "tuned on the truth"
NAMED_COLUMNS = (DEFAULTS, PUBLISHED, TUNED)
"""Where settings come from; any other column is the name of an ablation or a sweep."""

METRIC_NAMES = {
    "auc_pd_pf": "AUC(PD, PF)",
    "auc_pd_tau": "AUC(PD, τ)",
    "auc_pf_tau": "AUC(PF, τ)",
    "average_precision": "average precision",
    "map_error": "error against the truth",
    "seconds": "seconds (wall clock)",
    "cpu_seconds": "seconds (processor)",
    "peak_memory": "peak memory",
    "iterations": "iterations",
}
TIMES = frozenset({"seconds", "cpu_seconds"})
"""Metrics that say as much about the machine as about the detector."""

_LOWER_IS_BETTER = TIMES | {"auc_pf_tau", "map_error", "peak_memory", "iterations"}
_SUFFIXES = (".mat", ".npy", ".npz", ".png", ".bmp", ".tif", ".hdr", ".h5")


def metric_name(metric: str) -> str:
    """What to call a metric."""
    on_grid = re.fullmatch(r"(auc_p[df]_tau)_(\d+)", metric)
    if on_grid:
        return f"{METRIC_NAMES[on_grid[1]]}, {on_grid[2]} thresholds"
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def lower_is_better(metric: str) -> bool:
    """Whether small values of a metric are the good ones."""
    return metric in _LOWER_IS_BETTER or metric.startswith(("auc_pf_tau", "false_objects"))


class SceneKey(NamedTuple):
    """A scene with one of its truths and a noise level: a row of results."""

    name: str
    truth: str
    noise: float = 0.0


@dataclass(frozen=True, eq=False)
class Run:
    """A record with the parts of it that tables need: a detector's run on a scene.

    Attributes
    ----------
    folder
        Of the study.
    record
        The line as it stands.
    place
        Where the folder's plan, as it was last run, asks for it; None if it does not.
    detector
        Its name; of a detector's own file the name without ``.py``.
    seed
        None where the detector draws nothing at random.
    varied
        Settings that differ from the defaults.
    origins
        Where settings come from, as far as the plan says.
    """

    folder: Path
    record: Mapping[str, Any]
    place: float | None = math.inf
    detector: str = field(init=False)
    column: str = field(init=False)
    paper: str = field(init=False)
    scene: str = field(init=False)
    key: SceneKey = field(init=False)
    seed: int | None = field(init=False)
    settings: Mapping[str, Any] = field(init=False)
    varied: Mapping[str, Any] = field(init=False)
    origins: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        record = self.record
        detector, name = str(record["detector"]), str(record["scene"])
        truth = _truth_name(str(record.get("truth") or ""), name)
        parts = {
            "detector": Path(detector).stem if detector.endswith(".py") else detector,
            "column": str(record["column"]),
            "paper": record.get("paper") or "",
            "scene": name,
            "key": SceneKey(name, truth, float(record.get("noise") or 0.0)),
            "seed": record.get("seed"),
            "settings": record.get("settings") or {},
            "varied": record.get("varied") or {},
            "origins": record.get("origins") or {},
        }
        for part, value in parts.items():
            object.__setattr__(self, part, value)

    @property
    def done(self) -> bool:
        """Whether it came to scores."""
        return self.record["status"] == "done"

    @property
    def reason(self) -> str:
        """Why there are no scores, in one line."""
        return " ".join(str(self.record.get("reason") or "").split())

    @property
    def failure(self) -> str:
        """Status and reason of a run without a result."""
        status = str(self.record["status"])
        return f"{status}: {self.reason}" if self.reason else status

    def value(self, metric: str) -> float | None:
        """A number of the record: a metric, or ``seconds``, ``cpu_seconds``, ``peak_memory``."""
        seconds = self.record.get("seconds")
        seconds = seconds if isinstance(seconds, dict) else {}
        others = {"seconds": seconds.get("wall"), "cpu_seconds": seconds.get("cpu")}
        others |= {name: self.record.get(name) for name in ("peak_memory", "iterations")}
        found = {**(self.record.get("metrics") or {}), **others}.get(metric)
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            return None
        return float(found) if math.isfinite(found) else None

    @property
    def processor(self) -> str | None:
        """What the machine's processor is called."""
        machine = self.record.get("machine")
        found = machine.get("processor") if isinstance(machine, dict) else None
        return str(found) if found else None

    @cached_property
    def unseeded(self) -> str:
        """The settings as text without the seed: what runs of one result have in common."""
        shown = {name: value for name, value in self.settings.items() if name != "seed"}
        return json.dumps(shown, sort_keys=True, default=str)


def _truth_name(file: str, scene: str) -> str:
    """What a truth's file tells beside the scene's name: ``57`` of ``sandiego-1-truth57.mat``."""
    name = Path(file).stem if Path(file).suffix in _SUFFIXES else file
    rest = name.removeprefix(scene).strip("-_ /")
    return rest.removeprefix("truth").strip("-_ ") or "its own"
