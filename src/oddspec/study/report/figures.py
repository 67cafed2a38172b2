"""``oddspec study figure``: any figure of a study's folder as files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from oddspec.errors import InputError, SettingError
from oddspec.study.report.comparison_figures import draw_ranking, draw_stability, draw_time
from oddspec.study.report.convergence_figures import draw_convergence, draw_noise
from oddspec.study.report.curve_figures import draw_curves, draw_surfaces
from oddspec.study.report.drawing import Drawing, NothingToDraw, save_drawing
from oddspec.study.report.map_figures import draw_maps
from oddspec.study.report.roc_figures import draw_roc, draw_roc_3d, draw_separability
from oddspec.study.results import OfScene, StudyResults

_NO_CURVES = "curves need kept score maps (keep_maps in the plan) and the truths of their scenes"


class FigureKind(NamedTuple):
    """A kind of figure, what it shows, its short name, and what is said where it lacks records."""

    function: Callable[[StudyResults], Iterator[Drawing]]
    shows: str
    title: str
    lacking: str


FIGURES = {
    "maps": FigureKind(
        draw_maps,
        "score maps side by side (kept maps)",
        "score maps",
        "no score map was kept; set keep_maps in the plan",
    ),
    "roc": FigureKind(draw_roc, "ROC curves (kept maps and truths)", "ROC curves", _NO_CURVES),
    "roc3d": FigureKind(
        draw_roc_3d, "3-D ROC curves (kept maps and truths)", "3-D ROC curves", _NO_CURVES
    ),
    "separability": FigureKind(
        draw_separability,
        "background and target boxes (kept maps and truths)",
        "background and targets",
        _NO_CURVES,
    ),
    "surface": FigureKind(
        draw_surfaces,
        "a metric over two settings",
        "two settings",
        "no sweep varies exactly two settings; see grid in the plan",
    ),
    "curve": FigureKind(
        draw_curves,
        "a metric over one setting",
        "one setting",
        "no sweep varies a setting over three values or more",
    ),
    "noise": FigureKind(
        draw_noise,
        "a metric under added noise",
        "added noise",
        "no run has added noise; see noise in the plan",
    ),
    "convergence": FigureKind(
        draw_convergence,
        "objective or loss over the iterations",
        "convergence",
        "no record has a curve of its iterations",
    ),
    "time": FigureKind(
        draw_time,
        "time against area",
        "time against area",
        "time against area needs two detectors with a scene in common",
    ),
    "ranking": FigureKind(
        draw_ranking,
        "average ranks with the critical difference",
        "ranks",
        "a ranking needs two detectors on two scenes in common",
    ),
    "stability": FigureKind(
        draw_stability,
        "areas over the seeds",
        "seeds",
        "no detector was run with several seeds",
    ),
}
"""What `figures` can draw."""

FIGURE_FORMATS = ("png", "svg", "pdf")


def figures(
    folder: str | Path,
    out: str | Path,
    names: Sequence[str] | None = None,
    formats: Sequence[str] = ("png", "svg"),
    *,
    metric: str = "auc_pd_pf",
    study: str | None = None,
    detectors: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    scenes: Sequence[str] | None = None,
    also: Sequence[str | Path] = (),
    truth_of: OfScene | None = None,
    picture_of: OfScene | None = None,
) -> list[Path]:
    """Draw figures of a study's folder and return the files written.

    Parameters
    ----------
    folder
        Holds ``records.jsonl`` and the kept maps.
    out
        Folder to write to; it is made.
    names
        Of `FIGURES`; None draws all that the records suffice for.
    formats
        Of `FIGURE_FORMATS`.
    metric
        As in the records, for the figures that show one.
    study, detectors, columns, scenes, also
        As for `oddspec.study.report.table`.
    truth_of, picture_of
        See `oddspec.study.results.StudyResults`.

    Raises
    ------
    InputError
        If there are no records, or not what a figure asked for by name needs.
    SettingError
        If a name, a format or the metric is not known.
    """
    _check("figure", names or (), FIGURES)
    _check("format", formats, FIGURE_FORMATS)
    every = StudyResults.read(
        folder, study=study, also=also, truth_of=truth_of, picture_of=picture_of
    )
    chosen = every.choose(metric=metric, detectors=detectors, columns=columns, scenes=scenes)
    paths: list[Path] = []
    for name in FIGURES if names is None else names:
        drawings, lacking = draw_figure(chosen, name)
        if lacking and names is not None:
            raise InputError(f"{folder}: the figure {name!r} cannot be drawn: {lacking}")
        for drawing in drawings:
            paths += save_drawing(drawing, Path(out), formats)
    return paths


def draw_figure(study: StudyResults, name: str) -> tuple[Iterator[Drawing], str]:
    """The drawings of that name, one after the other, or why there are none."""
    kind = FIGURES[name]
    drawings = kind.function(study)
    try:
        first = next(drawings, None)
    except NothingToDraw as reason:
        return iter(()), str(reason)
    return (iter(()), kind.lacking) if first is None else (chain([first], drawings), "")


def _check(what: str, given: Sequence[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise SettingError(f"{what} {name!r}: expected one of {', '.join(known)}")
