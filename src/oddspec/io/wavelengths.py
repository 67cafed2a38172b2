"""Wavelengths of any unit, in nanometres; and lists of good bands, which stand beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from oddspec.errors import InputError
from oddspec.text import positions_text

_LENGTHS = {
    "nm": 1.0,
    "nanometer": 1.0,
    "nanometre": 1.0,
    "um": 1e3,
    "µm": 1e3,  # micro sign
    "μm": 1e3,  # Greek mu
    "micron": 1e3,
    "micrometer": 1e3,
    "micrometre": 1e3,
    "mm": 1e6,
    "millimeter": 1e6,
    "millimetre": 1e6,
    "cm": 1e7,
    "m": 1e9,
    "meter": 1e9,
    "metre": 1e9,
    "angstrom": 0.1,
    "å": 0.1,
}
"""Nanometres per unit."""

_RECIPROCALS = {
    "cm-1": 1e7,
    "cm^-1": 1e7,
    "1/cm": 1e7,
    "wavenumber": 1e7,
    "ghz": 299792458.0,
    "mhz": 299792458.0e3,
    "thz": 299792.458,
}
"""Nanometres times unit: wavenumbers, and frequencies by the speed of light."""

_SHORTEST, _LONGEST = 200.0, 100_000.0
"""Nanometres; a unit of length that puts the middle band outside of these is not the right one."""

_NAMES = ("wavelength", "wavelengths", "wl", "lambda", "wave", "bandcenter", "band_centers")
_GOOD_NAMES = ("bbl", "good_bands", "good_band", "good_wavelengths", "good_wavelength")

_NUMBER_AND_UNIT = re.compile(
    r"(?<![\w.])([0-9]+(?:\.[0-9]+)?)\s*\(?\s*"
    r"(nm|nanomet(?:er|re)s?|um|µm|μm|microns?|micromet(?:er|re)s?)\b",
    re.IGNORECASE,
)


def to_nanometres(
    values: Sequence[Any] | np.ndarray, units: str | None, bands: int
) -> tuple[np.ndarray | None, str | None]:
    """Wavelengths in nanometres, or None; and a note where something was guessed or dropped.

    Without a unit, values of 200 to 20000 are taken as nanometres and values of 0.2 to 20 as
    micrometres; a unit that is given but unknown (``Index``, ``Unknown``) is never guessed at. A
    unit of length that contradicts the numbers (400 to 2450 micrometres) is treated as if it were
    missing. Wavelengths of 0 and missing ones become NaN, which marks bad bands. A number may have
    its unit behind it (``450.2 nm``).

    Parameters
    ----------
    values
        Numbers as the file has them.
    units
        The unit as the file has it; None or empty if it has none.
    bands
        How many there should be.
    """
    try:
        numbers = np.asarray(values, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        found, note = wavelengths_in_names([str(value) for value in values])
        if found is not None and len(found) == bands:
            return found, note
        return None, "wavelengths are not numbers: ignored"
    if numbers.size != bands:
        return None, f"{numbers.size} wavelengths for {bands} bands: ignored"
    lacking = np.isnan(numbers) | (numbers == 0)
    given = numbers[~lacking]
    if np.isinf(given).any() or (given < 0).any() or (lacking.any() and len(given) < 2):
        return None, "some wavelengths are not positive numbers: ignored"
    found, note = _converted(given, units)
    if found is None or not lacking.any():
        return found, note
    everything = np.full(bands, np.nan)
    everything[~lacking] = found
    empty = (
        f"bands without a wavelength (0), taken as bad: {positions_text(np.flatnonzero(lacking))}"
    )
    return everything, f"{note}; {empty}" if note else empty


def _converted(numbers: np.ndarray, units: str | None) -> tuple[np.ndarray | None, str | None]:
    unit = (units or "").strip().lower()
    if not unit:
        return _guessed(numbers, "have no unit")
    for name in (unit, unit.removesuffix("s")):
        if name in _LENGTHS:
            found = numbers * _LENGTHS[name]
            # Not by the extremes: single wrong numbers do not make the unit wrong.
            if not _SHORTEST <= np.median(found) <= _LONGEST:
                return _guessed(numbers, f"cannot be in {units!r}")
            return found, None
        if name in _RECIPROCALS:
            return _RECIPROCALS[name] / numbers, None
    return None, f"wavelengths in {units!r}, which is no unit of length: ignored"


def _guessed(numbers: np.ndarray, why: str) -> tuple[np.ndarray | None, str]:
    low, high = numbers.min(), numbers.max()
    if low >= 200 and high <= 20_000:
        return numbers, f"wavelengths {low:g} to {high:g} {why}: read as nanometres"
    if low >= 0.2 and high <= 20:
        return numbers * 1e3, f"wavelengths {low:g} to {high:g} {why}: read as micrometres"
    return None, f"wavelengths {low:g} to {high:g} {why}: ignored"


def wavelengths_in_names(names: Sequence[str | None]) -> tuple[np.ndarray | None, str | None]:
    """Wavelengths in nanometres from band names such as ``Band 3 (450.2 nm)``, and a note.

    Names that are nothing but rising numbers will do as well, unless they merely count. Without
    wavelengths in every name both are None.
    """
    found = [_NUMBER_AND_UNIT.search(name or "") for name in names]
    pairs = [(match.group(1), match.group(2).lower()) for match in found if match]
    if len(pairs) == len(names) and len({unit for _, unit in pairs}) == 1:
        values = np.array([float(number) for number, _ in pairs])
        return to_nanometres(values, pairs[0][1], len(names))
    try:
        numbers = np.array([float(name or "") for name in names])
    except ValueError:
        return None, None
    steps = np.diff(numbers)
    if len(numbers) < 2 or not (steps > 0).all() or (steps == 1).all():
        return None, None
    wavelengths, note = to_nanometres(numbers, None, len(names))
    return (wavelengths, f"band names: {note}") if wavelengths is not None else (None, None)


def named_wavelengths(shapes: Mapping[str, tuple[int, ...]], bands: int) -> str | None:
    """The variable that by its name and length holds the wavelengths, if there is just one."""
    return _named_list(shapes, bands, _NAMES)


def named_good_bands(shapes: Mapping[str, tuple[int, ...]], bands: int) -> str | None:
    """The variable that by its name and length tells good bands (1) from bad ones (0), if one."""
    return _named_list(shapes, bands, _GOOD_NAMES)


def list_lengths(shapes: Mapping[str, tuple[int, ...]]) -> dict[int, str]:
    """Lengths of the variables that by their names are lists with one entry per band, and these."""
    return {
        max(shape): _last(name)
        for name, shape in shapes.items()
        if _last(name) in (*_NAMES, *_GOOD_NAMES) and _is_list(shape)
    }


def _named_list(
    shapes: Mapping[str, tuple[int, ...]], bands: int, names: tuple[str, ...]
) -> str | None:
    found = [
        name
        for name, shape in shapes.items()
        if _last(name) in names and _is_list(shape) and max(shape) == bands
    ]
    return found[0] if len(found) == 1 else None


def _last(name: str) -> str:
    """The last part of a name such as ``group/wavelength`` or ``struct.wavelength``."""
    return name.replace(".", "/").rpartition("/")[2].lower()


def _is_list(shape: tuple[int, ...]) -> bool:
    return len(shape) > 0 and sum(length != 1 for length in shape) <= 1


def bands_told(
    shapes: Mapping[str, tuple[int, ...]],
    bands: int,
    read: Callable[[str], Sequence[float] | np.ndarray],
) -> tuple[np.ndarray | None, np.ndarray | None, list[str]]:
    """What a file's variables tell of the bands: wavelengths, bad bands, and notes.

    Parameters
    ----------
    shapes
        The file's variables of real numbers or truth values.
    bands
        How many bands the cube has.
    read
        Reads a variable by its name.

    Returns
    -------
    wavelengths
        In nanometres; None where there is no list of them.
    bad_bands
        True for a bad band; None where there is no list of good ones.
    notes
        What was guessed or dropped.
    """
    wavelengths, bad, notes = None, None, []
    if name := named_wavelengths(shapes, bands):
        wavelengths, note = to_nanometres(read(name), None, bands)
        notes += [note] if note else []
    if name := named_good_bands(shapes, bands):
        bad, note = good_to_bad(read(name), bands, repr(name))
        notes += [note] if note else []
    return wavelengths, bad, notes


def good_to_bad(values: Any, bands: int, what: str) -> tuple[np.ndarray | None, str | None]:
    """Which bands are bad by a list with 0 for a bad one; None with a note where it is none."""
    try:
        numbers = np.asarray(values, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.size != bands or not np.isfinite(numbers).all():
        return None, f"{what} is no list of {bands} numbers, 0 for a bad band: ignored"
    bad: np.ndarray = numbers == 0
    return bad, None


def read_bad_bands(where: Any, items: Sequence[str], bands: int) -> np.ndarray:
    """The bad-band list ``bbl`` of a header: True for a bad band.

    Raises
    ------
    InputError
        If it has another length than there are bands, or holds no numbers.
    """
    if len(items) != bands:
        raise InputError(
            f"{where}: the bad-band list (bbl) has {len(items)} entries, but there are "
            f"{bands} bands; correct or remove it"
        )
    bad, note = good_to_bad(list(items), bands, "bbl")
    if bad is None or note:
        raise InputError(
            f"{where}: the bad-band list (bbl) holds other things than numbers; expected 0 "
            f"for a bad band and 1 for a good one"
        )
    return bad
