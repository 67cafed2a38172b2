"""Ranks of headings over scenes, and whether their differences could be chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oddspec.study.metric_names import lower_is_better
from oddspec.study.report.cells import Cells, Heading, Place

__all__ = ["Ranking", "complete_block", "critical_difference", "rank_headings"]

_FEWEST_SCENES = 2


@dataclass(frozen=True)
class Ranking:
    """Average ranks, 1 being the best, over scenes that all of the headings have.

    Attributes
    ----------
    p_value
        Of Friedman's test that all are equally good; None for fewer than three headings.
    critical
        Nemenyi's critical difference at 5 %: average ranks nearer than this may differ by chance.
    left_out
        Headings that lack too many scenes to be ranked with the others.
    """

    headings: tuple[Heading, ...]
    places: tuple[Place, ...]
    average: tuple[float, ...]
    p_value: float | None
    critical: float
    left_out: tuple[Heading, ...]


def rank_headings(cells: Cells, headings: Sequence[Heading], metric: str) -> Ranking | None:
    """Rank headings by their medians, scene by scene; None where there is nothing to rank.

    References
    ----------
    J. Demšar, "Statistical comparisons of classifiers over multiple data sets", J. Mach. Learn.
    Res. 7, 1-30, 2006.
    """
    from scipy import stats

    kept, places = complete_block(cells, headings, metric)
    if len(kept) < 2 or len(places) < _FEWEST_SCENES:
        return None
    values = np.array([[_median(cells, p, h, metric) for h in kept] for p in places])
    ranks = stats.rankdata(values if lower_is_better(metric) else -values, axis=1)
    p_value = None
    # Where every scene ties all headings the statistic is 0/0: nothing tells them apart.
    if len(kept) > 2 and np.ptp(ranks, axis=1).any():
        p_value = float(stats.friedmanchisquare(*values.T).pvalue)
    return Ranking(
        tuple(kept),
        tuple(places),
        tuple(float(rank) for rank in ranks.mean(axis=0)),
        p_value,
        critical_difference(len(kept), len(places)),
        tuple(h for h in headings if h not in kept),
    )


def complete_block(
    cells: Cells, headings: Sequence[Heading], metric: str
) -> tuple[list[Heading], list[Place]]:
    """Headings and the places that all of them have.

    While they share less than half of the places, the heading with the fewest is left out.
    """
    has = {
        h: {p for p, other in cells if other == h and cells[p, h].spread(metric)} for h in headings
    }
    kept = [h for h in headings if has[h]]
    while kept:
        common = set.intersection(*(has[h] for h in kept))
        if 2 * len(common) >= len(set.union(*(has[h] for h in kept))):
            return kept, sorted(common)
        kept.remove(min(reversed(kept), key=lambda h: len(has[h])))
    return [], []


def critical_difference(headings: int, scenes: int) -> float:
    """Nemenyi's critical difference of average ranks at 5 %."""
    from scipy import stats

    quantile = float(stats.studentized_range.ppf(0.95, headings, np.inf)) / np.sqrt(2)
    return float(quantile * np.sqrt(headings * (headings + 1) / (6 * scenes)))


def _median(cells: Cells, place: Place, heading: Heading, metric: str) -> float:
    spread = cells[place, heading].spread(metric)
    assert spread is not None  # of a complete block
    return spread.median
