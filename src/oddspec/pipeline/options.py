"""What a job is asked to do, and what came out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oddspec.detections import Detections
from oddspec.execution.resources import Resources
from oddspec.io.source import Source
from oddspec.models import Model
from oddspec.threshold import Threshold

__all__ = ["Options", "Result"]


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
    model: Model | None = None
    """What the detector has fitted to another scene; None fits it to this one."""
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
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
