"""A metric under added noise, and what detectors record from iteration to iteration."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from oddspec.study.grouping import Column, Spread, columns_of, scene_names
from oddspec.study.report.drawing import (
    Drawing,
    grid_of_axes,
    legend_outside,
    line_with_band,
    styles,
    title,
)
from oddspec.study.report.table import slug
from oddspec.study.results import StudyResults
from oddspec.study.runs import NAMED_COLUMNS, Run, SceneKey, metric_name

_MOST_SCENES = 12
_PER_STEP = ("objective", "losses")
"""Curves of which the records count the iterations."""
_RELATIVE = ("mse", "pre")
"""Curves without a unit, shown as they are."""


def draw_noise(study: StudyResults) -> Iterator[Drawing]:
    """A metric against the noise, one panel for each scene."""
    noisy = [key for key in study.results if key[0].noise]
    known = {column for _, column in noisy}
    every = [column for column in columns_of(study.results) if column in known]
    scenes = sorted({scene._replace(noise=0.0) for scene, _ in noisy})
    names = scene_names(scenes)
    for origin in dict.fromkeys(column.name for column in every):
        columns = [column for column in every if column.name == origin]
        figure, panels = grid_of_axes(min(len(scenes), _MOST_SCENES))
        handles = {}
        for scene, axes in zip(scenes, panels, strict=False):
            for column, style in zip(columns, styles(len(columns)), strict=True):
                line = _against_noise(study, scene, column)
                if len(line) < 2:
                    continue
                sigma, spreads = zip(*line, strict=True)
                label = f"{column.detector} ({column.paper})" if column.paper else column.detector
                handles[label] = line_with_band(axes, sigma, spreads, style)
            axes.set(xlabel="standard deviation σ of the noise", ylabel=metric_name(study.metric))
            title(axes, names[scene])
        legend_outside(figure, list(handles.values()), list(handles))
        yield Drawing(
            f"noise-{slug(origin)}",
            f"{metric_name(study.metric)} under added noise, {origin}. σ as the records state "
            "it; bands reach from the least to the most over seeds."
            + (f" The first {_MOST_SCENES} scenes." if len(scenes) > _MOST_SCENES else ""),
            figure,
        )


def _against_noise(
    study: StudyResults, scene: SceneKey, column: Column
) -> list[tuple[float, Spread]]:
    """Noise, and the metric over the seeds, by noise."""
    found = [
        (other.noise, spread)
        for (other, c), result in study.results.items()
        if c == column
        and (other.name, other.truth) == (scene.name, scene.truth)
        and (spread := result.spread(study.metric))
    ]
    return sorted(found, key=lambda pair: pair[0])


def draw_convergence(study: StudyResults) -> Iterator[Drawing]:
    """Curves that detectors record of their iterations, by detector, one line for each scene."""
    for column in columns_of(study.results):
        lines = _curves(study, column) if column.name in NAMED_COLUMNS else []
        names = list(dict.fromkeys(name for _, _, curves in lines for name in curves))
        if not names:
            continue
        figure, every = grid_of_axes(len(names), width=4.2, height=3.1)
        handles = {}
        for name, axes in zip(names, every, strict=True):
            low = np.inf
            for (scene, run, curves), style in zip(lines, styles(len(lines)), strict=True):
                if name not in curves:
                    continue
                curve = curves[name]
                low = min(low, float(np.nanmin(curve)))
                (handles[study.scenes[scene]],) = axes.plot(
                    _steps(run, name, len(curve)), curve, color=style.colour, linestyle=style.line,
                    linewidth=1.4,
                )  # fmt: skip
            # A logarithmic axis of less than a decade would show no plain numbers.
            axes.set_yscale("log" if 0 < low < 0.1 else "linear")
            axes.set_xlabel("iteration")
            words = name.replace("_", " ") + ("" if name in _RELATIVE else " / first value")
            axes.set_ylabel(words, parse_math=False)
        legend_outside(figure, list(handles.values()), list(handles))
        yield Drawing(
            f"convergence-{slug(column.detector)}-{slug(column.origin)}",
            f"Convergence of {column}. Curves with a unit are divided by their first value, so "
            "that scenes compare; of several seeds, the run nearest to the median area.",
            figure,
        )


def _curves(
    study: StudyResults, column: Column
) -> list[tuple[SceneKey, Run, dict[str, np.ndarray]]]:
    """Scene, run and its curves of numbers, divided by their first value."""
    found = []
    for scene in study.scenes:
        result = study.results.get((scene, column))
        run = None if result is None else result.typical()
        if run is not None:
            recorded = (run.record.get("curves") or {}).items()
            curves = {k: curve for k, v in recorded if (curve := _curve(k, v)) is not None}
            if curves:
                found.append((scene, run, curves))
    return found


def _curve(name: str, values: object) -> np.ndarray | None:
    """One number per step, relative to the first; None where it is anything else."""
    if not isinstance(values, list) or len(values) < 2:
        return None
    if any(isinstance(value, (list, dict, str)) for value in values):
        return None
    curve = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    if name in _RELATIVE:
        return curve
    if not np.isfinite(curve[0]) or curve[0] == 0:
        return None
    return curve / curve[0]


def _steps(run: Run, name: str, count: int) -> np.ndarray:
    """Numbers of the iterations; long curves are thinned in the records."""
    total = run.value("iterations")
    if name in _PER_STEP and total is not None and total > count:
        return np.linspace(1, total, count)
    return np.arange(1, count + 1)
