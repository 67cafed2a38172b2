"""AUC(PD, PF) of LREN over its lambda, as in its Fig. 3.

``python -m studies.lren_lambda --data FOLDER``: draws docs/images/results/lren-lambda.png and puts
the medians into docs/results/parameters.md (about twenty minutes of two cores).

Lambda bears on the representation alone, so a network is trained once for each scene and seed, with
the settings of the authors' code, and all lambdas are tried on its latent pixels: what differs
along a curve is lambda and nothing else. Two readings: atoms and norm of the authors' code, and
those of the paper.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch

import oddspec
from oddspec.detectors.learned.lren import LREN
from oddspec.detectors.learned.lren.background import couple
from oddspec.detectors.learned.lren.network import choose_atoms
from oddspec.errors import NotConverged
from oddspec.io.truth import read_truth
from oddspec.metrics import evaluate
from oddspec.products.charts import INK, log_axis
from oddspec.statistics.scaling import bandz
from oddspec.study.grouping import Spread
from oddspec.study.report.drawing import (
    Drawing,
    grid_of_axes,
    legend_outside,
    line_with_band,
    save_drawing,
    styles,
    title,
)
from oddspec.study.scene_files import Missing, StudyScene
from oddspec.study.scenes import Library
from studies.pages import put

DOCS = Path(__file__).resolve().parent.parent / "docs"
PICTURES, PAGE = DOCS / "images" / "results", DOCS / "results" / "parameters.md"
LAMBDAS = tuple(float(x) for x in np.logspace(-4, 0, 9))
"""The figure goes from 1e-4 to 1."""
STATED = {"pavia-crop": 1e-3}
"""The paper's lambda, where it is not 0.01."""
READINGS = {
    "atoms and norm of the code": ("members", 2),
    "atoms and norm of the paper": ("centroids", 1),
}

Curve = dict[str, list[float]]


def areas(scene: StudyScene, seed: int) -> Curve:
    """One training, and the area under the ROC curve at each lambda by each reading."""
    torch.set_num_threads(1)
    source = oddspec.open(scene.cube, variable=scene.cube_variable)
    height, width, _ = source.shape
    cube, valid = source.read((0, height), (0, width))
    truth = read_truth(scene.truth, (height, width), scene.truth_variable)[valid]
    scaled = bandz(cube[valid])(cube[valid])
    authors = LREN(latent=9, steps=3000, batch=4096, learning_rate=1e-4, patience=0)
    rng = torch.Generator().manual_seed(seed)
    networks, _ = authors.train_networks(scaled, rng)
    code = networks.encoder(scaled.astype(np.float32))
    pixels, membership = code.astype(np.float64), networks.estimator(code).astype(np.float64)
    found: Curve = {}
    for reading, (kind, order) in READINGS.items():
        atoms = choose_atoms(pixels, membership, kind)  # type: ignore[arg-type]
        for penalty in LAMBDAS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotConverged)  # their schedule stops early
                errors = couple(pixels, atoms, penalty, published=True).errors(pixels)
            scores = np.linalg.norm(errors, ord=order, axis=1)
            found.setdefault(reading, []).append(evaluate(scores, truth)["auc_pd_pf"])
    return found


def spreads_of(seeds: list[Curve], reading: str) -> list[Spread]:
    """Over the seeds, for each lambda."""
    return [Spread.of(values) for values in zip(*(seed[reading] for seed in seeds), strict=True)]


def draw(curves: dict[str, list[Curve]]) -> Drawing:
    """A panel for each scene, a curve for each reading."""
    figure, every = grid_of_axes(len(curves), across=2, width=3.6, height=2.5, margin=2.4)
    handles = {}
    for (scene, seeds), axes in zip(curves.items(), every, strict=True):
        for reading, style in zip(READINGS, styles(len(READINGS)), strict=True):
            spreads = [
                Spread.of(values) for values in zip(*(s[reading] for s in seeds), strict=True)
            ]
            handles[reading] = line_with_band(axes, LAMBDAS, spreads, style)
        stated = axes.axvline(STATED.get(scene, 1e-2), color=INK, lw=1, linestyle=(0, (4, 3)))
        handles["stated in the paper"] = stated
        axes.set(xlabel="lambda", ylabel="AUC(PD, PF)", xscale="log")
        log_axis(axes.xaxis)
        title(axes, scene)
    legend_outside(figure, list(handles.values()), list(handles))
    return Drawing("lren-lambda", "AUC(PD, PF) of LREN over its lambda.", figure)


def table(curves: dict[str, list[Curve]]) -> str:
    """Medians over the seeds, and how far these are apart."""
    lines = [
        "| scene | reading | " + " | ".join(f"{x:.2g}" for x in LAMBDAS) + " |",
        "|---|---|" + "---:|" * len(LAMBDAS),
    ]
    for (scene, seeds), reading in product(curves.items(), READINGS):
        spreads = spreads_of(seeds, reading)
        cells = [f"{s.median:.3f} ({s.least:.3f} to {s.most:.3f})" for s in spreads]
        lines.append(f"| {scene} | {reading} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> None:
    """Draw the figure and renew the page's table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of public scenes")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each scene (default: 3)")
    chosen = parser.parse_args(words)
    scenes = []
    for scene in Library(chosen.data, Path()).resolve(["lren"]):
        if isinstance(scene, Missing):
            raise SystemExit(f"{scene.key}: {scene.reason}")
        scenes.append(scene)
    with ProcessPoolExecutor(2) as pool:
        waiting = {
            scene.key: [pool.submit(partial(areas, scene, seed)) for seed in range(chosen.seeds)]
            for scene in scenes
        }
        curves = {key: [one.result() for one in several] for key, several in waiting.items()}
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(put(page, "lren_lambda", table(curves)), encoding="utf-8")
    for path in save_drawing(draw(curves), PICTURES, ["png"]):
        print(path)


if __name__ == "__main__":
    main()
