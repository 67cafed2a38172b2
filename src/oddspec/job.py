"""The main job: one scene in, its anomalies out, on disk."""

from __future__ import annotations

import dataclasses
import datetime
import inspect
import json
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from oddspec.budget import Resources
from oddspec.checksum import Checksum
from oddspec.detections import Detections, find_detections, flag_detections
from oddspec.detector import Detector
from oddspec.errors import InputError
from oddspec.files.open import open_source
from oddspec.files.source import Source
from oddspec.files.truth import read_truth
from oddspec.metrics import Classes, evaluate, roc_curve
from oddspec.products import Products, RunRecord, peak_memory, write_products, write_record
from oddspec.progress import Progress, silent
from oddspec.report import ReportContent, TruthContent, write_report
from oddspec.resume import Partial
from oddspec.run import Outcome, run
from oddspec.scene import Scene
from oddspec.survey import Survey, survey
from oddspec.threshold import Tail, Threshold, choose

__all__ = ["Options", "Result", "detect_scene"]

AREAS = {
    "auc_pd_pf": "AUC(PD,PF)",
    "auc_pd_tau": "AUC(PD,tau)",
    "auc_pf_tau": "AUC(PF,tau)",
    "auc_td": "AUC TD",
    "auc_bs": "AUC BS",
    "auc_snpr": "AUC SNPR",
    "auc_tdbs": "AUC TDBS",
    "auc_odp": "AUC ODP",
}

STRIP_VALUES = 4_000_000
"""Scores held in memory at once where a whole scene's are gone through."""


@dataclass(frozen=True)
class Options:
    """What to do with a scene, beside the detector and its settings."""

    pfa: float = 1e-4
    threshold: str = "auto"
    fraction: float = 1e-3
    min_size: int = 1
    max_size: int | None = None
    truth: Path | None = None
    truth_variable: str | None = None
    variable: str | None = None
    nodata: float | None = None
    bands: Callable[[Source], Sequence[int]] | None = None
    mask_defects: bool = False
    allow_truncated: bool = False
    axes: str | None = None
    resume: bool = False
    resources: Resources = field(default_factory=Resources)
    command: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Result:
    """What came out."""

    scene: str
    folder: Path
    products: tuple[str, ...]
    threshold: Threshold
    detections: Detections
    metrics: dict[str, Any] | None
    seconds: float
    warnings: tuple[str, ...]


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
            with _locked(job.folder, source):
                return job.work()
        finally:
            source.close()


@contextmanager
def _locked(folder: Path, source: Source) -> Iterator[None]:
    """The folder for this run alone, and not another scene's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{folder}: another run is writing there; wait for it or choose another --out"
        ) from None
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written to ({error.strerror}); choose another --out"
        ) from None
    try:
        _check_owner(folder, source)
        yield
    finally:
        lock.release()
        (folder / ".lock").unlink(missing_ok=True)


def _check_owner(folder: Path, source: Source) -> None:
    try:
        earlier = json.loads((folder / "run.json").read_text(encoding="utf-8"))["scene"]["path"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if source.path is not None and earlier and Path(earlier) != source.path.resolve():
        raise InputError(
            f"{folder}: holds the results of {earlier}, another scene of the same name; choose "
            f"another --out, or remove that folder"
        )


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
        found = self._timed("survey", lambda: survey(self.scene))
        shape = self.scene.shape[:2]
        partial = Partial(self.folder, shape, self._identity(), resume=self.options.resume)
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
                ),
            )
            scores = partial.scores
            threshold = self._timed("threshold", lambda: self._threshold(scores, outcome))
            detections = self._timed(
                "objects", lambda: self._detections(scores, threshold, found, partial.folder)
            )
            products = self._products(scores, threshold, detections)
            metrics = content = None
            if truth is not None:
                metrics = self._timed("metrics", lambda: evaluate(scores, truth > 0))
                content = _truth_content(self.options.truth, scores, truth > 0, threshold, metrics)
            digest = self._timed("checksum", checksum.result) if checksum else ""
            self._report(
                scores, threshold, detections, products, outcome, found, content, metrics, digest
            )
        except BaseException:
            if checksum:
                checksum.cancel()
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
            self._warnings(threshold),
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
        return read_truth(options.truth, self.scene.shape[:2], variable=options.truth_variable)

    def _identity(self) -> dict[str, Any]:
        """What must be equal for an interrupted run to be taken up."""
        from oddspec import __version__

        source = self.scene.source
        stat = source.path.stat() if source.path else None
        return {
            "version": __version__,
            "input": str(source.path.resolve()) if source.path else source.name,
            "bytes": stat.st_size if stat else None,
            "modified": stat.st_mtime_ns if stat else None,
            "shape": list(source.shape),
            "bands": self.scene.bands.tolist(),
            "nodata": None if self.scene.nodata is None else repr(self.scene.nodata),
            "mask_defects": self.scene.mask_flat,
            "detector": self.name,
            "settings": dataclasses.asdict(self.detector),  # type: ignore[call-overload]
        }

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
        law = getattr(outcome.background, "distribution", lambda: None)()
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
        self, scores: np.ndarray, threshold: Threshold, detections: Detections
    ) -> Products:
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
                score_unit=self.detector.unit,
                p_value=threshold.p_values,
                progress=self.progress,
            ),
        )
        assert isinstance(products, Products)
        return products

    def _report(
        self,
        scores: np.ndarray,
        threshold: Threshold,
        detections: Detections,
        products: Products,
        outcome: Outcome,
        found: Survey,
        truth: TruthContent | None,
        metrics: dict[str, Any] | None,
        digest: str,
    ) -> None:
        scene, source, unit = self.scene, self.scene.source, self.detector.unit
        health = getattr(outcome.background, "health", None) or found.health
        settings = dataclasses.asdict(self.detector)  # type: ignore[call-overload]
        masked = {"NaN or infinite": found.nonfinite, "nodata": found.nodata}
        masked = {f"{k} (of {found.looked_at:,} looked at)": v for k, v in masked.items() if v}
        warned = tuple(w for w in self._warnings(threshold) if w not in threshold.warnings)
        summary = (inspect.getdoc(type(self.detector)) or "").partition("\n")[0]
        write_report(
            self.folder / "report.html",
            ReportContent(
                scene=scene,
                detector=self.name,
                scores=scores,
                threshold=threshold,
                detections=detections,
                table=products.table,
                spectra=products.spectra,
                quicklook=products.paths["quicklook.png"],
                files=(*products.paths, "run.json"),
                detector_summary=summary,
                reference=self.detector.reference,
                settings=settings,
                options=self._run_settings(),
                score_label=f"{self.name} score" + (f" ({unit})" if unit else ""),
                p_value=None if threshold.law is None else threshold.p_values,
                covariance=health,
                masked=masked,
                notes=found.notes,
                warnings=warned,
                timings=self.timings,
                peak_memory_bytes=peak_memory(),
                sha256=digest or None,
                created=f"{self.started:%Y-%m-%d %H:%M} UTC",
                command=self.options.command,
                truth=truth,
            ),
        )
        meta = source.metadata
        write_record(
            self.folder / "run.json",
            RunRecord(
                scene={
                    "name": source.name,
                    "path": source.path.resolve() if source.path else None,
                    "sha256": digest or None,
                    "format": source.format,
                    "shape": source.shape,
                    "dtype": str(source.dtype),
                    "bands": scene.bands + 1,
                    "nodata": scene.nodata,
                    "crs": meta.georeference.crs if meta.georeference else None,
                    "transform": list(meta.georeference.transform)[:6]
                    if meta.georeference
                    else None,
                    "survey": found,
                },
                detector=self.name,
                settings=settings | self._run_settings(),
                threshold=threshold.as_dict(),
                detections={
                    "objects": len(detections),
                    "pixels": len(detections.pixels),
                    "too_small": detections.too_small,
                    "too_large": detections.too_large,
                },
                products=(*products.paths, "report.html"),
                covariance=health,
                metrics=metrics,
                timings=self.timings,
                warnings=self._warnings(threshold),
                notes=(*meta.notes, *found.notes),
                peak_memory_bytes=peak_memory(),
                started=self.started,
                finished=datetime.datetime.now(datetime.UTC),
                command=self.options.command,
            ),
        )

    def _run_settings(self) -> dict[str, Any]:
        options = self.options
        return {
            "pfa": options.pfa,
            "threshold": options.threshold,
            "min_size": options.min_size,
            "max_size": options.max_size,
            "mask_defects": options.mask_defects,
            "max_memory": options.resources.max_memory,
            "workers": options.resources.threads,
            "device": options.resources.device,
        }

    def _warnings(self, threshold: Threshold) -> tuple[str, ...]:
        heard = [str(warning.message) for warning in self.caught]
        return tuple(dict.fromkeys([*heard, *threshold.warnings]))


def _truth_content(
    path: Path | None,
    scores: np.ndarray,
    truth: np.ndarray,
    threshold: Threshold,
    metrics: dict[str, Any],
) -> TruthContent | None:
    """The metrics as the report shows them; None where a class is empty, so there is no curve."""
    classes = Classes.of(scores, truth)
    if metrics["auc_pd_pf"] is None:
        return None
    curve = roc_curve(classes).corners
    rates = [key.removeprefix("pd_at_pf_") for key in metrics if key.startswith("pd_at_pf_")]
    objects = {"objects": metrics.get("objects")}
    for rate in rates:
        objects[f"found at PF {rate}"] = metrics.get(f"objects_at_pf_{rate}")
        objects[f"false at PF {rate}"] = metrics.get(f"false_objects_at_pf_{rate}")
    low, high = metrics["auc_ci_low"], metrics["auc_ci_high"]
    return TruthContent(
        name=path.name if path else "truth",
        positives=metrics["targets"],
        negatives=metrics["pixels"] - metrics["targets"],
        pf=curve.pf,
        pd=curve.pd,
        areas={label: metrics[key] for key, label in AREAS.items()},
        interval=None if low is None else (low, high),
        average_precision=metrics["average_precision"],
        pd_at_pf={float(rate): metrics[f"pd_at_pf_{rate}"] for rate in rates},
        objects=objects,
        operating_point=(
            float((classes.background > threshold.value).mean()),
            float((classes.targets > threshold.value).mean()),
        ),
        notes=tuple(metrics["undefined"].values()),
    )


def _strips(shape: tuple[int, int]) -> Iterator[slice]:
    rows = max(1, STRIP_VALUES // shape[1])
    return (slice(start, start + rows) for start in range(0, shape[0], rows))
