"""How good a score map is, given a truth; see ``docs/metrics.md``."""

from oddspec.metrics.areas import Areas, map_error, scaled_areas
from oddspec.metrics.classes import Classes, check_truth
from oddspec.metrics.evaluate import evaluate
from oddspec.metrics.intervals import Interval, bootstrap, delong
from oddspec.metrics.objects import ObjectCount, count_objects
from oddspec.metrics.roc import (
    Roc,
    average_precision,
    pd_at_pf,
    roc_area,
    roc_curve,
    threshold_at_pf,
)
from oddspec.metrics.separability import Box, Separability

__all__ = [
    "Areas",
    "Box",
    "Classes",
    "Interval",
    "ObjectCount",
    "Roc",
    "Separability",
    "average_precision",
    "bootstrap",
    "check_truth",
    "count_objects",
    "delong",
    "evaluate",
    "map_error",
    "pd_at_pf",
    "roc_area",
    "roc_curve",
    "scaled_areas",
    "threshold_at_pf",
]
