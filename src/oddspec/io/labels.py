"""What the numbers of a truth mean: background, targets, and pixels that nobody judged."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oddspec.errors import DataWarning, InputError
from oddspec.io.source import Georeference

BLACK, WHITE = 0, 255
_HALF = 128
"""Grey levels from here on are bright."""


@dataclass(frozen=True)
class Plane:
    """One image of a file, with the values as stored.

    Attributes
    ----------
    values
        ``(h, w)`` of any real type.
    nodata
        The value that the file declares for missing pixels; None if it declares none.
    georeference
        Where the pixels lie; None if the file does not say.
    picture
        Whether the values are the brightness of a picture (PNG, BMP).
    notes
        Sentences about how it was read.
    """

    values: np.ndarray
    nodata: float | None = None
    georeference: Georeference | None = None
    picture: bool = False
    notes: tuple[str, ...] = ()


def missing(plane: Plane) -> np.ndarray:
    """``(h, w)``, True where the value is the declared nodata value."""
    if plane.nodata is None:
        return np.zeros(plane.values.shape, dtype=np.bool_)
    if np.isnan(plane.nodata):
        return np.isnan(plane.values)
    return np.asarray(plane.values == plane.nodata)


def labels(path: Path, plane: Plane) -> np.ndarray:
    """Labels by the rule of ``docs/inputs.md``: 0 is background, anything above is a target.

    What is not obvious about the reading is told as a `DataWarning`.

    Returns
    -------
    numpy.ndarray or numpy.ma.MaskedArray
        ``(h, w)`` uint8, or int32 if a label exceeds 255. Masked are pixels that nobody judged,
        where there are any; the value below the mask is 0.

    Raises
    ------
    InputError
        If a judged pixel holds a negative, fractional or missing number, or none is judged.
    """
    for note in plane.notes:
        tell_of_truth(path, note)
    absent = missing(plane)
    if plane.nodata == 0:
        # A nodata value of 0 is set by many programs whatever the zeros mean.
        absent[:] = False
        tell_of_truth(
            path, "0 is declared as nodata, but it is a truth's background and was read as that"
        )
    elif absent.any():
        tell_of_truth(
            path, f"{absent.sum()} pixels with the nodata value {plane.nodata:g} are not judged"
        )
    if absent.all():
        raise InputError(f"{path}: all pixels of the truth have the nodata value {plane.nodata:g}")
    values = np.unique(plane.values[~absent])
    _check(path, values)
    present = set(values.tolist())
    others = present - {BLACK, WHITE}
    found = plane.values
    if present <= {BLACK, WHITE} or (plane.picture and WHITE in present and not _counted(others)):
        found = _bright(path, np.where(absent, BLACK, plane.values), absent)
    elif WHITE in present and (plane.picture or WHITE - 1 not in present):
        unjudged = plane.values == WHITE
        absent |= unjudged
        tell_of_truth(
            path,
            f"{unjudged.sum()} pixels hold 255 beside {_some(others)}: they are taken for pixels "
            f"that nobody judged and left out",
        )
    elif plane.picture and max(present) >= _HALF // 2 and not _counted(others):
        tell_of_truth(path, f"is a picture of grey levels ({_some(others)}): all but 0 are targets")
    judged = np.where(absent, 0, found)
    _tell_inverted(path, judged, absent)
    result = judged.astype(np.uint8 if judged.max() < 256 else np.int32)
    return np.ma.masked_array(result, absent) if absent.any() else result


def tell_of_truth(path: Path, note: str) -> None:
    """Tell the user how a truth was read."""
    warnings.warn(f"{path.name}: {note}", DataWarning, stacklevel=3)


def _check(path: Path, values: np.ndarray) -> None:
    whole = np.isfinite(values) & (values == np.floor(values))
    if not whole.all():
        raise InputError(
            f"{path}: the truth holds {values[~whole][0]:g}; expected whole numbers, 0 for "
            f"background and above for targets"
        )
    if values[0] < 0 or values[-1] >= 2**31:
        wrong = values[0] if values[0] < 0 else values[-1]
        raise InputError(
            f"{path}: the truth holds {wrong:g}; expected labels from 0 (background) to "
            f"2147483647, and 255 or a declared nodata value where nobody has judged"
        )


def _counted(others: set[float]) -> bool:
    """Whether numbers are labels 1, 2, 3, ... without a gap, and not levels of grey."""
    return others == set(range(1, len(others) + 1)) and len(others) < WHITE - 1


def _bright(path: Path, values: np.ndarray, absent: np.ndarray) -> np.ndarray:
    """1 where a picture in black, white and grey marks a target.

    Bright pixels do, unless most are bright: then it was drawn in black on white.
    """
    bright = values >= _HALF
    count, judged = int(bright.sum()), int(values.size - absent.sum())
    grey = (values != BLACK) & (values != WHITE)
    if grey.any():
        tell_of_truth(
            path,
            f"holds {grey.sum()} grey pixels: those of 128 and above were taken for white, the "
            f"others for black",
        )
    if 2 * count > judged > count:
        tell_of_truth(
            path,
            f"is mostly white: white was taken for the background, and the {judged - count} black "
            f"pixels for targets",
        )
        return (~bright & ~absent).astype(np.uint8)
    return bright.astype(np.uint8)


def _tell_inverted(path: Path, found: np.ndarray, absent: np.ndarray) -> None:
    targets, judged = int((found > 0).sum()), int(found.size - absent.sum())
    if 2 * targets > judged > targets:
        tell_of_truth(
            path,
            f"marks {targets} of {judged} pixels as targets, more than half; is 0 the target?",
        )


def _some(others: set[float]) -> str:
    shown = ", ".join(f"{value:g}" for value in sorted(others)[:4])
    return shown + (", ..." if len(others) > 4 else "")
