"""Ranks of detectors over scenes, and whether their differences could be chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oddspec.study.grouping import Column, Results
from oddspec.study.runs import SceneKey, lower_is_better


@dataclass(frozen=True)
class Ranking:
    """Average ranks, 1 being the best, over scenes that all of the columns have.

    Attributes
    ----------
    p_value
        Of Friedman's test that all are equally good; None for fewer than three columns.
    critical
        Nemenyi's critical difference at 5 %: average ranks nearer than this may differ by chance.
    left_out
        Columns that lack too many scenes to be ranked with the others.
    """

    average: Mapping[Column, float]
    scenes: tuple[SceneKey, ...]
    p_value: float | None
    critical: float
    left_out: tuple[Column, ...]


def ranked(results: Results, columns: Sequence[Column], metric: str) -> Ranking | None:
    """Rank columns by their medians, scene by scene; None where there is nothing to rank.

    References
    ----------
    J. Demšar, "Statistical comparisons of classifiers over multiple data sets", J. Mach. Learn.
    Res. 7, 1-30, 2006.
    """
    from scipy import stats

    left, scenes = common_scenes(results, columns, metric)
    if len(left) < 2 or len(scenes) < 2:
        return None
    spreads: Any = [[results[scene, column].spread(metric) for column in left] for scene in scenes]
    values = np.array([[spread.median for spread in row] for row in spreads])
    ranks = stats.rankdata(values if lower_is_better(metric) else -values, axis=1)
    p_value = None
    # Where every scene ties all columns the statistic is 0/0: nothing tells them apart.
    if len(left) > 2 and np.ptp(ranks, axis=1).any():
        p_value = float(stats.friedmanchisquare(*values.T).pvalue)
    return Ranking(
        dict(zip(left, ranks.mean(axis=0).tolist(), strict=True)),
        tuple(scenes),
        p_value,
        critical_difference(len(left), len(scenes)),
        tuple(column for column in columns if column not in left),
    )


def common_scenes(
    results: Results, columns: Sequence[Column], metric: str
) -> tuple[list[Column], list[SceneKey]]:
    """Columns, and the scenes that all of them have a result on.

    While they share less than half of the scenes, the column with the fewest is left out.
    """
    have: dict[Column, set[SceneKey]] = {column: set() for column in columns}
    for (scene, column), result in results.items():
        if column in have and result.spread(metric):
            have[column].add(scene)
    left = [column for column in columns if have[column]]
    while left:
        common = set.intersection(*(have[column] for column in left))
        if 2 * len(common) >= len(set.union(*(have[column] for column in left))):
            return left, sorted(common)
        left.remove(min(reversed(left), key=lambda column: len(have[column])))
    return [], []


def critical_difference(columns: int, scenes: int) -> float:
    """Nemenyi's critical difference of average ranks at 5 %."""
    from scipy import stats

    quantile = float(stats.studentized_range.ppf(0.95, columns, np.inf)) / np.sqrt(2)
    return float(quantile * np.sqrt(columns * (columns + 1) / (6 * scenes)))
