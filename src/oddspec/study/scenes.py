"""The scenes of a study: names become files, or a reason why there are none."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oddspec.checksum import sha256
from oddspec.errors import OddspecError, SettingError
from oddspec.files.open import open_source
from oddspec.files.sniff import recognise as recognise_format
from oddspec.files.truth import read_truth
from oddspec.progress import Progress, silent
from oddspec.scenes.public import WHOLE_FILE, PublicScene, SceneFile, catalogue
from oddspec.scenes.recognise import recognise
from oddspec.scenes.sets import keys, scene_sets

__all__ = ["Library", "Missing", "StudyScene", "relative"]

TRUTH_NAME = r"[-_ ]?(truth|gt|mask|map|ground_?truth|labels?)"
"""What may follow a scene's name in the name of its truth file."""

CUBES = ("ENVI", "GeoTIFF", "MATLAB 5", "MATLAB 7.3", "HDF5", "NPY", "NPZ")
WITH_VARIABLES = ("MATLAB 5", "MATLAB 7.3", "HDF5", "NPZ")


@dataclass(frozen=True)
class StudyScene:
    """A cube and one truth of it, as files.

    Attributes
    ----------
    key
        As a plan writes it: the name, or ``NAME/TRUTH`` where several truths are in use.
    name
        Of the scene alone.
    cube, cube_variable, truth, truth_variable
        Where to read; the variables are None where a file holds a single array.
    truth_file
        Name of the truth's file: the usual one for a public scene, whatever the user calls it.
    sha256, truth_sha256
        Of the two files; equal if it is one.
    shape
        Rows, columns, bands.
    note
        What is uncertain about it, or empty.
    """

    key: str
    name: str
    cube: Path
    cube_variable: str | None
    truth: Path
    truth_variable: str | None
    truth_file: str
    sha256: str
    truth_sha256: str
    shape: tuple[int, int, int]
    note: str = ""


@dataclass(frozen=True)
class Missing:
    """A scene that a plan names and that is not at hand."""

    key: str
    reason: str


class Library:
    """Where a study's scenes are looked for.

    Parameters
    ----------
    data
        Folder with the user's copies of public scenes, known by their checksums.
    base
        Folder that relative paths in a plan start from.
    """

    def __init__(self, data: Path | None, base: Path, progress: Progress = silent) -> None:
        self.data, self.base, self.progress = data, base, progress
        self._by_sum: dict[str, Path] | None = None
        self._found: dict[str, StudyScene | Missing] = {}
        self._public = {key: scene for scene in catalogue() for key in keys(scene)}

    def resolve(self, names: Sequence[str]) -> list[StudyScene | Missing]:
        """The scenes that these names, sets and folders stand for, each once.

        Raises
        ------
        SettingError
            If a text is none of these; the message lists what it could have been.
        """
        found: dict[str, StudyScene | Missing] = {}
        for name in names:
            for scene in self._resolve(name):
                earlier = found.setdefault(scene.key, scene)
                if earlier != scene:
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
        path = self.base / Path(name).expanduser()
        if path.is_dir():
            return _own_scenes(path)
        if path.is_file():
            return [_own_scene(path, sorted(path.parent.iterdir()))]
        known = [*scene_sets(), *self._public]
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise SettingError(
            f"there is no scene, set or folder {name!r}: {hint}(sets: {', '.join(scene_sets())}; "
            f"scenes: see `oddspec scenes list`; folders count from {self.base})"
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
        return _opened(
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
        found = _opened(
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


def _variable(name: str) -> str | None:
    return None if name == WHOLE_FILE else name


def _opened(
    key: str,
    name: str,
    cube: tuple[Path, str | None],
    truth: tuple[Path, str | None],
    truth_file: str,
    sums: tuple[str, str],
    note: str = "",
) -> StudyScene:
    """The scene, once its cube can be opened."""
    source = open_source(cube[0], variable=cube[1])
    shape = source.shape
    source.close()
    return StudyScene(key, name, *cube, *truth, truth_file, *sums, shape, note)


def _own_scenes(folder: Path) -> list[StudyScene | Missing]:
    """Every cube in a folder of the user's own."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    found = [_own_scene(path, files) for path in files if _is_cube(path, files)]
    if not found:
        raise SettingError(f"{folder}: holds no scene that can be read")
    return found


def _is_cube(path: Path, files: Sequence[Path]) -> bool:
    """Whether a file is a scene of its own: no header beside its data, no truth, no side file."""
    if any(_is_truth_of(path, other) for other in files):
        return False
    if path.suffix.lower() == ".hdr":
        return False
    try:
        return recognise_format(path) in CUBES
    except OddspecError:
        return False


def _is_truth_of(path: Path, scene: Path) -> bool:
    pattern = re.escape(scene.stem) + TRUTH_NAME
    return path != scene and re.fullmatch(pattern, path.stem, re.IGNORECASE) is not None


def _own_scene(path: Path, files: Sequence[Path]) -> StudyScene | Missing:
    truths = [p for p in files if _is_truth_of(p, path) and p.suffix.lower() != ".hdr"]
    if len(truths) > 1:
        names = ", ".join(truth.name for truth in truths)
        return Missing(path.stem, f"{path}: has several truths ({names}); leave one")
    try:
        if not truths and recognise_format(path) not in WITH_VARIABLES:
            return Missing(
                path.stem,
                f"{path}: has no truth; put one beside it called {path.stem}-truth.tif (or .png, "
                f".mat, .npy)",
            )
        truth = truths[0] if truths else path
        digest = sha256(path)
        sums = (digest, sha256(truth) if truths else digest)
        scene = _opened(path.stem, path.stem, (path, None), (truth, None), truth.name, sums)
        read_truth(truth, scene.shape[:2])
    except (OddspecError, OSError) as error:
        return Missing(path.stem, str(error))
    return scene


def relative(path: Path, start: Path) -> str:
    """The way from one folder to a path, for files that are moved together."""
    return os.path.relpath(path.resolve(), start.resolve())
