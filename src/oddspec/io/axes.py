"""Which axis of a stored array is rows, which is columns and which is bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from oddspec.errors import InputError, SettingError
from oddspec.io.variables import USUAL_NAMES, squeezed
from oddspec.io.wavelengths import list_lengths

Axes: TypeAlias = tuple[str, str, str]
"""The words ``row``, ``column`` and ``band`` in the order of an array's axes."""

ROWS_COLUMNS_BANDS = ("row", "column", "band")

MOST_BANDS = 511
"""A longer axis is a side of the image: hardly any imaging spectrometer has more bands, and many
scenes are 512 lines long."""

FEWEST_BANDS = 16
"""For fewer, the sides would have to be alike and not twice as long: such images are rare."""

UNLIKE = 6 / 5
"""How many times more alike the last two axes must be than the first two, to be taken for the sides
of the image."""

KNOWN_BANDS = frozenset(
    {
        *(31, 102, 103, 115),  # cameras of indoor scenes; ROSIS: Pavia
        *(144, 145, 155, 156, 162),  # CASI: Houston; Hyperion; Samson; HYDICE: Urban
        *(174, 175, 176, 186, 188, 189, 191, 193, 198),  # HYDICE, AVIRIS, Hyperion, less bad ones
        *(204, 205, 207, 210, 220, 224),  # AVIRIS, HYDICE, Specim IQ
        *(230, 235, 239, 242, 253),  # PRISMA, DESIS, Hyperion
        *(270, 274, 285),  # Nano-Hyperspec, EMIT
        *(425, 426, 432, 448),  # AVIRIS-NG, NEON, Specim FX10
    }
)
"""Numbers of bands of instruments and public scenes that are in wide use. Those that are usual
sides of an image (100, 128, 200) tell nothing and are left out."""

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
_COUNTED = ("first", "second", "third")


def parse_axes(text: Any) -> Axes | None:
    """Read ``--axes``, such as ``band,row,column``: the axes as stored, slowest first.

    In Python it may also be a sequence of the three words; None gives None.

    Raises
    ------
    SettingError
        If it is not an arrangement of these three words.
    """
    if text is None:
        return None
    words = text.split(",") if isinstance(text, str) else np.ravel(text).tolist()
    names = [str(name).strip().lower() for name in words]
    if sorted(names) != sorted(ROWS_COLUMNS_BANDS):
        raise SettingError(
            f"axes={text!r}: expected row, column and band in the order in which they are stored, "
            f"such as band,row,column"
        )
    first, second, third = names
    return first, second, third


def kept_axes(shape: Sequence[int], names: Sequence[str] = ()) -> tuple[int, ...]:
    """Positions of the axes that remain of more than three when those of length 1 are dropped.

    Axes whose names say rows, columns or bands are dropped last.
    """
    return squeezed(shape, [_meaning(name) is not None for name in names])


def named_axes(names: Sequence[str]) -> Axes | None:
    """The meaning of three dimensions by their names, or None if the names do not tell.

    The bands must be named. The other two may be known by their names as well, or by what is
    left over; if neither is known, rows come before columns.
    """
    meanings = [_meaning(name) for name in names]
    known = [meaning for meaning in meanings if meaning]
    if len(names) != 3 or "band" not in known or len(set(known)) != len(known):
        return None
    rest = [axis for axis in ROWS_COLUMNS_BANDS if axis not in known]
    first, second, third = (meaning or rest.pop(0) for meaning in meanings)
    return first, second, third


def _meaning(name: str) -> str | None:
    return _MEANING.get(name.rpartition("/")[2].lower())


def find_axes(
    where: Path | None,
    what: str,
    shape: Sequence[int],
    beside: Mapping[str, tuple[int, ...]],
    stated: Axes | None = None,
) -> tuple[Axes, list[str]]:
    """The meaning of three axes without names, and notes on what was unusual.

    What is stated counts. Otherwise what lies beside the array decides: a list of wavelengths or of
    good bands that is as long as one axis, a plane (a truth, a mask) with the lengths of two. Where
    nothing decides, the order is rows, columns, bands, unless the lengths speak for another one:

    * An axis before the last alone has a length of `KNOWN_BANDS`. If the last alone has one, the
      order is the usual one whatever follows.
    * An axis before the last is at most half as long as both others.
    * The other two are equal to each other.
    * It is the first one, of at least `FEWEST_BANDS`, and the others are `UNLIKE` times more alike
      than the first two are.
    * The last one is too long for bands, unless the first two are equal.

    Then either reading could be wrong and nothing would show it, so neither is taken. Where other
    axes are more alike by less than that, the usual order is taken with a note. Axes of length 1 or
    of more than `MOST_BANDS` do not hold bands, and strips of one row or column are in usual order.

    Parameters
    ----------
    where
        File, for messages; None for an array in Python.
    what
        The array, for messages.
    shape
        Lengths of its three axes.
    beside
        Names and lengths of the other arrays of real numbers or truth values.
    stated
        What the user says.

    Raises
    ------
    InputError
        If it is not clear what the axes mean; the message names the readings.
    """
    if stated is not None:
        return stated, []
    lists = list_lengths(beside)
    by_lists = {axis for axis in range(3) if shape[axis] in lists}
    planes = _planes(shape, beside)
    by_planes = {axis for axes in planes.values() for axis in axes}
    told = (by_lists & by_planes) or (by_lists | by_planes)
    contradiction = bool(by_lists and by_planes and not by_lists & by_planes)
    if len(told) == 1:
        (axis,) = told
        if axis == 2:
            return ROWS_COLUMNS_BANDS, []
        because = f"{next(iter(planes), None)!r} has the lengths of the other two"
        if axis in by_lists:
            wave = lists[shape[axis]].startswith("w")
            because = f"there are {shape[axis]} {'wavelengths' if wave else 'entries per band'}"
        order = _bands_at(axis)
        return order, [
            f"the axes of {_size(what, shape)} were taken as {_words(order)}, since {because}"
        ]
    if contradiction or (told and 2 not in told):
        raise _unclear(where, what, shape, sorted(told))
    doubts = [axis for axis in (0, 1) if (not told or axis in told) and _could_be(shape, axis)]
    known = [axis for axis in range(3) if shape[axis] in KNOWN_BANDS]
    if doubts and len(known) == 1:
        if known == [2]:
            return ROWS_COLUMNS_BANDS, []
        if known[0] in doubts:
            raise _unclear(where, what, shape, [*known, 2])
    if any(_more_likely(shape, axis) for axis in doubts):
        raise _unclear(where, what, shape, [*filter(partial(_more_likely, shape), doubts), 2])
    if any(_likeness(shape, axis) > 1 for axis in doubts):
        likely = max(doubts, key=lambda axis: _likeness(shape, axis))
        option = _option(where, _bands_at(likely))
        return ROWS_COLUMNS_BANDS, [
            f"the axes of {_size(what, shape)} were taken as row,column,band; if the "
            f"{_COUNTED[likely]} one holds the bands, say {option}"
        ]
    return ROWS_COLUMNS_BANDS, []


def _planes(
    shape: Sequence[int], beside: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """Planes with the lengths of two axes, and which axes could hold the bands then.

    If one of them bears a truth's usual name, only such ones count.
    """
    found = {}
    for name, lengths in beside.items():
        rest = [axis for axis in range(3) if tuple(_without(shape, axis)) == lengths]
        turned = [axis for axis in range(3) if tuple(_without(shape, axis)[::-1]) == lengths]
        if len(lengths) == 2 and 1 not in lengths and (rest or turned):
            found[name] = tuple(rest or turned)
    usual = {name: axes for name, axes in found.items() if _last(name) in USUAL_NAMES}
    return usual or found


def _last(name: str) -> str:
    return name.replace(".", "/").rpartition("/")[2].lower()


def _without(shape: Sequence[int], axis: int) -> list[int]:
    return [length for place, length in enumerate(shape) if place != axis]


def _could_be(shape: Sequence[int], axis: int) -> bool:
    """Whether an axis can hold bands by its length."""
    return min(shape) > 1 and shape[axis] <= MOST_BANDS


def _likeness(shape: Sequence[int], axis: int) -> float:
    """How many times more alike the two other axes are than the first two."""
    one, other = _without(shape, axis)
    first, second = shape[:2]
    return (max(first, second) * min(one, other)) / (min(first, second) * max(one, other))


def _more_likely(shape: Sequence[int], axis: int) -> bool:
    """Whether the lengths speak for bands on this axis before the last."""
    one, other = _without(shape, axis)
    shortest = 2 * shape[axis] <= min(one, other)
    square = one == other != shape[axis]
    # Scenes that are far wider than high are usual, bands in the middle are not.
    alike = axis == 0 and shape[0] >= FEWEST_BANDS and _likeness(shape, axis) >= UNLIKE
    too_long = shape[2] > MOST_BANDS and shape[0] != shape[1]
    return shortest or square or alike or too_long


def _bands_at(axis: int) -> Axes:
    order = ["row", "column"]
    order.insert(axis, "band")
    first, second, third = order
    return first, second, third


def _unclear(
    where: Path | None, what: str, shape: Sequence[int], readings: list[int]
) -> InputError:
    places = " or the ".join(_COUNTED[axis] for axis in readings)
    options = " or ".join(_option(where, _bands_at(axis)) for axis in readings)
    text = (
        f"the axes of {_size(what, shape)} have no names, and the bands could be the {places} one; "
        f"say which with {options}"
    )
    return InputError(text if where is None else f"{where}: {text}")


def _option(where: Path | None, order: Axes) -> str:
    return f'axes="{_words(order)}"' if where is None else f"--axes {_words(order)}"


def _words(order: Axes) -> str:
    return ",".join(order)


def _size(what: str, shape: Sequence[int]) -> str:
    return f"{what} ({' x '.join(map(str, shape))})"
