"""Which axis of a stored array is rows, which is columns and which is bands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from oddspec.errors import InputError, SettingError

ROWS_COLUMNS_BANDS = ("row", "column", "band")

_NAMES = {
    "band": (
        "band bands b wavelength wavelengths wl wave lambda spectral spectrum spectral_band "
        "channel channels wavenumber frequency nbands"
    ),
    "row": (
        "row rows y line lines lat latitude northing ydim y_dim along_track downtrack down_track "
        "nrows nlines scan"
    ),
    "column": (
        "column columns col cols x sample samples lon longitude easting xdim x_dim cross_track "
        "crosstrack across_track ncols nsamples pixel"
    ),
}
_MEANING = {name: axis for axis, names in _NAMES.items() for name in names.split()}


def parse_axes(text: str | None) -> tuple[str, str, str] | None:
    """Read ``--axes``, such as ``band,row,column``: the axes as stored, slowest first.

    Raises
    ------
    SettingError
        If it is not an arrangement of these three words.
    """
    if text is None:
        return None
    names = [name.strip().lower() for name in text.split(",")]
    if sorted(names) != sorted(ROWS_COLUMNS_BANDS):
        raise SettingError(
            f"axes={text!r}: expected row, column and band in the order in which they are stored, "
            f"such as band,row,column"
        )
    first, second, third = names
    return first, second, third


def named_axes(names: Sequence[str]) -> tuple[str, str, str] | None:
    """The meaning of three dimensions by their names, or None if the names do not tell.

    The bands must be named. The other two may be known by their names as well, or by what is
    left over; if neither is known, rows come before columns.
    """
    meanings = [_MEANING.get(name.rpartition("/")[2].lower()) for name in names]
    known = [meaning for meaning in meanings if meaning]
    if len(names) != 3 or "band" not in known or len(set(known)) != len(known):
        return None
    rest = [axis for axis in ROWS_COLUMNS_BANDS if axis not in known]
    first, second, third = (meaning or rest.pop(0) for meaning in meanings)
    return first, second, third


def guess_axes(
    path: Path, what: str, shape: tuple[int, ...], wavelengths: int | None
) -> tuple[tuple[str, str, str], str]:
    """The meaning of three axes without names, and a note that says how it was found.

    A list of wavelengths that is as long as exactly one axis settles it. Otherwise the order is
    rows, columns, bands, unless another axis is at most half as long as both others: then it
    could as well hold the bands, and a wrong guess would not be noticed.

    Parameters
    ----------
    path, what
        File and variable, for messages.
    shape
        Lengths of the axes.
    wavelengths
        Length of the file's list of wavelengths, if there is one.

    Raises
    ------
    InputError
        If it is not clear what the axes mean.
    """
    matches = [axis for axis in range(3) if shape[axis] == wavelengths]
    size = " x ".join(map(str, shape))
    if len(matches) == 1:
        rest = iter(("row", "column"))
        first, second, third = ("band" if axis in matches else next(rest) for axis in range(3))
        return (first, second, third), (
            f"the axes of {what} ({size}) were taken as {first}, {second}, {third}, since there "
            f"are {wavelengths} wavelengths"
        )
    if likely := _likely_axes(shape):
        raise InputError(
            f"{path}: the axes of {what} ({size}) have no names, and the bands could be the last "
            f"or the shortest one; say which with --axes, such as --axes {','.join(likely)} or "
            f"--axes row,column,band"
        )
    return ("row", "column", "band"), (
        f"the axes of {what} ({size}) have no names: taken as row, column, band; if that is "
        f"wrong, say so with --axes"
    )


def doubt_axes(what: str, shape: tuple[int, ...], cure: str) -> list[str]:
    """A note on an array taken as rows, columns, bands, if another axis looks like the bands.

    Parameters
    ----------
    what, shape
        The array, for the note, and the lengths of its axes.
    cure
        What to do if the other axis holds the bands; ``{}`` stands for the likely order.
    """
    likely = _likely_axes(shape)
    if not likely:
        return []
    return [
        f"the axes of {what} ({' x '.join(map(str, shape))}) were taken as row, column, band, but "
        f"number {likely.index('band') + 1} is by far the shortest: if it holds the bands, "
        f"{cure.format(','.join(likely))}"
    ]


def _likely_axes(shape: tuple[int, ...]) -> list[str] | None:
    """The order in which an axis before the last holds the bands, if it is by far the shortest."""
    smallest = min(range(3), key=lambda axis: shape[axis])
    others = [length for axis, length in enumerate(shape) if axis != smallest]
    if smallest == 2 or 2 * shape[smallest] > min(others):
        return None
    likely = ["row", "column"]
    likely.insert(smallest, "band")
    return likely
