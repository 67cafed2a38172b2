"""Ranges of a detector's settings, refused in the same words everywhere."""

from __future__ import annotations

from oddspec.errors import SettingError

__all__ = ["above_zero", "at_least"]


def at_least(detector: object, least: float, *names: str) -> None:
    """Refuse settings below ``least``, infinite or NaN; None passes.

    Raises
    ------
    SettingError
        Naming the setting, its value and what is expected.
    """
    for name in names:
        value = getattr(detector, name)
        if value is not None and not least <= value < float("inf"):
            expected = f"at least {least:g}" if least else "0 or more"
            raise SettingError(f"{name}={value}: expected {expected}")


def above_zero(detector: object, *names: str) -> None:
    """Refuse settings that are not above zero, or infinite; None passes.

    Raises
    ------
    SettingError
        Naming the setting and its value.
    """
    for name in names:
        value = getattr(detector, name)
        if value is not None and not 0 < value < float("inf"):
            raise SettingError(f"{name}={value}: expected a number above 0")
