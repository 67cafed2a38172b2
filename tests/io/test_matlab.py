"""MATLAB files of both kinds: real ones, choices, budgets, damage."""

import h5py
import numpy as np
import pytest
import scipy.io

from oddspec.errors import BudgetError, InputError
from oddspec.io.open import open_here, open_source
from oddspec.io.truth import read_truth

CUBE = np.random.default_rng(5).integers(-500, 500, (7, 6, 5)).astype(np.int16)

REAL = {
    "abu-airport-1.mat": ((100, 100, 205), 0, 6604, 144),
    "abu-airport-2.mat": ((100, 100, 205), 0, 6644, 87),
    "abu-airport-4.mat": ((100, 100, 191), 1, 5061, 60),
    "abu-beach-1.mat": ((150, 150, 188), -32, 6593, 19),
    "abu-beach-3.mat": ((100, 100, 188), -34, 5404, 11),
    "abu-urban-1.mat": ((100, 100, 204), -50, 6534, 67),
    "abu-urban-2.mat": ((100, 100, 207), -50, 14060, 155),
    "abu-urban-3.mat": ((100, 100, 191), 0, 7208, 52),
    "abu-urban-5.mat": ((100, 100, 205), -1, 7120, 232),
    "pavia-crop.mat": ((100, 100, 102), 0, 1, 68),
    "sandiego-2.mat": ((100, 100, 189), 39, 9345, 134),
    "sandiego-1-truth58b.mat": ((100, 100, 189), 20, 7136, 58),
    "sandiego-1-raw224.mat": ((100, 100, 224), -2605, 7136, 57),
    "hydice-162.mat": ((100, 80, 162), 0, 592, 19),
    "hydice-175.mat": ((80, 100, 175), 0, 592, 21),
    "hydice-162-v73.mat": ((80, 100, 162), 0, 1, 17),
    "xiongan-sub.mat": ((80, 100, 253), 211, 32865, 124),
}


@pytest.mark.parametrize("name", REAL)
def test_real_scenes_with_their_truth(shared, name):
    shape, low, high, targets = REAL[name]
    source = open_source(shared / "data" / name)
    assert source.shape == shape
    read = source.read((0, shape[0]), (0, shape[1]))
    # The inventory cuts values to whole numbers.
    assert (int(read.min()), int(read.max())) == (low, high)
    np.testing.assert_array_equal(source.read((3, 9), (70, 80)), read[3:9, 70:80])
    truth = read_truth(shared / "data" / name, shape[:2])
    assert (truth > 0).sum() == targets


def test_real_truths_in_files_of_their_own(shared):
    folder = shared / "data"
    assert open_source(folder / "sandiego-1.mat").shape == (100, 100, 189)
    for name, targets in [("sandiego-1-truth57.mat", 57), ("sandiego-1-truth58.mat", 58)]:
        assert (read_truth(folder / name, (100, 100)) > 0).sum() == targets
        with pytest.raises(InputError, match="no three-dimensional array"):
            open_source(folder / name)
    with pytest.raises(InputError, match=r"100 x 80.*but the scene has 80 rows.*transposed"):
        read_truth(folder / "hydice-162.mat", (80, 100))
    sunlight = folder / "sandiego-1-sunlight.mat"
    # Beside `sun_map`, `map` has a truth's usual name.
    assert (read_truth(sunlight, (100, 100)) > 0).sum() == 58
    assert (read_truth(sunlight, (100, 100), "sun_map") > 0).sum() != 58


@pytest.fixture(params=["5", "5 compressed", "7.3"])
def save(request, tmp_path):
    """Write variables as a MATLAB file of one of the kinds."""

    def write(**variables):
        path = tmp_path / "scene.mat"
        if request.param != "7.3":
            scipy.io.savemat(path, variables, do_compression="compressed" in request.param)
            return path
        with h5py.File(path, "w", userblock_size=512) as file:
            for name, value in variables.items():
                array = np.asarray(value)
                if array.dtype.kind in "OU":
                    file.create_group(name)
                    continue
                array = array if array.ndim > 1 else array[None]
                kind = {"f8": "double", "f4": "single", "i2": "int16", "u1": "uint8"}
                data = array.T.astype(np.uint8) if array.dtype == bool else array.T
                dataset = file.create_dataset(name, data=data)
                code = "logical" if array.dtype == bool else kind.get(array.dtype.str[1:], "double")
                dataset.attrs["MATLAB_class"] = np.bytes_(code)
        with open(path, "r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: today".ljust(512))
        return path

    return write


def test_the_only_cube_is_chosen(save):
    path = save(data=CUBE, map=np.zeros((7, 6)), text=np.array(["x"], dtype=object), n=3.0)
    source = open_source(path)
    assert source.format in ("MATLAB 5", "MATLAB 7.3")
    assert source.metadata.extra["variable"] == "data"
    np.testing.assert_array_equal(source.read((0, 7), (0, 6)), CUBE)
    np.testing.assert_array_equal(source.read((2, 5), (1, 4)), CUBE[2:5, 1:4])
    assert source.dtype == np.int16


def test_wavelengths_beside_the_cube(save):
    source = open_source(save(data=CUBE, wavelengths=[0.4, 0.5, 0.6, 0.7, 2.5]))
    np.testing.assert_allclose(source.metadata.wavelengths, [400, 500, 600, 700, 2500])
    assert "micrometres" in source.metadata.notes[0]


def test_axes_that_could_be_read_in_two_ways(save):
    path = save(data=np.arange(14400.0).reshape(12, 30, 40))
    with pytest.raises(
        InputError, match=r"\(12 x 30 x 40\) have no names.*--axes band,row,column or --axes row,co"
    ):
        open_source(path)
    source = open_source(path, axes="band,row,column")
    assert source.shape == (30, 40, 12)
    expected = np.arange(14400.0).reshape(12, 30, 40).transpose(1, 2, 0)
    np.testing.assert_array_equal(source.read((3, 7), (5, 9)), expected[3:7, 5:9])
    source.close()
    source = open_source(path, axes="row,column,band")
    assert source.shape == (12, 30, 40)
    source.close()
    assert open_source(save(data=np.zeros((30, 40, 12)))).metadata.notes == ()
    (note,) = open_source(
        save(data=np.zeros((3, 9, 6)), wavelengths=[400, 500, 600, 700, 800, 900])
    ).metadata.notes
    assert "nanometres" in note


def test_choices(save):
    path = save(one=CUBE, two=CUBE + 1, map=np.zeros((7, 6)))
    with pytest.raises(InputError, match=r"scene.mat: holds several cubes: one \(7 x 6 x 5.*two"):
        open_source(path)
    np.testing.assert_array_equal(open_source(path, variable="two").read((0, 7), (0, 6)), CUBE + 1)
    with pytest.raises(InputError, match=r"has no variable 'three'; it holds .*one \("):
        open_source(path, variable="three")
    with pytest.raises(InputError, match=r"map \(7 x 6, double\) is no cube.*such as one"):
        open_source(path, variable="map")


def test_no_cube(save):
    path = save(map=np.zeros((7, 6)), text=np.array(["x"], dtype=object))
    with pytest.raises(
        InputError, match=r"no three-dimensional array.*it holds map \(7 x 6, double"
    ):
        open_source(path)


def test_complex_cubes(tmp_path):
    path = tmp_path / "scene.mat"
    scipy.io.savemat(path, {"data": CUBE + 1j})
    with pytest.raises(InputError, match="is complex"):
        open_source(path)


def test_structs_and_cells_are_never_chosen(tmp_path):
    path = tmp_path / "scene.mat"
    cells = np.full((2, 3, 4), 1.0, dtype=object)
    scipy.io.savemat(path, {"cells": cells, "struct": {"a": CUBE}, "sparse": np.eye(3)})
    with pytest.raises(InputError, match=r"cells \(2 x 3 x 4, cell\)"):
        open_source(path)
    with pytest.raises(InputError, match="is no cube"):
        open_source(path, variable="cells")


def test_only_the_chosen_variable_is_loaded(tmp_path, monkeypatch):
    path = tmp_path / "scene.mat"
    scipy.io.savemat(path, {"one": CUBE, "two": CUBE})
    asked = []
    load = scipy.io.loadmat
    monkeypatch.setattr(
        scipy.io, "loadmat", lambda *a, **k: asked.append(k["variable_names"]) or load(*a, **k)
    )
    open_here(path, variable="two")
    assert asked == [["two"]]


def test_the_budget_is_checked_before_reading(tmp_path, monkeypatch):
    path = tmp_path / "scene.mat"
    scipy.io.savemat(path, {"data": np.zeros((100, 100, 50))}, do_compression=True)
    monkeypatch.setattr(scipy.io, "loadmat", None)
    with pytest.raises(BudgetError, match=r"needs 4 MB of memory, but --max-memory allows 1 MB"):
        open_source(path, max_memory=10**6)


def test_empty_and_damaged(tmp_path):
    path = tmp_path / "scene.mat"
    scipy.io.savemat(path, {"data": np.zeros((3, 0, 4))})
    with pytest.raises(InputError, match="is empty"):
        open_source(path)
    scipy.io.savemat(path, {"data": CUBE})
    whole = path.read_bytes()
    for cut in (100, 140, 200, len(whole) - 100):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"scene\.mat: .*(damaged|holds nothing)"):
            open_source(path)
    path.write_bytes(b"hello world, this is no such file")
    with pytest.raises(InputError, match="no MATLAB file that can be read"):
        open_source(path)
