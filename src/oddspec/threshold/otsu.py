"""Otsu's threshold: the cut that parts a histogram into two classes of least inner variance."""

from __future__ import annotations

import numpy as np

from oddspec.errors import InputError
from oddspec.threshold.result import Threshold
from oddspec.threshold.tail import Tail

BINS = 4096


def otsu(scores: np.ndarray | Tail, bins: int = BINS) -> Threshold:
    """Otsu's threshold on the logarithm of the scores.

    On the logarithm, since the few highest of a heavy-tailed scene's scores would otherwise
    stretch the histogram until its bulk falls into one bin; and since the unit of the scores then
    does not matter. Scores that are not all positive are taken as they are.

    It always divides the scene, whether or not anything in it is anomalous, and states no
    false-alarm rate: it suits scenes whose scores form two humps, such as those of a trained
    detector.

    Parameters
    ----------
    scores
        All of them (NaN where invalid); the tail alone will not do.
    bins
        Of the histogram, evenly spaced between the lowest and the highest score.

    Raises
    ------
    InputError
        If there are no scores, or only a tail of them.

    References
    ----------
    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. Syst. Man
    Cybern. 9(1), 62-66, 1979. doi:10.1109/TSMC.1979.4310076
    """
    tail = scores if isinstance(scores, Tail) else Tail.of(scores)
    if len(tail.scores) < tail.count:
        raise InputError(
            f"Otsu's threshold needs all {tail.count} scores, but only the highest "
            f"{len(tail.scores)} are at hand; choose another threshold"
        )
    if not tail.count:
        raise InputError("there is no valid score to take a threshold from")
    highest, lowest = float(tail.scores[0]), float(tail.scores[-1])
    if highest == lowest:
        return Threshold(
            highest, "otsu", None, None, tail.count,
            warnings=("all scores are equal: nothing is detected",),
        )  # fmt: skip
    positive = lowest > 0
    values = np.log(tail.scores) if positive else tail.scores
    counts, edges = np.histogram(values, bins=bins)
    cut = otsu_cut(counts, edges)
    # The highest score of the lower class, so that the mask is that of the histogram exactly.
    value = float(tail.scores[np.argmax(values < cut)])
    above = int((tail.scores > value).sum())
    return Threshold(
        value,
        "otsu",
        None,
        None,
        tail.count,
        diagnostics={
            "scale": "logarithm" if positive else "linear",
            "bins": bins,
            "share_above": above / tail.count,
        },
    )


def otsu_cut(counts: np.ndarray, edges: np.ndarray) -> float:
    """The edge of a histogram that maximises the variance between the classes on its two sides.

    Parameters
    ----------
    counts
        ``(m,)`` numbers of values; histograms of parts of a scene may be added up.
    edges
        ``(m + 1,)`` ascending.
    """
    centres = (edges[:-1] + edges[1:]) / 2
    number = np.cumsum(counts)[:-1].astype(np.float64)
    total = float(counts.sum())
    centred = centres - (counts @ centres) / total
    moment = np.cumsum(counts * centred)[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.where(
            (number > 0) & (number < total), moment**2 / (number * (total - number)), 0
        )
    # Any edge within a gap does equally well: the middle one.
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))
    return float(edges[1 + best[len(best) // 2]])
