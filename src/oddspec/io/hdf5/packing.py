"""CF packing: fill values, scale and offset of stored integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oddspec.io.source import parse_nodata

_NETCDF_FILLS: dict[str, float] = {
    "i2": -32767,
    "u2": 65535,
    "i4": -2147483647,
    "u4": 4294967295,
    "f4": 9.969209968386869e36,
    "f8": 9.969209968386869e36,
}
"""What the NetCDF library writes where nothing was written, by NumPy's type codes."""


def netcdf_fill(dtype: np.dtype[Any]) -> float | None:
    """What the NetCDF library writes where nothing was written; None for bytes and text."""
    return _NETCDF_FILLS.get(f"{dtype.kind}{dtype.itemsize}")


@dataclass(frozen=True)
class Packing:
    """How stored numbers become values: ``value = stored * scale + offset``, fills become NaN.

    Attributes
    ----------
    stored
        Native type of the stored numbers, unsigned where ``_Unsigned`` says so.
    dtype
        Type of the values.
    fills
        Stored numbers that mean missing.
    scale, offset
        Both None if the numbers are values already.
    """

    stored: np.dtype[Any]
    dtype: np.dtype[Any]
    fills: tuple[float, ...] = ()
    scale: float | None = None
    offset: float | None = None

    @classmethod
    def of(
        cls, dtype: np.dtype[Any], attributes: Mapping[str, Any], default_fill: Any = None
    ) -> tuple[Packing, list[str]]:
        """The packing that attributes describe, and notes on what was unusual.

        Parameters
        ----------
        dtype
            The stored type.
        attributes
            A variable's attributes, after the CF conventions (sections 2.5 and 8.1).
        default_fill
            A fill value set by the file's writer that is no attribute; it counts only if it is
            the NetCDF library's.
        """
        notes: list[str] = []
        stored = dtype.newbyteorder("=")
        unsigned = str(_scalar(attributes.get("_Unsigned"))).strip("b'\"").lower() == "true"
        if unsigned and stored.kind == "i":
            stored = np.dtype(f"u{stored.itemsize}")
        fills = _fills(stored, dtype, attributes, default_fill, notes)
        scale, offset = None, None
        if not has_lists(attributes):
            scale = _number(attributes, "scale_factor", notes)
            offset = _number(attributes, "add_offset", notes)
        if any(name in attributes for name in ("valid_range", "valid_min", "valid_max")):
            notes.append("the attributes on the valid range were not applied")
        if (scale or 1.0) == 1.0 and not offset:
            value = np.promote_types(stored, np.float32) if len(fills) > 1 else stored
            return cls(stored, value, fills), notes
        single = all(
            np.asarray(attributes[name]).dtype == np.float32
            for name in ("scale_factor", "add_offset")
            if name in attributes
        )
        # CF, section 8.1: values are of the type of the scale; but float32 cannot hold all int32.
        value = np.promote_types(stored, np.float32) if single else np.dtype(np.float64)
        return cls(stored, value, fills, scale or 1.0, offset or 0.0), notes

    @property
    def nodata(self) -> float | None:
        """The one value that marks missing pixels, unless they are given as NaN."""
        if self.dtype == self.stored and len(self.fills) == 1:
            return self.fills[0]
        return None

    @property
    def plain(self) -> bool:
        """Whether stored numbers are values as they are."""
        return self.scale is None and len(self.fills) <= 1 and self.dtype == self.stored

    def unpack(self, block: np.ndarray) -> np.ndarray:
        """Values of stored numbers; the same array where there is nothing to do."""
        if not block.dtype.isnative:
            block = block.astype(block.dtype.newbyteorder("="))
        block = block.view(self.stored)
        if self.plain:
            return block
        values = block.astype(self.dtype)
        if self.scale is not None:
            values *= self.dtype.type(self.scale)
            values += self.dtype.type(self.offset)
        for fill in self.fills:
            values[block == self.stored.type(fill)] = np.nan
        return values


def has_lists(attributes: Mapping[str, Any]) -> bool:
    """Whether scale or offset are lists, of one number per band: gains that packing leaves out."""
    return any(np.size(attributes.get(name, 0)) > 1 for name in ("scale_factor", "add_offset"))


def _fills(
    stored: np.dtype[Any],
    declared: np.dtype[Any],
    attributes: Mapping[str, Any],
    default_fill: Any,
    notes: list[str],
) -> tuple[float, ...]:
    found: list[float] = []
    candidates: list[Any] = []
    for name in ("_FillValue", "missing_value"):
        if name in attributes:
            values = np.asarray(attributes[name]).reshape(-1)
            if values.dtype.kind == "i" and stored.kind == "u" and declared.kind == "i":
                values = values.astype(declared.newbyteorder("=")).view(stored)
            candidates += values.tolist()
    usual = default_fill is not None and float(default_fill) == netcdf_fill(stored)
    if usual and "_FillValue" not in attributes:
        candidates.append(default_fill)
    for candidate in candidates:
        number, note = parse_nodata(candidate, stored)
        if note:
            notes.append(note)
        elif number is not None and not np.isnan(number) and number not in found:
            found.append(number)
    return tuple(found)


def _number(attributes: Mapping[str, Any], name: str, notes: list[str]) -> float | None:
    if name not in attributes:
        return None
    try:
        number = float(_scalar(attributes[name]))
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number) or (name == "scale_factor" and number == 0):
        notes.append(f"the attribute {name!r} is no single number of use: ignored")
        return None
    return number


def _scalar(value: Any) -> Any:
    array = np.asarray(value)
    return array.reshape(-1)[0] if array.size == 1 else value
