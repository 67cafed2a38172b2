"""Score maps side by side: scenes down, detectors across."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from oddspec.products.charts import INK, figure_of
from oddspec.study.grouping import Column, Group
from oddspec.study.report.drawing import Drawing, in_lines, occurring, pages
from oddspec.study.report.table import amount, slug
from oddspec.study.results import StudyResults
from oddspec.study.runs import Run, SceneKey, metric_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

_MOST_ROWS, _MOST_COLUMNS = 6, 7
_SIZE = 1.75
_SHOWN = (0.02, 0.995)
"""Quantiles of the scores at the ends of the colours."""

Maps = dict[tuple[SceneKey, Column], tuple[Run, np.ndarray]]


def draw_maps(study: StudyResults) -> Iterator[Drawing]:
    """Panels of every group, cut into pages where there are many scenes or detectors."""
    numbers = "areas under the ROC curve"
    if study.metric != "auc_pd_pf":
        numbers = metric_name(study.metric)
    for group in study.groups:
        maps = _maps(study, group)
        scenes, columns = occurring(maps, study.scenes, group.columns)
        parts = list(product(pages(scenes, _MOST_ROWS), pages(columns, _MOST_COLUMNS)))
        for number, ((_, down), (_, across)) in enumerate(parts, start=1):
            end = f"-{number}" if len(parts) > 1 else ""
            yield Drawing(
                f"maps-{slug(group.name)}{end}",
                f"Score maps, {group.name}. The colours of each map run from the 2 % to the "
                "99.5 % quantile of its scores, so that maps show where scores are high, not how "
                "high. Of a detector with seeds, the map nearest to the median area. Numbers are "
                f"{numbers}.",
                _panels(study, group, maps, list(down), list(across)),
            )


def _maps(study: StudyResults, group: Group) -> Maps:
    found = {}
    for key in product(study.scenes, group.columns):
        result = study.results.get(key)
        run = None if result is None else result.typical(mapped=True)
        scores = None if run is None else study.map_of(run)
        if run is not None and scores is not None:
            found[key] = run, scores
    return found


def _panels(
    study: StudyResults, group: Group, maps: Maps, scenes: list[SceneKey], columns: list[Column]
) -> Figure:
    first = {s: next(entry for (other, _), entry in maps.items() if other == s) for s in scenes}
    views = {
        scene: {"scene": study.picture(run), "truth": study.truth(run)}
        for scene, (run, _) in first.items()
    }
    extra = [n for n in ("scene", "truth") if any(view[n] is not None for view in views.values())]
    wide = len(extra) + len(columns)
    sides = [scores.shape[0] / scores.shape[1] for _, scores in first.values()]
    heights = [_SIZE * side for side in sides]
    figure = figure_of(_SIZE * wide + 1.0, sum(heights) + 0.24 * len(scenes) + 0.5)
    axes = figure.subplots(len(scenes), wide, squeeze=False, height_ratios=heights)
    shown = None
    for scene, line, side, height in zip(scenes, axes, sides, heights, strict=True):
        for one in line:
            _bare(one, side)
        for name, one in zip(extra, line, strict=False):
            view = views[scene][name]
            if view is None:
                _say(one, "not at hand")
            else:
                one.imshow(view, cmap="gray", interpolation="nearest")
        for column, one in zip(columns, line[len(extra) :], strict=True):
            shown = _score_map(one, maps.get((scene, column)), study.metric) or shown
        label = in_lines(study.scenes[scene], height)
        line[0].set_ylabel(label, fontsize=8.5, color=INK, parse_math=False)
    names = [*extra, *(group.label(column) for column in columns)]
    for one, name in zip(axes[0], names, strict=True):
        one.set_title(in_lines(name, _SIZE), fontsize=8.5, color=INK, parse_math=False)
    if shown is not None:
        bar = figure.colorbar(shown, ax=axes, shrink=0.5, aspect=22, pad=0.01, ticks=[0, 1])
        bar.ax.set_yticklabels(["low", "high"], fontsize=8)
        bar.set_label("score", fontsize=8.5)
    return figure


def _bare(axes: Axes, side: float) -> None:
    """Axes of an image ``side`` times as high as wide, without ticks."""
    axes.set_box_aspect(side)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(linewidth=0.5, color="#d1d5db")


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", fontsize=8, transform=axes.transAxes)


def _score_map(
    axes: Axes, found: tuple[Run, np.ndarray] | None, metric: str
) -> ScalarMappable | None:
    if found is None:
        _say(axes, "no map")
        return None
    run, scores = found
    finite = scores[np.isfinite(scores)]
    low, high = np.quantile(finite, _SHOWN) if finite.size else (0.0, 1.0)
    scaled = np.clip((scores - low) / (high - low if high > low else 1.0), 0, 1)
    value = run.value(metric)
    if value is not None:
        axes.set_xlabel(amount(value, metric), fontsize=8, color=INK, labelpad=2)
    return axes.imshow(scaled, cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
