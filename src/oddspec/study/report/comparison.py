"""Printed values beside measured ones: every printed value ends in exactly one list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from oddspec.study.report.cells import Cells, Heading, Place
from oddspec.study.report.printed import Printed, PrintedScene
from oddspec.study.report.spread import Spread
from oddspec.study.results import NAMED_COLUMNS

__all__ = ["Comparison", "Measured", "State", "compare"]


class State(StrEnum):
    """The lists that a printed value may end in."""

    MEASURED = "measured beside it"
    FAILED = "run, but without a result"
    UNCLEAR = "of a scene with several truths, of which it names none"
    NOT_RUN = "not run in this folder"
    WAITING = "waiting for a detector that is not here"
    IMPOSSIBLE = "cannot be measured"


@dataclass(frozen=True)
class Measured:
    """What was measured for a printed value, under one heading."""

    heading: Heading
    place: Place | None
    """None for a mean over scenes."""
    median: float
    spread: Spread | None
    """None for a mean over scenes."""


@dataclass(frozen=True)
class Comparison:
    """A printed value, the list it is in, and why."""

    printed: Printed
    state: State
    measured: tuple[Measured, ...] = ()
    reason: str = ""

    def difference(self, measured: Measured) -> float:
        """Measured less printed."""
        return measured.median - self.printed.value


def compare(
    printed: Iterable[Printed], cells: Cells, detectors: Collection[str]
) -> list[Comparison]:
    """Find what stands beside each printed value.

    Parameters
    ----------
    printed
        Values of papers.
    cells
        Without sweeps.
    detectors
        Names of the detectors that are here.
    """
    return [_compare(value, cells, detectors) for value in printed]


def _compare(value: Printed, cells: Cells, detectors: Collection[str]) -> Comparison:
    headings = sorted({h for _, h in cells if _fits(value, h)}, key=lambda h: h.order)
    scenes = {place.scene for place, _ in cells}
    fitting = [_fitting(value, wanted, headings, cells) for wanted in value.places]
    if any(len(places) > 1 for places in fitting):
        # To choose one of them would be to choose by the result.
        return Comparison(value, State.UNCLEAR, reason=_which(fitting))
    measured, failures = [], []
    for heading in headings:
        found = [place for places in fitting for place in places if (place, heading) in cells]
        spreads = [cells[place, heading].spread(value.metric) for place in found]
        known = [spread for spread in spreads if spread is not None]
        if len(known) == len(value.places):
            measured.append(_measured(heading, found, known))
        else:
            failures += [text for place in found for text in cells[place, heading].failures]
    if measured:
        return Comparison(value, State.MEASURED, tuple(measured))
    if failures:
        return Comparison(value, State.FAILED, reason="; ".join(dict.fromkeys(failures)))
    lost = [p.reason for p in value.places if p.reason and p.scene not in scenes]
    if lost:
        return Comparison(value, State.IMPOSSIBLE, reason="; ".join(dict.fromkeys(lost)))
    if value.detector not in detectors:
        return Comparison(value, State.WAITING, reason=f"no detector {value.detector} here yet")
    return Comparison(value, State.NOT_RUN, reason=_what_lacks(value))


def _fits(value: Printed, heading: Heading) -> bool:
    """Whether a heading is what a printed value speaks of."""
    if heading.detector != value.detector or heading.variant:
        return False
    if heading.paper and heading.paper.lower() != value.paper.lower():
        return False
    columns: Sequence[str] = value.columns or NAMED_COLUMNS
    return heading.column.lower() in columns


def _fitting(
    value: Printed, wanted: PrintedScene, headings: Collection[Heading], cells: Cells
) -> list[Place]:
    """Where the scene meant was run: with several truths perhaps, unless one is named."""
    found = {
        place
        for place, heading in cells
        if heading in headings
        and (place.scene, place.noise) == (wanted.scene, value.noise)
        and wanted.is_truth(place.truth)
    }
    return sorted(found)


def _which(fitting: Iterable[Sequence[Place]]) -> str:
    names = [f"{p.scene}/{p.truth}" for places in fitting if len(places) > 1 for p in places]
    return f"in the file of printed values write {' or '.join(names)}"


def _measured(heading: Heading, places: list[Place], spreads: list[Spread]) -> Measured:
    if len(spreads) == 1:
        return Measured(heading, places[0], spreads[0].median, spreads[0])
    mean = sum(spread.median for spread in spreads) / len(spreads)
    return Measured(heading, None, mean, None)


def _what_lacks(value: Printed) -> str:
    scenes = ", ".join(map(str, value.places))
    column = f", column {value.columns[0]}" if value.columns else ""
    noise = f", noise {value.noise:g}" if value.noise else ""
    return f"no record of {value.detector}{column} on {scenes}{noise}"
