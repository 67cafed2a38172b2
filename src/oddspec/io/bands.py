"""Which bands of a scene are meant: positions, a mask, a slice, or text as on the command line."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from oddspec.errors import InputError, SettingError
from oddspec.io.source import Source

_NUMBER = r"\d+\.?\d*|\.\d+"

_EXPECTED = (
    "expected positions from 0, a mask with one truth value per band, a slice, or text such as "
    "'1-100,120' (counted from 1) or '400-1300nm'"
)


def band_positions(bands: Any, source: Source) -> np.ndarray:
    """Positions of the bands, ascending, each once.

    Parameters
    ----------
    bands
        Positions from 0; a mask with one truth value per band; a slice; or text, as in `bands_of`.
    source
        The scene, for the number of its bands and their wavelengths.

    Raises
    ------
    InputError, SettingError
        If a band does not exist, a mask has another length, or nothing of the above was given.
    """
    count, where = source.shape[2], source.path or source.name
    if isinstance(bands, str):
        return np.array(bands_of(bands, source), dtype=np.intp)
    if isinstance(bands, slice):
        try:
            return np.sort(np.arange(count)[bands])
        except (TypeError, ValueError):
            raise SettingError(f"{where}: bands={bands}: {_EXPECTED}") from None
    values = _as_list(bands, where)
    if values.dtype.kind == "b":
        if len(values) != count:
            raise InputError(
                f"{where}: bands is a mask of {len(values)} truth values, but the scene has "
                f"{count} bands"
            )
        return np.flatnonzero(values)
    if values.dtype.kind == "U":
        return np.array(bands_of(",".join(values.tolist()), source), dtype=np.intp)
    if len(values) == count > 2 and set(values.tolist()) <= {0, 1}:
        raise SettingError(
            f"{where}: bands holds {count} numbers 0 and 1, as many as there are bands; a mask is "
            f"of truth values: bands=numpy.array(bands, dtype=bool)"
        )
    wrong = values[~(np.isfinite(values) & (values == np.floor(values)))]
    if len(wrong):
        raise SettingError(f"{where}: bands holds {wrong[0]:g}: {_EXPECTED}")
    if (values < 0).any():
        raise SettingError(
            f"{where}: bands holds {values.min():g}: positions count from 0 to {count - 1}, not "
            f"from the end"
        )
    if len(values) and values.max() >= count:
        raise InputError(
            f"{where}: band {values.max() + 1:g} was asked for, but the scene has bands 1 to "
            f"{count}"
        )
    return np.unique(values.astype(np.intp))


def _as_list(bands: Any, where: Any) -> np.ndarray:
    """One-dimensional numbers, truth values or texts."""
    if isinstance(bands, np.ma.MaskedArray):
        bands = bands.filled(False) if bands.dtype.kind == "b" else bands.compressed()
    try:
        values = np.asarray(bands if hasattr(bands, "__len__") and not _is_set(bands) else [*bands])
    except (TypeError, ValueError, RuntimeError):
        raise _no_list(bands, where) from None
    single = sum(length != 1 for length in values.shape) <= 1 and values.ndim > 0
    if not single or values.dtype.kind not in "biufU":
        raise _no_list(bands, where)
    return values.reshape(-1)


def _no_list(bands: Any, where: Any) -> SettingError:
    return SettingError(f"{where}: bands={' '.join(repr(bands).split())[:60]}: {_EXPECTED}")


def _is_set(bands: Any) -> bool:
    return isinstance(bands, (set, frozenset, dict))


def bands_of(text: str, source: Source) -> list[int]:
    """Band positions from ``1-100,120`` (counted from 1) or ``400-1300nm,1450-1800nm``.

    Raises
    ------
    InputError, SettingError
        If the text cannot be read, a range goes backwards, or wavelengths are asked for and the
        file has none.
    """
    chosen: list[int] = []
    where = source.path or source.name
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(rf"({_NUMBER})(?:-({_NUMBER}))?(nm)?", part, re.ASCII)
        if match is None:
            raise SettingError(
                f"--bands {text}: cannot read {part!r}; expected band numbers from 1 such as "
                f"1-100,120 or wavelengths such as 400-1300nm"
            )
        first, last = float(match[1]), float(match[2] or match[1])
        if match[3]:
            wavelengths = source.metadata.wavelengths
            if wavelengths is None:
                raise InputError(f"{where}: has no wavelengths, so give --bands as band numbers")
            inside = (wavelengths >= first) & (wavelengths <= last)
            chosen += np.flatnonzero(inside).tolist()
        else:
            whole = first.is_integer() and last.is_integer()
            if not whole or first < 1 or last > source.shape[2]:
                raise InputError(
                    f"{where}: --bands asks for {part}, but the scene has bands 1 to "
                    f"{source.shape[2]}"
                )
            chosen += range(int(first) - 1, int(last))
        if last < first:
            raise SettingError(f"--bands {text}: {part} goes backwards; write the lower end first")
    return sorted(set(chosen))
