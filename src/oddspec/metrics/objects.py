"""Detection counted by objects: groups of pixels that touch, also at a corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from oddspec.errors import InputError
from oddspec.metrics.classes import scores_and_truth

_EIGHT = np.ones((3, 3), dtype=np.int8)


@dataclass(frozen=True)
class ObjectCount:
    """How many objects are found, and how many found objects are none.

    Attributes
    ----------
    objects
        8-connected groups of target pixels of which at least one has a valid score.
    detected
        Those of which at least one pixel is detected.
    false_objects
        8-connected groups of detected pixels that hold no target pixel.
    unseen
        Objects all of whose pixels are invalid: counted in neither of the first two.
    """

    objects: int
    detected: int
    false_objects: int
    unseen: int


def count_objects(scores: np.ndarray, truth: np.ndarray, threshold: float) -> ObjectCount:
    """Count objects at a threshold: pixels that score higher are detected.

    Parameters
    ----------
    scores
        ``(h, w)``, NaN or masked where invalid.
    truth
        ``(h, w)`` of 0 and 1, masked where nobody judged: such a pixel is neither an object's nor
        a detection's.
    threshold
        In the units of the scores.
    """
    if np.ndim(scores) != 2:
        raise InputError(
            f"scores have shape {np.shape(scores)}: objects need an image of rows and columns"
        )
    values, target, judged = scores_and_truth(scores, truth)
    mask = judged & (values > np.float64(threshold))
    labels, number = ndimage.label(target, structure=_EIGHT)
    seen = np.unique(labels[target & ~np.isnan(values)])
    found = np.unique(labels[target & mask])
    groups, detections = ndimage.label(mask, structure=_EIGHT)
    true_groups = np.unique(groups[target & mask])
    return ObjectCount(seen.size, found.size, detections - true_groups.size, number - seen.size)
