"""What is written beside a synthetic scene: its truth, its targets and its parameters."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.io.atomic import atomic_write, write_text
from oddspec.io.source import Georeference
from oddspec.scenes.recipe import Recipe

_ROWS = 512


def truth_rows(recipe: Recipe, start: int, stop: int) -> np.ndarray:
    """``(stop - start, columns)`` of 1 where a target fills any part of a pixel, else 0 (uint8)."""
    truth = np.zeros((stop - start, recipe.columns), dtype=np.uint8)
    for target in recipe.planned:
        top, bottom = max(target.row, start), min(target.row + target.height, stop)
        if top < bottom:
            truth[top - start : bottom - start, target.column : target.column + target.width] = 1
    return truth


def write_truth(path: Path, recipe: Recipe, georeference: Georeference | None) -> None:
    """The truth as a compressed GeoTIFF."""
    import warnings

    import rasterio
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.windows import Window

    profile: dict[str, Any] = {
        "driver": "GTiff", "height": recipe.rows, "width": recipe.columns, "count": 1,
        "dtype": "uint8", "compress": "deflate", "bigtiff": "if_safer",
    }  # fmt: skip
    if georeference is not None:
        profile |= {"crs": georeference.crs, "transform": georeference.transform}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with atomic_write(path) as partial, rasterio.open(partial, "w", **profile) as dataset:
            for start in range(0, recipe.rows, _ROWS):
                truth = truth_rows(recipe, start, min(start + _ROWS, recipe.rows))
                window = Window(0, start, recipe.columns, len(truth))
                dataset.write(truth, 1, window=window)


def target_rows(recipe: Recipe, georeference: Georeference | None) -> list[dict[str, Any]]:
    """One record per target; ``x`` and ``y`` are its centre, where there is a georeference."""
    records = []
    for number, target in enumerate(recipe.planned, start=1):
        record = {"target": number, **asdict(target)}
        if georeference is not None:
            right, down = target.column + target.width / 2, target.row + target.height / 2
            t = georeference.transform
            record["x"] = t.a * right + t.b * down + t.c
            record["y"] = t.d * right + t.e * down + t.f
        records.append(record)
    return records


def write_target_list(path: Path, recipe: Recipe, georeference: Georeference | None) -> None:
    """The targets as CSV: rows and columns count from 0."""
    names = ["target", "row", "column", "height", "width", "abundance", "material"]
    names += ["x", "y"] if georeference is not None else []
    with atomic_write(path) as partial, open(partial, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(target_rows(recipe, georeference))


def write_parameters(path: Path, recipe: Recipe) -> None:
    """All settings as JSON, with what followed from them and the seed."""
    settings = asdict(recipe)
    settings["targets"] = [asdict(target) for target in recipe.planned]
    settings["noise_snr"] = _finite(recipe.noise_snr)
    settings["lost_rows"] = list(recipe.lost)
    settings["dead_elements"] = [{"column": column, "band": band} for column, band in recipe.dead]
    text = json.dumps(settings, indent=1, allow_nan=False) + "\n"
    write_text(path, text)


def _finite(noise_snr: Any) -> Any:
    """The same without infinities, which JSON lacks: those become the word."""
    numbers = np.asarray(noise_snr, dtype=np.float64)
    listed = [value if math.isfinite(value) else "infinity" for value in numbers.ravel().tolist()]
    return listed if numbers.ndim else listed[0]
