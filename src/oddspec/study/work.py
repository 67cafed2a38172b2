"""A study from its plan to its records."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from oddspec.execution.resources import Resources
from oddspec.io.lock import locked
from oddspec.progress import Progress, silent
from oddspec.study.plan import Plan, as_toml, make_plan, read_plan
from oddspec.study.record import copy_for, make_record
from oddspec.study.records_store import RecordFile, RecordList, remember_plan, remember_rows
from oddspec.study.row import Key, Row, expand, select
from oddspec.study.scenes import Library
from oddspec.study.schedule import Forecast, Scheduler

OnRecord = Callable[[Mapping[str, Any], Row], None]
"""Called with each new record and its row."""


def as_plan(plan: str | Path | Mapping[str, Any] | Plan, data: str | Path | None = None) -> Plan:
    """The plan in a file, in a dictionary of the same build, or itself."""
    if isinstance(plan, Plan):
        return plan
    if isinstance(plan, (str, Path)):
        return read_plan(plan, data)
    return make_plan(as_toml(plan), "plan", Path.cwd(), data=data, written=False)


class Study:
    """A plan with its rows, and the scenes that are not at hand.

    Attributes
    ----------
    in_plan
        Everything the plan asks for that can be run, in the order in which it is run.
    rows
        Those of them that were chosen.
    missing
        Scenes of the plan that are not at hand.
    """

    def __init__(self, plan: Plan, only: Sequence[str] = (), progress: Progress = silent) -> None:
        self.plan = plan
        self.in_plan, self.missing = expand(
            plan, Library(plan.data, plan.folder, progress, plan.reading)
        )
        self.rows = select(self.in_plan, only) if self.in_plan else []

    def todo(self, records: Mapping[Key, Mapping[str, Any]], retry: bool = False) -> list[Row]:
        """Rows without a record; those with another status than *done* too, to ``retry`` them."""
        return [row for row in self.rows if not _settled(row, records.get(row.key), retry)]


def run_rows(
    study: Study,
    folder: Path,
    *,
    workers: int | None = None,
    max_memory: int | None = None,
    retry: bool = False,
    progress: Progress = silent,
    on_record: OnRecord = lambda record, row: None,
) -> RecordList:
    """Run what a study's folder lacks, and return the records of the study's rows.

    Parameters
    ----------
    study
        What to run.
    folder
        Holds the records; another run of the same study goes on there.
    workers
        Runs at a time, each on one thread; by default one per CPU.
    max_memory
        Bytes for all of them; by default half of what is free.
    retry
        Repeat rows that failed, were refused, timed out or were killed.
    progress
        Called with seconds of work done and expected in all.
    on_record
        Called with each new record and its row.

    Raises
    ------
    InputError
        If the folder is another study's, or in use.
    SettingError
        If ``workers`` or ``max_memory`` do not serve.
    """
    resources = Resources(max_memory, workers)
    budget = int(resources.left()) if max_memory is None else max_memory
    with locked(folder, "study"):
        remember_plan(folder, study.plan)
        names = (scene.key.partition("/")[0] for scene in study.missing)
        remember_rows(folder, (row.key for row in study.in_plan), names)
        records = RecordFile(folder)
        try:
            recorder = _Recorder(records, study.todo(records.by_key, retry), progress, on_record)
            scheduler = Scheduler(resources.threads, budget, folder / "maps", recorder.finish)
            recorder.report()
            scheduler.run(list(recorder.left.values()), recorder.ready)
            return RecordList(records.by_key[row.key] for row in study.rows)
        finally:
            records.close()


class _Recorder:
    """Turns results of runs into records, and reports progress."""

    def __init__(
        self, records: RecordFile, rows: Sequence[Row], progress: Progress, on_record: OnRecord
    ) -> None:
        self.records, self.progress, self.on_record = records, progress, on_record
        self.left = {row.key: row for row in rows}
        self.done = 0.0
        self.forecast = Forecast(records.by_key.values())
        self._same: dict[str, dict[str, Any]] = {
            record["id"]: record
            for record in records.by_key.values()
            if record.get("status") == "done"
        }

    def ready(self, row: Row) -> bool:
        """Whether a row has to be run; not if another column has the very same run."""
        same = self._same.get(row.id)
        if same is None or not _settled(row, same):
            return True
        self._keep(row, copy_for(row, same))
        return False

    def finish(self, row: Row, result: Mapping[str, Any], started: datetime.datetime) -> None:
        """Write down how a row went."""
        name = f"maps/{row.id}.npy" if row.keep_map else None
        self._keep(row, make_record(row, result, started, name))

    def _keep(self, row: Row, record: dict[str, Any]) -> None:
        self.records.append(record)
        self.forecast.learn(record)
        if record["status"] == "done":
            self._same[row.id] = record
        self.left.pop(row.key, None)
        if "copied_from" not in record:
            self.done += record["seconds"]["wall"] or 0.0
        self.on_record(record, row)
        self.report()

    def report(self) -> None:
        """Report progress, in seconds of work."""
        left = self.forecast.seconds(list(self.left.values()))
        self.progress(self.done, self.done + left, "running")


def _settled(row: Row, record: Mapping[str, Any] | None, retry: bool = False) -> bool:
    """Whether a record says all about a row: of the same files, with all that the plan wants now.

    Areas on grids, maps and truths may have been added to a plan, or a map deleted.
    """
    if record is None:
        return False
    if (record.get("scene_sha256"), record.get("truth_sha256")) != (
        row.scene.sha256,
        row.scene.truth_sha256,
    ):
        return False
    if record.get("status") != "done":
        # A record that does not say how its run went is of none.
        return not retry and "status" in record
    metrics = record.get("metrics") or {}
    lacks_area = any(f"auc_pf_tau_{count}" not in metrics for count in row.thresholds)
    return not lacks_area and not (row.keep_map and record.get("map") is None)
