"""Reading a plan's tables: each value is checked when it is taken; unknown names are refused.

A reader, ``as_...``, raises a TypeError that says what it expects; `Fields` makes a sentence of it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from oddspec.errors import SettingError, did_you_mean

MOST_SEEDS = 10_000
"""A plan lists a row for each, so that a slip of the keyboard must not ask for a billion."""

T = TypeVar("T")


class Fields:
    """A table of the plan; what was not taken at the end is unknown."""

    def __init__(self, table: Mapping[str, Any], where: str) -> None:
        self.table, self.where, self.known = table, where, set[str]()

    def take(self, name: str, read: Callable[[Any], T], default: Any) -> Any:
        """The value of that name as ``read`` understands it.

        Raises
        ------
        SettingError
            If ``read`` refuses by a TypeError or ValueError that says what it expects.
        """
        self.known.add(name)
        if name not in self.table:
            return default
        try:
            return read(self.table[name])
        except (TypeError, ValueError) as error:
            value = self.table[name]
            raise SettingError(f"{self.where}: {name} = {value!r}: expected {error}") from None

    def finish(self) -> None:
        """All was taken: raise `SettingError` for a name that was not taken."""
        for name in self.table:
            if name not in self.known:
                raise SettingError(
                    f"{self.where}: {name!r} is unknown{did_you_mean(name, self.known)} "
                    f"(known are {', '.join(sorted(self.known))})"
                )


def as_text(value: Any) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise TypeError("a text")
    return value


def as_texts(value: Any) -> tuple[str, ...]:
    """Texts; a single one may stand without brackets."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
        raise TypeError("a text or a list of texts")
    return tuple(values)


def as_flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise TypeError("true or false")
    return value


def _integers(value: Any, least: int) -> tuple[int, ...]:
    if not isinstance(value, list) or not value:
        raise TypeError
    if any(isinstance(v, bool) or not isinstance(v, int) or v < least for v in value):
        raise TypeError
    return tuple(dict.fromkeys(value))


def as_seeds(value: Any) -> tuple[int, ...]:
    """How many seeds, or which."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_SEEDS:
        return tuple(range(value))
    try:
        return _integers(value, 0)
    except TypeError:
        raise TypeError(f"how many seeds, 1 to {MOST_SEEDS}, or a list of them") from None


def as_counts(value: Any) -> tuple[int, ...]:
    """Numbers of thresholds."""
    try:
        return _integers(value, 1)
    except TypeError:
        raise TypeError("a list of numbers of thresholds, such as [500]") from None


def as_noise(value: Any) -> tuple[float, ...]:
    """Standard deviations."""
    values = value if isinstance(value, list) else [value]
    bad = [v for v in values if isinstance(v, bool) or not isinstance(v, (int, float))]
    if bad or not values or not all(0 <= v <= sys.float_info.max for v in values):
        raise TypeError("standard deviations from 0 up, such as [0.0, 0.01], of values in 0..1")
    return tuple(float(v) for v in dict.fromkeys(values))


def as_duration(value: Any) -> float:
    """Seconds."""
    units = {"": 1, "s": 1, "min": 60, "h": 3600}
    match = re.fullmatch(r"\s*([\d.]+)\s*(s|min|h|)\s*", str(value))
    try:
        seconds = float(match[1]) * units[match[2]] if match else 0.0
    except ValueError:
        seconds = 0.0
    if isinstance(value, bool) or seconds <= 0:
        raise TypeError('a duration such as "90 s", "10 min" or "2 h"')
    return seconds


def as_table(value: Any) -> dict[str, Any]:
    """Settings by name."""
    if not isinstance(value, dict):
        raise TypeError("a table such as {rank = 5}")
    return value


def as_tables(value: Any) -> list[dict[str, Any]]:
    """The entries of an array of tables."""
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise TypeError("tables, each begun by a line [[runs]]")
    return value


def as_table_of_tables(value: Any) -> dict[str, dict[str, Any]]:
    """Tables by name, such as settings by scene."""
    if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
        raise TypeError("tables by name such as {sandiego-2 = {eps = 0.22}}")
    return value


def as_origins(value: Any) -> dict[str, str]:
    """Where settings come from, by setting; written as lists of settings by origin."""
    found: dict[str, str] = {}
    for origin, names in as_lists(value).items():
        if origin not in ("stated", "ours") and not origin.startswith("inferred from "):
            raise TypeError(f'"stated", "inferred from ..." or "ours" instead of {origin!r}')
        for name in names:
            if name in found:
                raise TypeError(f"one origin of each setting; {name!r} has two")
            found[name] = origin
    return found


def as_lists(value: Any) -> dict[str, list[Any]]:
    """Values by setting."""
    if not isinstance(value, dict) or not all(isinstance(v, list) and v for v in value.values()):
        raise TypeError("lists of values by setting such as {rank = [3, 5, 10]}")
    return value
