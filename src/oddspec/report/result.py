"""What the detector found in one scene; ``report.html`` and ``run.json`` are written from it."""

from __future__ import annotations

import dataclasses
import datetime
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.detections import Detections
from oddspec.detector import Detector, Insight
from oddspec.metrics import Classes, Roc, evaluate, roc_curve
from oddspec.products import Products
from oddspec.report.histogram import Histogram
from oddspec.scene import Scene
from oddspec.statistics.gaussian import Health
from oddspec.survey import Survey
from oddspec.threshold import Threshold


@dataclass(frozen=True, eq=False)
class TruthComparison:
    """How the scores compare with a ground truth.

    Attributes
    ----------
    name
        Of the truth's file.
    metrics
        As `oddspec.evaluate` gives them.
    curve
        The ROC curve without the points between corners; None where a class is empty.
    operating_point
        False-alarm and detection rate of the threshold that was used.
    notes
        Why metrics are undefined.
    """

    name: str
    metrics: Mapping[str, Any]
    curve: Roc | None = None
    operating_point: tuple[float, float] | None = None
    notes: Sequence[str] = ()

    @property
    def negatives(self) -> int:
        """Valid pixels that are not marked."""
        return int(self.metrics["pixels"] - self.metrics["targets"])

    @classmethod
    def of(
        cls, name: str, scores: np.ndarray, truth: np.ndarray, threshold: Threshold
    ) -> TruthComparison:
        """Compare scores with a truth of the same shape."""
        metrics = evaluate(scores, truth)
        classes = Classes.of(scores, truth)
        if not classes.defined:
            return cls(name, metrics)
        above = (classes.background > threshold.value, classes.targets > threshold.value)
        point = float(above[0].mean()), float(above[1].mean())
        curve = roc_curve(classes).corners
        return cls(name, metrics, curve, point, tuple(metrics["undefined"].values()))


@dataclass(frozen=True, eq=False)
class DetectionResult:
    """One scene's anomalies, and all that is known about how they were found.

    It holds no scores: those of a large scene lie in ``scores.tif`` only.
    """

    scene: Scene
    detector_name: str
    detector: Detector
    threshold: Threshold
    detections: Detections
    products: Products
    """Paths of the files, and the tables that were written."""
    histogram: Histogram | None
    """Of the valid scores; None if no score is finite."""
    survey: Survey | None = None
    health: Health | None = None
    """Of the covariance: of the fitted one if the detector has one, else the survey's."""
    insights: Sequence[Insight] = ()
    truth: TruthComparison | None = None
    run_settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings beside the detector's, such as the threshold method and the memory limit."""
    command: Sequence[str] = ()
    """The command line, if there was one."""
    model_applied: bool = False
    """Whether the model had been fitted to another scene."""
    sha256: str | None = None
    """Of the input file."""
    timings: Mapping[str, float] = field(default_factory=dict)
    """Seconds by stage."""
    warnings: Sequence[str] = ()
    """What a user should know before trusting the result."""
    started: datetime.datetime | None = None

    @property
    def folder(self) -> Path:
        """Where the products lie."""
        return self.products.paths["scores.tif"].parent

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files written, the two that are made from this result at the end."""
        return (*self.products.paths, "report.html", "run.json")

    @property
    def notes(self) -> tuple[str, ...]:
        """What is unusual about the file and its pixels, and how they were read."""
        return (*self.scene.notes, *(self.survey.notes if self.survey else ()))

    @property
    def metrics(self) -> Mapping[str, Any] | None:
        """Comparison with the truth, if one was given."""
        return self.truth.metrics if self.truth else None

    @property
    def seconds(self) -> float:
        """Time of all stages together."""
        return sum(self.timings.values())

    @property
    def tail_model(self) -> Callable[[np.ndarray], np.ndarray] | None:
        """Modelled probability that a background pixel scores at least as high, if there is one.

        None also where the threshold was counted off the scores: a model would be the scores again.
        """
        modelled = self.threshold.distribution and self.threshold.method in ("theory", "tail")
        return self.threshold.p_values if modelled else None

    @property
    def settings(self) -> dict[str, Any]:
        """The detector's settings by name."""
        return dataclasses.asdict(self.detector)  # type: ignore[call-overload]

    @property
    def detector_summary(self) -> str:
        """First line of the detector's documentation."""
        return (inspect.getdoc(type(self.detector)) or "").partition("\n")[0]

    @property
    def score_label(self) -> str:
        """What a score is, for the axis of a chart."""
        unit = self.detector.score_unit
        return f"{self.detector_name} score" + (f" ({unit})" if unit else "")

    def as_dict(self) -> dict[str, Any]:
        """The content of ``run.json``, without the times, versions and machine."""
        found = self.detections
        return {
            "scene": self._scene(),
            "detector": self.detector_name,
            "settings": self.settings | dict(self.run_settings),
            "threshold": self.threshold.as_dict(),
            "detections": {
                "objects": len(found),
                "pixels": len(found.pixels),
                "too_small": found.too_small,
                "too_large": found.too_large,
            },
            "products": self.files[:-1],
            "covariance": self.health,
            "metrics": self.metrics,
            "timings": self.timings,
            "warnings": self.warnings,
            "notes": self.notes,
            "started": self.started,
            "command": self.command,
        }

    def _scene(self) -> dict[str, Any]:
        source = self.scene.source
        georeference = source.metadata.georeference
        return {
            "name": source.name,
            "path": source.path.resolve() if source.path else None,
            "sha256": self.sha256,
            "format": source.format,
            "shape": source.shape,
            "dtype": str(source.dtype),
            "bands": self.scene.bands + 1,
            "nodata": self.scene.nodata,
            "gains_declared": self.scene.declared_gains,
            "gains_applied": self.scene.gains,
            **self._product(),
            "crs": georeference.crs if georeference else None,
            "transform": list(georeference.transform)[:6] if georeference else None,
            "survey": self.survey,
        }

    def _product(self) -> dict[str, Any]:
        """What only products of sensors have, where there is such a thing."""
        meta, mask = self.scene.source.metadata, self.scene.mask
        place = self.products.table.georeference if meta.georeference is None else None
        facts = {
            "product": meta.product,
            "unit": meta.unit,
            "masked_flags": mask.flags,
            "map_crs": place.crs if place else None,
            "map_transform": list(place.transform)[:6] if place else None,
        }
        return {name: value for name, value in facts.items() if value}
