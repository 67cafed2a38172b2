"""A detector's settings: described from its dataclass, read from text, checked, written as TOML.

A setting is explained once, under *Parameters* in the docstring of the class that declares it; a
subclass explains it anew only where it means something else there.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tomli_w

from oddspec.errors import SettingError, did_you_mean

_HEADING = r"^\w[^\n]*\n-{3,}\n"
_PARAMETERS = re.compile(rf"^Parameters\n-+\n(.*?)(?={_HEADING}|\Z)", re.M | re.S)
_INDENTED = textwrap.TextWrapper(
    96, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
)


@dataclass(frozen=True)
class Setting:
    """One setting of a detector."""

    name: str
    kind: Any
    """Its annotated type."""
    default: Any
    help: str

    @property
    def kind_name(self) -> str:
        """The type as a user would say it."""
        if typing.get_origin(self.kind) is typing.Literal:
            return "|".join(str(choice) for choice in typing.get_args(self.kind))
        return " or ".join(kind.__name__.replace("NoneType", "none") for kind in _kinds(self.kind))


def later(default: Any) -> Any:
    """A setting of a detector that came after files with its settings were written.

    Its default must do what the detector did before; see `kept`. Used as ``batch: int = later(0)``.
    """
    return dataclasses.field(default=default, metadata={"later": True})


def kept(detector: Any) -> dict[str, Any]:
    """The settings as files keep them: those that came `later` only where they say something.

    So a saved model, an interrupted run and the records of a study stay what they are when a
    detector gets a new setting.
    """
    settings = dataclasses.asdict(detector)
    for field in dataclasses.fields(detector):
        if "later" in field.metadata and settings[field.name] == field.default:
            del settings[field.name]
    return settings


def describe(cls: type[Any]) -> tuple[Setting, ...]:
    """The settings of a frozen dataclass, each as the nearest class that explains it has it."""
    hints = typing.get_type_hints(cls)
    helps = _helps(cls)
    return tuple(
        Setting(f.name, hints[f.name], f.default, helps.get(f.name, ""))
        for f in dataclasses.fields(cls)
        if f.init
    )


def build(cls: type[Any], values: Mapping[str, Any]) -> Any:
    """An instance from settings given by name, as Python values or as text.

    Raises
    ------
    SettingError
        If a name is unknown, a text cannot be read as the setting's type, or the class refuses.
    """
    known = {setting.name: setting for setting in describe(cls)}
    chosen = {}
    for name, value in values.items():
        if name not in known:
            options = ", ".join(known) or "none at all"
            raise SettingError(
                f"{cls.__name__} has no setting {name!r}{did_you_mean(name, known)} "
                f"(its settings: {options})"
            )
        chosen[name] = _typed(known[name], value)
    return cls(**chosen)


def _kinds(kind: Any) -> tuple[Any, ...]:
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return typing.get_args(kind)
    return (kind,)


def _typed(setting: Setting, value: Any) -> Any:
    if typing.get_origin(setting.kind) is typing.Literal:
        for choice in typing.get_args(setting.kind):
            if value in (choice, str(choice)):
                return choice
        raise SettingError(f"{setting.name}={value!r}: expected {setting.kind_name}")
    for kind in _kinds(setting.kind):
        if kind is type(None):
            if value is None or (isinstance(value, str) and value.lower() == "none"):
                return None
            continue
        if isinstance(value, str) and kind is not str:
            read = _from_text(kind, value)
            if read is not None:
                return read
        elif kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        elif isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        elif hasattr(value, "item") and isinstance(value.item(), kind):
            return value.item()
    raise SettingError(f"{setting.name}={value!r}: expected {setting.kind_name}")


def _from_text(kind: Any, text: str) -> Any:
    if kind is bool:
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
            text.lower()
        )
    try:
        return kind(text)
    except ValueError:
        return None


def at_least(detector: object, least: float, *names: str) -> None:
    """Refuse settings below ``least``, infinite or NaN; None passes.

    Detectors call this and `above_zero` first in their ``__post_init__``, as in
    ``at_least(self, 1, "rank", "iterations")``.

    Raises
    ------
    SettingError
        Naming the setting, its value and what is expected.
    """
    expected = f"at least {least:g}" if least else "0 or more"
    _check(detector, names, lambda value: least <= value, expected)


def above_zero(detector: object, *names: str) -> None:
    """Refuse settings that are not above zero, infinite or NaN; None passes; see `at_least`."""
    _check(detector, names, lambda value: value > 0, "a number above 0")


def _check(
    detector: object, names: Iterable[str], allowed: Callable[[float], bool], expected: str
) -> None:
    for name in names:
        value = getattr(detector, name)
        # NaN fails every comparison.
        if value is not None and not (allowed(value) and value < float("inf")):
            raise SettingError(f"{name}={value}: expected {expected}")


def to_toml(detector: Any) -> str:
    """The settings as TOML lines; a setting that is None is left out."""
    values = {f.name: getattr(detector, f.name) for f in dataclasses.fields(detector)}
    return tomli_w.dumps({name: value for name, value in values.items() if value is not None})


def from_toml(cls: type[Any], text: str) -> Any:
    """The detector whose settings `to_toml` wrote."""
    return build(cls, tomllib.loads(text))


def parameters_help(doc: str) -> dict[str, str]:
    """The entries of a numpy docstring's Parameters section."""
    section = _PARAMETERS.search(doc)
    if not section:
        return {}
    entries = re.findall(r"^(\w+)[^\n]*\n((?:[ \t]+[^\n]*\n?|\n)*)", section[1] + "\n", re.M)
    return {name: " ".join(text.split()) for name, text in entries}


def complete_docstring(cls: type[Any]) -> str | None:
    """The docstring with the settings that only the class's bases explain; None without one."""
    doc = _own_docstring(cls)
    if not doc:
        return cls.__doc__
    own = parameters_help(doc)
    inherited = "".join(
        f"{name}\n{_INDENTED.fill(text)}\n" for name, text in _helps(cls).items() if name not in own
    )
    if not inherited:
        return doc
    section = _PARAMETERS.search(doc)
    if section:
        head, rest = doc[: section.end()].rstrip("\n") + "\n", doc[section.end() :]
    else:
        heading = re.search(_HEADING, doc, re.M)
        at = heading.start() if heading else len(doc)
        head, rest = f"{doc[:at].rstrip()}\n\nParameters\n----------\n", doc[at:]
    return f"{head}{inherited}\n{rest}".rstrip("\n") + "\n"


def _helps(cls: type[Any]) -> dict[str, str]:
    """Of each setting the text of the nearest class that has one."""
    found: dict[str, str] = {}
    for base in cls.__mro__:
        for name, text in parameters_help(_own_docstring(base)).items():
            found.setdefault(name, text)
    return found


def _own_docstring(cls: type[Any]) -> str:
    return inspect.cleandoc(vars(cls).get("__doc__") or "")
