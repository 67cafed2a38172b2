"""What a job has found, as the report and the record tell it."""

from __future__ import annotations

import dataclasses
import datetime
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.detections import Detections
from oddspec.detector import Detector
from oddspec.execution.resources import peak_memory
from oddspec.execution.run import Outcome
from oddspec.metrics import Classes, roc_curve
from oddspec.pipeline.options import Options
from oddspec.products import Products, RunRecord, write_record
from oddspec.report import ReportContent, TruthContent, write_report
from oddspec.scene import Scene
from oddspec.survey import Survey
from oddspec.threshold import Threshold

__all__ = ["Findings"]

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


@dataclass(frozen=True, eq=False)
class Findings:
    """All of a job, when its map layers and tables are written."""

    folder: Path
    scene: Scene
    name: str
    detector: Detector
    options: Options
    started: datetime.datetime
    survey: Survey
    outcome: Outcome
    scores: np.ndarray
    threshold: Threshold
    detections: Detections
    products: Products
    truth: np.ndarray | None
    metrics: dict[str, Any] | None
    sha256: str
    timings: dict[str, float]
    warnings: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was odd about the file and its pixels, and how they were read."""
        return (*self.scene.notes, *self.survey.notes)

    def tell(self) -> None:
        """Write ``report.html`` and ``run.json``."""
        write_report(self.folder / "report.html", self._content())
        write_record(self.folder / "run.json", self._record())

    def _content(self) -> ReportContent:
        found, threshold, unit = self.survey, self.threshold, self.detector.score_unit
        masked = {"NaN or infinite": found.nonfinite, "nodata": found.nodata}
        summary = (inspect.getdoc(type(self.detector)) or "").partition("\n")[0]
        return ReportContent(
            scene=self.scene,
            detector=self.name,
            scores=self.scores,
            threshold=threshold,
            detections=self.detections,
            table=self.products.table,
            spectra=self.products.spectra,
            quicklook=self.products.paths["quicklook.png"],
            insights=[
                (insight, self.products.paths.get(f"insights/{insight.name}.png"))
                for insight in self.outcome.insights
            ],
            files=(*self.products.paths, "run.json"),
            detector_summary=summary,
            reference=self.detector.reference,
            settings=self._settings(),
            options=self._run_settings(),
            score_label=f"{self.name} score" + (f" ({unit})" if unit else ""),
            p_value=None if threshold.law is None else threshold.p_values,
            covariance=self._health(),
            masked={f"{k} (of {found.looked_at:,} looked at)": v for k, v in masked.items() if v},
            notes=found.notes,
            warnings=tuple(w for w in self.warnings if w not in threshold.warnings),
            timings=self.timings,
            peak_memory_bytes=peak_memory(),
            sha256=self.sha256 or None,
            created=f"{self.started:%Y-%m-%d %H:%M} UTC",
            command=self.options.command,
            model=self.options.model is not None,
            truth=self._truth(),
        )

    def _record(self) -> RunRecord:
        return RunRecord(
            scene=self._scene(),
            detector=self.name,
            settings=self._settings() | self._run_settings(),
            threshold=self.threshold.as_dict(),
            detections={
                "objects": len(self.detections),
                "pixels": len(self.detections.pixels),
                "too_small": self.detections.too_small,
                "too_large": self.detections.too_large,
            },
            products=(*self.products.paths, "report.html"),
            covariance=self._health(),
            metrics=self.metrics,
            timings=self.timings,
            warnings=self.warnings,
            notes=self.notes,
            peak_memory_bytes=peak_memory(),
            started=self.started,
            finished=datetime.datetime.now(datetime.UTC),
            command=self.options.command,
        )

    def _scene(self) -> dict[str, Any]:
        source = self.scene.source
        place = source.metadata.georeference
        return {
            "name": source.name,
            "path": source.path.resolve() if source.path else None,
            "sha256": self.sha256 or None,
            "format": source.format,
            "shape": source.shape,
            "dtype": str(source.dtype),
            "bands": self.scene.bands + 1,
            "nodata": self.scene.nodata,
            "crs": place.crs if place else None,
            "transform": list(place.transform)[:6] if place else None,
            "survey": self.survey,
        }

    def _health(self) -> Any:
        return getattr(self.outcome.fitted, "health", None) or self.survey.health

    def _settings(self) -> dict[str, Any]:
        return dataclasses.asdict(self.detector)  # type: ignore[call-overload]

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

    def _truth(self) -> TruthContent | None:
        """The metrics as the report shows them; None where a class is empty: there is no curve."""
        metrics = self.metrics
        if self.truth is None or metrics is None or metrics["auc_pd_pf"] is None:
            return None
        classes = Classes.of(self.scores, self.truth)
        curve = roc_curve(classes).corners
        rates = [key.removeprefix("pd_at_pf_") for key in metrics if key.startswith("pd_at_pf_")]
        objects = {"objects": metrics.get("objects")}
        for rate in rates:
            objects[f"found at PF {rate}"] = metrics.get(f"objects_at_pf_{rate}")
            objects[f"false at PF {rate}"] = metrics.get(f"false_objects_at_pf_{rate}")
        low, high = metrics["auc_ci_low"], metrics["auc_ci_high"]
        return TruthContent(
            name=self.options.truth.name if self.options.truth else "truth",
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
                float((classes.background > self.threshold.value).mean()),
                float((classes.targets > self.threshold.value).mean()),
            ),
            notes=tuple(metrics["undefined"].values()),
        )
