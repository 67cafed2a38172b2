"""Named sets of public scenes: ``abu``, ``thirteen``, the scenes of each paper and so on."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from oddspec.scenes.public import PublicScene, catalogue

__all__ = ["keys", "scene_sets"]


def keys(scene: PublicScene) -> tuple[str, ...]:
    """What studies call a scene: its name, or ``NAME/TRUTH`` where several truths are in use."""
    if len(scene.truths) < 2:
        return (scene.name,)
    return tuple(f"{scene.name}/{truth.name}" for truth in scene.truths)


@cache
def scene_sets() -> dict[str, tuple[str, ...]]:
    """The sets, each as the keys of its scenes.

    Raises
    ------
    ValueError
        If a set names a scene that the catalogue does not have: a mistake in the package.
    """
    text = (files("oddspec.scenes") / "sets.toml").read_text("utf-8")
    known = [key for scene in catalogue() for key in keys(scene)]
    found = {}
    for name, entry in tomllib.loads(text).items():
        members: list[str] = []
        for pattern in entry["scenes"]:
            matching = [key for key in known if fnmatchcase(key, pattern)]
            if not matching:
                raise ValueError(f"sets.toml: {name} names {pattern!r}, which is no scene")
            members += (key for key in matching if key not in members)
        found[name] = tuple(members)
    return found
