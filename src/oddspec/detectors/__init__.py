"""Every published detector: one file or folder each, and this folder's listing is the registry.

``<family>/<name>.py`` holds a detector that fits one file; ``<family>/<name>/`` one with a solver
or a network of its own, the class in its front file. What a family shares begins with an
underscore.

A detector that is not part of the project joins in two ways: as a Python file that defines one,
named by its path wherever a detector's name is asked for, or from an installed package that
declares it in the entry-point group ``oddspec.detectors``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import inspect
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from oddspec.detector import Detector
from oddspec.errors import SettingError, did_you_mean

__all__ = [
    "GROUP",
    "family_of",
    "is_file",
    "list_detectors",
    "load",
    "names",
    "no_files",
    "short_name",
]

GROUP = "oddspec.detectors"
"""Entry-point group in which installed packages declare their detectors."""


@cache
def _files() -> dict[str, str]:
    """Name of each detector to its family, from the file names alone."""
    here = Path(__file__).parent
    found = {
        entry.stem: entry.parent.name
        for entry in here.glob("*/*")
        if not entry.name.startswith("_") and (entry.suffix == ".py" or entry.is_dir())
    }
    return dict(
        sorted(found.items(), key=lambda item: (item[1] != "statistical", item[1], item[0]))
    )


def _installed() -> dict[str, EntryPoint]:
    """Detectors of other packages by name; a name of our own keeps its meaning."""
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    return {name: found[name] for name in sorted(found) if name not in _files()}


def list_detectors() -> list[str]:
    """Names of all detectors, those of installed packages last; none is imported."""
    return [*_files(), *_installed()]


names = list_detectors
"""The older name."""


def is_file(name: str) -> bool:
    """Whether a detector is named by the Python file that defines it."""
    return name.endswith(".py")


def short_name(name: str) -> str:
    """What a detector is called in tables: a file's name without folder and suffix."""
    return Path(name).stem if is_file(name) else name.lower().replace("-", "_")


def family_of(name: str) -> str:
    """The folder that the detector lies in; ``own`` for a file, ``installed`` for a package's."""
    if is_file(name):
        return "own"
    return _files().get(name, "installed")


def load(name: str) -> type[Detector]:
    """The class of that name, or the one that a Python file defines.

    Raises
    ------
    SettingError
        If the name is no string, there is no detector of it (the message lists what there is), it
        needs PyTorch, which is optional, or a file or package does not define exactly one.
    """
    if not isinstance(name, str):
        raise SettingError(
            f"a detector is given by its name, such as 'rx', and its settings beside it; "
            f"got a {type(name).__name__}"
        )
    if is_file(name):
        if not _FILES_ALLOWED.get():
            raise SettingError(
                f"{name}: a detector's Python file runs only where a user names it, not a saved "
                f"model"
            )
        return _from_file(Path(name))
    wanted = short_name(name)
    if wanted in _files():
        return _only_detector(_published(wanted))
    # Other packages' names may hold anything, so they are also taken as they stand.
    installed = _installed()
    for spelling in (name, wanted):
        if spelling in installed:
            return _from_package(installed[spelling])
    raise SettingError(
        f"there is no detector {name!r}{did_you_mean(wanted, names())} "
        f"(there are {', '.join(names())})"
    )


_FILES_ALLOWED: ContextVar[bool] = ContextVar("files_allowed", default=True)


@contextmanager
def no_files() -> Iterator[None]:
    """Within it, `load` refuses Python files: what names them is not trusted."""
    token = _FILES_ALLOWED.set(False)
    try:
        yield
    finally:
        _FILES_ALLOWED.reset(token)


def _published(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"{__name__}.{_files()[name]}.{name}")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise SettingError(
            f"{name} needs PyTorch, which is not installed: pip install 'oddspec[torch]'"
        ) from None


def _from_file(path: Path) -> type[Detector]:
    """The detector of a file, which is imported under a name that changes with its content."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingError(
            f"{path}: cannot be read ({error.strerror}); a detector of your own is named by its "
            f"Python file"
        ) from None
    name = f"oddspec_own_{path.stem}_{hashlib.sha256(content).hexdigest()[:16]}"
    if name not in sys.modules:
        module = ModuleType(name)
        module.__file__ = str(path)
        sys.modules[name] = module
        if not sys.warnoptions:
            # By default Python shows those of __main__ alone; this file is its user's own program.
            warnings.filterwarnings("default", "", DeprecationWarning, re.escape(name))
        try:
            exec(compile(content, str(path), "exec"), vars(module))
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            raise SettingError(
                f"{path}: cannot be imported ({type(error).__name__}: {error})"
            ) from error
    return _usable(_only_detector(sys.modules[name], str(path)), str(path))


def _from_package(entry: EntryPoint) -> type[Detector]:
    where = f"{entry.name} ({entry.value})"
    try:
        found = entry.load()
    except (Exception, SystemExit) as error:
        raise SettingError(
            f"{where}: cannot be imported ({type(error).__name__}: {error})"
        ) from error
    if isinstance(found, ModuleType):
        found = _only_detector(found, where)
    return _usable(found, where)


def _only_detector(module: ModuleType, where: str = "") -> type[Detector]:
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Detector)
        and value.__module__ == module.__name__
    ]
    if where and len(classes) != 1:
        found = ", ".join(cls.__name__ for cls in classes) or "none"
        raise SettingError(f"{where}: must define exactly one detector, but defines {found}")
    assert len(classes) == 1, f"{module.__name__} must define exactly one detector"
    return classes[0]


def _usable(found: Any, where: str) -> type[Detector]:
    """What others wrote, if it is a detector that can be built from settings."""
    if not (inspect.isclass(found) and issubclass(found, Detector)):
        raise SettingError(
            f"{where}: is no detector; expected a subclass of oddspec.detector.BackgroundDetector, "
            f"WindowDetector or SceneDetector"
        )
    if not hasattr(found, "__dataclass_fields__") or inspect.isabstract(found):
        missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
        lacks = f"lacks {missing}" if missing else "is no dataclass"
        raise SettingError(f"{where}: {found.__name__} {lacks}; see CONTRIBUTING.md")
    bare = [
        f.name
        for f in dataclasses.fields(found)  # type: ignore[arg-type]
        if f.init and f.default is f.default_factory is dataclasses.MISSING
    ]
    if bare:
        raise SettingError(
            f"{where}: {found.__name__} has no default for {', '.join(bare)}; give every setting "
            f"one"
        )
    return found


class DetectorsFolder(ModuleType):
    """The folder as users see it: ``oddspec.detectors()``, ``oddspec.detectors.load(name)``."""

    if TYPE_CHECKING:
        family_of = staticmethod(family_of)
        is_file = staticmethod(is_file)
        list_detectors = staticmethod(list_detectors)
        load = staticmethod(load)
        names = staticmethod(names)
        short_name = staticmethod(short_name)

    def __call__(self) -> list[str]:
        """As `list_detectors`."""
        return list_detectors()


# `oddspec.detectors` is this folder, and `oddspec.detectors()` is promised to list the names;
# importing the folder would hide a function of that name.
sys.modules[__name__].__class__ = DetectorsFolder
