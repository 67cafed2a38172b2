"""Wavelengths of any unit, in nanometres."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

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

_NAMES = ("wavelength", "wavelengths", "wl", "lambda", "wave", "bandcenter", "band_centers")


def to_nanometres(
    values: Sequence[float] | np.ndarray, units: str | None, bands: int
) -> tuple[np.ndarray | None, str | None]:
    """Wavelengths in nanometres, or None; and a note where something was guessed or dropped.

    Without a unit, values of 200 to 20000 are taken as nanometres and values of 0.2 to 20 as
    micrometres; a unit that is given but unknown (``Index``, ``Unknown``) is never guessed at.

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
        return None, "wavelengths are not numbers: ignored"
    if numbers.size != bands:
        return None, f"{numbers.size} wavelengths for {bands} bands: ignored"
    if not np.isfinite(numbers).all() or (numbers <= 0).any():
        return None, "some wavelengths are not positive numbers: ignored"
    unit = (units or "").strip().lower()
    if not unit:
        return _guessed(numbers)
    for name in (unit, unit.removesuffix("s")):
        if name in _LENGTHS:
            return numbers * _LENGTHS[name], None
        if name in _RECIPROCALS:
            return _RECIPROCALS[name] / numbers, None
    return None, f"wavelengths in {units!r}, which is no unit of length: ignored"


def _guessed(numbers: np.ndarray) -> tuple[np.ndarray | None, str]:
    low, high = numbers.min(), numbers.max()
    if low >= 200 and high <= 20_000:
        return numbers, f"wavelengths {low:g} to {high:g} have no unit: read as nanometres"
    if low >= 0.2 and high <= 20:
        return numbers * 1e3, f"wavelengths {low:g} to {high:g} have no unit: read as micrometres"
    return None, f"wavelengths {low:g} to {high:g} have no unit: ignored"


def named_wavelengths(shapes: Mapping[str, tuple[int, ...]], bands: int) -> str | None:
    """The variable that by its name and length holds the wavelengths, if there is just one."""
    found = [
        name
        for name, shape in shapes.items()
        if name.rpartition("/")[2].lower() in _NAMES
        and sorted(shape, reverse=True)[:1] == [bands]
        and sum(length != 1 for length in shape) <= 1
    ]
    return found[0] if len(found) == 1 else None


def wavelengths_of(
    shapes: Mapping[str, tuple[int, ...]],
    bands: int,
    read: Callable[[str], Sequence[float] | np.ndarray],
    doubts: list[str],
) -> tuple[np.ndarray | None, list[str]]:
    """Wavelengths in nanometres from the variable that holds them, and what there is to note.

    Parameters
    ----------
    shapes
        The file's variables of real numbers.
    bands
        How many bands the cube has.
    read
        Reads a variable by its name.
    doubts
        Notes on the meaning of the axes, which hold where no list of wavelengths confirms it.
    """
    name = named_wavelengths(shapes, bands)
    if name is None:
        return None, doubts
    wavelengths, note = to_nanometres(read(name), None, bands)
    return wavelengths, [note] if note else []
