"""How fast solvers rebuild a scene, as in REDNMF's Fig. 9 and LRR-Net+'s Fig. 10.

``python -m studies.convergence --data FOLDER``: draws docs/images/results/convergence.png and
stages.png.

The relative error of the background, ``||X - H W|| / ||X||``, by the sweeps allowed, and what
LRR-Net+ leaves unexplained by its stages: a detector is run anew for each number of them, so that
the curves are those of the detectors as users have them.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import oddspec
from oddspec.arrays import Cube, Mask
from oddspec.detector import SceneDetector
from oddspec.detectors.factorization.ewnmf import EWNMF
from oddspec.detectors.factorization.l1nmf import L1NMF
from oddspec.detectors.factorization.nmf import NMF
from oddspec.detectors.factorization.rednmf import REDNMF
from oddspec.detectors.factorization.rnmf import RNMF
from oddspec.products.charts import log_axis
from oddspec.study.report.drawing import (
    Drawing,
    grid_of_axes,
    legend_outside,
    save_drawing,
    styles,
    title,
)
from oddspec.study.scene_files import Missing
from oddspec.study.scenes import Library

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "images" / "results"
SCENES = ("sandiego-1/58b", "abu-airport-4")
SWEEPS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 400, 500)
"""REDNMF's figure ends at 500."""

STAGED = ("abu-airport-1", "abu-airport-4", "sandiego-2")
STAGES = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40)
"""LRR-Net+'s figure ends at 40."""
TRAINED = {"trained (default)": {}, "untrained": {"epochs": 0}}

PLAIN = (NMF, L1NMF, RNMF, EWNMF)


def from_random(sweeps: int) -> dict[str, SceneDetector]:
    """All from random factors at once; REDNMF as its paper states it."""
    made: dict[str, SceneDetector] = {"nmf": NMF(iterations=sweeps, starts=1, tolerance=0.0)}
    for kind in (L1NMF, RNMF, EWNMF):
        made[kind.__name__.lower()] = kind(iterations=sweeps, starts=1, tolerance=0.0, warmup=0)
    made["rednmf"] = REDNMF(
        iterations=sweeps, start="random", tolerance=0.0, unit_norm=False, penalty=50.0,
        penalty_unit="absolute",
    )  # fmt: skip
    return made


def by_default(sweeps: int) -> dict[str, SceneDetector]:
    """From singular vectors, with a warm-up; REDNMF's is beside its sweeps."""
    made: dict[str, SceneDetector] = {
        kind.__name__.lower(): kind(iterations=sweeps, tolerance=0.0) for kind in PLAIN
    }
    made["rednmf"] = REDNMF(iterations=sweeps, tolerance=0.0)
    return made


def error(detector: SceneDetector, cube: Cube, valid: Mask) -> float:
    """``||X - H W|| / ||X||`` of the background that the detector finds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few sweeps are what is asked for
        insights = detector.examine(cube, valid).insights
    found = {insight.name: np.asarray(insight.values) for insight in insights}
    X = np.maximum(cube[valid], 0.0)  # what is factorized
    H = found["abundances"][valid]
    return float(np.linalg.norm(X - H @ found["spectra"]) / np.linalg.norm(X))


def scenes(data: Path, names: Sequence[str]) -> Iterator[tuple[str, Cube, Mask]]:
    """Name, cube and valid pixels of each."""
    for scene in Library(data, Path()).resolve(names):
        if isinstance(scene, Missing):
            raise SystemExit(f"{scene.key}: {scene.reason}")
        source = oddspec.open(scene.cube, variable=scene.cube_variable)
        height, width, _ = source.shape
        yield scene.key, *source.read((0, height), (0, width))


def draw_sweeps(data: Path) -> Drawing:
    """Errors by sweeps: scenes down, starts across."""
    starts = {"random factors, no warm-up": from_random, "default settings": by_default}
    figure, every = grid_of_axes(len(SCENES) * len(starts), across=len(starts), width=4.2)
    panels = iter(every)
    handles = {}
    for scene, cube, valid in scenes(data, SCENES):
        for words, make in starts.items():
            axes = next(panels)
            curves: dict[str, list[float]] = {}
            for sweeps in SWEEPS:
                for name, detector in make(sweeps).items():
                    curves.setdefault(name, []).append(error(detector, cube, valid))
            for (name, curve), style in zip(curves.items(), styles(len(curves)), strict=True):
                (handles[name],) = axes.plot(
                    SWEEPS, curve, color=style.colour, linestyle=style.line, marker=style.marker,
                    markersize=3.5, linewidth=1.4,
                )  # fmt: skip
                print(scene, words, name, " ".join(f"{e:.4f}" for e in curve))
            axes.set(xlabel="sweeps", ylabel="||X − HW|| / ||X||", xscale="log", yscale="log")
            log_axis(axes.xaxis)
            log_axis(axes.yaxis)
            title(axes, f"{scene}, {words}")
    legend_outside(figure, list(handles.values()), list(handles))
    return Drawing("convergence", "Relative error of the background by sweeps.", figure)


def unexplained(cube: Cube, **settings: int) -> float:
    """The part of the scene's energy that the last stage's background leaves (MSE, eq. 23)."""
    insights = oddspec.fit(cube, "lrr_net_plus", **settings).fitted.insights()
    return float(next(i.values[-1] for i in insights if i.name == "errors"))


def draw_stages(data: Path) -> Drawing:
    """LRR-Net+ with ever more stages, trained and not, one panel for each scene."""
    figure, every = grid_of_axes(len(STAGED), width=3.4)
    handles = {}
    for (scene, cube, _), axes in zip(scenes(data, STAGED), every, strict=True):
        for (words, settings), style in zip(TRAINED.items(), styles(len(TRAINED)), strict=True):
            curve = [unexplained(cube, stages=stages, **settings) for stages in STAGES]
            (handles[words],) = axes.plot(
                STAGES, curve, color=style.colour, linestyle=style.line, marker=style.marker,
                markersize=3.5, linewidth=1.4,
            )  # fmt: skip
            print(scene, words, " ".join(f"{e:.2e}" for e in curve))
        axes.set(xlabel="stages", ylabel="||X − L D||² / ||X||²", xscale="log", yscale="log")
        log_axis(axes.xaxis)
        log_axis(axes.yaxis)
        title(axes, scene)
    legend_outside(figure, list(handles.values()), list(handles))
    return Drawing("stages", "What LRR-Net+ leaves unexplained by stages.", figure)


DRAWN = {"convergence": draw_sweeps, "stages": draw_stages}


def main(words: Sequence[str] | None = None) -> None:
    """Draw the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of public scenes")
    parser.add_argument("--only", choices=DRAWN, help="one of them")
    chosen = parser.parse_args(words)
    for name in [chosen.only] if chosen.only else DRAWN:
        for path in save_drawing(DRAWN[name](chosen.data), PICTURES, ["png"]):
            print(path)


if __name__ == "__main__":
    main()
