"""Scenes of the user's own: which files of a folder are cubes, and which are their truths."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from oddspec.errors import InputError, OddspecError, SettingError
from oddspec.io.checksum import sha256
from oddspec.io.envi.reader import find_header
from oddspec.io.formats import format_of
from oddspec.io.open import open_source
from oddspec.study.scene_files import Missing, StudyScene, looked_over, opened

TRUTH_NAME = r"[-_ ]?(truth|gt|mask|map|ground_?truth|labels?)"
"""What may follow a scene's name in the name of its truth file."""

CUBES = ("ENVI", "GeoTIFF", "MATLAB 5", "MATLAB 7.3", "HDF5", "NetCDF-3", "NPY", "NPZ")
WITH_VARIABLES = ("MATLAB 5", "MATLAB 7.3", "HDF5", "NetCDF-3", "NPZ")

SUFFIXES = (
    ".mat", ".npy", ".npz", ".h5", ".hdf5", ".he5", ".nc", ".tif", ".tiff",
    ".img", ".dat", ".raw", ".bil", ".bip", ".bsq", ".bin", ".rdn", ".rfl", ".cube",
)  # fmt: skip
"""Names of cubes: such a file that cannot be read is a scene that is missing."""
PICTURES = (".png", ".bmp")
VECTORS = (".gpkg", ".geojson", ".shp")

UNREADABLE, POLYGONS = "unreadable", "polygons"

Reading = Mapping[str, Mapping[str, str]]
"""What a plan says of reading a scene, by the scene's name."""


def own_scenes(folder: Path, reading: Reading) -> list[StudyScene | Missing]:
    """Every cube in a folder.

    Raises
    ------
    InputError
        If the folder cannot be listed.
    SettingError
        If there is no cube in it.
    """
    images = _images(folder)
    own = {
        path: kind
        for path, kind in images.items()
        if not any(_is_truth_of(path, other) for other in images)
    }
    cubes = [path for path, kind in own.items() if kind in CUBES]
    broken = [
        path for path, kind in own.items() if kind == UNREADABLE and path.suffix.lower() in SUFFIXES
    ]
    if not cubes and not broken:
        raise SettingError(f"{folder}: holds no scene that can be read")
    taken = {path.stem for path in cubes}
    return [_own_scene(path, images, reading) for path in cubes] + [
        _unreadable(path, path.name if path.stem in taken else path.stem) for path in broken
    ]


def _images(folder: Path) -> dict[Path, str]:
    """The files of a folder that hold scenes or truths, or should, and their formats."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror})") from None
    headers = {path: _data_of(path) for path in files if path.suffix.lower() == ".hdr"}
    found: dict[Path, str] = {}
    for path in files:
        if path in headers:
            found[_entry_of(path, headers[path])] = "ENVI"
        # Whatever lies beside a header passes for ENVI data; the header knows better.
        elif path not in headers.values() and (kind := _kind(path)) not in (None, "ENVI"):
            found[path] = kind
    return found


def _kind(path: Path) -> str | None:
    """The format of a file; None for one that is nobody's scene."""
    if path.suffix.lower() in VECTORS:
        return POLYGONS
    try:
        return format_of(path)
    except (OddspecError, OSError):
        return UNREADABLE if path.suffix.lower() in (*SUFFIXES, *PICTURES) else None


def _data_of(header: Path) -> Path | None:
    """The data file of an ENVI header; None where it is not to be understood."""
    try:
        source = open_source(header)
    except OddspecError:
        return None
    source.close()
    return source.path


def _entry_of(header: Path, data: Path | None) -> Path:
    """The data file of an ENVI header if that leads back to the header, else the header."""
    return data if data is not None and find_header(data) == header else header


def _is_truth_of(path: Path, scene: Path) -> bool:
    pattern = re.escape(scene.stem) + TRUTH_NAME
    return path != scene and re.fullmatch(pattern, path.stem, re.IGNORECASE) is not None


def own_scene(path: Path, reading: Reading) -> StudyScene | Missing:
    """The scene in a file, with the truth in it or beside it.

    Raises
    ------
    InputError
        If its folder, where the truth may lie, cannot be listed.
    """
    if path.suffix.lower() == ".hdr":
        path = _entry_of(path, _data_of(path))
    return _own_scene(path, _images(path.parent), reading)


def _own_scene(path: Path, images: Mapping[Path, str], reading: Reading) -> StudyScene | Missing:
    truths = [other for other in images if _is_truth_of(other, path)]
    if len(truths) > 1:
        names = ", ".join(truth.name for truth in truths)
        return Missing(path.stem, f"{path}: has several truths ({names}); leave one")
    try:
        path.name.encode()
    except UnicodeEncodeError:
        name = path.name.encode(errors="backslashreplace").decode()
        return Missing(name, f"{name}: the file's name is no UTF-8 text; rename it")
    try:
        if not truths and format_of(path) not in WITH_VARIABLES:
            return Missing(
                path.stem,
                f"{path}: has no truth; put one beside it called {path.stem}-truth.tif (or .png, "
                f".mat, .npy)",
            )
        truth, said = truths[0] if truths else path, reading.get(path.stem, {})
        digest = _checksum(path)
        sums = (digest, _checksum(truth) if truths else digest)
        return looked_over(
            opened(
                path.stem,
                path.stem,
                (path, said.get("variable")),
                (truth, said.get("truth_variable")),
                truth.name,
                sums,
                reading=said,
            )
        )
    except (OddspecError, OSError) as error:
        return Missing(path.stem, str(error))


def _unreadable(path: Path, key: str) -> Missing:
    """A file that should be a cube, and the reason why it is none."""
    try:
        return Missing(key, f"{path}: is a {format_of(path)} file")
    except (OddspecError, OSError) as error:
        return Missing(key, str(error))


def _checksum(path: Path) -> str:
    """Of a file; of header and data in ENVI, of shapes and their place in a shapefile."""
    pair: tuple[Path | None, Path | None]
    if path.suffix.lower() == ".shp":
        projection = path.with_suffix(".prj")
        pair = (path, projection if projection.is_file() else None)
    elif path.suffix.lower() in VECTORS or format_of(path) != "ENVI":
        return sha256(path)
    elif path.suffix.lower() == ".hdr":
        pair = (path, _data_of(path))
    else:
        pair = (find_header(path), path)
    sums = "".join(sha256(file) for file in pair if file is not None)
    return hashlib.sha256(sums.encode()).hexdigest()
