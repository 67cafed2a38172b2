"""What may be given as a scene in Python, and what is told of it."""

import gc
import logging
import warnings

import numpy as np
import pytest
import rasterio

import oddspec
from oddspec.errors import DataWarning, InputError, SettingError

pytestmark = pytest.mark.filterwarnings("ignore::oddspec.errors.DataWarning")


def told(call, *arguments, **settings):
    """The `DataWarning`s of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*arguments, **settings)
        gc.collect()
    assert not [w for w in caught if issubclass(w.category, ResourceWarning)]
    return [str(w.message) for w in caught if issubclass(w.category, DataWarning)]


@pytest.fixture
def clouded(cube):
    """A cube with a bright cloud, and the mask of it."""
    cloud = np.zeros(cube.shape, bool)
    cloud[2:6, 3:9] = True
    spoilt = cube.copy()
    spoilt[cloud] = 50 + np.random.default_rng(0).normal(size=cloud.sum())
    return spoilt, cloud


@pytest.mark.parametrize("harden", [False, True])
@pytest.mark.parametrize("dtype", ["f8", "f4", "u2", "i4"])
def test_what_is_masked_has_no_score(clouded, harden, dtype):
    spoilt, cloud = clouded
    values = (spoilt * 100 + 1000).astype(dtype)
    masked = np.ma.masked_array(values, cloud, hard_mask=harden)
    scores = oddspec.detect(masked)
    expected = values.astype(float)
    expected[cloud] = np.nan
    np.testing.assert_array_equal(scores, oddspec.detect(expected))
    assert np.isnan(scores).sum() == 24
    model = oddspec.fit(masked)
    np.testing.assert_array_equal(oddspec.detect(masked, model), scores)


def test_masks_that_hold_for_nothing_or_all(cube):
    for mask in (np.ma.nomask, False):
        np.testing.assert_array_equal(
            oddspec.detect(np.ma.masked_array(cube, mask)), oddspec.detect(cube)
        )
    with pytest.raises(InputError, match="no pixel is valid"):
        oddspec.detect(np.ma.masked_array(cube, True))


def test_one_masked_value_masks_its_pixel_and_masked_bands_are_left_out(cube):
    mask = np.zeros(cube.shape, bool)
    mask[1, 2, 3] = True
    mask[:, :, 5] = True
    scores = oddspec.detect(np.ma.masked_array(cube, mask))
    assert np.argwhere(np.isnan(scores)).tolist() == [[1, 2]]


def test_axes_of_arrays(cube):
    scores = oddspec.detect(cube)
    square = np.random.default_rng(1).normal(size=(20, 20, 30))
    first = np.ascontiguousarray(square.transpose(2, 0, 1))
    with pytest.raises(InputError, match='axes="band,row,column" or axes="row,column,band"'):
        oddspec.detect(first)
    with pytest.raises(InputError, match="could be the first"):
        oddspec.fit(first)
    np.testing.assert_array_equal(
        oddspec.detect(first, axes="band,row,column"), oddspec.detect(square)
    )
    # A mask of good bands tells as well.
    good = np.arange(30) != 4
    np.testing.assert_array_equal(
        oddspec.detect(first, bands=good), oddspec.detect(square, bands=good)
    )
    np.testing.assert_array_equal(oddspec.detect(cube[None, :, :, None]), scores)
    with pytest.raises(SettingError, match="expected row, column and band"):
        oddspec.detect(cube, axes="z")
    opened = oddspec.open(_npy(cube))
    with opened, pytest.raises(InputError, match="has its axes already"):
        oddspec.detect(opened, axes="row,column,band")


@pytest.fixture(autouse=True)
def folder(tmp_path):
    global _FOLDER
    _FOLDER = tmp_path


def _npy(cube):
    path = _FOLDER / "scene.npy"
    np.save(path, cube)
    return path


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (np.zeros((0, 0, 3)), "is empty"),
        (np.zeros((3, 4)), "three axes"),
        (np.zeros((3, 4, 5, 6)), "three axes"),
        (np.zeros((3, 4, 5), complex), "must be real"),
        (np.zeros((3, 4, 5), bool), "must be real"),
        ([[1, 2], [3]], "cannot be taken as an array"),
        (None, "three axes"),
        ({"a": 1}, "three axes"),
    ],
)
def test_what_is_no_scene_gets_a_sentence(given, says):
    for call in (oddspec.detect, oddspec.fit):
        with pytest.raises(InputError, match=says):
            call(given)
    with pytest.raises(InputError, match="an array has no variables"):
        oddspec.detect(np.ones((3, 4, 5)), variable="x")


def test_tensors_with_a_gradient(cube):
    torch = pytest.importorskip("torch")
    np.testing.assert_array_equal(
        oddspec.detect(torch.from_numpy(cube).requires_grad_()), oddspec.detect(cube)
    )


def test_datasets(cube):
    xr = pytest.importorskip("xarray")
    dims = ("y", "x", "band")
    one = xr.Dataset({"r": (dims, cube), "clouds": (("y", "x"), cube[:, :, 0])})
    np.testing.assert_array_equal(oddspec.detect(one).values, oddspec.detect(cube))
    two = one.assign(q=(dims, cube + 1))
    with pytest.raises(InputError, match="several cubes: r, q; choose one with variable="):
        oddspec.detect(two)
    np.testing.assert_array_equal(oddspec.detect(two, variable="q"), oddspec.detect(cube + 1))
    with pytest.raises(InputError, match="has no variable 'z'; it holds r, q"):
        oddspec.detect(two, variable="z")
    with pytest.raises(InputError, match="no cube of real numbers: clouds"):
        oddspec.detect(one[["clouds"]])
    with pytest.raises(InputError, match="leave it out"):
        oddspec.detect(one["r"], variable="r")


def test_dimensions_without_a_meaning_and_of_length_one(cube):
    xr = pytest.importorskip("xarray")
    plain = xr.DataArray(cube[None], dims=("time", "y", "x", "band"))
    assert oddspec.detect(plain).dims == ("y", "x")
    nameless = xr.DataArray(cube.transpose(2, 0, 1))
    with pytest.raises(InputError, match="dim_0, dim_1, dim_2"):
        oddspec.detect(nameless)
    np.testing.assert_array_equal(
        oddspec.detect(nameless, axes="band,row,column").values, oddspec.detect(cube)
    )


def test_lists_beside_the_cube_of_a_dataset(cube):
    xr = pytest.importorskip("xarray")
    b = cube.shape[2]
    dataset = xr.Dataset(
        {
            "r": (("y", "x", "band"), cube),
            "wavelength": (("band",), np.linspace(400, 2400, b), {"units": "nm"}),
            "good_wavelength": (("band",), np.arange(b) > 1),
        }
    )
    np.testing.assert_array_equal(
        oddspec.detect(dataset).values, oddspec.detect(cube, bands=slice(2, None))
    )
    np.testing.assert_array_equal(
        oddspec.detect(dataset, bands="400-1400nm").values,
        oddspec.detect(cube, bands=np.linspace(400, 2400, b) <= 1400),
    )


@pytest.fixture
def framed(cube):
    """A file with an undeclared frame of -9999."""
    spoilt = cube.astype(np.float32)
    spoilt[:3] = -9999
    return _npy(spoilt)


def test_notes_are_warned_of_once_and_logged(framed, caplog):
    for call in (oddspec.detect, oddspec.fit, oddspec.open):
        caplog.clear()
        with caplog.at_level(logging.INFO, "oddspec"):
            found = told(call, framed)
        assert len(found) == len(set(found))
        (border,) = [note for note in found if "edge is filled with -9999" in note]
        assert border.startswith("scene.npy: ")
        logged = [record.getMessage() for record in caplog.records if record.name == "oddspec"]
        assert logged == found
    assert any("edge" in note for note in told(oddspec.detect, np.load(framed)))


def test_a_warning_points_at_the_callers_line(framed):
    with pytest.warns(DataWarning) as caught:
        oddspec.open(framed).close()
    assert {w.filename for w in caught} == {__file__} or "jaxtyping" in caught[0].filename


def test_ordinary_scenes_are_silent_and_opened_ones_are_told_once(framed, rng):
    quiet = rng.normal(1000, 30, (40, 50, 12))
    for call in (oddspec.detect, oddspec.fit):
        assert told(call, quiet) == []
    with oddspec.open(framed) as scene:
        assert not [note for note in told(oddspec.detect, scene) if "edge" in note]


def test_the_command_line_says_it_once(framed, tmp_path, capsys):
    from oddspec.command import main

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert main(["detect", str(framed), "--out", str(tmp_path / "o"), "--progress=none"]) == 0
    assert capsys.readouterr().err.count("edge is filled with -9999") == 1
    assert not [w for w in caught if issubclass(w.category, DataWarning)]


def test_files_are_closed(cube, tmp_path):
    path = tmp_path / "scene.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=cube.shape[0], width=cube.shape[1],
        count=cube.shape[2], dtype="float64",
    ) as file:  # fmt: skip
        file.write(cube.transpose(2, 0, 1))
    for scene in (_npy(cube), path):
        told(oddspec.detect, scene)
        told(oddspec.fit, scene)
        told(oddspec.open, scene)
        with pytest.raises(SettingError):
            oddspec.detect(scene, bands="x")


def test_axes_may_be_words(cube):
    turned = np.moveaxis(cube, 2, 0)
    expected = oddspec.detect(cube)
    for axes in (["band", "row", "column"], ("band", "row", "column"), "band, row, column"):
        np.testing.assert_array_equal(oddspec.detect(turned, axes=axes), expected)
    for wrong in ([0, 1, 2], 3, ["band", "row"], {"band": 0}):
        with pytest.raises(SettingError, match="expected row, column and band"):
            oddspec.detect(turned, axes=wrong)


@pytest.mark.parametrize("name", ["a.npy", "a.tif", "a.npz"])
def test_a_closed_scene_is_a_sentence(cube, tmp_path, name):
    path = tmp_path / name
    if name == "a.tif":
        h, w, b = cube.shape
        form = {"driver": "GTiff", "height": h, "width": w, "count": b, "dtype": "float64"}
        with rasterio.open(path, "w", **form) as file:
            file.write(cube.transpose(2, 0, 1))
    else:
        (np.save if name == "a.npy" else np.savez)(path, cube)
    scene = oddspec.open(path)
    scene.close()
    if name == "a.npz":  # it lies in memory
        assert oddspec.detect(scene).shape == cube.shape[:2]
    else:
        with pytest.raises(InputError, match=rf"{name}: has been closed"):
            oddspec.detect(scene)
