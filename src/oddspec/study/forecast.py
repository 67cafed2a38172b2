"""How long the rest of a study will take, from how long its rows took so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from oddspec.study.row import Row

__all__ = ["Forecast"]

UNKNOWN = 10.0
"""Seconds that a row is taken to last when nothing is known."""


class Forecast:
    """Expected seconds of rows: like rows' mean, the more alike the better."""

    def __init__(self, records: Iterable[Mapping[str, Any]] = ()) -> None:
        self._seconds: dict[Hashable, list[float]] = defaultdict(list)
        for record in records:
            self.learn(record)

    def learn(self, record: Mapping[str, Any]) -> None:
        """Take note of how long a run took."""
        taken = record["seconds"]["wall"]
        if taken is None or "copied_from" in record:
            return
        for key in _alike(record["detector"], record["column"], record["scene"]):
            self._seconds[key].append(taken)

    def seconds(self, rows: Sequence[Row]) -> float:
        """Expected seconds of these rows, one after the other."""
        return sum(self._one(row) for row in rows)

    def _one(self, row: Row) -> float:
        for key in _alike(row.detector, row.column, row.scene.name):
            if self._seconds.get(key):
                return fmean(self._seconds[key])
        return UNKNOWN


def _alike(detector: str, column: str, scene: str) -> Iterator[Hashable]:
    yield detector, column, scene
    yield detector, column
    yield detector
    yield ()
