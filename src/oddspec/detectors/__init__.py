"""Every published detector: one file each, and this folder's listing is the registry."""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from oddspec.detector import Detector
from oddspec.errors import SettingError

__all__ = ["family_of", "load", "names"]


@cache
def _files() -> dict[str, str]:
    """Name of each detector to its family, from the file names alone."""
    here = Path(__file__).parent
    found = {
        file.stem: file.parent.name for file in here.glob("*/*.py") if not file.stem.startswith("_")
    }
    return dict(
        sorted(found.items(), key=lambda item: (item[1] != "statistical", item[1], item[0]))
    )


def names() -> list[str]:
    """Names of all detectors; none is imported."""
    return list(_files())


def family_of(name: str) -> str:
    """The folder that the detector lies in."""
    return _files()[name]


def load(name: str) -> type[Detector]:
    """The class of that name.

    Raises
    ------
    SettingError
        If there is none (the message lists what there is), or it needs PyTorch, which is optional.
    """
    wanted = name.lower().replace("-", "_")
    if wanted not in _files():
        near = difflib.get_close_matches(wanted, names(), n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise SettingError(f"there is no detector {name!r}: {hint}(there are {', '.join(names())})")
    try:
        module = importlib.import_module(f"{__name__}.{_files()[wanted]}.{wanted}")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise SettingError(
            f"{wanted} needs PyTorch, which is not installed: pip install 'oddspec[torch]'"
        ) from None
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Detector)
        and value.__module__ == module.__name__
    ]
    assert len(classes) == 1, f"{module.__name__} must define exactly one detector"
    return classes[0]


class _Callable(ModuleType):
    def __call__(self) -> list[str]:
        return names()


# `oddspec.detectors` is this folder, and `oddspec.detectors()` is promised to list the names;
# importing the folder would hide a function of that name.
sys.modules[__name__].__class__ = _Callable
