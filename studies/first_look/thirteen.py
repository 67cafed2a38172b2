"""The thirteen scenes of the first look, and running a detector on them into a CSV file."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import io

import oddspec
from oddspec import detectors
from oddspec.settings import describe

__all__ = ["THIRTEEN", "load", "measure", "measure_together", "summary"]

THIRTEEN = (
    "abu-airport-1",
    "abu-airport-2",
    "abu-airport-4",
    "abu-beach-1",
    "abu-beach-3",
    "abu-urban-1",
    "abu-urban-2",
    "abu-urban-3",
    "abu-urban-5",
    "pavia-crop",
    "sandiego-2",
    "hydice-162",
    "hydice-175",
)

APART = {"sandiego-1": ("sandiego-1.mat", "hsi", "sandiego-1-truth57.mat", "PlaneGT")}
"""Scenes whose truth lies in another file: cube's file and variable, truth's file and variable."""


def load(folder: Path, scene: str) -> tuple[np.ndarray, np.ndarray]:
    """Cube and truth of a scene."""
    first, cube, second, truth = APART.get(scene, (f"{scene}.mat", "data", f"{scene}.mat", "map"))
    return io.loadmat(folder / first)[cube], io.loadmat(folder / second)[truth] > 0


def measure(
    folder: Path,
    out: Path,
    detector: str,
    column: str,
    settings: Mapping[str, Any],
    scenes: Sequence[str] = THIRTEEN,
    seeds: Sequence[int] = (0,),
) -> None:
    """Append one row per scene and seed; rows that the file holds are not run again."""
    done = {(r["column"], r["scene"], int(r["seed"])) for r in _rows(out)}
    random = any(s.name == "seed" for s in describe(detectors.load(detector)))
    for seed in seeds if random else (0,):
        for scene in scenes:
            if (column, scene, seed) in done:
                continue
            cube, truth = load(folder, scene)
            wall, cpu = time.perf_counter(), time.process_time()
            try:
                given = ({"seed": seed} if random else {}) | dict(settings)
                scores = oddspec.detect(cube, detector, **given)
                area = f"{oddspec.evaluate(scores, truth)['auc_pd_pf']:.6f}"
            except oddspec.errors.OddspecError as error:
                # A failure is a row, not a gap.
                area = f"failed: {error}"
            spent = time.perf_counter() - wall, time.process_time() - cpu
            append(out, [detector, column, scene, seed, area, *(f"{s:.2f}" for s in spent)])


def measure_together(
    out: Path,
    detector: str,
    columns: Sequence[str],
    scene: str,
    seed: int,
    areas: Callable[[], Iterable[float]],
) -> None:
    """Append one row per column, all measured by one call; none if the file holds them all."""
    held = {r["column"] for r in _rows(out) if (r["scene"], int(r["seed"])) == (scene, seed)}
    if held.issuperset(columns):
        return
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        found = [f"{area:.6f}" for area in areas()]
    except oddspec.errors.OddspecError as error:
        found = [f"failed: {error}"] * len(columns)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    for column, area in zip(columns, found, strict=True):
        if column not in held:
            append(out, [detector, column, scene, seed, area, *(f"{s:.2f}" for s in spent)])


def summary(out: Path) -> str:
    """Median over seeds of each scene, spread and mean over scenes, as a Markdown table."""
    rows = _rows(out)
    lines = [
        "| column | scene | seeds | median AUC | least | most | CPU s |",
        "|---|---|---|---|---|---|---|",
    ]
    for column in dict.fromkeys(r["column"] for r in rows):
        medians = []
        for scene in dict.fromkeys(r["scene"] for r in rows if r["column"] == column):
            mine = [r for r in rows if (r["column"], r["scene"]) == (column, scene)]
            areas = [float(r["auc"]) for r in mine if not r["auc"].startswith("failed")]
            cpu = np.median([float(r["cpu"]) for r in mine])
            if areas:
                medians.append(np.median(areas))
                lines.append(
                    f"| {column} | {scene} | {len(areas)} of {len(mine)} | {medians[-1]:.4f} | "
                    f"{min(areas):.4f} | {max(areas):.4f} | {cpu:.0f} |"
                )
            else:
                lines.append(f"| {column} | {scene} | 0 of {len(mine)} | failed | | | {cpu:.0f} |")
        lines.append(f"| {column} | mean of {len(medians)} | | {np.mean(medians):.4f} | | | |")
    return "\n".join(lines)


def _rows(out: Path) -> list[dict[str, str]]:
    if not out.exists():
        return []
    with out.open(newline="") as stream:
        return list(csv.DictReader(stream))


def append(out: Path, row: Sequence[Any]) -> None:
    """Add a row, below the names of the columns."""
    new = not out.exists()
    with out.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(["detector", "column", "scene", "seed", "auc", "wall", "cpu"])
        writer.writerow(row)
