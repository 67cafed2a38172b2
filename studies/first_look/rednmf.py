"""First figures of REDNMF: ``python -m studies.first_look.rednmf FOLDER OUT.csv [COLUMN ...]``.

One BLAS thread per process: give ``workers=2`` more only where nothing else runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
from studies.first_look.thirteen import THIRTEEN, load, summary
from studies.first_look.thirteen import measure as _measure

import oddspec
from oddspec.brad import score_residual
from oddspec.solvers import nmf, rednmf

PRINTED = {
    "abu-airport-1": 0.9357,
    "abu-airport-4": 0.9826,
    "abu-beach-1": 0.9797,
    "abu-beach-3": 0.9990,
    "abu-urban-2": 0.9901,
    "abu-urban-3": 0.9825,
    "sandiego-1-truth58b": 0.9909,
    "sandiego-1-sunlight": 0.9897,
}
"""Scenes of the paper that are at hand, and its Table 2."""

PAPER: dict[str, Any] = {
    "penalty": 50.0,
    "penalty_unit": "absolute",
    "start": "random",
    "tolerance": 0.0,
    "unit_norm": False,
    "score": "brad",
}
"""What the paper states: weights 50 and 1, 500 sweeps from random factors, BRAD of S."""

RANK = 5
NO_MODEL, FACTORS = "no model: the cube itself", "NMF: residual"
SCORES: tuple[Literal["norm", "brad", "rx", "both"], ...] = ("norm", "brad", "rx", "both")


def measure(*arguments: Any) -> None:
    """As `thirteen.measure`, for this detector, on one thread."""
    data, file, column, settings, *more = arguments
    _measure(data, file, "rednmf", column, {"workers": 1} | settings, *more)


def tell_apart(folder: Path, scene: str, out: Path) -> None:
    """Every score on what every model leaves; one line per model."""
    cube, truth = load(folder, scene)
    valid = np.ones(truth.shape, dtype=bool)
    X = np.maximum(cube.reshape(-1, cube.shape[2]).astype(float), 0)
    left = {NO_MODEL: X}
    energy = float((X * X).sum())
    factors = nmf.best_start(X, energy, RANK, 10, 20)
    for _ in range(130):
        factors = nmf.step(factors, X, energy)
    left[FACTORS] = X - factors.H @ factors.W
    typical = float(np.median(np.linalg.norm(left[FACTORS], axis=1)))
    for name, beta in (("REDNMF without encoder", 0.0), ("REDNMF", 1.0)):
        problem = rednmf.Problem.of(X, typical, beta)
        model = rednmf.start(problem, factors.H, factors.W, rednmf.encoder(X, factors.H))
        for _ in range(500):
            previous, model = model, rednmf.step(model, problem)
            if nmf.decrease(previous, model) <= 1e-3:
                break
        left[f"{name}: residual"] = X - model.H @ model.W
        left[f"{name}: anomalies"] = model.S.rows(X)
    with out.open("a") as stream:
        for name, residual in left.items():
            areas = [
                oddspec.evaluate(score_residual(residual, valid, score), truth)["auc_pd_pf"]
                for score in SCORES
            ]
            print(scene, name, *(f"{area:.4f}" for area in areas), sep=",", file=stream)


def main(folder: str, out: str, *columns: str) -> None:
    """Measure the columns (all without names) and print the table."""
    data, file = Path(folder), Path(out)
    scenes = tuple(PRINTED)
    wanted = set(columns) or {"default", "scores", "rank", "paper", "printed"}
    if "default" in wanted:
        measure(data, file, "default", {}, THIRTEEN, range(10))
    if "paper" in wanted:
        for rank in (5, 10):
            column = f"as published, corrected rules, rank {rank}"
            measure(data, file, column, PAPER | {"rank": rank}, scenes, range(2))
    if "scores" in wanted:
        for scene in THIRTEEN:
            tell_apart(data, scene, file.with_suffix(".scores.csv"))
    if "rank" in wanted:
        for rank in (3, 10):
            measure(data, file, f"rank {rank}", {"rank": rank})
    if "printed" in wanted:
        settings = PAPER | {"rules": "printed", "iterations": 30}
        measure(data, file, "printed rules, 30 sweeps", settings, scenes)
    print(summary(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
