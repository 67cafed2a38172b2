"""How results change: with added noise, and from iteration to iteration."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from oddspec.study.metric_names import metric_name
from oddspec.study.report.cells import Heading, Place, scene_names
from oddspec.study.report.drawing import (
    Drawing,
    NothingToDraw,
    grid_of_axes,
    legend_outside,
    line_with_band,
    styles,
    title,
)
from oddspec.study.report.material import Material, slug
from oddspec.study.report.score_table import headings_of
from oddspec.study.report.spread import Spread
from oddspec.study.results import NAMED_COLUMNS, Run

__all__ = ["draw_convergence", "draw_noise"]

_MOST_SCENES = 12
_PER_STEP = ("objective", "losses")
"""Curves of which the records count the iterations."""
_RELATIVE = ("mse", "pre")
"""Curves without a unit, shown as they are."""


def draw_noise(material: Material) -> Iterator[Drawing]:
    """A metric against the noise, one panel for each scene.

    Raises
    ------
    NothingToDraw
        If there are no runs with added noise.
    """
    noisy = {h for p, h in material.cells if p.noise}
    if not noisy:
        raise NothingToDraw("no run has added noise; see noise in the plan")
    for column in dict.fromkeys(h.column for h in headings_of(material.cells) if h in noisy):
        headings = [h for h in headings_of(material.cells) if h in noisy and h.column == column]
        places = sorted(
            {p._replace(noise=0.0) for p, h in material.cells if p.noise and h in noisy}
        )
        names = scene_names(places)
        figure, every = grid_of_axes(min(len(places), _MOST_SCENES))
        handles = {}
        for place, axes in zip(places, every, strict=False):
            for heading, style in zip(headings, styles(len(headings)), strict=True):
                line = _against_noise(material, place, heading)
                if len(line) < 2:
                    continue
                sigma, spreads = zip(*line, strict=True)
                label = (
                    f"{heading.detector} ({heading.paper})" if heading.paper else heading.detector
                )
                handles[label] = line_with_band(axes, sigma, spreads, style)
            axes.set(
                xlabel="standard deviation σ of the noise", ylabel=metric_name(material.metric)
            )
            title(axes, names[place])
        legend_outside(figure, list(handles.values()), list(handles))
        yield Drawing(
            f"noise-{slug(column)}",
            f"{metric_name(material.metric)} under added noise, {column}. σ as the records state "
            "it; bands reach from the least to the most over seeds."
            + (f" The first {_MOST_SCENES} scenes." if len(places) > _MOST_SCENES else ""),
            figure,
        )


def _against_noise(
    material: Material, place: Place, heading: Heading
) -> list[tuple[float, Spread]]:
    """Noise, and the metric over the seeds, by noise."""
    found = []
    for (other, h), cell in material.cells.items():
        same = (other.scene, other.truth) == (place.scene, place.truth)
        spread = cell.spread(material.metric) if h == heading and same else None
        if spread is not None:
            found.append((other.noise, spread))
    return sorted(found, key=lambda entry: entry[0])


def draw_convergence(material: Material) -> Iterator[Drawing]:
    """Curves that detectors tell of their iterations, by detector, one line for each scene.

    Raises
    ------
    NothingToDraw
        If no record has such a curve.
    """
    drawn = False
    headings = [h for h in headings_of(material.cells) if h.column in NAMED_COLUMNS]
    for heading in headings:
        lines = _curves(material, heading)
        names = list(dict.fromkeys(name for _, _, curves in lines for name in curves))
        if not names:
            continue
        drawn = True
        figure, every = grid_of_axes(len(names), width=4.2, height=3.1)
        handles = {}
        for name, axes in zip(names, every, strict=True):
            low = np.inf
            for (place, run, curves), style in zip(lines, styles(len(lines)), strict=True):
                if name not in curves:
                    continue
                curve = curves[name]
                low = min(low, float(np.nanmin(curve)))
                (handles[material.scenes[place]],) = axes.plot(
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
            f"convergence-{slug(heading.detector)}-{slug(heading.origin)}",
            f"Convergence of {heading}. Curves with a unit are divided by their first value, so "
            "that scenes compare; of several seeds, the run nearest to the median area.",
            figure,
        )
    if not drawn:
        raise NothingToDraw("no record has a curve of its iterations")


def _curves(material: Material, heading: Heading) -> list[tuple[Place, Run, dict[str, np.ndarray]]]:
    """Place, run and its curves of numbers, divided by their first value."""
    found = []
    for place in material.scenes:
        cell = material.cell(place, heading)
        run = None if cell is None else cell.typical()
        if run is not None:
            curves = {k: c for k, v in run.curves.items() if (c := _curve(k, v)) is not None}
            if curves:
                found.append((place, run, curves))
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
