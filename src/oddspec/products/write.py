"""All products of one run in one call."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import Scores, Windowed
from oddspec.detections import Detections
from oddspec.detector import Insight
from oddspec.io.geolocation import LookupTable, OnMap
from oddspec.io.quality import QUALITY_FLAGS, HasQuality
from oddspec.models import Model
from oddspec.products.charts import write_png
from oddspec.products.cubes import cubes_of, write_cubes
from oddspec.products.insights import write_insights
from oddspec.products.on_map import detections_on_map
from oddspec.products.quicklook import DPI, draw_quicklook
from oddspec.products.rasters import write_mask, write_quality, write_scores
from oddspec.products.record import as_json, versions
from oddspec.products.spectra import Spectra, measure_spectra
from oddspec.products.table import Table, tabulate
from oddspec.products.vectors import write_csv, write_geojson, write_geopackage
from oddspec.progress import Progress, silent
from oddspec.scene import Scene
from oddspec.threshold import Threshold

FILL = int(QUALITY_FLAGS["fill"])

_SOMETIMES = {
    *("model.npz", "detections.geojson", "quality.tif", "scores_sensor.tif", "mask_sensor.tif"),
}
"""Products that not every scene has."""


@dataclass(frozen=True, eq=False)
class Products:
    """What was written, and what the report needs of it.

    Attributes
    ----------
    paths
        By product: ``scores.tif``, ``mask.tif``, ``detections.gpkg``, ``detections.csv``,
        ``quicklook.png``; ``quality.tif`` where pixels were left out by flags or by the user;
        ``scores_sensor.tif`` and ``mask_sensor.tif`` of a scene in sensor geometry, the others
        being on the map then; ``detections.geojson`` where the scene's coordinate system leads to
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
    lookup: LookupTable | None = None,
    cubes: Sequence[str] = (),
    cube_format: str = "envi",
    fitted: Any = None,
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
    lookup
        The way to the map, of a scene in sensor geometry.
    cubes, cube_format
        What else to write of what the detector has found, see `oddspec.products.cubes`.
    fitted
        The detector's model, for its background.

    Raises
    ------
    OddspecError
        If a file cannot be written; the older ones are kept.
    """
    tags = _tags(scene, threshold, detector, settings or {})
    spectra = measure_spectra(scene, detections, scores, progress=progress)
    table = tabulate(
        detections, scene.source.metadata.georeference, threshold.p_values, spectra, lookup
    )
    georeference = table.georeference
    # What is shown: the scene's own pixels, or those of the map.
    shown: Windowed = scores
    placed = detections
    if lookup is not None:
        shown = OnMap(scores, lookup, np.nan)
        placed = detections_on_map(detections, lookup)
    name_of_layer = f"{detector} score"
    label = f"{detector} score" + (f" ({score_unit})" if score_unit else "")
    writers: dict[str, Callable[[Path], None]] = {
        "scores.tif": lambda path: write_scores(
            path, shown, georeference, tags, description=name_of_layer, unit=score_unit
        ),
        "mask.tif": lambda path: write_mask(path, placed, shown, georeference, tags),
        "detections.gpkg": lambda path: write_geopackage(path, table, tags),
        "detections.geojson": lambda path: write_geojson(path, table),
        "detections.csv": lambda path: write_csv(path, table, scene.name),
        "quicklook.png": lambda path: write_png(path, draw_quicklook(
            scene, scores, table, threshold=threshold.value,
            title=f"{scene.name} · {detector}", score_label=label, lookup=lookup,
        ), DPI),
    }  # fmt: skip
    if lookup is not None:
        writers["scores_sensor.tif"] = lambda path: write_scores(
            path, scores, None, tags, description=name_of_layer, unit=score_unit
        )
        writers["mask_sensor.tif"] = lambda path: write_mask(path, detections, scores, None, tags)
    if scene.mask.flags or scene.mask.image is not None:
        flags: Windowed = _Flags(scene, scores)
        on_map = flags if lookup is None else OnMap(flags[:, :], lookup, FILL)
        writers["quality.tif"] = lambda path: write_quality(path, on_map, georeference, tags)
    if not table.has_longitude_latitude:
        del writers["detections.geojson"]
    if model is not None:
        writers["model.npz"] = model.save
    for done, (name, write) in enumerate(writers.items()):
        progress(done, len(writers), "writing products")
        write(folder / name)
    for name in _SOMETIMES - writers.keys():
        (folder / name).unlink(missing_ok=True)  # of an earlier run
    paths = {name: folder / name for name in writers} | write_insights(folder, insights, scene)
    if cubes:
        available = cubes_of(scene, insights, fitted)
        paths |= write_cubes(folder, scene, cubes, available, cube_format, progress)
    progress(len(writers), len(writers), "writing products")
    return Products(paths, table, spectra)


@dataclass(frozen=True, eq=False)
class _Flags:
    """Quality flags of a scene's pixels by windows: its own, the user's, and what has no score."""

    scene: Scene
    scores: Scores

    @property
    def shape(self) -> tuple[int, ...]:
        return self.scores.shape

    def __getitem__(self, window: tuple[slice, slice]) -> np.ndarray:
        rows, columns = (
            part.indices(size)[:2] for part, size in zip(window, self.shape, strict=True)
        )
        reasons = self.scene.reasons(rows, columns)
        found = np.zeros((rows[1] - rows[0], columns[1] - columns[0]), np.uint16)
        if isinstance(self.scene.source, HasQuality):
            found |= self.scene.source.read_quality(rows, columns)
        if reasons is not None:
            found |= reasons
        unscored = np.isnan(np.asarray(self.scores[window]))
        found[unscored & (found == 0)] = FILL
        return found


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
