"""What metrics are called, and which end of them is good."""

from __future__ import annotations

import re

__all__ = ["METRIC_NAMES", "TIMES", "lower_is_better", "metric_name"]

METRIC_NAMES = {
    "auc_pd_pf": "AUC(PD, PF)",
    "auc_pd_tau": "AUC(PD, τ)",
    "auc_pf_tau": "AUC(PF, τ)",
    "average_precision": "average precision",
    "map_error": "error against the truth",
    "seconds": "seconds (wall clock)",
    "cpu_seconds": "seconds (processor)",
    "peak_memory": "peak memory",
    "iterations": "iterations",
}

TIMES = frozenset({"seconds", "cpu_seconds"})
"""Metrics that say as much about the machine as about the detector."""

_LOWER_IS_BETTER = TIMES | {"auc_pf_tau", "map_error", "peak_memory", "iterations"}


def metric_name(metric: str) -> str:
    """What to call a metric."""
    on_grid = re.fullmatch(r"(auc_p[df]_tau)_(\d+)", metric)
    if on_grid:
        return f"{METRIC_NAMES[on_grid[1]]}, {on_grid[2]} thresholds"
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def lower_is_better(metric: str) -> bool:
    """Whether small values of a metric are the good ones."""
    return metric in _LOWER_IS_BETTER or metric.startswith(("auc_pf_tau", "false_objects"))
