"""The catalogue is complete, and says what the files themselves say."""

import dataclasses
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from scipy.ndimage import label
from scipy.stats import rankdata

from oddspec.command.scenes import catalogue_rows, recognised_rows, scene_text
from oddspec.command.terminal import text_table
from oddspec.errors import InputError, SettingError
from oddspec.scenes import PublicScene, SceneFile, catalogue, find, recognise
from oddspec.scenes.public import UNKNOWN, parse

MINIMAL = """
name = "x"
title = "X"
place = "somewhere"
sensor = "S"
pixel_metres = 1.0
rows = 2
columns = 3
bands = 4
dtype = "int16"
values = [0.0, 1.0]
covariance_rank = 4
citation = "c"
doi = ""
source = ""
licence = "none stated"
notes = []
truths = []
[[files]]
name = "x.mat"
sha256 = "unknown"
bytes = 0
format = "MATLAB 5"
cube = "data"
truth = ""
"""


def test_names_are_unique_and_sorted():
    names = [scene.name for scene in catalogue()]
    assert names == sorted(set(names))
    assert len(names) >= 23


@pytest.mark.parametrize("scene", catalogue(), ids=lambda scene: scene.name)
def test_every_entry_is_complete(scene: PublicScene):
    assert min(scene.rows, scene.columns, scene.bands) > 1
    assert scene.licence == "none stated: research use; not redistributed here"
    assert scene.citation
    assert not scene.doi or scene.doi.startswith("10.")
    assert not scene.source or scene.source.startswith("http")
    assert any(file.cube for file in scene.files)
    if scene.examined:
        assert all(len(file.sha256) == 64 and file.bytes > 0 for file in scene.files)
        assert scene.values[0] < scene.values[1]
        assert 0 < scene.covariance_rank <= scene.bands
        assert scene.truths
        for truth in scene.truths:
            assert 0.5 < truth.rx_auc < 1
            assert truth.pixels >= truth.objects > 0
    else:
        assert not scene.truths
        assert scene.dtype == UNKNOWN
        assert any("has not been examined" in note for note in scene.notes)


def test_a_minimal_entry_is_read():
    assert parse("x", MINIMAL).files[0].cube == "data"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('place = "somewhere"\n', "", r"lacks \['place'\]"),
        ('place = "somewhere"', 'place = "somewhere"\nweather = "fine"', r"unknown \['weather'\]"),
        ("bytes = 0\n", "", r"SceneFile: lacks \['bytes'\]"),
        ("truths = []", "", r"lacks \['truths'\]"),
        ('name = "x"\n', 'name = "y"\n', "describes another scene"),
    ],
)
def test_a_faulty_entry_is_refused(old: str, new: str, message: str):
    assert old in MINIMAL
    with pytest.raises(ValueError, match=message):
        parse("x", MINIMAL.replace(old, new, 1))


def test_a_truth_must_lie_in_a_file_listed():
    truth = 'truths = [{name = "t", file = "y.mat", pixels = 1, objects = 1, rx_auc = 0.9}]'
    with pytest.raises(ValueError, match="lies in no file"):
        parse("x", MINIMAL.replace("truths = []", truth))


def test_find():
    assert find("sandiego-2").truths[0].pixels == 134
    with pytest.raises(SettingError, match="did you mean sandiego-2"):
        find("sandeigo-2")


def test_text():
    lines = text_table(catalogue_rows(catalogue())).splitlines()
    assert len(lines) == len(catalogue()) + 2
    text = scene_text(find("sandiego-1"))
    for part in ("truth 57", "58b", "0.905471", "10.1109/TGRS.2015.2479299", "none stated"):
        assert part in text
    assert "singular" in scene_text(find("sandiego-1-raw224"))
    assert "checksum unknown" in text_table(catalogue_rows([find("abu-airport-3")]))


def test_unknown_files_are_not_recognised(tmp_path: Path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "notes.txt").write_text("nothing")
    # As long as a real file, but of other bytes.
    size = find("sandiego-2").files[0].bytes
    (tmp_path / "sandiego-2.mat").write_bytes(bytes(size))
    found = recognise(tmp_path)
    assert {entry.path.name for entry in found} == {"notes.txt", "sandiego-2.mat"}
    assert all(entry.scene is None and entry.file is None for entry in found)
    assert "not in the catalogue" in text_table(recognised_rows(found))


def test_recognise_needs_a_folder(tmp_path: Path):
    with pytest.raises(InputError, match="no such file or folder"):
        recognise(tmp_path / "missing")


def test_every_real_file_is_recognised(shared: Path):
    found = [r for r in recognise(shared / "data") if r.path.suffix != ".md"]
    assert all(scene is not None for _, scene, _ in found)
    held = {file.sha256 for scene in catalogue() for file in scene.files} - {UNKNOWN}
    assert {file.sha256 for _, _, file in found if file} == held
    assert {file.name == path.name for path, _, file in found if file} == {True}


def test_recognised_under_another_name(shared: Path, tmp_path: Path):
    shutil.copy(shared / "data" / "sandiego-1-truth57.mat", tmp_path / "download(3).bin")
    ((path, scene, file),) = recognise(tmp_path / "download(3).bin")
    assert path.name == "download(3).bin"
    assert scene is not None
    assert file is not None
    assert (scene.name, file.truth) == ("sandiego-1", "PlaneGT")


@pytest.mark.parametrize(
    "scene", [s for s in catalogue() if s.examined], ids=lambda scene: scene.name
)
def test_facts_agree_with_the_files(scene: PublicScene, shared: Path):
    holder = next(file for file in scene.files if file.cube)
    cube = load(shared, holder, holder.cube)
    assert cube.shape == (scene.rows, scene.columns, scene.bands)
    assert cube.dtype == scene.dtype
    assert (cube.min(), cube.max()) == scene.values
    scores, rank = plain_rx(cube)
    assert rank == scene.covariance_rank
    for truth in scene.truths:
        file = next(f for f in scene.files if f.name == truth.file)
        marked = load(shared, file, file.truth) != 0
        assert marked.sum() == truth.pixels
        assert label(marked, np.ones((3, 3)))[1] == truth.objects
        assert area(scores, marked.ravel()) == pytest.approx(truth.rx_auc, abs=1e-6)


def load(shared: Path, file: SceneFile, variable: str) -> np.ndarray:
    (path,) = (shared / "data").rglob(file.name)
    if file.format == "ENVI":
        return np.fromfile(path, "<u2").reshape(100, 186, 100).transpose(0, 2, 1)
    if file.format == "BMP":
        # One bit per pixel, rows padded to 4 bytes, from the bottom up.
        raw = path.read_bytes()
        start = int.from_bytes(raw[10:14], "little")
        lines = np.frombuffer(raw, np.uint8, offset=start).reshape(100, 16)
        return np.unpackbits(lines, axis=1)[::-1, :100]
    if file.format == "MATLAB 7.3":
        with h5py.File(path) as stored:
            return np.asarray(stored[variable]).T
    return scipy.io.loadmat(path)[variable]


def plain_rx(cube: np.ndarray) -> tuple[np.ndarray, int]:
    pixels = cube.reshape(-1, cube.shape[2]).astype(np.float64)
    pixels -= pixels.mean(axis=0)
    values, vectors = np.linalg.eigh(pixels.T @ pixels / (len(pixels) - 1))
    kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
    whitened = pixels @ (vectors[:, kept] / np.sqrt(values[kept]))
    return (whitened**2).sum(axis=1), int(kept.sum())


def area(scores: np.ndarray, marked: np.ndarray) -> float:
    positive = int(marked.sum())
    ranks = rankdata(scores)[marked].sum() - positive * (positive + 1) / 2
    return float(ranks / (positive * (marked.size - positive)))


def test_scenes_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalogue()[0].name = "other"  # type: ignore[misc]
