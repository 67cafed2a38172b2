"""How long the rest of a study will take, from how long its rows took so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import product
from statistics import fmean
from typing import Any

from oddspec.study.row import Row

__all__ = ["Forecast"]

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
    taken = record["seconds"]["wall"]
    if taken is None or "copied_from" in record:
        return
    for key in [*_alike(record["detector"], record["column"], record["scene"]), ()]:
        known[key].append(taken)


def _alike(detector: str, column: str, scene: str) -> list[Hashable]:
    return [(detector, column, scene), (detector, column), detector]
