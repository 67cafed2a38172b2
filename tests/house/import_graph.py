"""Which file imports which, for the tests of how the package is built."""

import functools

import grimp

from oddspec import detectors

__all__ = ["circles", "closure", "graph", "home", "room"]

GROUND = frozenset(
    f"oddspec.{name}" for name in ("arrays", "device", "errors", "progress", "settings", "detector")
)
"""What every detector is written with; reading an algorithm does not begin there."""


@functools.cache
def graph() -> dict[str, frozenset[str]]:
    """Each module of the package to those that it imports, in functions too, but not for types."""
    found = grimp.build_graph("oddspec", exclude_type_checking_imports=True, cache_dir=None)
    return {m: frozenset(found.find_modules_directly_imported_by(m)) for m in found.modules}


def circles() -> list[list[str]]:
    """Groups of files that import one another, directly or on a way around."""
    reached = {name: _reached(graph()[name]) for name in graph()}
    groups = {
        tuple(sorted({name} | {other for other in ways if name in reached[other]}))
        for name, ways in reached.items()
        if name in ways
    }
    return sorted(map(list, groups))


def closure(detector: str) -> frozenset[str]:
    """The files to read for a detector: all that its file imports, without the ground."""
    return frozenset(_reached({home(detector)}, stop=GROUND))


def home(detector: str) -> str:
    """The module, or folder of modules, that bears the detector's name."""
    return f"oddspec.detectors.{detectors.family_of(detector)}.{detector}"


def room(module: str) -> str:
    """The folder below the package that a module lies in; the module itself at the root."""
    return module.split(".")[1]


def _reached(begin: frozenset[str] | set[str], stop: frozenset[str] = frozenset()) -> set[str]:
    found: set[str] = set()
    left = set(begin) - stop
    while left:
        module = left.pop()
        found.add(module)
        left |= graph()[module] - found - stop
    return found
