"""The scores of background and targets apart, checked and sorted once for all metrics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from oddspec.arrays import to_numpy
from oddspec.errors import InputError


@dataclass(frozen=True)
class Classes:
    """Scores of the two classes, each in ascending order.

    Attributes
    ----------
    background, targets
        Valid scores, float64.
    invalid, invalid_targets
        Number of pixels left out because their score is NaN, and how many of them are targets.
    not_judged
        Number of pixels left out because the truth is masked there, whatever their score.
    """

    background: np.ndarray
    targets: np.ndarray
    invalid: int = 0
    invalid_targets: int = 0
    not_judged: int = 0

    @classmethod
    def of(cls, scores: Any, truth: Any) -> Classes:
        """Part scores by a truth of the same shape.

        Parameters
        ----------
        scores
            An array of any library and shape, larger is more anomalous. A NaN or masked score marks
            an invalid pixel: it is left out of everything and counted.
        truth
            0 or False is background, 1 or True a target; masked (`numpy.ma`) is a pixel that
            nobody judged, which is left out of everything, too.

        Raises
        ------
        InputError
            If a score is infinite, the shapes differ, or the truth holds other values.
        """
        values, target, judged = scores_and_truth(scores, truth)
        ill = int(np.isinf(values).sum())
        if ill:
            raise InputError(
                f"{ill} scores are infinite: expected finite numbers, and NaN for invalid pixels"
            )
        valid = judged & ~np.isnan(values)
        return cls(
            np.sort(values[valid & ~target]),
            np.sort(values[valid & target]),
            int(judged.sum() - valid.sum()),
            int((target & ~valid).sum()),
            int(judged.size - judged.sum()),
        )

    @property
    def defined(self) -> bool:
        """True if there are both background and targets."""
        return bool(self.background.size and self.targets.size)

    @property
    def lacking(self) -> str:
        """Why a metric that compares the classes is undefined; empty where it is not."""
        if not self.background.size and not self.targets.size:
            return "there is no valid pixel"
        if not self.targets.size:
            return "there is no valid target pixel"
        return "" if self.background.size else "there is no valid background pixel"

    @cached_property
    def _below(self) -> tuple[np.ndarray, np.ndarray]:
        left = np.searchsorted(self.background, self.targets, side="left")
        return left, np.searchsorted(self.background, self.targets, side="right")

    @property
    def below_targets(self) -> np.ndarray:
        """For each target the number of background pixels that score lower, ties counted half."""
        left, right = self._below
        return (left + right) / 2

    @property
    def not_below_targets(self) -> np.ndarray:
        """For each target the number of background pixels that score at least as high."""
        return self.background.size - self._below[0]


def scores_and_truth(scores: Any, truth: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores as float64 with NaN for invalid pixels, the targets, and which pixels are judged.

    A target is a judged pixel; both are booleans of the scores' shape.

    Raises
    ------
    InputError
        If the scores are no numbers, the shapes differ, or the truth holds anything but 0 and 1.
    """
    scores, truth = to_numpy(scores), to_numpy(truth)
    values = np.asarray(scores)
    if values.dtype.kind not in "fiu":
        raise InputError(f"scores are of type {values.dtype}, expected real numbers")
    judged = ~np.ma.getmaskarray(truth)
    target = check_truth(truth, values.shape) & judged
    values = values.astype(np.float64, copy=False)
    hidden = np.ma.getmask(scores)
    if hidden is not np.ma.nomask:
        # `values` may be the caller's own array.
        values = np.where(hidden, np.nan, values)
    return values, target, judged


def check_truth(truth: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The truth as booleans, False where it is masked.

    Raises
    ------
    InputError
        If it has another shape or holds anything but 0 and 1 where it is not masked.
    """
    # What lies under a mask is often the file's nodata value.
    given = np.ma.filled(truth, 0) if np.ma.isMaskedArray(truth) else np.asarray(truth)
    if given.shape != shape:
        turned = "; it would fit transposed" if given.T.shape == shape else ""
        raise InputError(
            f"the truth has shape {given.shape}, but the scores have {shape}: both must cover the "
            f"same rows and columns{turned}"
        )
    if given.dtype.kind == "b":
        return given
    if given.dtype.kind not in "fiu":
        raise InputError(f"the truth is of type {given.dtype}, expected 0 and 1")
    target = given == 1
    if not (target | (given == 0)).all():
        found = np.unique(given)
        some = ", ".join(f"{value:g}" for value in found[:5]) + (", ..." if found.size > 5 else "")
        raise InputError(
            f"the truth holds the values {some}: expected only 0 (background) and 1 (target); if "
            f"every value above 0 marks a target, pass truth > 0, and where one means that a pixel "
            f"was not judged, mask it (numpy.ma)"
        )
    return np.asarray(target)
