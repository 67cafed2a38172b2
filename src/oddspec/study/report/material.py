"""What figures are drawn from: cells, groups of headings, score maps, truths and pictures."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from oddspec.errors import OddspecError
from oddspec.io.truth import read_scores
from oddspec.study.asked import still_asked
from oddspec.study.report.cells import (
    Cell,
    Cells,
    Heading,
    Place,
    arrange,
    mixed,
    scene_names,
    without_repeats,
)
from oddspec.study.report.score_table import headings_of
from oddspec.study.results import DEFAULTS, NAMED_COLUMNS, Run, read_runs

__all__ = ["Group", "Material", "OfScene", "slug"]

OfScene = Callable[[Run], np.ndarray | None]
"""Looks up what belongs to a run's scene; None where it is not at hand."""

MOST_HEADINGS = 48
"""More cannot be told apart in one figure."""


@dataclass(frozen=True)
class Group:
    """Headings that may be compared in one figure: settings of one origin, or one ablation."""

    name: str
    headings: tuple[Heading, ...]

    def label(self, heading: Heading) -> str:
        """What tells a heading from the others of its group."""
        if self.name.startswith("ablation"):
            return heading.origin
        return f"{heading.detector} ({heading.paper})" if heading.paper else heading.detector


@dataclass(frozen=True, eq=False)
class Material:
    """A study's records, and where maps, truths and pictures come from.

    Attributes
    ----------
    truth_of
        Target pixels ``(h, w)`` of a run's scene; by default what the folder keeps.
    picture_of
        The scene in colour ``(h, w, 3)``, 0 to 1.
    notes
        What of the folder's records is not among the runs or the cells.
    """

    folder: Path
    runs: tuple[Run, ...]
    metric: str = "auc_pd_pf"
    truth_of: OfScene | None = None
    picture_of: OfScene | None = None
    notes: tuple[str, ...] = ()
    _known: dict[tuple[str, Place], np.ndarray | None] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        folder: str | Path,
        *,
        study: str | None = None,
        also: Sequence[str | Path] = (),
        truth_of: OfScene | None = None,
        picture_of: OfScene | None = None,
    ) -> Material:
        """Read a folder's records, and those of further ones."""
        runs, notes = still_asked(read_runs(folder, study, also))
        return cls(
            Path(folder),
            tuple(without_repeats(runs)),
            truth_of=truth_of,
            picture_of=picture_of,
            notes=(*notes, *mixed(runs)),
        )

    @cached_property
    def cells(self) -> Cells:
        """Results without sweeps."""
        return arrange(self.runs, split=False)

    @cached_property
    def scenes(self) -> dict[Place, str]:
        """Names of the places without added noise."""
        return scene_names(sorted({place for place, _ in self.cells if not place.noise}))

    @cached_property
    def groups(self) -> list[Group]:
        """Headings that have a result without added noise, by the origin of their settings."""
        usable = {k: c for k, c in self.cells.items() if c.done and not k[0].noise}
        headings = headings_of(usable)
        found = [
            Group(name, tuple(h for h in headings if h.column == name)) for name in NAMED_COLUMNS
        ]
        for detector in dict.fromkeys(h.detector for h in headings):
            own = [h for h in headings if h.detector == detector]
            ablation = [h for h in own if h.column not in NAMED_COLUMNS]
            if ablation:
                whole = [h for h in own if h.column == DEFAULTS]
                found.append(Group(f"ablation of {detector}", (*whole, *ablation)))
        return [Group(g.name, g.headings[:MOST_HEADINGS]) for g in found if g.headings]

    def cell(self, place: Place, heading: Heading) -> Cell | None:
        """The runs of a heading at a place."""
        return self.cells.get((place, heading))

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
        """Target pixels ``(h, w)`` of a run's scene."""
        return None if self.truth_of is None else self._once("truth", run, self.truth_of)

    def picture(self, run: Run) -> np.ndarray | None:
        """The scene in colour."""
        return None if self.picture_of is None else self._once("picture", run, self.picture_of)

    def _once(self, what: str, run: Run, look: OfScene) -> np.ndarray | None:
        key = what, Place(run.scene, run.truth)
        if key not in self._known:
            self._known[key] = look(run)
        return self._known[key]


def slug(text: str) -> str:
    """A text as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
