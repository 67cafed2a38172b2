"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from oddspec.arrays import Scores
from oddspec.detections import Detections
from oddspec.detector import Insight
from oddspec.products.spectra import Spectra
from oddspec.products.table import PValue, Table
from oddspec.scene import Scene
from oddspec.statistics.gaussian import Health
from oddspec.threshold import Threshold

__all__ = ["ReportContent", "TruthContent"]


@dataclass(frozen=True, eq=False)
class TruthContent:
    """How the scores compare with a truth; leave out what was not computed."""

    name: str
    """Of the truth's file: a result means nothing without it."""
    positives: int
    """Pixels marked in the truth."""
    negatives: int
    """Valid pixels not marked."""
    pf: np.ndarray
    """False-alarm rates of the ROC curve, ascending from 0 to 1."""
    pd: np.ndarray
    """Detection rates at these."""
    areas: Mapping[str, float | None]
    """Areas under the curves of the 3-D ROC family, by name, such as ``AUC(PD,PF)``."""
    interval: tuple[float, float] | None = None
    """95 % confidence interval of AUC(PD,PF)."""
    average_precision: float | None = None
    pd_at_pf: Mapping[float, float | None] = field(default_factory=dict)
    """Detection rate at stated false-alarm rates."""
    objects: Mapping[str, Any] | None = None
    """Object-level results by name, such as ``objects found``: 9."""
    operating_point: tuple[float, float] | None = None
    """False-alarm and detection rate of the threshold used, marked on the curve."""
    notes: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class ReportContent:
    """Everything that a report shows; optional parts that are None or empty are left out."""

    scene: Scene
    detector: str
    """Its name."""
    scores: Scores
    """``(h, w)``, may be a ``numpy.memmap``; read twice by strips, for the histogram."""
    threshold: Threshold
    detections: Detections
    table: Table
    """See `oddspec.products.Products.table`."""
    spectra: Spectra | None = None
    """See `oddspec.products.Products.spectra`."""
    quicklook: Path | None = None
    """The picture to embed."""
    insights: Sequence[tuple[Insight, Path | None]] = ()
    """What the model found, and the picture of it."""
    model: bool = False
    """Whether a model was applied that had been fitted to another scene."""
    files: Sequence[str] = ()
    """Names of the files beside the report, to link to."""
    detector_summary: str = ""
    """What the detector does, in one sentence."""
    reference: str = ""
    """Publication of the detector."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the detector."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the run, such as memory, workers, smallest object."""
    score_label: str = "score"
    p_value: PValue | None = None
    """Modelled probability of a score at least as large, drawn into the tail of the histogram."""
    covariance: Health | None = None
    masked: Mapping[str, int] = field(default_factory=dict)
    """Masked pixels by reason, such as ``nodata``: 1200."""
    notes: Sequence[str] = ()
    """What was odd about the input and how it was read, beside the file's own notes."""
    warnings: Sequence[str] = ()
    """What the user should know before trusting the result, beside the threshold's."""
    timings: Mapping[str, float] = field(default_factory=dict)
    """Seconds by stage."""
    peak_memory_bytes: int | None = None
    sha256: str | None = None
    """Of the input."""
    created: str = ""
    """Date and time, as text."""
    command: Sequence[str] | None = None
    """The command line."""
    truth: TruthContent | None = None
