"""What a study has done, what failed, and what is still to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oddspec.study.record import STATUSES
from oddspec.study.records_store import key_of, read_records, recall_plan
from oddspec.study.scene_files import Missing
from oddspec.study.work import Study

TO_DO = "to do"


@dataclass(frozen=True, eq=False)
class Overview:
    """The state of a study.

    Attributes
    ----------
    rows
        One dictionary per row of the plan: ``detector``, ``column``, ``scene``, ``truth``,
        ``noise``, ``seed``, ``status`` and ``reason``.
    missing
        Scenes that are not at hand.
    others
        Records that the plan does not ask for any more.
    """

    name: str
    rows: tuple[dict[str, Any], ...]
    missing: tuple[Missing, ...]
    others: int

    @property
    def counts(self) -> dict[str, int]:
        """Rows by status; those to do last."""
        counted = Counter(row["status"] for row in self.rows)
        return {status: counted[status] for status in (*STATUSES, TO_DO)}

    @property
    def groups(self) -> dict[tuple[str, str], dict[str, int]]:
        """The same by detector and column."""
        found: dict[tuple[str, str], Counter[str]] = {}
        for row in self.rows:
            found.setdefault((row["detector"], row["column"]), Counter())[row["status"]] += 1
        return {
            group: {status: counted[status] for status in (*STATUSES, TO_DO)}
            for group, counted in found.items()
        }


def overview(folder: str | Path, data: str | Path | None = None) -> Overview:
    """The state of the study in a folder; also while it is running.

    Raises
    ------
    InputError
        If it is no folder of a study.
    """
    folder = Path(folder)
    study = Study(recall_plan(folder, data))
    records = {key_of(record): record for record in read_records(folder)}
    todo = {row.key for row in study.todo(records)}
    rows = []
    for row in study.rows:
        record = records.get(row.key, {}) if row.key not in todo else {}
        rows.append(
            {
                "detector": row.detector,
                "column": row.column,
                "paper": row.paper,
                "scene": row.scene.key,
                "noise": row.noise,
                "seed": row.seed,
                "id": row.id,
                "status": record.get("status", TO_DO),
                "reason": record.get("reason"),
            }
        )
    others = len(records.keys() - {row.key for row in study.rows})
    return Overview(study.plan.name, tuple(rows), tuple(study.missing), others)
