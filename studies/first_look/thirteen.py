"""The thirteen scenes of the first look, and running a detector on them into a CSV file."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import io

import oddspec

__all__ = ["THIRTEEN", "load", "measure", "summary"]

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
    for seed in seeds:
        for scene in scenes:
            if (column, scene, seed) in done:
                continue
            cube, truth = load(folder, scene)
            wall, cpu = time.perf_counter(), time.process_time()
            try:
                scores = oddspec.detect(cube, detector, **{"seed": seed, **settings})
                area = f"{oddspec.evaluate(scores, truth)['auc_pd_pf']:.6f}"
            except oddspec.errors.OddspecError as error:
                # A failure is a row, not a gap.
                area = f"failed: {error}"
            spent = time.perf_counter() - wall, time.process_time() - cpu
            _append(out, [detector, column, scene, seed, area, *(f"{s:.2f}" for s in spent)])


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


def _append(out: Path, row: Sequence[Any]) -> None:
    new = not out.exists()
    with out.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(["detector", "column", "scene", "seed", "auc", "wall", "cpu"])
        writer.writerow(row)
