"""Every metric of a score map against a truth, in one dictionary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from oddspec.errors import InputError, SettingError
from oddspec.metrics.areas import Areas, map_error, scaled_areas
from oddspec.metrics.classes import Classes
from oddspec.metrics.intervals import delong
from oddspec.metrics.objects import count_objects
from oddspec.metrics.roc import average_precision, pd_at_pf, roc_area, threshold_at_pf
from oddspec.metrics.separability import Separability


def evaluate(
    scores: Any,
    truth: Any,
    *,
    pf: Sequence[float] = (1e-3, 1e-2),
    grid: int | None = None,
    level: float = 0.95,
) -> dict[str, Any]:
    """Every metric of ``docs/metrics.md``, JSON-serialisable.

    Parameters
    ----------
    scores
        Larger is more anomalous; pixels whose score is NaN or masked are left out and counted.
    truth
        Of the same shape: 1 or True marks a target, 0 or False the background. Pixels that are
        masked (`numpy.ma`) were not judged: they are left out of every metric and counted.
    pf
        False-alarm rates at which detection is stated, by pixel and (for images) by object.
    grid
        None for exact areas; a number of thresholds for the sums that papers print (see
        `scaled_areas`). AUC(PD, PF) is always exact.
    level
        Confidence of the interval of AUC(PD, PF).

    Returns
    -------
    dict
        ``auc_pd_pf``, ``auc_ci_low``, ``auc_ci_high``, ``average_precision``, ``auc_pd_tau``,
        ``auc_pf_tau``, ``auc_td``, ``auc_bs``, ``auc_snpr``, ``auc_tdbs``, ``auc_od``,
        ``auc_odp``, ``map_error``; for each rate such as 0.001 ``threshold_at_pf_0.001``,
        ``pd_at_pf_0.001``, ``objects_at_pf_0.001`` and ``false_objects_at_pf_0.001``; ``objects``,
        ``separability``, ``pixels``, ``targets``, ``invalid``, ``invalid_targets``,
        ``not_judged``. What is undefined is None, and ``undefined`` says why, by its name.

    Raises
    ------
    InputError
        If the shapes differ, the truth holds anything but 0 and 1, or a score is infinite.
    SettingError
        If a rate or the level is out of its range.
    """
    for rate in pf:
        if not 0 < rate < 1:
            raise SettingError(f"pf={rate:g}: expected a rate between 0 and 1, such as 0.001")
    classes = Classes.of(scores, truth)
    metrics = _Metrics()
    metrics.values.update(
        pixels=classes.background.size + classes.targets.size,
        targets=classes.targets.size,
        invalid=classes.invalid,
        invalid_targets=classes.invalid_targets,
        not_judged=classes.not_judged,
    )
    metrics.add("auc_pd_pf", roc_area, classes)
    metrics.add("auc_ci_low auc_ci_high", _interval, classes, level)
    metrics.add("average_precision", average_precision, classes)
    metrics.add("auc_pd_tau auc_pf_tau", scaled_areas, classes, grid)
    metrics.add("map_error", map_error, classes)
    _add_derived(metrics)
    _add_rates(metrics, classes, scores, truth, pf)
    metrics.add("separability", lambda: Separability.of(classes).as_dict())
    return {**metrics.values, "undefined": metrics.reasons}


class _Metrics:
    """Values by name, and why some are missing."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.reasons: dict[str, str] = {}

    def add(self, names: str, compute: Callable[..., Any], *arguments: Any) -> None:
        """What a function returns, under its name; several values have one name each."""
        keys = names.split()
        try:
            found = compute(*arguments)
        except InputError as error:
            self.values.update(dict.fromkeys(keys))
            self.reasons.update(dict.fromkeys(keys, str(error).removeprefix("undefined: ")))
        else:
            self.values.update(zip(keys, found if len(keys) > 1 else [found], strict=True))


def _interval(classes: Classes, level: float) -> tuple[float, float]:
    interval = delong(classes, level)
    return interval.low, interval.high


def _add_derived(metrics: _Metrics) -> None:
    names = ["auc_td", "auc_bs", "auc_tdbs", "auc_od", "auc_odp", "auc_snpr"]
    basic = [metrics.values[name] for name in ("auc_pd_pf", "auc_pd_tau", "auc_pf_tau")]
    if None in basic:
        reason = metrics.reasons.get("auc_pf_tau") or metrics.reasons["auc_pd_pf"]
        metrics.values.update(dict.fromkeys(names))
        metrics.reasons.update(dict.fromkeys(names, reason))
        return
    areas = Areas(*basic)
    metrics.values.update({name: getattr(areas, name.removeprefix("auc_")) for name in names})
    if areas.snpr is None:
        metrics.reasons["auc_snpr"] = "AUC(PF,tau) is zero: every background pixel scores lowest"


def _add_rates(
    metrics: _Metrics,
    classes: Classes,
    scores: np.ndarray,
    truth: np.ndarray,
    rates: Sequence[float],
) -> None:
    image = np.ndim(scores) == 2
    for rate in rates:
        end = f"at_pf_{rate:g}"
        metrics.add(f"threshold_{end}", threshold_at_pf, classes, rate)
        metrics.add(f"pd_{end}", pd_at_pf, classes, rate)
        value = metrics.values[f"threshold_{end}"]
        if image and value is not None:
            count = count_objects(scores, truth, value)
            metrics.values["objects"] = count.objects
            metrics.values[f"objects_{end}"] = count.detected
            metrics.values[f"false_objects_{end}"] = count.false_objects
