"""The scenes of a study: names become files, or a reason why there are none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from oddspec.errors import OddspecError, SettingError, did_you_mean
from oddspec.io.checksum import sha256
from oddspec.progress import Progress, silent
from oddspec.scenes.public import (
    WHOLE_FILE,
    PublicScene,
    SceneFile,
    catalogue,
    scene_keys,
    scene_sets,
)
from oddspec.scenes.recognise import recognise
from oddspec.study.own_scenes import Reading, own_scene, own_scenes
from oddspec.study.scene_files import Missing, StudyScene, expanded, opened


class Library:
    """Where a study's scenes are looked for.

    Parameters
    ----------
    data
        Folder with the user's copies of public scenes, known by their checksums.
    base
        Folder that relative paths in a plan start from.
    reading
        What the plan says of how files of the user's own are read, by scene.
    """

    def __init__(
        self,
        data: Path | None,
        base: Path,
        progress: Progress = silent,
        reading: Reading | None = None,
    ) -> None:
        self.data, self.base, self.progress, self.reading = data, base, progress, reading or {}
        self._by_sum: dict[str, Path] | None = None
        self._found: dict[str, StudyScene | Missing] = {}
        self._named: dict[str, StudyScene] = {}
        self._public = {key: scene for scene in catalogue() for key in scene_keys(scene)}

    def resolve(self, names: Sequence[str]) -> list[StudyScene | Missing]:
        """The scenes that these names, sets and folders stand for, each once.

        Raises
        ------
        SettingError
            If a text is none of these (the message lists what it could have been), or if two
            scenes have one name, be it one of an earlier call: records know a scene by its name.
        """
        found: dict[str, StudyScene | Missing] = {}
        for name in names:
            for scene in self._resolve(name):
                earlier = [found.setdefault(scene.key, scene)]
                if isinstance(scene, StudyScene):
                    earlier.append(self._named.setdefault(scene.key, scene))
                if any(_differ(scene, other) for other in earlier):
                    raise SettingError(
                        f"two scenes are called {scene.key}; rename one, or make two studies"
                    )
        return list(found.values())

    def _resolve(self, name: str) -> list[StudyScene | Missing]:
        if name in scene_sets():
            return [self._find(key) for key in scene_sets()[name]]
        if name in self._public:
            return [self._find(name)]
        several = [key for key in self._public if key.startswith(f"{name}/")]
        if several:
            raise SettingError(
                f"scene {name!r} has several truths, and a result means nothing without naming "
                f"one: write {' or '.join(several)}"
            )
        path = self.base / expanded(name)
        # These say no, where Path's own raise for a text that is too long for a name.
        if os.path.isdir(path):
            return own_scenes(path, self.reading)
        if os.path.isfile(path):
            return [own_scene(path, self.reading)]
        known = [*scene_sets(), *self._public]
        raise SettingError(
            f"there is no scene, set or folder {name!r}{did_you_mean(name, known, 3)} "
            f"(sets: {', '.join(scene_sets())}; scenes: see `oddspec scenes list`; "
            f"folders count from {self.base})"
        )

    def _find(self, key: str) -> StudyScene | Missing:
        if key not in self._found:
            try:
                self._found[key] = self._public_scene(key)
            except (OddspecError, OSError) as error:
                self._found[key] = Missing(key, str(error))
        return self._found[key]

    def _public_scene(self, key: str) -> StudyScene | Missing:
        scene = self._public[key]
        if self.data is None:
            return Missing(key, "no folder with public scenes was named; give --data FOLDER")
        if not scene.examined:
            return self._by_name(scene)
        files = {file.name: file for file in scene.files}
        chosen = [
            truth for truth in scene.truths if key in (scene.name, f"{scene.name}/{truth.name}")
        ]
        truth = files[chosen[0].file]
        # A truth's own file may hold the cube too; then it is that cube it was made for.
        cube = truth if truth.cube else next(file for file in scene.files if file.cube)
        paths = self._paths()
        for file in (cube, truth):
            if file.sha256 not in paths:
                return Missing(key, f"{file.name} is not in {self.data} (known by its checksum)")
        return opened(
            key,
            scene.name,
            (paths[cube.sha256], _variable(cube.cube)),
            (paths[truth.sha256], _variable(truth.truth)),
            truth.name,
            (cube.sha256, truth.sha256),
        )

    def _paths(self) -> dict[str, Path]:
        if self._by_sum is None:
            assert self.data is not None
            self._by_sum = {
                file.sha256: path
                for path, _, file in recognise(self.data, self.progress)
                if file is not None
            }
        return self._by_sum

    def _by_name(self, scene: PublicScene) -> StudyScene | Missing:
        """A scene known from the literature only: its usual file name and its size must do."""
        assert self.data is not None
        file: SceneFile = scene.files[0]
        path = next((p for p in sorted(self.data.rglob(file.name)) if p.is_file()), None)
        if path is None:
            return Missing(scene.name, f"{file.name} is not in {self.data}")
        digest = sha256(path)
        found = opened(
            scene.name,
            scene.name,
            (path, _variable(file.cube)),
            (path, _variable(file.truth)),
            file.name,
            (digest, digest),
            "taken by its name and size: the catalogue knows no checksum of it",
        )
        if found.shape != (scene.rows, scene.columns, scene.bands):
            return Missing(scene.name, f"{path} has the shape {found.shape}, not the scene's")
        return found


def _differ(one: StudyScene | Missing, other: StudyScene | Missing) -> bool:
    """Whether two scenes of one name would give different results."""
    if isinstance(one, StudyScene) and isinstance(other, StudyScene):
        return (one.sha256, one.truth_sha256) != (other.sha256, other.truth_sha256)
    return one != other


def _variable(name: str) -> str | None:
    return None if name == WHOLE_FILE else name
