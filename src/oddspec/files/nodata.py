"""The value that marks missing pixels, as the data's own type can hold it."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["parse_nodata"]


def parse_nodata(value: Any, dtype: np.dtype[Any]) -> tuple[float | None, str | None]:
    """The nodata value as a number that the data can equal, and a note where they cannot.

    A header's ``-1e34`` is not what a float32 file holds: the stored number is the nearest
    float32, and so is the value returned.

    Parameters
    ----------
    value
        Text or number as the file states it; None if it states none.
    dtype
        Type of the stored values.
    """
    if value is None:
        return None, None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None, f"the nodata value {str(value)[:40]!r} is no number: ignored"
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            stored = float(dtype.type(number))
        if np.isfinite(stored) or not np.isfinite(number):
            return stored, None
    elif np.isnan(number):
        return None, None
    elif number.is_integer() and np.iinfo(dtype).min <= number <= np.iinfo(dtype).max:
        return number, None
    return None, f"the nodata value {number:g} cannot occur in {dtype.newbyteorder('=')} data"
