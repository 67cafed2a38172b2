"""One scene's way from its pixels to its products."""

from __future__ import annotations

import dataclasses
import datetime
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.detections import Detections, find_detections, flag_detections
from oddspec.detector import Detector
from oddspec.errors import OddspecError
from oddspec.execution.run import Outcome, run
from oddspec.execution.score_store import Partial
from oddspec.io.atomic import must_be_text
from oddspec.io.checksum import Checksum
from oddspec.io.open import open_source
from oddspec.io.source import Source
from oddspec.io.truth import read_truth
from oddspec.metrics import evaluate
from oddspec.models import Model
from oddspec.pipeline.findings import Findings
from oddspec.pipeline.folder import locked
from oddspec.pipeline.identity import identity
from oddspec.pipeline.options import Options, Result
from oddspec.products import Products, write_products
from oddspec.progress import Progress, silent
from oddspec.scene import Scene
from oddspec.survey import Survey, survey
from oddspec.threshold import Tail, Threshold, choose

__all__ = ["detect_scene"]

STRIP_VALUES = 4_000_000
"""Scores held in memory at once where a whole scene's are gone through."""


def detect_scene(
    path: Path,
    out: Path,
    name: str,
    detector: Detector,
    options: Options = Options(),
    progress: Progress = silent,
) -> Result:
    """Detect the anomalies of one scene and write all products to ``out/SCENE/``.

    Raises
    ------
    OddspecError
        If the scene cannot be read, the settings do not serve or the products cannot be written;
        what was there before is unchanged.
    """
    for named in (path, out, Path(name), *([options.truth] if options.truth else [])):
        must_be_text(named)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        source = open_source(
            path,
            variable=options.variable,
            max_memory=options.resources.max_memory,
            allow_truncated=options.allow_truncated,
            axes=options.axes,
        )
        try:
            bands = options.bands(source) if options.bands else None
            scene = Scene.of(source, bands, options.nodata, options.mask_defects)
            job = _Job(scene, out / source.name, name, detector, options, progress, caught)
            with locked(job.folder, source), _named(source):
                return job.work()
        finally:
            source.close()


@contextmanager
def _named(source: Source) -> Iterator[None]:
    """Errors name the scene: detectors know of no files."""
    try:
        yield
    except OddspecError as error:
        if source.path and source.path.name not in str(error):
            error.args = (f"{source.path}: {error}",)
        raise


class _Job:
    """One scene's way from its pixels to its products."""

    def __init__(
        self,
        scene: Scene,
        folder: Path,
        name: str,
        detector: Detector,
        options: Options,
        progress: Progress,
        caught: list[warnings.WarningMessage],
    ) -> None:
        self.scene, self.folder, self.name, self.detector = scene, folder, name, detector
        self.options, self.progress, self.caught = options, progress, caught
        self.timings: dict[str, float] = {}
        self.started = datetime.datetime.now(datetime.UTC)

    def work(self) -> Result:
        path = self.scene.source.path
        checksum = Checksum(path) if path else None
        truth = self._truth()
        model = self.options.model
        if model:
            model.check(self.scene)
        found = self._timed("survey", lambda: survey(self.scene))
        shape = self.scene.shape[:2]
        same = identity(self.scene, self.name, self.detector, self.options)
        partial = Partial(self.folder, shape, same, resume=self.options.resume)
        try:
            outcome = self._timed(
                "detect",
                lambda: run(
                    self.scene,
                    self.detector,
                    partial,
                    self.options.resources,
                    self.progress,
                    partial,
                    model.fitted if model else None,
                ),
            )
            scores = partial.scores
            threshold = self._timed("threshold", lambda: self._threshold(scores, outcome))
            detections = self._timed(
                "objects", lambda: self._detections(scores, threshold, found, partial.folder)
            )
            products = self._products(scores, threshold, detections, outcome)
            metrics = None
            if truth is not None:
                metrics = self._timed("metrics", lambda: evaluate(scores, truth))
            digest = self._timed("checksum", checksum.result) if checksum else ""
            findings = Findings(
                self.folder,
                self.scene,
                self.name,
                self.detector,
                self.options,
                self.started,
                found,
                outcome,
                scores,
                threshold,
                detections,
                products,
                truth,
                metrics,
                digest,
                self.timings,
                self._warnings(threshold),
            )
            findings.tell()
        except BaseException:
            if checksum:
                checksum.cancel()
            if partial.empty:
                partial.discard()
            else:
                partial.close()
            raise
        partial.discard()
        return Result(
            self.scene.name,
            self.folder,
            (*products.paths, "report.html", "run.json"),
            threshold,
            detections,
            metrics,
            sum(self.timings.values()),
            findings.notes,
            findings.warnings,
        )

    def _timed(self, stage: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        try:
            return work()
        finally:
            self.timings[stage] = time.perf_counter() - start

    def _truth(self) -> np.ndarray | None:
        options = self.options
        if options.truth is None:
            return None
        shape = self.scene.shape[:2]
        return read_truth(options.truth, shape, variable=options.truth_variable) > 0

    def _threshold(self, scores: np.ndarray, outcome: Outcome) -> Threshold:
        options = self.options
        size = Tail.size_for(scores.size, max(options.pfa, options.fraction))
        if options.threshold == "otsu":
            size = scores.size  # its histogram asks for every score
        tail = None
        for rows in _strips(scores.shape):
            part = Tail.of(scores[rows], size)
            tail = part if tail is None else tail + part
        assert tail is not None
        law = getattr(outcome.fitted, "distribution", lambda: None)()
        return choose(
            tail, options.threshold, options.pfa, distribution=law, fraction=options.fraction
        )

    def _detections(
        self, scores: np.ndarray, threshold: Threshold, found: Survey, folder: Path
    ) -> Detections:
        mask = np.memmap(folder / "mask.u8", np.uint8, "w+", shape=scores.shape)
        for rows in _strips(scores.shape):
            mask[rows] = threshold.mask(scores[rows])
        detections = find_detections(
            scores,
            mask,
            min_size=self.options.min_size,
            max_size=self.options.max_size,
            progress=self.progress,
        )
        return flag_detections(
            detections,
            scores,
            dead_rows=found.dead_rows,
            dead_columns=(*found.dead_columns, *found.striped_columns),
        )

    def _products(
        self, scores: np.ndarray, threshold: Threshold, detections: Detections, outcome: Outcome
    ) -> Products:
        model = Model.of(self.name, self.detector, outcome.fitted, self.scene)
        if model and self.options.model:  # it was fitted to another scene than this one
            model = dataclasses.replace(model, statistics=self.options.model.statistics)
        products = self._timed(
            "products",
            lambda: write_products(
                self.folder,
                self.scene,
                scores,
                threshold,
                detections,
                detector=self.name,
                settings=dataclasses.asdict(self.detector),  # type: ignore[call-overload]
                score_unit=self.detector.score_unit,
                p_value=threshold.p_values,
                insights=outcome.insights,
                model=model,
                progress=self.progress,
            ),
        )
        assert isinstance(products, Products)
        return products

    def _warnings(self, threshold: Threshold) -> tuple[str, ...]:
        heard = [str(warning.message) for warning in self.caught]
        return tuple(dict.fromkeys([*heard, *threshold.warnings]))


def _strips(shape: tuple[int, int]) -> Iterator[slice]:
    rows = max(1, STRIP_VALUES // shape[1])
    return (slice(start, start + rows) for start in range(0, shape[0], rows))
