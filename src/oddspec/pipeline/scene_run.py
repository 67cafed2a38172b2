"""One scene's way from its pixels to its products."""

from __future__ import annotations

import dataclasses
import datetime
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from oddspec.detections import Detections, find_detections, flag_detections
from oddspec.detector import Detector
from oddspec.errors import OddspecError
from oddspec.execution.resources import peak_memory
from oddspec.execution.run import Outcome, run
from oddspec.execution.score_store import Partial
from oddspec.io.atomic import must_be_text, told_where
from oddspec.io.checksum import Checksum, InputChanged, WatchedInputs
from oddspec.io.destripe import without_stripes
from oddspec.io.geolocation import LookupTable, lookup_table
from oddspec.io.open import open_source
from oddspec.io.source import Source
from oddspec.io.truth import truth_of
from oddspec.models import Model
from oddspec.pipeline.folder import folder_name, locked_folder
from oddspec.pipeline.memory import check_memory_of_run, left_by_others
from oddspec.pipeline.options import PipelineOptions, run_identity
from oddspec.products import Products, write_products, write_record
from oddspec.products.cubes import check_separates
from oddspec.progress import Progress, silent
from oddspec.report import DetectionResult, TruthComparison, write_report
from oddspec.report.histogram import count_scores, row_strips
from oddspec.scene import Scene
from oddspec.survey import Survey, look_over, survey
from oddspec.threshold import Tail, Threshold, choose

T = TypeVar("T")


def detect_scene(
    path: Path,
    out: Path,
    name: str,
    detector: Detector,
    options: PipelineOptions = PipelineOptions(),
    progress: Progress = silent,
) -> DetectionResult:
    """Detect the anomalies of one scene and write all products to ``out/SCENE/``.

    Raises
    ------
    OddspecError
        If the scene cannot be read, the settings do not serve or the products cannot be written;
        what was there before is unchanged.
    InputChanged
        If an input file was written to while it was read. Mostly that is found before products
        are written; if only then, those of this run are removed again, and with them what they
        had replaced.
    """
    for named in (path, out, Path(name), *([options.truth] if options.truth else [])):
        must_be_text(named)
    check_separates(options.write, name, detector)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        spare = left_by_others()
        inputs = WatchedInputs()
        # Ahead of the reader, which may take the whole file at once; it tells of a missing one.
        with suppress(OSError):
            inputs.watch(path)
        source = open_source(
            path,
            variable=options.variable,
            max_memory=options.resources.max_memory,
            allow_truncated=options.allow_truncated,
            axes=options.axes,
            dark=options.dark,
            white=options.white,
        )
        try:
            if options.destripe:
                source = without_stripes(source, options.nodata, options.resources.max_memory)
            bands = options.bands(source) if options.bands else None
            scene = Scene.of(
                source,
                bands,
                options.nodata,
                options.mask_defects,
                options.mask,
                options.area_of_interest,
                options.resources.max_memory,
                options.use_gains,
            )
            # Before any pixel is read, and anything written or computed.
            check_memory_of_run(scene, detector, options, spare)
            scene = look_over(scene, asked=bands is not None)
            model = options.model
            scene = model.suited(scene) if model else scene.suited_to(detector)
            folder = out / folder_name(source.name)
            with locked_folder(folder, source, name, options.overwrite), _errors_name(source):
                work = _SceneRun(scene, folder, name, detector, options, progress, caught, inputs)
                return work.execute()
        finally:
            source.close()


@contextmanager
def _errors_name(source: Source) -> Iterator[None]:
    """Put the scene's path before errors of detectors, which know of no files."""
    try:
        yield
    except OddspecError as error:
        if source.path and source.path.name not in str(error):
            error.args = (f"{source.path}: {error}",)
        raise


@dataclass
class _SceneRun:
    """The stages of one run, and how long each took."""

    scene: Scene
    folder: Path
    name: str
    detector: Detector
    options: PipelineOptions
    progress: Progress
    caught: list[warnings.WarningMessage]
    inputs: WatchedInputs
    lookup: LookupTable | None = None
    timings: dict[str, float] = field(default_factory=dict)
    started: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))

    def execute(self) -> DetectionResult:
        """Go through all stages; what is done of the scores is kept if one of them fails."""
        path = self.scene.source.path
        self._watch_inputs()
        # It holds the file's time, with which a run that goes on compares what it finds: the time
        # must be that of the file which was opened and looked over.
        identity = run_identity(self.scene, self.name, self.detector, self.options)
        self.inputs.check()
        checksum = Checksum(path) if path else None
        # Before any work: a damaged way to the map is found out now.
        self.lookup = lookup_table(self.scene.source)
        truth = self._read_truth()
        model = self.options.model
        if model:
            model.check(self.scene)
        found = self._timed("survey", lambda: survey(self.scene))
        store = Partial(self.folder, self.scene.shape[:2], identity, resume=self.options.resume)
        try:
            with self._told_as_change():
                result = self._detect(store, found, truth, checksum)
                write_report(self.folder / "report.html", result)
                self._check_inputs(result)
            end = {
                "finished": datetime.datetime.now(datetime.UTC),
                "peak_memory_bytes": peak_memory(),
            }
            write_record(self.folder / "run.json", result.as_dict() | end)
        except BaseException as error:
            if checksum:
                checksum.cancel()
            if store.empty or isinstance(error, InputChanged):
                store.discard()
            else:
                store.close()
            raise
        store.discard()
        return result

    def _watch_inputs(self) -> None:
        source = self.scene.source
        header, beside = getattr(source, "header", None), getattr(source, "beside", ())
        for path in (source.path, header, *beside, self.options.truth):
            # What cannot be opened, such as a missing truth, is told by its reader.
            with suppress(OSError):
                if path:
                    self.inputs.watch(path)

    @contextmanager
    def _told_as_change(self) -> Iterator[None]:
        """Whatever a changed input has led to, say that it was changed."""
        try:
            yield
        except Exception:
            self.inputs.check()
            raise

    def _check_inputs(self, result: DetectionResult) -> None:
        """Refuse the products of an input that was changed while they were made."""
        try:
            self.inputs.check()
            if self.scene.source.path:
                self.inputs.check_bytes(self.scene.source.path, result.sha256 or "")
        except InputChanged:
            for name in result.files:
                (self.folder / name).unlink(missing_ok=True)
            with suppress(OSError):
                (self.folder / "insights").rmdir()
            raise

    def _detect(
        self, store: Partial, found: Survey, truth: np.ndarray | None, checksum: Checksum | None
    ) -> DetectionResult:
        options, model = self.options, self.options.model
        fitted = model.fitted if model else None
        outcome = self._timed(
            "detect",
            lambda: run(
                self.scene, self.detector, store, options.resources, self.progress, store, fitted
            ),
        )
        self.inputs.check()
        scores = store.scores
        threshold = self._timed("threshold", lambda: self._threshold(scores, outcome))
        detections = self._timed(
            "objects", lambda: self._objects(scores, threshold, found, store.folder)
        )
        products = self._timed(
            "products", lambda: self._products(scores, threshold, detections, outcome)
        )
        comparison = None
        if truth is not None and options.truth is not None:
            name = options.truth.name
            comparison = self._timed(
                "metrics", lambda: TruthComparison.of(name, scores, truth, threshold)
            )
        digest = self._timed("checksum", checksum.result) if checksum else None
        # Last, as every stage may warn and is timed.
        caught = [str(warning.message) for warning in self.caught]
        return DetectionResult(
            scene=self.scene,
            detector_name=self.name,
            detector=self.detector,
            threshold=threshold,
            detections=detections,
            products=products,
            histogram=count_scores(scores),
            survey=found,
            health=getattr(outcome.fitted, "health", None) or found.health,
            insights=outcome.insights,
            truth=comparison,
            run_settings=options.as_settings(),
            command=options.command,
            model_applied=model is not None,
            sha256=digest or None,
            timings=self.timings,
            warnings=tuple(dict.fromkeys([*caught, *threshold.warnings])),
            started=self.started,
        )

    def _timed(self, stage: str, work: Callable[[], T]) -> T:
        start = time.perf_counter()
        try:
            return work()
        finally:
            self.timings[stage] = time.perf_counter() - start

    def _read_truth(self) -> np.ndarray | None:
        options = self.options
        if options.truth is None:
            return None
        labels = truth_of(
            options.truth,
            self.scene.source,
            options.truth_variable,
            options.resources.max_memory,
            warp=options.warp_truth,
        )
        return labels > 0

    def _threshold(self, scores: np.ndarray, outcome: Outcome) -> Threshold:
        options = self.options
        size = Tail.size_for(scores.size, max(options.pfa, options.fraction))
        if options.threshold == "otsu":
            size = scores.size  # its histogram needs every score
        tail = Tail.of(scores[:0], size)
        for rows in row_strips(scores.shape):
            tail += Tail.of(scores[rows], size)
        theory = getattr(outcome.fitted, "distribution", lambda: None)()
        return choose(
            tail, options.threshold, options.pfa, distribution=theory, fraction=options.fraction
        )

    def _objects(
        self, scores: np.ndarray, threshold: Threshold, found: Survey, scratch: Path
    ) -> Detections:
        # On disk, as the scores are: a mask in memory would grow with the scene. Written and then
        # mapped: on a full disk that is an error, and writing to mapped memory would be a crash.
        path = scratch / "mask.u8"
        with told_where(path), open(path, "wb") as file:
            for rows in row_strips(scores.shape):
                file.write(threshold.mask(scores[rows]).astype(np.uint8).tobytes())
        mask = np.memmap(path, np.uint8, "r", shape=scores.shape)
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
        return write_products(
            self.folder,
            self.scene,
            scores,
            threshold,
            detections,
            detector=self.name,
            settings=dataclasses.asdict(self.detector),  # type: ignore[call-overload]
            score_unit=self.detector.score_unit,
            insights=outcome.insights,
            model=self._model(outcome),
            lookup=self.lookup,
            cubes=self.options.write,
            cube_format=self.options.cube_format,
            fitted=outcome.fitted,
            progress=self.progress,
        )

    def _model(self, outcome: Outcome) -> Model | None:
        """What was fitted, to be applied to other scenes."""
        model = Model.of(self.name, self.detector, outcome.fitted, self.scene)
        if model and self.options.model:  # it was fitted to another scene than this one
            first = self.options.model
            return dataclasses.replace(model, statistics=first.statistics, gains=first.gains)
        return model
