"""The records of a study as one table, chosen and sorted by the plan: what tables are made from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oddspec.errors import InputError, OddspecError, SettingError
from oddspec.io.truth import read_scores
from oddspec.study.grouping import (
    Group,
    Results,
    group_results,
    groups_of,
    scene_names,
    without_noise,
)
from oddspec.study.records_store import (
    NEEDED,
    RecordList,
    pandas_module,
    places_in_plan,
    read_records,
)
from oddspec.study.runs import METRIC_NAMES, PUBLISHED, Run, SceneKey
from oddspec.text import counted

if TYPE_CHECKING:
    import pandas

OfScene = Callable[[Run], np.ndarray | None]
"""Looks up what belongs to a run's scene; None where it is not at hand."""


@dataclass(frozen=True, eq=False)
class StudyResults:
    """What one or several studies came to.

    Attributes
    ----------
    folder
        Of the study.
    frame
        The table: a row per run, with the fields of its record (``metrics.auc_pd_pf``, ...), the
        `Run` itself as ``run``, and what it is grouped by.
    metric
        What figures show.
    truth_of
        Target pixels ``(h, w)`` of a run's scene.
    picture_of
        The scene in colour ``(h, w, 3)``, 0 to 1.
    notes
        Which records of the folder stand in no table.
    """

    folder: Path
    frame: pandas.DataFrame
    metric: str = "auc_pd_pf"
    truth_of: OfScene | None = None
    picture_of: OfScene | None = None
    notes: tuple[str, ...] = ()
    _looked_up: dict[tuple[str, str, str], np.ndarray | None] = field(
        default_factory=dict, repr=False
    )

    @classmethod
    def read(
        cls,
        folder: str | Path,
        *,
        study: str | None = None,
        also: Sequence[str | Path] = (),
        truth_of: OfScene | None = None,
        picture_of: OfScene | None = None,
    ) -> StudyResults:
        """Read a folder's records, and those of further ones, in the order of their plans.

        Of each row the last record counts. Records that the plans do not ask for are left out:
        after a setting was corrected, the records of both settings lie in the folder.

        Raises
        ------
        InputError
            If a folder has no records, or a line is no record, or nothing is left.
        """
        runs: dict[tuple[str, str, str], Run] = {}
        for each in (folder, *also):
            for run in _read(Path(each)):
                key = str(run.record["id"]), run.column, run.paper
                if run.place is not None or key not in runs:
                    runs[key] = run
        found = [run for run in runs.values() if study in (None, run.record.get("study") or "")]
        if not found:
            names = sorted({str(run.record.get("study") or "") for run in runs.values()})
            raise InputError(f"{folder}: no record of a study {study!r}; it has {', '.join(names)}")
        in_plan = [run for run in found if run.place is not None]
        left_out = len(found) - len(in_plan)
        if not in_plan:
            raise InputError(
                f"{found[0].folder}: none of its {counted(left_out, 'record')} is of a row of the "
                f"plan as it was last run; run `oddspec study` with the plan, or remove rows.json "
                f"there"
            )
        have = "is" if left_out == 1 else "are"
        note = f"{counted(left_out, 'record')} that {have} of no row of the plan {have} left out."
        notes = (note,) if left_out else ()
        return cls(Path(folder), _table(in_plan), "auc_pd_pf", truth_of, picture_of, notes)

    def choose(
        self,
        *,
        metric: str = "auc_pd_pf",
        detectors: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        scenes: Sequence[str] | None = None,
    ) -> StudyResults:
        """These records alone, to show a metric of; None stands for all.

        Raises
        ------
        InputError
            If nothing is left.
        SettingError
            If no record has that metric.
        """
        frame = self.frame
        for name, wanted in (("detector", detectors), ("column", columns), ("scene", scenes)):
            if wanted is not None:
                here = sorted(set(frame[name]))
                frame = frame[frame[name].isin(wanted)]
                if frame.empty:
                    raise InputError(
                        f"{self.frame.run.iloc[0].folder}: no record of the {name} "
                        f"{', '.join(wanted)}; there are {', '.join(here)}"
                    )
        known = set(METRIC_NAMES)
        for run in frame.run:
            values = (run.record.get("metrics") or {}).items()
            known |= {k for k, v in values if isinstance(v, (int, float)) or v is None}
        if metric not in known:
            raise SettingError(
                f"metric={metric!r}: the records have no such metric; they have "
                f"{', '.join(sorted(known))}"
            )
        return replace(self, frame=frame, metric=metric)

    @cached_property
    def runs(self) -> list[Run]:
        """One for each row of the table, but of repeated ones the last that came to scores.

        Runs are repeated that differ in nothing but their study or their detector's file.
        """
        last: dict[Any, Run] = {}
        for key, run in zip(self.frame.repeated, self.frame.run, strict=True):
            if key not in last or run.done or not last[key].done:
                last[key] = run
        return list(last.values())

    @cached_property
    def _grouped(self) -> tuple[Results, list[str]]:
        return group_results(self.runs)

    @property
    def results(self) -> Results:
        """The runs by scene and column, without sweeps."""
        return self._grouped[0]

    @property
    def mixed(self) -> list[str]:
        """A note on published settings that stand in no table, if there are any."""
        return self._grouped[1]

    @cached_property
    def scenes(self) -> dict[SceneKey, str]:
        """Names of the scenes without added noise."""
        return scene_names(sorted({scene for scene, _ in without_noise(self.results)}))

    @cached_property
    def groups(self) -> list[Group]:
        """Columns that may be compared in one figure."""
        return groups_of(self.results)

    def map_of(self, run: Run) -> np.ndarray | None:
        """The scores ``(h, w)`` of a run; None if they were not kept or are lost."""
        name = run.record.get("map")
        if not name:
            return None
        try:
            return read_scores(run.folder / str(name))
        except OddspecError:
            return None

    def truth(self, run: Run) -> np.ndarray | None:
        """Target pixels ``(h, w)`` of a run's scene; None where they are not at hand."""
        return self._once("truth", run, self.truth_of)

    def picture(self, run: Run) -> np.ndarray | None:
        """The scene in colour; None where it is not at hand."""
        return self._once("picture", run, self.picture_of)

    def _once(self, what: str, run: Run, look: OfScene | None) -> np.ndarray | None:
        if look is None:
            return None
        key = what, run.scene, run.key.truth
        if key not in self._looked_up:
            self._looked_up[key] = look(run)
        return self._looked_up[key]


def _read(folder: Path) -> list[Run]:
    """The runs of one folder in the order of its plan; those that it does not ask for last."""
    place_of = places_in_plan(folder)
    runs = [Run(folder, record, place_of(record)) for record in read_records(folder, NEEDED)]
    if not runs:
        raise InputError(f"{folder}: holds no records yet; run `oddspec study PLAN.toml` first")
    return sorted(runs, key=lambda run: math.inf if run.place is None else run.place)


def _table(runs: Sequence[Run]) -> pandas.DataFrame:
    """The records as a table, with what results are grouped by.

    A paper tells settings apart only where they are those that it publishes.
    """
    papers = [run.paper if run.column == PUBLISHED else "" for run in runs]
    pairs = list(zip(runs, papers, strict=True))
    own = {
        "detector": [run.detector for run in runs],
        "column": [run.column for run in runs],
        "paper": papers,
        "scene": [run.scene for run in runs],
        "truth": [run.key.truth for run in runs],
        "noise": [run.key.noise for run in runs],
        "unseeded": [run.unseeded for run in runs],
        "run": list(runs),
        "repeated": [
            (r.detector, r.column, p, *r.key, r.seed, r.record.get("noise_seed"), r.unseeded)
            for r, p in pairs
        ],
    }
    frame = RecordList([dict(run.record) for run in runs]).frame
    return frame.drop(columns=list(own), errors="ignore").join(pandas_module().DataFrame(own))
