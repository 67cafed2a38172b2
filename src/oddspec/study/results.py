"""The records of a study's folder: one run per line, read as they are."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from oddspec.errors import InputError, SettingError
from oddspec.study.asked import places_in
from oddspec.study.metric_names import METRIC_NAMES

__all__ = [
    "DEFAULTS",
    "NAMED_COLUMNS",
    "PUBLISHED",
    "TUNED",
    "Run",
    "chosen",
    "must_know",
    "read_runs",
]

DEFAULTS, PUBLISHED, TUNED = "defaults", "as published", "tuned on the truth"
NAMED_COLUMNS = (DEFAULTS, PUBLISHED, TUNED)
"""Where settings come from; any other column is the name of an ablation or a sweep."""

_FILE = "records.jsonl"
_SUFFIXES = (".mat", ".npy", ".npz", ".png", ".bmp", ".tif", ".hdr", ".h5")
_NEEDED = ("id", "detector", "column", "scene", "status")


@dataclass(frozen=True, eq=False)
class Run:
    """One run of a detector on a scene, or the reason why there is none."""

    folder: Path
    record: Mapping[str, Any]
    """The line as it stands."""
    id: str
    detector: str
    column: str
    scene: str
    truth: str
    noise: float
    seed: int | None
    """None where the detector draws nothing at random."""
    noise_seed: int | None
    paper: str | None
    """Whose settings they are, where the column is *as published*."""
    study: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    varied: Mapping[str, Any] = field(default_factory=dict)
    """Settings that differ from the defaults."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Any] = field(default_factory=dict)
    status: str = "done"
    reason: str = ""
    place: float | None = math.inf
    """Where it stands in the folder's plan as it was last run; None if that does not ask for it."""

    @property
    def asked(self) -> bool:
        """Whether the folder's plan, as it was last run, asks for it."""
        return self.place is not None

    @property
    def done(self) -> bool:
        """Whether it came to scores."""
        return self.status == "done"

    @property
    def failure(self) -> str:
        """Status and reason of a run that came to nothing."""
        return f"{self.status}: {self.reason}" if self.reason else self.status

    def value(self, metric: str) -> float | None:
        """A number of the record: a metric, or ``seconds``, ``cpu_seconds``, ``peak_memory``."""
        if metric == "seconds":
            found: Any = (self.record.get("seconds") or {}).get("wall")
        elif metric == "cpu_seconds":
            found = (self.record.get("seconds") or {}).get("cpu")
        elif metric in ("peak_memory", "iterations"):
            found = self.record.get(metric)
        else:
            found = self.metrics.get(metric)
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            return None
        return float(found) if math.isfinite(found) else None

    @property
    def processor(self) -> str | None:
        """What the machine's processor is called."""
        machine = self.record.get("machine")
        found = machine.get("processor") if isinstance(machine, dict) else None
        return str(found) if found else None

    @property
    def unseeded(self) -> str:
        """The settings as text without the seed: what runs of one cell have in common."""
        kept = {k: v for k, v in self.settings.items() if k != "seed"}
        return json.dumps(kept, sort_keys=True, default=str)


def read_runs(
    folder: str | Path, study: str | None = None, also: Sequence[str | Path] = ()
) -> list[Run]:
    """All runs of a folder, of each id, column and paper the last, in the order of the plan.

    A last line that was cut short (by a kill while it was written) is left out.

    Parameters
    ----------
    folder
        Holds ``records.jsonl``.
    study
        Only the runs of that study.
    also
        Further folders, whose runs follow.

    Raises
    ------
    InputError
        If a folder has no records, or a line other than the last is no record.
    """
    found: dict[tuple[str, str, str | None], Run] = {}
    for each in (folder, *also):
        for run in _read(Path(each)):
            key = run.id, run.column, run.paper
            if run.asked or key not in found:
                found[key] = run
    if study is not None:
        names = sorted({run.study for run in found.values()})
        found = {key: run for key, run in found.items() if run.study == study}
        if not found:
            raise InputError(f"{folder}: no record of a study {study!r}; it has {', '.join(names)}")
    return list(found.values())


def chosen(
    runs: list[Run],
    *,
    detectors: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    scenes: Sequence[str] | None = None,
) -> list[Run]:
    """Only these runs; None stands for all.

    Raises
    ------
    InputError
        If nothing is left.
    """
    for name, wanted in (("detector", detectors), ("column", columns), ("scene", scenes)):
        if wanted is not None:
            here = sorted({getattr(run, name) for run in runs})
            left = [run for run in runs if getattr(run, name) in wanted]
            if not left:
                raise InputError(
                    f"{runs[0].folder}: no record of the {name} {', '.join(wanted)}; there are "
                    f"{', '.join(here)}"
                )
            runs = left
    return runs


def must_know(metric: str, runs: list[Run]) -> None:
    """Refuse a metric that no record has.

    Raises
    ------
    SettingError
        If there is none of that name.
    """
    known = set(METRIC_NAMES)
    for run in runs:
        known |= {k for k, v in run.metrics.items() if isinstance(v, (int, float)) or v is None}
    if metric not in known:
        raise SettingError(
            f"metric={metric!r}: the records have no such metric; they have "
            f"{', '.join(sorted(known))}"
        )


def _read(folder: Path) -> list[Run]:
    """The runs of one folder, some of them perhaps twice."""
    path = folder / _FILE
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); name the folder that "
            f"`oddspec study` wrote to"
        ) from error
    place = places_in(folder)
    runs = [
        replace(run, place=place(run.id, run.column, run.paper, run.scene))
        for number, line in enumerate(lines, start=1)
        if line.strip()
        and (run := _parse(line, folder, f"{path}, line {number}", last=number == len(lines)))
    ]
    if not runs:
        raise InputError(f"{path}: holds no records yet; run `oddspec study PLAN.toml` first")
    return sorted(runs, key=lambda run: math.inf if run.place is None else run.place)


def _parse(line: bytes, folder: Path, where: str, *, last: bool) -> Run | None:
    """The run on a line; None for a last line without its end."""
    try:
        record = json.loads(line)
    except ValueError as error:
        if last:
            return None
        raise InputError(f"{where}: is no JSON ({error}); mend or remove that line") from error
    lacking = [name for name in _NEEDED if name not in record] if isinstance(record, dict) else []
    if not isinstance(record, dict) or lacking:
        what = f"lacks {', '.join(lacking)}" if lacking else "is no JSON object"
        raise InputError(f"{where}: {what}; expected a record that `oddspec study` wrote")
    return _run(record, folder)


def _run(record: dict[str, Any], folder: Path) -> Run:
    detector = str(record["detector"])
    return Run(
        folder=folder,
        record=record,
        id=str(record["id"]),
        detector=Path(detector).stem if detector.endswith(".py") else detector,
        column=str(record["column"]),
        scene=str(record["scene"]),
        truth=_truth_name(str(record.get("truth") or ""), str(record["scene"])),
        noise=float(record.get("noise") or 0.0),
        seed=record.get("seed"),
        noise_seed=record.get("noise_seed"),
        paper=record.get("paper") or None,
        study=str(record.get("study") or ""),
        settings=record.get("settings") or {},
        varied=record.get("varied") or {},
        metrics=record.get("metrics") or {},
        curves=record.get("curves") or {},
        status=str(record["status"]),
        reason=" ".join(str(record.get("reason") or "").split()),
    )


def _truth_name(file: str, scene: str) -> str:
    """What a truth's file tells beside the scene's name: ``57`` of ``sandiego-1-truth57.mat``."""
    name = Path(file).stem if Path(file).suffix in _SUFFIXES else file
    rest = name.removeprefix(scene).strip("-_ /")
    return rest.removeprefix("truth").strip("-_ ") or "its own"
