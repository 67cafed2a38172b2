"""``oddspec study figure``: any figure of a study's folder as files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from oddspec.errors import InputError, SettingError
from oddspec.study.asked import still_asked
from oddspec.study.report.comparison_figures import draw_stability, draw_time
from oddspec.study.report.course_figures import draw_convergence, draw_noise
from oddspec.study.report.curve_figures import draw_curves, draw_surfaces
from oddspec.study.report.drawing import Drawing, NothingToDraw, save
from oddspec.study.report.map_figures import draw_maps
from oddspec.study.report.material import Material, OfScene
from oddspec.study.report.ranking_figure import draw_ranking
from oddspec.study.report.roc_figures import draw_roc, draw_roc_3d
from oddspec.study.report.separability_boxes import draw_separability
from oddspec.study.results import chosen, must_know, read_runs

__all__ = ["FIGURES", "FORMATS", "draw", "figures"]

FIGURES: dict[str, tuple[Callable[[Material], Iterator[Drawing]], str]] = {
    "maps": (draw_maps, "score maps side by side (kept maps)"),
    "roc": (draw_roc, "ROC curves (kept maps and truths)"),
    "roc3d": (draw_roc_3d, "3-D ROC curves (kept maps and truths)"),
    "separability": (draw_separability, "background and target boxes (kept maps and truths)"),
    "surface": (draw_surfaces, "a metric over two settings"),
    "curve": (draw_curves, "a metric over one setting"),
    "noise": (draw_noise, "a metric under added noise"),
    "convergence": (draw_convergence, "objective or loss over the iterations"),
    "time": (draw_time, "time against area"),
    "ranking": (draw_ranking, "average ranks with the critical difference"),
    "stability": (draw_stability, "areas over the seeds"),
}
"""What `figures` can draw, and what that shows."""

FORMATS = ("png", "svg", "pdf")


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
        Of `FIGURES`; None draws all that the records have the material for.
    formats
        Of `FORMATS`.
    metric
        As in the records, for the figures that show one.
    study, detectors, columns, scenes, also
        As for `oddspec.study.report.table`.
    truth_of, picture_of
        See `oddspec.study.report.material.Material`.

    Raises
    ------
    InputError
        If there are no records, or not what a figure asked for by name needs.
    SettingError
        If a name, a format or the metric is not known.
    """
    _check("figure", names or (), FIGURES)
    _check("format", formats, FORMATS)
    runs, _ = still_asked(read_runs(folder, study, also))
    runs = chosen(runs, detectors=detectors, columns=columns, scenes=scenes)
    must_know(metric, runs)
    material = Material(Path(folder), tuple(runs), metric, truth_of, picture_of)
    paths: list[Path] = []
    for name in FIGURES if names is None else names:
        drawings, lacking = draw(material, name)
        if lacking and names is not None:
            raise InputError(f"{folder}: the figure {name!r} cannot be drawn: {lacking}")
        for drawing in drawings:
            paths += save(drawing, Path(out), formats)
    return paths


def draw(material: Material, name: str) -> tuple[Iterator[Drawing], str]:
    """The drawings of that name, one after the other, or why there are none."""
    drawings = FIGURES[name][0](material)
    try:
        first = next(drawings)
    except NothingToDraw as reason:
        return iter(()), str(reason)
    return _with_first(first, drawings), ""


def _with_first(first: Drawing, others: Iterator[Drawing]) -> Iterator[Drawing]:
    yield first
    yield from others


def _check(what: str, given: Sequence[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise SettingError(f"{what} {name!r}: expected one of {', '.join(known)}")
