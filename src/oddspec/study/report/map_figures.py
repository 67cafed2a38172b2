"""Score maps side by side: scenes down, detectors across."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from oddspec.products.charts import INK, figure_of
from oddspec.study.metric_names import metric_name
from oddspec.study.report.cells import Heading, Place
from oddspec.study.report.drawing import Drawing, NothingToDraw, in_lines
from oddspec.study.report.material import Group, Material, slug
from oddspec.study.report.sheet import amount
from oddspec.study.results import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

__all__ = ["draw_maps"]

_MOST_ROWS, _MOST_COLUMNS = 6, 7
_SIZE = 1.75
_SHOWN = (0.02, 0.995)
"""Quantiles of the scores at the ends of the colours."""


def draw_maps(material: Material) -> Iterator[Drawing]:
    """Panels of every group, cut into pages where there are many scenes or detectors.

    Raises
    ------
    NothingToDraw
        If no map was kept.
    """
    drawn = False
    for group in material.groups:
        maps = _maps(material, group)
        places = [p for p in material.scenes if any(place == p for place, _ in maps)]
        headings = [h for h in group.headings if any(other == h for _, other in maps)]
        pages = [
            (places[i : i + _MOST_ROWS], headings[j : j + _MOST_COLUMNS])
            for i in range(0, len(places), _MOST_ROWS)
            for j in range(0, len(headings), _MOST_COLUMNS)
        ]
        for number, (rows, columns) in enumerate(pages, start=1):
            drawn = True
            end = f"-{number}" if len(pages) > 1 else ""
            yield Drawing(
                f"maps-{slug(group.name)}{end}",
                f"Score maps, {group.name}. The colours of each map run from the 2 % to the "
                "99.5 % quantile of its scores, so that maps show where scores are high, not how "
                "high. Of a detector with seeds, the map nearest to the median area. Numbers are "
                f"{_numbers(material.metric)}.",
                _panel(material, group, maps, rows, columns),
            )
    if not drawn:
        raise NothingToDraw("no score map was kept; set keep_maps in the plan")


def _numbers(metric: str) -> str:
    return "areas under the ROC curve" if metric == "auc_pd_pf" else metric_name(metric)


def _maps(material: Material, group: Group) -> dict[tuple[Place, Heading], tuple[Run, np.ndarray]]:
    found = {}
    for place in material.scenes:
        for heading in group.headings:
            cell = material.cell(place, heading)
            run = None if cell is None else cell.typical(mapped=True)
            scores = None if run is None else material.map_of(run)
            if run is not None and scores is not None:
                found[place, heading] = run, scores
    return found


def _panel(
    material: Material,
    group: Group,
    maps: dict[tuple[Place, Heading], tuple[Run, np.ndarray]],
    rows: list[Place],
    columns: list[Heading],
) -> Figure:
    views = _views(material, maps, rows)
    extra = [name for name in ("scene", "truth") if any(name in views[p] for p in rows)]
    wide = len(extra) + len(columns)
    shapes = [next(m.shape for (p, _), (_, m) in maps.items() if p == place) for place in rows]
    heights = [_SIZE * h / w for h, w in shapes]
    figure = figure_of(_SIZE * wide + 1.0, sum(heights) + 0.24 * len(rows) + 0.5)
    axes = figure.subplots(len(rows), wide, squeeze=False, height_ratios=heights)
    for line, (h, w) in zip(axes, shapes, strict=True):
        for one in line:
            one.set_box_aspect(h / w)
    shown = None
    for place, line, height in zip(rows, axes, heights, strict=True):
        for name, one in zip(extra, line, strict=False):
            _view(one, views[place].get(name))
        for heading, one in zip(columns, line[len(extra) :], strict=True):
            shown = _score_map(one, maps.get((place, heading)), material.metric) or shown
        scene = in_lines(material.scenes[place], height)
        line[0].set_ylabel(scene, fontsize=8.5, color=INK, parse_math=False)
    names = [*extra, *(group.label(heading) for heading in columns)]
    for one, name in zip(axes[0], names, strict=True):
        one.set_title(in_lines(name, _SIZE), fontsize=8.5, color=INK, parse_math=False)
    if shown is not None:
        bar = figure.colorbar(shown, ax=axes, shrink=0.5, aspect=22, pad=0.01, ticks=[0, 1])
        bar.ax.set_yticklabels(["low", "high"], fontsize=8)
        bar.set_label("score", fontsize=8.5)
    return figure


def _views(
    material: Material, maps: dict[tuple[Place, Heading], tuple[Run, np.ndarray]], rows: list[Place]
) -> dict[Place, dict[str, np.ndarray]]:
    """Picture and truth of each scene, where they are at hand."""
    views: dict[Place, dict[str, np.ndarray]] = {}
    for place in rows:
        run = next(run for (other, _), (run, _) in maps.items() if other == place)
        found = {"scene": material.picture(run), "truth": material.truth(run)}
        views[place] = {name: view for name, view in found.items() if view is not None}
    return views


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(linewidth=0.5, color="#d1d5db")


def _view(axes: Axes, view: np.ndarray | None) -> None:
    _bare(axes)
    if view is None:
        axes.text(0.5, 0.5, "not at hand", ha="center", fontsize=8, transform=axes.transAxes)
    else:
        axes.imshow(view, cmap="gray", interpolation="nearest")


def _score_map(
    axes: Axes, found: tuple[Run, np.ndarray] | None, metric: str
) -> ScalarMappable | None:
    _bare(axes)
    if found is None:
        axes.text(0.5, 0.5, "no map", ha="center", fontsize=8, transform=axes.transAxes)
        return None
    run, scores = found
    known = scores[np.isfinite(scores)]
    low, high = np.quantile(known, _SHOWN) if known.size else (0.0, 1.0)
    scaled = np.clip((scores - low) / (high - low if high > low else 1.0), 0, 1)
    value = run.value(metric)
    if value is not None:
        axes.set_xlabel(amount(value, metric), fontsize=8, color=INK, labelpad=2)
    return axes.imshow(scaled, cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
