"""Average ranks of detectors on a line, with the critical difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from oddspec.products.charts import INK, figure_of
from oddspec.study.metric_names import metric_name
from oddspec.study.report.drawing import BLUE, ORANGE, Drawing, NothingToDraw
from oddspec.study.report.material import Group, Material, slug
from oddspec.study.report.ranking import Ranking, rank_headings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_ranking"]


def draw_ranking(material: Material) -> Iterator[Drawing]:
    """Average ranks on a line; bars join detectors whose difference may be chance.

    Raises
    ------
    NothingToDraw
        If no group has two detectors on two scenes.
    """
    cells = {(p, h): c for (p, h), c in material.cells.items() if not p.noise}
    drawn = False
    for group in material.groups:
        ranking = rank_headings(cells, group.headings, material.metric)
        if ranking is None:
            continue
        drawn = True
        test = (
            f"Friedman's test of equal ranks: p = {ranking.p_value:.2g}. "
            if ranking.p_value is not None
            else ""
        )
        left = ", ".join(group.label(h) for h in ranking.left_out)
        yield Drawing(
            f"ranking-{slug(group.name)}",
            f"Average ranks by {metric_name(material.metric)}, {group.name}, over "
            f"{len(ranking.places)} scenes; 1 is the best. {test}A bar joins detectors that "
            "Nemenyi's test does not tell apart at 5 %."
            + (f" Not ranked, for they lack scenes: {left}." if left else ""),
            _rank_figure(group, ranking),
        )
    if not drawn:
        raise NothingToDraw("a ranking needs two detectors on two scenes in common")


def _rank_figure(group: Group, ranking: Ranking) -> Figure:
    order = np.argsort(ranking.average, kind="stable")
    ranks = [ranking.average[i] for i in order]
    names = [group.label(ranking.headings[i]) for i in order]
    count = len(ranks)
    half = -(-count // 2)
    bars = _cliques(ranks, ranking.critical)
    figure = figure_of(7.2, 0.25 * half + 0.17 * len(bars) + 1.3)
    axes = figure.add_subplot()
    top = 0.55 * len(bars) + 1.1
    for number, (first, last) in enumerate(bars):
        y = 0.55 * (number + 1)
        ends = ranks[first] - 0.03, ranks[last] + 0.03
        axes.plot(ends, (y, y), color=ORANGE, linewidth=3.5, solid_capstyle="butt")
    for i, (rank, name) in enumerate(zip(ranks, names, strict=True)):
        left = i < half
        y = top + 0.75 * (i if left else count - 1 - i)
        end = 1 - 0.04 * (count - 1) if left else count + 0.04 * (count - 1)
        axes.plot((rank, rank, end), (0, y, y), color=INK, linewidth=0.9)
        axes.annotate(
            f"{name}  {rank:.2f}" if left else f"{rank:.2f}  {name}",
            (end, y),
            xytext=(-4 if left else 4, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=8.5,
            color=INK,
            parse_math=False,
            annotation_clip=False,
        )
    axes.plot(ranks, [0] * count, "o", color=BLUE, markersize=5, zorder=3)
    _rank_axis(axes, count, top + 0.75 * half, ranking)
    return figure


def _rank_axis(axes: Axes, count: int, bottom: float, ranking: Ranking) -> None:
    axes.set_xlim(1 - 0.42 * (count - 1), count + 0.42 * (count - 1))
    axes.set_ylim(bottom, -1.35)
    axes.spines[["left", "right", "bottom"]].set_visible(False)
    axes.spines["top"].set_position(("data", 0))
    axes.spines["top"].set_bounds(1, count)
    axes.xaxis.set_ticks_position("top")
    places = range(1, count + 1)
    axes.set_xticks(places, [str(p) if count <= 15 or p == 1 or p % 5 == 0 else "" for p in places])
    axes.tick_params(labelsize=8, colors=INK)
    axes.set_yticks([])
    reach = min(ranking.critical, count - 1.0)
    axes.plot((1, 1 + reach), (-1.05, -1.05), color=ORANGE, linewidth=2, marker="|")
    axes.annotate(
        f"critical difference {ranking.critical:.2f}"
        + ("" if ranking.critical <= reach else " (longer than the axis)"),
        (1 + reach, -1.05), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8,
        color=INK, annotation_clip=False,
    )  # fmt: skip


def _cliques(ranks: Sequence[float], critical: float) -> list[tuple[int, int]]:
    """Longest runs of ascending ranks that lie within the critical difference."""
    found: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = max(i for i in range(first, len(ranks)) if ranks[i] - ranks[first] <= critical)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found
