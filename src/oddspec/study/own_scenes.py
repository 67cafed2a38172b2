"""Scenes of the user's own: which files of a folder are cubes, and which are their truths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from oddspec.checksum import sha256
from oddspec.errors import OddspecError, SettingError
from oddspec.files.open import open_source
from oddspec.files.sniff import recognise as recognise_format
from oddspec.files.truth import read_truth
from oddspec.study.scene_files import Missing, StudyScene, opened

__all__ = ["own_scene", "own_scenes"]

TRUTH_NAME = r"[-_ ]?(truth|gt|mask|map|ground_?truth|labels?)"
"""What may follow a scene's name in the name of its truth file."""

CUBES = ("ENVI", "GeoTIFF", "MATLAB 5", "MATLAB 7.3", "HDF5", "NPY", "NPZ")
WITH_VARIABLES = ("MATLAB 5", "MATLAB 7.3", "HDF5", "NPZ")


def own_scenes(folder: Path) -> list[StudyScene | Missing]:
    """Every cube in a folder; raises `SettingError` if there is none."""
    images = _images(folder)
    cubes = [
        path
        for path, kind in images.items()
        if kind in CUBES and not any(_is_truth_of(path, other) for other in images)
    ]
    if not cubes:
        raise SettingError(f"{folder}: holds no scene that can be read")
    return [_own_scene(path, images) for path in cubes]


def _images(folder: Path) -> dict[Path, str]:
    """The files of a folder that hold scenes or truths, and their formats."""
    found: dict[Path, str] = {}
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        try:
            # Whatever lies beside a header passes for ENVI data; the header knows better.
            if path.suffix.lower() == ".hdr":
                found[_data_of(path)] = "ENVI"
            elif (kind := recognise_format(path)) != "ENVI":
                found[path] = kind
        except OddspecError:
            continue
    return found


def _data_of(header: Path) -> Path:
    """The data file of an ENVI header; the header itself where it is not to be understood."""
    try:
        source = open_source(header)
    except OddspecError:
        return header
    source.close()
    return source.path or header


def _is_truth_of(path: Path, scene: Path) -> bool:
    pattern = re.escape(scene.stem) + TRUTH_NAME
    return path != scene and re.fullmatch(pattern, path.stem, re.IGNORECASE) is not None


def own_scene(path: Path) -> StudyScene | Missing:
    """The scene in a file, with the truth in it or beside it."""
    return _own_scene(path, _images(path.parent))


def _own_scene(path: Path, images: Mapping[Path, str]) -> StudyScene | Missing:
    truths = [other for other in images if _is_truth_of(other, path)]
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
        scene = opened(path.stem, path.stem, (path, None), (truth, None), truth.name, sums)
        read_truth(truth, scene.shape[:2])
    except (OddspecError, OSError) as error:
        return Missing(path.stem, str(error))
    return scene
