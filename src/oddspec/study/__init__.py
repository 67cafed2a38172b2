"""Studies: detectors on scenes by a plan, each run a record; see ``docs/studies.md``."""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from oddspec.errors import DataWarning, InputError
from oddspec.progress import Progress, silent
from oddspec.study.overview import Overview, overview
from oddspec.study.perform import with_noise
from oddspec.study.plan import Plan, read_plan
from oddspec.study.record import STATUSES
from oddspec.study.records_store import RecordList, read_records
from oddspec.study.row import Row
from oddspec.study.scene_files import Missing, StudyScene
from oddspec.study.work import Study, as_plan, run_rows

__all__ = [
    "STATUSES",
    "Missing",
    "Overview",
    "Plan",
    "RecordList",
    "Row",
    "Study",
    "StudyScene",
    "as_plan",
    "overview",
    "read_plan",
    "read_records",
    "run_rows",
    "run_study",
    "study",
    "with_noise",
]


def run_study(
    plan: str | Path | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    data: str | Path | None = None,
    only: Sequence[str] = (),
    workers: int | None = None,
    max_memory: int | None = None,
    retry: bool = False,
    progress: Progress = silent,
) -> RecordList:
    """Run detectors on scenes by a plan.

    Parameters
    ----------
    plan
        A TOML file, or a dictionary of the same build.
    out
        Folder for the records, in which an interrupted study goes on; by default none is kept.
    data
        Folder with the user's copies of public scenes; by default the plan's, or that of the
        environment variable ``ODDSPEC_DATA``.
    only
        Words that choose rows, as for ``oddspec study --only``.
    workers
        Runs at a time, each in a process of its own and on one thread; by default one per CPU.
    max_memory
        Bytes for all of them together; by default half of what is free.
    retry
        Repeat rows that failed, were refused, timed out or were killed.
    progress
        Called with seconds of work done and expected in all.

    Returns
    -------
    RecordList
        A list of dictionaries, one record per row of the plan, as ``docs/studies.md`` describes it.
        Failures are records too; scenes that are not at hand are warned about. Its ``frame`` is the
        same as a pandas table.

    Raises
    ------
    OddspecError
        If the plan does not serve, before anything runs.

    Examples
    --------
    >>> records = study(
    ...     {"scenes": ["thirteen"], "runs": [{"detector": ["rx", "crd"]}]}, data="scenes"
    ... )  # doctest: +SKIP
    """
    chosen = Study(as_plan(plan, data), only)
    for scene in chosen.missing:
        warnings.warn(f"scene {scene.key} is missing: {scene.reason}", DataWarning, stacklevel=2)
    if not chosen.rows:
        raise InputError(f"study {chosen.plan.name}: none of its scenes is at hand")
    with tempfile.TemporaryDirectory(prefix="oddspec-study-") as temporary:
        return run_rows(
            chosen,
            Path(temporary if out is None else out),
            workers=workers,
            max_memory=max_memory,
            retry=retry,
            progress=progress,
        )


study = run_study
"""The older name."""


class StudyFolder(ModuleType):
    """The folder as users see it: ``oddspec.study(plan)``, ``oddspec.study.read_plan(path)``."""

    if TYPE_CHECKING:
        as_plan = staticmethod(as_plan)
        overview = staticmethod(overview)
        read_plan = staticmethod(read_plan)
        read_records = staticmethod(read_records)
        run_study = staticmethod(run_study)
        with_noise = staticmethod(with_noise)

    __call__ = staticmethod(run_study)


# `oddspec.study` is this folder, and `oddspec.study(plan)` is promised to run a study; importing
# the folder would hide a function of that name.
sys.modules[__name__].__class__ = StudyFolder
