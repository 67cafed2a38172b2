"""What the axes of a cube mean: what is said beside it, and where its lengths leave doubts."""

import h5py
import numpy as np
import pytest
import scipy.io

from oddspec.errors import InputError, SettingError
from oddspec.io.axes import KNOWN_BANDS, find_axes, kept_axes, parse_axes
from oddspec.io.open import open_source
from oddspec.scenes.public import catalogue

USUAL = ("row", "column", "band")


def order(shape, beside=None):
    return find_axes(None, "the array", shape, beside or {})


ORDINARY = [
    # Airborne lines, tiles and strips, satellites, drones, laboratories, public scenes.
    (2000, 300, 224), (512, 614, 224), (1000, 100, 60), (3750, 1580, 250), (5000, 598, 425),
    (1000, 1000, 239), (1280, 1242, 285), (1024, 1128, 224), (1476, 256, 145), (349, 1905, 144),
    (400, 640, 270), (2000, 320, 270), (500, 320, 448), (512, 512, 204), (1300, 1392, 31),
    (100, 100, 189), (100, 100, 205), (100, 80, 162), (80, 100, 175), (250, 300, 224),
    (145, 145, 220), (610, 340, 103), (1096, 715, 102), (512, 217, 204), (307, 307, 162),
    (1208, 307, 191), (300, 100, 145), (12, 12, 200),
]  # fmt: skip


@pytest.mark.parametrize("shape", ORDINARY)
def test_ordinary_scenes_are_read_as_they_are_and_refused_with_bands_elsewhere(shape):
    assert order(shape) == (USUAL, [])
    h, w, b = shape
    for turned, axis in (((b, h, w), 0), ((b, w, h), 0), ((h, b, w), 1)):
        if axis == 1 and b == 60:
            continue  # 1000 x 60 x 100: read with a note
        with pytest.raises(InputError, match="or the third one"):
            order(turned)
        # A list decides, unless an edge of the image is as long.
        assert order(turned, {"wavelengths": (b,)})[0][axis] == "band"
        assert order(turned, {"map": (h, w)})[0][axis] == "band"


def test_numbers_of_bands_in_use_are_known():
    public = {scene.bands for scene in catalogue()}
    assert public <= KNOWN_BANDS | {100, 128, 200}


@pytest.mark.parametrize(
    "shape",
    [
        (45, 60, 30), (50, 60, 10), (7, 6, 5), (100, 400, 60), (9, 30, 5), (128, 128, 1000),
        (1, 500, 20), (500, 1, 20), (1, 1, 9), (189, 189, 30), (3, 500, 224), (600, 700, 900),
    ],
)  # fmt: skip
def test_other_scenes_are_read_in_the_usual_order(shape):
    assert order(shape)[0] == USUAL


@pytest.mark.parametrize(
    ("shape", "other"),
    [
        ((426, 60, 50), "band,row,column"),
        ((426, 600, 600), "band,row,column"),
        ((189, 100, 100), "band,row,column"),
        ((100, 189, 100), "row,band,column"),
        ((200, 145, 145), "band,row,column"),
        ((224, 512, 614), "band,row,column"),
        ((12, 30, 40), "band,row,column"),
        ((40, 5, 30), "row,band,column"),
        ((175, 80, 100), "band,row,column"),
        ((60, 40, 50), "band,row,column"),
        ((400, 600, 1000), "band,row,column"),
    ],
)
def test_lengths_that_speak_for_another_order_are_refused(shape, other):
    with pytest.raises(InputError, match="have no names") as caught:
        order(shape)
    assert f'axes="{other}" or axes="row,column,band"' in str(caught.value)


def test_a_weak_doubt_is_a_note():
    found, (note,) = order((30, 45, 60))
    assert found == USUAL
    assert note == (
        "the axes of the array (30 x 45 x 60) were taken as row,column,band; if the first one "
        'holds the bands, say axes="band,row,column"'
    )
    assert order((60, 45, 30)) == (USUAL, [])


@pytest.mark.parametrize(
    "beside",
    [
        {"wavelengths": (189,)},
        {"meta/wavelength": (1, 189)},
        {"info.bbl": (189, 1)},
        {"good_wavelengths": (189,)},
        {"map": (100, 90)},
        {"truth": (90, 100), "other": (5, 5)},
        {"clouds": (100, 90)},
        {"gt": (100, 90), "gain": (189, 90)},
    ],
)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_lies_beside_decides(beside, axis):
    shape = [100, 90]
    shape.insert(axis, 189)
    expected = ["row", "column"]
    expected.insert(axis, "band")
    found, notes = order(shape, beside)
    assert found == tuple(expected)
    assert len(notes) == (axis != 2)


def test_what_lies_beside_may_leave_doubts():
    with pytest.raises(InputError, match="could be the first or the third"):
        order((189, 100, 90), {"wavelengths": (189,), "map": (189, 100)})
    with pytest.raises(InputError, match="could be the first or the second"):
        order((60, 60, 50), {"wavelengths": (60,)})
    assert order((100, 100, 189), {"map": (100, 100), "wl": (7,)}) == (USUAL, [])
    assert order((50, 60, 50), {"wavelengths": (50,), "map": (50, 60)}) == (USUAL, [])


def test_what_is_stated_counts():
    assert find_axes(None, "", (189, 100, 100), {"wl": (189,)}, USUAL) == (USUAL, [])
    for wrong in ("x,y,z", "band,row", ""):
        with pytest.raises(SettingError, match="expected row, column and band"):
            parse_axes(wrong)


def test_axes_of_length_one():
    assert kept_axes((1, 45, 60, 30)) == (1, 2, 3)
    assert kept_axes((1, 1, 45, 60, 30, 1)) == (2, 3, 4)
    assert kept_axes((1, 1, 60, 30)) == (1, 2, 3)
    assert kept_axes((1, 1, 60, 30), ("y", "time", "x", "band")) == (0, 2, 3)
    assert len(kept_axes((2, 45, 60, 30))) == 4


CUBE = np.random.default_rng(4).normal(size=(10, 9, 21)).astype(np.float32)


def save(kind, path, **arrays):
    if kind == "npz":
        np.savez(path, **arrays)
    elif kind == "mat":
        scipy.io.savemat(path, arrays)
    else:
        block = 512 if kind == "v73" else 0
        with h5py.File(path, "w", userblock_size=block) as file:
            for name, array in arrays.items():
                array = np.asarray(array)
                file[name] = array.T if block else array
        if block:
            with open(path, "r+b") as file:
                file.write(b"MATLAB 7.3 MAT-file".ljust(512))
    return path


@pytest.mark.parametrize("kind", ["npz", "mat", "v73", "h5"])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("told_by", ["list", "plane", "words"])
def test_every_container_reads_bands_where_they_are(tmp_path, kind, axis, told_by):
    stored = np.moveaxis(CUBE, 2, axis)
    words = ["row", "column"]
    words.insert(axis, "band")
    beside = {"list": {"wavelengths": np.linspace(400, 2400, 21)}, "plane": {"map": np.eye(10, 9)}}
    name = {"npz": "a.npz", "mat": "a.mat", "v73": "b.mat", "h5": "a.h5"}[kind]
    path = save(kind, tmp_path / name, cube=stored, **beside.get(told_by, {}))
    source = open_source(path, axes=",".join(words) if told_by == "words" else None)
    np.testing.assert_array_equal(source.read((2, 7), (1, 9)), CUBE[2:7, 1:9])
    if told_by == "list":
        np.testing.assert_allclose(source.metadata.wavelengths, np.linspace(400, 2400, 21))
    assert any("were taken as" in note for note in source.metadata.notes) == (told_by != "words")


@pytest.mark.parametrize("kind", ["npy", "npz", "mat", "v73", "h5"])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_axes_of_length_one_are_dropped(tmp_path, kind, place):
    stored = np.expand_dims(CUBE, place)
    path = tmp_path / f"{kind}.{kind if kind != 'v73' else 'mat'}"
    if kind == "npy":
        np.save(path, stored)
    elif kind == "mat" and place == 3:
        pytest.skip("MATLAB itself drops an axis of length 1 at the end")
    else:
        save(kind, path, cube=stored, flag=np.ones((1, 1)))
    source = open_source(path)
    assert source.shape == CUBE.shape
    np.testing.assert_array_equal(source.read((2, 7), (1, 9)), CUBE[2:7, 1:9])


@pytest.mark.parametrize("kind", ["npz", "mat", "v73", "h5"])
def test_lists_of_good_bands_are_used(tmp_path, kind):
    good = np.ones(21)
    good[[3, 8]] = 0
    name = "a.mat" if kind == "v73" else f"a.{kind}"
    path = save(kind, tmp_path / name, cube=CUBE, bbl=good)
    source = open_source(path)
    np.testing.assert_array_equal(np.flatnonzero(source.metadata.bad_bands), [3, 8])


@pytest.mark.parametrize("kind", ["npz", "h5"])
def test_truth_values_are_lists_and_planes_too(tmp_path, kind):
    arrays = {"good_bands": np.arange(21) != 4, "mask": np.zeros((10, 9), bool)}
    path = save(kind, tmp_path / f"a.{kind}", cube=np.moveaxis(CUBE, 2, 0), **arrays)
    source = open_source(path)
    assert source.shape == CUBE.shape
    assert np.flatnonzero(source.metadata.bad_bands).tolist() == [4]


def test_lists_that_are_attributes(tmp_path):
    path = save("h5", tmp_path / "a.h5", cube=np.moveaxis(CUBE, 2, 0))
    with h5py.File(path, "r+") as file:
        file["cube"].attrs["wavelengths"] = np.linspace(400, 2400, 21)
        file["cube"].attrs["good_wavelengths"] = np.arange(21) != 5
    source = open_source(path)
    assert source.shape == CUBE.shape
    np.testing.assert_allclose(source.metadata.wavelengths, np.linspace(400, 2400, 21))
    assert np.flatnonzero(source.metadata.bad_bands).tolist() == [5]


def structs(kind, path):
    """A cube and its wavelengths in a struct, as MATLAB keeps them."""
    info = {"wavelength": np.linspace(400, 2400, 21)}
    if kind == "mat":
        scipy.io.savemat(path, {"hsi": {"Data": CUBE, "info": info}, "n": 3.0})
        return path
    with h5py.File(path, "w", userblock_size=512) as file:
        file["hsi/Data"] = CUBE.T
        file["hsi/info/wavelength"] = info["wavelength"][:, None]
        file["hsi"].attrs["MATLAB_class"] = np.bytes_("struct")
        file["#refs#/a"] = np.zeros((3, 4, 5))
        file["n"] = [[3.0]]
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(512))
    return path


@pytest.mark.parametrize("kind", ["mat", "v73"])
def test_structs_are_reached_by_name_and_listed(tmp_path, kind):
    path = structs(kind, tmp_path / "a.mat")
    with pytest.raises(InputError, match=r"hsi\.Data \(10 x 9 x 21, (single|float32)\)") as caught:
        open_source(path)
    assert "#refs#" not in str(caught.value)
    source = open_source(path, variable="hsi.Data")
    np.testing.assert_array_equal(source.read((2, 7), (1, 9)), CUBE[2:7, 1:9])
    np.testing.assert_allclose(source.metadata.wavelengths, np.linspace(400, 2400, 21))
    with pytest.raises(InputError, match=r"has no variable 'hsi\.data'.*hsi\.Data"):
        open_source(path, variable="hsi.data")


def test_arrays_of_structs_are_counted(tmp_path):
    path = tmp_path / "a.mat"
    array = np.zeros((1, 2), dtype=[("Data", object)])
    array[0, 0]["Data"], array[0, 1]["Data"] = CUBE, CUBE + 1
    scipy.io.savemat(path, {"hsi": array}, do_compression=True)
    source = open_source(path, variable="hsi(2).Data")
    np.testing.assert_array_equal(source.read((0, 10), (0, 9)), CUBE + 1)


def test_large_structs_are_read_only_where_they_are_asked_for(tmp_path, monkeypatch):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"cube": CUBE, "more": {"copy": CUBE}}, do_compression=True)
    asked = []
    load = scipy.io.loadmat
    monkeypatch.setattr(
        scipy.io, "loadmat", lambda *a, **k: asked.append(k["variable_names"]) or load(*a, **k)
    )
    monkeypatch.setattr("oddspec.io.matlab._LISTED", CUBE.nbytes - 1)
    from oddspec.io.open import open_here

    open_here(path)
    assert asked == [["cube"]]
    assert open_here(path, variable="more.copy").shape == CUBE.shape
