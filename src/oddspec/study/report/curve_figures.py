"""A metric over one or two settings, the default marked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oddspec.products.charts import INK, log_axis
from oddspec.study.metric_names import metric_name
from oddspec.study.report.cells import Cell, Heading, Place, scene_names, sweeps
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
from oddspec.study.report.material import Material, slug
from oddspec.study.report.parameter_table import setting_text, settings_in_order
from oddspec.study.report.run_settings import at_default, kept_settings, varying
from oddspec.study.report.sheet import amount
from oddspec.study.results import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_curves", "draw_surfaces"]

_MOST_SCENES = 12


def draw_surfaces(material: Material) -> Iterator[Drawing]:
    """For each sweep of two settings a field of numbers, one panel for each scene.

    Raises
    ------
    NothingToDraw
        If no sweep varies exactly two settings.
    """
    found = [entry for entry in _sweeps(material) if len(entry[2]) == 2]
    if not found:
        raise NothingToDraw("no sweep varies exactly two settings; see grid in the plan")
    for heading, runs, (down, across) in found:
        by_place = _by_place(runs)
        places = list(by_place)[:_MOST_SCENES]
        rows, columns = _values(runs, down), _values(runs, across)
        figure, every = grid_of_axes(
            len(places), width=0.5 * len(columns) + 1.3, height=0.36 * len(rows) + 1.3, margin=0.9
        )
        fields = {p: _field(by_place[p], material, down, across, rows, columns) for p in places}
        known = np.concatenate([field[np.isfinite(field)] for field in fields.values()])
        limits = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        names = scene_names(by_place)
        default = tuple(_default(material, heading, runs, name) for name in (down, across))
        shown = None if None in default else _place_of(default, rows, columns)
        for place, axes in zip(places, every, strict=True):
            _surface(axes, fields[place], limits, material.metric)
            if shown:
                _frame(axes, *shown)
            axes.set_yticks(range(len(rows)), [setting_text(v) for v in rows])
            axes.set_xticks(range(len(columns)), [setting_text(v) for v in columns])
            axes.set_ylabel(down, parse_math=False)
            axes.set_xlabel(across, parse_math=False)
            title(axes, _title(names[place], place))
        marked = "a frame marks their defaults" if shown else "their defaults are not among these"
        framed = "; framed: defaults" if shown else ""
        figure.suptitle(f"{metric_name(material.metric)}{framed}", fontsize=9, color=INK)
        yield Drawing(
            f"surface-{slug(heading.detector)}-{slug(heading.column)}",
            f"{metric_name(material.metric)} of {heading.detector} over {down} and {across} "
            f"({heading.column}); {marked}; {kept_settings(runs, (down, across))}. Medians where "
            f"there are several seeds; a cross means that there is no result.{_left_out(by_place)}",
            figure,
        )


def draw_curves(material: Material) -> Iterator[Drawing]:
    """For each sweep and each of its settings a curve, the others at their defaults.

    Raises
    ------
    NothingToDraw
        If there is no such sweep, or none in which the others are at their defaults.
    """
    drawn, apart = False, []
    for heading, runs, names in _sweeps(material):
        for name in names:
            kept = _along(material, heading, runs, names, name)
            if len(_values(kept, name)) > 2:
                drawn = True
                yield _curve(material, heading, kept, name)
            elif len(_values(runs, name)) > 2:
                apart.append(f"{name} of {heading}")
    if drawn:
        return
    if apart:
        raise NothingToDraw(
            f"fewer than three values were run with the sweep's other settings at their defaults: "
            f"{'; '.join(apart)}"
        )
    raise NothingToDraw("no sweep varies a setting over three values or more")


def _curve(material: Material, heading: Heading, runs: list[Run], name: str) -> Drawing:
    figure, (axes,) = grid_of_axes(1, width=5.4, height=3.5, margin=2.6)
    by_place, values = _by_place(runs), _values(runs, name)
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    at = [float(v) for v in values] if numeric else list(range(len(values)))
    names, handles = scene_names(by_place), {}
    for (place, here), style in zip(by_place.items(), styles(len(by_place)), strict=True):
        spreads = [_cell(here, {name: value}).spread(material.metric) for value in values]
        x = [p for p, s in zip(at, spreads, strict=True) if s]
        known = [s for s in spreads if s]
        handles[_title(names[place], place)] = line_with_band(axes, x, known, style)
    if numeric and min(at) > 0 and max(at) / min(at) >= 20:
        axes.set_xscale("log")
        log_axis(axes.xaxis, at)
    if not numeric:
        axes.set_xticks(at, [setting_text(v) for v in values])
    default = _default(material, heading, runs, name)
    if default is not None and default in values:
        place_of_default = at[values.index(default)]
        handles["default"] = axes.axvline(place_of_default, color=INK, lw=1, linestyle=(0, (4, 3)))
    axes.set_xlabel(name, parse_math=False)
    axes.set_ylabel(metric_name(material.metric))
    legend_outside(figure, list(handles.values()), list(handles))
    return Drawing(
        f"curve-{slug(heading.detector)}-{slug(heading.column)}-{slug(name)}",
        f"{metric_name(material.metric)} of {heading.detector} over {name} ({heading.column}); "
        f"{kept_settings(runs, (name,))}. Bands reach from the least to the most over the seeds.",
        figure,
    )


def _sweeps(material: Material) -> list[tuple[Heading, list[Run], tuple[str, ...]]]:
    """Heading, runs and the settings that vary."""
    return [(h, runs, tuple(varying(runs))) for h, runs in sweeps(material.runs).items()]


def _along(
    material: Material, heading: Heading, runs: list[Run], names: Sequence[str], name: str
) -> list[Run]:
    """Runs that differ from the defaults in that setting at most, of those that vary."""
    others = [other for other in names if other != name]
    defaults = {other: _default(material, heading, runs, other) for other in others}
    return [
        run
        for run in runs
        if all(_same(run.settings.get(other), defaults[other]) for other in others)
    ]


def _default(material: Material, heading: Heading, runs: Sequence[Run], name: str) -> Any:
    """The default of a setting, which is what runs have that did not vary it; None if unknown."""
    if any(f"{name}_unit" in run.varied for run in runs):
        return None  # the default is a number in another unit
    everywhere = [run for run in material.runs if run.detector == heading.detector]
    return next((r.settings[name] for r in (*runs, *everywhere) if at_default(r, name)), None)


def _by_place(runs: Sequence[Run]) -> dict[Place, list[Run]]:
    found: dict[Place, list[Run]] = {}
    for run in runs:
        found.setdefault(Place(run.scene, run.truth, run.noise), []).append(run)
    return dict(sorted(found.items()))


def _values(runs: Sequence[Run], name: str) -> list[Any]:
    """Values of a setting, each once, in order."""
    values: list[Any] = []
    for run in runs:
        value = run.settings.get(name)
        if not any(_same(value, known) for known in values):
            values.append(value)
    return settings_in_order(values)


def _same(one: Any, other: Any) -> bool:
    return json.dumps(one, default=str) == json.dumps(other, default=str) or (
        isinstance(one, (int, float)) and isinstance(other, (int, float)) and one == other
    )


def _cell(runs: Sequence[Run], settings: dict[str, Any]) -> Cell:
    return Cell(
        tuple(r for r in runs if all(_same(r.settings.get(k), v) for k, v in settings.items()))
    )


def _field(
    runs: Sequence[Run], material: Material, down: str, across: str, rows: list[Any],
    columns: list[Any],
) -> np.ndarray:  # fmt: skip
    field = np.full((len(rows), len(columns)), np.nan)
    for i, above in enumerate(rows):
        for j, beside in enumerate(columns):
            spread = _cell(runs, {down: above, across: beside}).spread(material.metric)
            if spread is not None:
                field[i, j] = spread.median
    return field


def _surface(axes: Axes, field: np.ndarray, limits: tuple[float, float], metric: str) -> None:
    """Colours and numbers of a field; a cross where it has none."""
    axes.grid(False)
    axes.imshow(field, cmap="cividis", vmin=limits[0], vmax=limits[1], aspect="auto")
    middle = sum(limits) / 2
    for (i, j), value in np.ndenumerate(field):
        text = amount(value, metric) if np.isfinite(value) else "×"
        colour = "white" if np.isfinite(value) and value < middle else INK
        axes.text(j, i, text, ha="center", va="center", fontsize=7, color=colour)


def _place_of(
    default: tuple[Any, ...], rows: list[Any], columns: list[Any]
) -> tuple[int, int] | None:
    """Row and column of the defaults; None if they are not among the values that were run."""
    at = [
        next((i for i, value in enumerate(values) if _same(value, wanted)), None)
        for wanted, values in zip(default, (rows, columns), strict=True)
    ]
    return None if at[0] is None or at[1] is None else (at[0], at[1])


def _frame(axes: Axes, row: int, column: int) -> None:
    from matplotlib.patches import Rectangle

    corner = (column - 0.47, row - 0.45)
    axes.add_patch(Rectangle(corner, 0.94, 0.9, fill=False, edgecolor=ORANGE, linewidth=2.2))


def _title(name: str, place: Place) -> str:
    return f"{name}, σ = {place.noise:g}" if place.noise else name


def _left_out(by_place: dict[Place, list[Run]]) -> str:
    spare = len(by_place) - _MOST_SCENES
    return f" {spare} more scenes are not shown." if spare > 0 else ""
