"""A metric over one or two settings, the default marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oddspec.products.charts import INK, log_axis
from oddspec.study.grouping import Column, Result, scene_names, sweeps_of
from oddspec.study.report.drawing import (
    ORANGE,
    Drawing,
    NothingToDraw,
    grid_of_axes,
    legend_outside,
    line_with_band,
    styles,
    title,
)
from oddspec.study.report.sweeps import (
    at_default,
    in_order,
    other_settings,
    same_value,
    setting_text,
    varying,
)
from oddspec.study.report.table import amount, slug
from oddspec.study.results import StudyResults
from oddspec.study.runs import Run, SceneKey, metric_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_SCENES = 12


def draw_surfaces(study: StudyResults) -> Iterator[Drawing]:
    """For each sweep of two settings a field of numbers, one panel for each scene."""
    for column, runs in sweeps_of(study.runs).items():
        if len(varying(runs)) != 2:
            continue
        down, across = varying(runs)
        by_scene = _by_scene(runs)
        scenes, names = list(by_scene)[:_MOST_SCENES], _scene_titles(by_scene)
        rows, columns = _values(runs, down), _values(runs, across)
        figure, every = grid_of_axes(
            len(scenes), width=0.5 * len(columns) + 1.3, height=0.36 * len(rows) + 1.3, margin=0.9
        )
        fields = {
            scene: np.array(
                [
                    [_median(by_scene[scene], study, {down: r, across: c}) for c in columns]
                    for r in rows
                ]
            )
            for scene in scenes
        }
        known = np.concatenate([field[np.isfinite(field)] for field in fields.values()])
        limits = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        default = _default(study, column, runs, down), _default(study, column, runs, across)
        marked = None if None in default else _position(default, rows, columns)
        for scene, axes in zip(scenes, every, strict=True):
            _draw_field(axes, fields[scene], limits, study.metric)
            if marked:
                _frame(axes, *marked)
            axes.set_yticks(range(len(rows)), [setting_text(v) for v in rows])
            axes.set_xticks(range(len(columns)), [setting_text(v) for v in columns])
            axes.set_ylabel(down, parse_math=False)
            axes.set_xlabel(across, parse_math=False)
            title(axes, names[scene])
        where = "a frame marks their defaults" if marked else "their defaults are not among these"
        framed = "; framed: defaults" if marked else ""
        figure.suptitle(f"{metric_name(study.metric)}{framed}", fontsize=9, color=INK)
        spare = len(by_scene) - _MOST_SCENES
        left_out = f" {spare} more scenes are not shown." if spare > 0 else ""
        yield Drawing(
            f"surface-{slug(column.detector)}-{slug(column.name)}",
            f"{metric_name(study.metric)} of {column.detector} over {down} and {across} "
            f"({column.name}); {where}; {other_settings(runs, (down, across))}. Medians where "
            f"there are several seeds; a cross means that there is no result.{left_out}",
            figure,
        )


def draw_curves(study: StudyResults) -> Iterator[Drawing]:
    """For each sweep and each of its settings a curve, the others at their defaults.

    Raises
    ------
    NothingToDraw
        If there are sweeps, but none in which the others are at their defaults.
    """
    drawn, apart = False, []
    for column, runs in sweeps_of(study.runs).items():
        for name in varying(runs):
            defaults = {
                other: _default(study, column, runs, other)
                for other in varying(runs)
                if other != name
            }
            along = [run for run in runs if _has(run, defaults)]
            if len(_values(along, name)) > 2:
                drawn = True
                yield _curve(study, column, along, name)
            elif len(_values(runs, name)) > 2:
                apart.append(f"{name} of {column}")
    if apart and not drawn:
        raise NothingToDraw(
            f"fewer than three values were run with the sweep's other settings at their defaults: "
            f"{'; '.join(apart)}"
        )


def _curve(study: StudyResults, column: Column, runs: list[Run], name: str) -> Drawing:
    figure, (axes,) = grid_of_axes(1, width=5.4, height=3.5, margin=2.6)
    by_scene, values = _by_scene(runs), _values(runs, name)
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    at = [float(v) for v in values] if numeric else list(range(len(values)))
    names, handles = _scene_titles(by_scene), {}
    for (scene, here), style in zip(by_scene.items(), styles(len(by_scene)), strict=True):
        spreads = [_result(here, {name: value}).spread(study.metric) for value in values]
        x = [p for p, s in zip(at, spreads, strict=True) if s]
        known = [s for s in spreads if s]
        handles[names[scene]] = line_with_band(axes, x, known, style)
    if numeric and min(at) > 0 and max(at) / min(at) >= 20:
        axes.set_xscale("log")
        log_axis(axes.xaxis, at)
    if not numeric:
        axes.set_xticks(at, [setting_text(v) for v in values])
    default = _default(study, column, runs, name)
    if default is not None and default in values:
        x_default = at[values.index(default)]
        handles["default"] = axes.axvline(x_default, color=INK, lw=1, linestyle=(0, (4, 3)))
    axes.set_xlabel(name, parse_math=False)
    axes.set_ylabel(metric_name(study.metric))
    legend_outside(figure, list(handles.values()), list(handles))
    return Drawing(
        f"curve-{slug(column.detector)}-{slug(column.name)}-{slug(name)}",
        f"{metric_name(study.metric)} of {column.detector} over {name} ({column.name}); "
        f"{other_settings(runs, (name,))}. Bands reach from the least to the most over the seeds.",
        figure,
    )


def _default(study: StudyResults, column: Column, runs: Sequence[Run], name: str) -> Any:
    """The default of a setting, which is what runs have that did not vary it; None if unknown."""
    if any(f"{name}_unit" in run.varied for run in runs):
        return None  # the default is a number in another unit
    everywhere = [run for run in study.runs if run.detector == column.detector]
    return next((r.settings[name] for r in (*runs, *everywhere) if at_default(r, name)), None)


def _by_scene(runs: Sequence[Run]) -> dict[SceneKey, list[Run]]:
    found: dict[SceneKey, list[Run]] = {}
    for run in runs:
        found.setdefault(run.key, []).append(run)
    return dict(sorted(found.items()))


def _scene_titles(scenes: dict[SceneKey, list[Run]]) -> dict[SceneKey, str]:
    names = scene_names(scenes)
    return {s: f"{name}, σ = {s.noise:g}" if s.noise else name for s, name in names.items()}


def _values(runs: Sequence[Run], name: str) -> list[Any]:
    """Values of a setting, each once, in order."""
    values: list[Any] = []
    for run in runs:
        value = run.settings.get(name)
        if not any(same_value(value, known) for known in values):
            values.append(value)
    return sorted(values, key=in_order)


def _has(run: Run, settings: dict[str, Any]) -> bool:
    return all(same_value(run.settings.get(name), value) for name, value in settings.items())


def _result(runs: Sequence[Run], settings: dict[str, Any]) -> Result:
    return Result(tuple(run for run in runs if _has(run, settings)))


def _median(runs: Sequence[Run], study: StudyResults, settings: dict[str, Any]) -> float:
    spread = _result(runs, settings).spread(study.metric)
    return np.nan if spread is None else spread.median


def _draw_field(axes: Axes, field: np.ndarray, limits: tuple[float, float], metric: str) -> None:
    """Colours and numbers of a field; a cross where it has none."""
    axes.grid(False)
    axes.imshow(field, cmap="cividis", vmin=limits[0], vmax=limits[1], aspect="auto")
    middle = sum(limits) / 2
    for (i, j), value in np.ndenumerate(field):
        text = amount(value, metric) if np.isfinite(value) else "×"
        colour = "white" if np.isfinite(value) and value < middle else INK
        axes.text(j, i, text, ha="center", va="center", fontsize=7, color=colour)


def _position(default: tuple[Any, ...], *axes: list[Any]) -> tuple[int, ...] | None:
    """Row and column of the defaults; None if they are not among the values that were run."""
    at = [
        next((i for i, value in enumerate(values) if same_value(value, wanted)), None)
        for wanted, values in zip(default, axes, strict=True)
    ]
    return tuple(i for i in at if i is not None) if None not in at else None


def _frame(axes: Axes, row: int, column: int) -> None:
    from matplotlib.patches import Rectangle

    corner = (column - 0.47, row - 0.45)
    axes.add_patch(Rectangle(corner, 0.94, 0.9, fill=False, edgecolor=ORANGE, linewidth=2.2))
