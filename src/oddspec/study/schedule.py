"""Rows handed to child processes, as many at a time as workers and memory allow."""

from __future__ import annotations

import datetime
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from multiprocessing.connection import wait
from pathlib import Path
from statistics import fmean
from typing import Any

from oddspec.execution.tiles import needed
from oddspec.study.process import Child, Died
from oddspec.study.row import Row
from oddspec.text import gigabytes

UNKNOWN = 10.0
"""Seconds that a row is taken to last when nothing is known."""

_Known = dict[Hashable, list[float]]


class Forecast:
    """Expected seconds of rows: like rows' mean, the more alike the better.

    A detector's rows done now count before its rows done earlier, maybe by a faster machine.
    """

    def __init__(self, earlier: Iterable[Mapping[str, Any]] = ()) -> None:
        self._now: _Known = defaultdict(list)
        self._earlier: _Known = defaultdict(list)
        for record in earlier:
            _note(record, self._earlier)

    def learn(self, record: Mapping[str, Any]) -> None:
        """Take note of how long a run took that was done now."""
        _note(record, self._now)

    def seconds(self, rows: Sequence[Row]) -> float:
        """Expected seconds of these rows, one after the other."""
        return sum(self._one(row) for row in rows)

    def _one(self, row: Row) -> float:
        alike = _alike(row.detector, row.column, row.scene.name)
        for keys in (alike, [()]):
            for known, key in product((self._now, self._earlier), keys):
                if known.get(key):
                    return fmean(known[key])
        return UNKNOWN


def _note(record: Mapping[str, Any], known: _Known) -> None:
    seconds = record.get("seconds")
    taken = seconds.get("wall") if isinstance(seconds, dict) else None
    if not isinstance(taken, (int, float)) or "copied_from" in record:
        return
    names = (record.get(name, "") for name in ("detector", "column", "scene"))
    for key in [*_alike(*names), ()]:
        known[key].append(taken)


def _alike(detector: str, column: str, scene: str) -> list[Hashable]:
    return [(detector, column, scene), (detector, column), detector]


TICK = 0.1
"""Seconds between two looks at time limits and memory."""

PROCESS = 0.35e9
"""Bytes that a child is taken to hold beside its task: interpreter and libraries, torch too."""

Finish = Callable[[Row, Mapping[str, Any], datetime.datetime], None]
"""Called with a row, how it went and when it was started."""


@dataclass
class _Task:
    """A row that a child is at."""

    row: Row
    child: Child
    bytes: float
    started: datetime.datetime
    clock: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.clock


class Scheduler:
    """Runs rows in child processes.

    Parameters
    ----------
    workers
        Most rows at a time; each on one thread.
    max_memory
        Bytes for all of them together.
    maps
        Folder for score maps.
    finish
        Told of each row that has come to an end.
    """

    def __init__(self, workers: int, max_memory: int, maps: Path, finish: Finish) -> None:
        self.workers, self.max_memory, self.maps, self.finish = workers, max_memory, maps, finish
        self._idle: list[Child] = []
        self._tasks: list[_Task] = []
        self._needs: dict[tuple[str, str, str], float] = {}

    def run(self, rows: Sequence[Row], ready: Callable[[Row], bool]) -> None:
        """Run the rows in their order; a row for which ``ready`` says no is passed over.

        It is asked when the row's turn has come and no other of the same id is at work.
        """
        waiting = list(reversed(rows))
        try:
            while waiting or self._tasks:
                while waiting and self._may_start(waiting[-1]):
                    row = waiting.pop()
                    if ready(row):
                        self._start(row)
                self._receive()
                self._watch()
        finally:
            for child in [*self._idle, *(task.child for task in self._tasks)]:
                child.end()
            self._idle, self._tasks = [], []

    def _may_start(self, row: Row) -> bool:
        if not self._tasks:
            return True
        if len(self._tasks) >= self.workers or any(task.row.id == row.id for task in self._tasks):
            return False
        return sum(task.bytes for task in self._tasks) + self._bytes(row) <= self.max_memory

    def _bytes(self, row: Row) -> float:
        """What a run will probably take; whether it may at all is the run's own to decide."""
        key = row.source, row.unseeded, row.scene.key
        if key not in self._needs:
            h, w, b = row.scene.shape
            cube = 8.0 * h * w * b
            try:
                with row.scene.open() as scene:
                    least = needed(scene, row.build())
            except Exception:
                # A detector of the user's own may fail here; its run will tell how.
                least = 0
            self._needs[key] = PROCESS + (3 if row.noise else 1) * cube + least
        return self._needs[key]

    def _start(self, row: Row) -> None:
        child = self._idle.pop() if self._idle else Child()
        task = _Task(row, child, self._bytes(row), datetime.datetime.now(datetime.UTC))
        try:
            child.ask(self._message(row))
        except Died as error:
            self._end(task, "killed", str(error))
        else:
            self._tasks.append(task)

    def _message(self, row: Row) -> dict[str, Any]:
        scene = row.scene
        return {
            "source": row.source,
            "detector_sha256": row.detector_sha256,
            "settings": dict(row.settings),
            "cube": str(scene.cube),
            "cube_variable": scene.cube_variable,
            "axes": scene.reading.get("axes"),
            "truth": str(scene.truth),
            "truth_variable": scene.truth_variable,
            "times": scene.times,
            "noise": row.noise,
            "noise_seed": row.noise_seed,
            "thresholds": list(row.thresholds),
            "map": str((self.maps / f"{row.id}.npy").resolve()) if row.keep_map else None,
            "max_memory": self.max_memory,
        }

    def _receive(self) -> None:
        pipes = {task.child.pipe: task for task in self._tasks}
        for pipe in wait(list(pipes), TICK) if pipes else ():
            task = pipes[pipe]  # type: ignore[index]
            try:
                result = task.child.answer()
            except Died as error:
                self._end(task, "killed", str(error))
            else:
                self._tasks.remove(task)
                self._idle.append(task.child)
                self.finish(task.row, result, task.started)

    def _watch(self) -> None:
        """End what takes too long or too much."""
        for task in list(self._tasks):
            if task.seconds > task.row.time_limit:
                self._end(
                    task,
                    "timeout",
                    f"stopped after the time limit of {task.row.time_limit:g} s",
                )
        sizes = {id(task): task.child.memory for task in self._tasks}
        total = sum(sizes.values()) + sum(child.memory for child in self._idle)
        if total > self.max_memory and self._idle:
            self._idle.pop().end()
        elif total > self.max_memory and self._tasks:
            worst = max(self._tasks, key=lambda task: sizes[id(task)] - task.bytes)
            size = sizes[id(worst)]
            self._end(
                worst,
                "killed",
                f"stopped at {gigabytes(size)} of memory: the runs together exceeded the "
                f"study's {gigabytes(self.max_memory)}",
                {"peak_memory": size},
            )

    def _end(
        self, task: _Task, status: str, reason: str, more: Mapping[str, Any] | None = None
    ) -> None:
        """End a child, and its row with it."""
        task.child.end()
        if task in self._tasks:
            self._tasks.remove(task)
        wall = {"wall": round(task.seconds, 4), "cpu": None}
        result = {"status": status, "reason": reason, "seconds": wall, **(more or {})}
        self.finish(task.row, result, task.started)
