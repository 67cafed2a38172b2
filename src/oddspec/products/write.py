"""All products of one run in one call."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import Scores
from oddspec.detections import Detections
from oddspec.detector import Insight
from oddspec.models import Model
from oddspec.products.charts import write_png
from oddspec.products.insights import write_insights
from oddspec.products.quicklook import DPI, draw_quicklook
from oddspec.products.rasters import write_mask, write_scores
from oddspec.products.record import as_json, versions
from oddspec.products.spectra import Spectra, measure_spectra
from oddspec.products.table import Table, tabulate
from oddspec.products.vectors import write_csv, write_geojson, write_geopackage
from oddspec.progress import Progress, silent
from oddspec.scene import Scene
from oddspec.threshold import Threshold


@dataclass(frozen=True, eq=False)
class Products:
    """What was written, and what the report needs of it.

    Attributes
    ----------
    paths
        By product: ``scores.tif``, ``mask.tif``, ``detections.gpkg``, ``detections.csv``,
        ``quicklook.png``; ``detections.geojson`` where the scene's coordinate system leads to
        longitude and latitude; where the detector has them, ``model.npz``, ``insights.npz`` and
        pictures ``insights/NAME.png``.
    table
        The detections as written.
    spectra
        Mean spectra of the highest detections and the background's.
    """

    paths: dict[str, Path]
    table: Table
    spectra: Spectra


def write_products(
    folder: Path,
    scene: Scene,
    scores: Scores,
    threshold: Threshold,
    detections: Detections,
    *,
    detector: str,
    settings: Mapping[str, Any] | None = None,
    score_unit: str = "",
    insights: Sequence[Insight] = (),
    model: Model | None = None,
    progress: Progress = silent,
) -> Products:
    """Write the map layers, tables and the quicklook of one scene into a folder.

    Every file is written under another name and renamed, one after the other. Memory does not grow
    with the scene, only with the number of detected pixels.

    Parameters
    ----------
    scores
        ``(h, w)``, may be a ``numpy.memmap``; NaN where invalid.
    detections
        Those above the threshold, flagged before if flags are wanted. ``mask.tif`` shows these
        objects and no others.
    detector, settings, score_unit
        Name, settings and unit of the scores, kept in the files.
    model
        The fitted model, if it can be applied to other scenes.

    Raises
    ------
    OddspecError
        If a file cannot be written; the older ones are kept.
    """
    georeference = scene.source.metadata.georeference
    tags = _tags(scene, threshold, detector, settings or {})
    spectra = measure_spectra(scene, detections, scores, progress=progress)
    table = tabulate(detections, georeference, threshold.p_values, spectra)
    label = f"{detector} score" + (f" ({score_unit})" if score_unit else "")
    writers: dict[str, Callable[[Path], None]] = {
        "scores.tif": lambda path: write_scores(
            path, scores, georeference, tags, description=f"{detector} score", unit=score_unit
        ),
        "mask.tif": lambda path: write_mask(path, detections, scores, georeference, tags),
        "detections.gpkg": lambda path: write_geopackage(path, table, tags),
        "detections.geojson": lambda path: write_geojson(path, table),
        "detections.csv": lambda path: write_csv(path, table, scene.name),
        "quicklook.png": lambda path: write_png(path, draw_quicklook(
            scene, scores, table, threshold=threshold.value,
            title=f"{scene.name} · {detector}", score_label=label,
        ), DPI),
    }  # fmt: skip
    if not table.has_longitude_latitude:
        del writers["detections.geojson"]
    if model is not None:
        writers["model.npz"] = model.save
    for done, (name, write) in enumerate(writers.items()):
        progress(done, len(writers), "writing products")
        write(folder / name)
    for name in {"model.npz", "detections.geojson"} - writers.keys():
        (folder / name).unlink(missing_ok=True)  # of an earlier run
    paths = {name: folder / name for name in writers} | write_insights(folder, insights, scene)
    progress(len(writers), len(writers), "writing products")
    return Products(paths, table, spectra)


def _tags(
    scene: Scene, threshold: Threshold, detector: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """What a layer should still say when it is found without its folder."""
    tags = {
        "scene": scene.name,
        "detector": detector,
        "settings": json.dumps(as_json(dict(settings)), sort_keys=True),
        "threshold": f"{threshold.value:.17g}",
        "threshold_method": threshold.method,
        "software": f"oddspec {versions().get('oddspec', '')}".strip(),
        "bands": json.dumps([int(band) + 1 for band in scene.bands]),
    }
    if scene.declared_gains is not None:
        tags["values"] = scene.value_label
    if threshold.pfa is not None:
        tags["false_alarm_rate"] = f"{threshold.pfa:g}"
    if scene.wavelengths is not None:
        tags["wavelengths_nm"] = json.dumps(as_json(np.round(scene.wavelengths, 4)))
    return tags
