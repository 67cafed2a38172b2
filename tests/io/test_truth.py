"""Truth files: formats, shapes, labels."""

import re
import warnings

import h5py
import numpy as np
import pytest
import rasterio
import scipy.io
from PIL import Image

from oddspec.errors import BudgetError, DataWarning, InputError
from oddspec.io.truth import read_scores, read_truth

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

TRUTH = (np.arange(7 * 6).reshape(7, 6) % 5 == 0).astype(np.uint8)


def save_tif(path, plane):
    with rasterio.open(
        path, "w", driver="GTiff", height=7, width=6, count=1, dtype=plane.dtype
    ) as file:
        file.write(plane, 1)


def save_hdf5(path, plane):
    with h5py.File(path, "w") as file:
        file["group/truth"] = plane


WRITERS = {
    "t.npy": np.save,
    "t.npz": lambda path, plane: np.savez(path, truth=plane, other=np.zeros(3)),
    "t.mat": lambda path, plane: scipy.io.savemat(path, {"map": plane, "cube": np.ones((7, 6, 3))}),
    "t.png": lambda path, plane: Image.fromarray(plane * 255).save(path),
    "one.png": lambda path, plane: Image.fromarray(plane.astype(bool)).save(path),
    "t.bmp": lambda path, plane: Image.fromarray(plane * 255).save(path),
    "one.bmp": lambda path, plane: Image.fromarray(plane.astype(bool)).save(path),
    "colour.png": lambda path, plane: Image.fromarray(plane * 255).convert("RGB").save(path),
    "clear.png": lambda path, plane: Image.fromarray(plane * 255).convert("RGBA").save(path),
    "t.tif": save_tif,
    "t.h5": save_hdf5,
}


@pytest.mark.parametrize("name", WRITERS)
def test_formats(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path, TRUTH)
    read = read_truth(path, (7, 6))
    np.testing.assert_array_equal(read, TRUTH)
    assert read.dtype == np.uint8


def test_envi(make_envi):
    path = make_envi(TRUTH[:, :, None])
    for name in (path, path.with_suffix(".hdr")):
        np.testing.assert_array_equal(read_truth(name, (7, 6)), TRUTH)
    with pytest.raises(InputError, match="has 3 bands where one was expected"):
        read_truth(make_envi(np.ones((7, 6, 3), "u1")), (7, 6))


def test_a_palette_is_seen_by_its_colours(tmp_path):
    """White may be number 0, as in many 1-bit bitmaps."""
    path = tmp_path / "t.png"
    picture = Image.fromarray(1 - TRUTH, mode="P")
    picture.putpalette([255, 255, 255, 0, 0, 0])
    picture.save(path)
    np.testing.assert_array_equal(read_truth(path, (7, 6)), TRUTH)
    picture.putpalette([255, 0, 0, 0, 0, 0])
    picture.save(path)
    with pytest.raises(InputError, match="is a colour picture"):
        read_truth(path, (7, 6))


def test_real_bitmap(shared):
    truth = read_truth(shared / "data" / "lhdata" / "LHDataGt.bmp", (100, 100))
    assert truth.sum() == 32


@pytest.mark.parametrize("name", WRITERS)
def test_shapes_are_checked_and_a_transposed_match_named(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path, TRUTH)
    with pytest.raises(
        InputError, match=r"7 x 6.*but the scene has 6 rows x 7 columns.*transposed"
    ):
        read_truth(path, (6, 7))
    with pytest.raises(InputError, match=r"7 x 6.*but the scene has 9 rows x 9 columns"):
        read_truth(path, (9, 9))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1], [0, 1]),
        ([0, 0], [0, 0]),
        ([1, 1], [1, 1]),
        ([0, 255], [0, 1]),
        ([255, 255], [1, 1]),
        ([0, 7], [0, 7]),
        ([0, 300], [0, 300]),
    ],
)
def test_labels(tmp_path, values, expected):
    path = tmp_path / "t.npy"
    for dtype in (np.int16, np.float64):
        np.save(path, np.array([values], dtype=dtype))
        read = read_truth(path, (1, 2))
        np.testing.assert_array_equal(read, [expected])
        assert read.dtype == (np.int32 if max(expected) > 255 else np.uint8)


def test_labels_that_run_through_255(tmp_path):
    path = tmp_path / "t.npy"
    np.save(path, np.arange(300).reshape(3, 100))
    np.testing.assert_array_equal(read_truth(path, (3, 100)), np.arange(300).reshape(3, 100))


def test_booleans(tmp_path):
    np.save(tmp_path / "t.npy", TRUTH.astype(bool))
    np.testing.assert_array_equal(read_truth(tmp_path / "t.npy", (7, 6)), TRUTH)
    scipy.io.savemat(tmp_path / "t.mat", {"t": TRUTH.astype(bool)})
    np.testing.assert_array_equal(read_truth(tmp_path / "t.mat", (7, 6)), TRUTH)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, -1], "the truth holds -1"),
        ([0, 1, 0.5], "the truth holds 0.5; expected whole numbers"),
        ([0, 1, np.nan], "the truth holds nan"),
        ([0, 1, np.inf], "the truth holds inf"),
        ([0, 1, 2.0**40], "expected labels from 0"),
    ],
)
def test_labels_that_cannot_be(tmp_path, values, expected):
    path = tmp_path / "t.npy"
    np.save(path, np.array([values]))
    with pytest.raises(InputError, match=expected):
        read_truth(path, (1, 3))


def told(path, shape, **options):
    """The truth, and all that was told about how it was read."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        truth = read_truth(path, shape, **options)
    assert all(issubclass(warning.category, DataWarning) for warning in caught)
    return truth, " ".join(str(warning.message) for warning in caught)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float64])
def test_255_beside_labels_is_not_judged(tmp_path, dtype):
    np.save(tmp_path / "t.npy", np.array([[0, 1, 255, 2, 255]], dtype=dtype))
    truth, notes = told(tmp_path / "t.npy", (1, 5))
    assert "2 pixels hold 255 beside 1, 2" in notes
    assert truth.mask.tolist() == [[False, False, True, False, True]]
    assert truth.data.tolist() == [[0, 1, 0, 2, 0]]
    assert truth.dtype == np.uint8


@pytest.mark.parametrize(
    ("values", "nodata", "expected", "note"),
    [
        ([0, 1, 255], 255, [0, 1, None], "1 pixels with the nodata value 255"),
        ([0, 255, 255], 255, [0, None, None], "2 pixels with the nodata value 255"),
        ([0, 1, -9], -9, [0, 1, None], "1 pixels with the nodata value -9"),
        ([0, 1, 1.5], 1.5, [0, 1, None], "1 pixels with the nodata value 1.5"),
        ([0, 1, np.nan], np.nan, [0, 1, None], "1 pixels with the nodata value nan"),
        ([0, 255, 7], 7, [0, 1, None], "1 pixels with the nodata value 7"),
        ([0, 1, 0], 0, [0, 1, 0], "0 is declared as nodata"),
        ([0, 1, 0], 9, [0, 1, 0], ""),
    ],
)
@pytest.mark.parametrize("format", ["tif", "envi", "nc"])
def test_declared_nodata_is_not_judged(tmp_path, make_envi, format, values, nodata, expected, note):
    array = np.array([values], dtype=np.float32)
    if format == "tif":
        path = tmp_path / "t.tif"
        form = {"driver": "GTiff", "height": 1, "width": 3, "count": 1, "dtype": "float32"}
        with rasterio.open(path, "w", nodata=nodata, **form) as file:
            file.write(array, 1)
    elif format == "envi":
        path = make_envi(array[:, :, None], data_ignore_value=nodata)
    else:
        path = tmp_path / "t.nc"
        with h5py.File(path, "w") as file:
            file["truth"] = array
            file["truth"].attrs["_FillValue"] = np.float32(nodata)
    truth, notes = told(path, (1, 3))
    assert np.ma.asarray(truth).tolist() == [expected]
    assert note in notes
    assert bool(notes) == bool(note)


def test_a_truth_that_is_all_nodata_is_refused(tmp_path):
    form = {"driver": "GTiff", "height": 7, "width": 6, "count": 1, "dtype": "uint8"}
    with rasterio.open(tmp_path / "t.tif", "w", nodata=9, **form) as file:
        file.write(np.full((7, 6), 9, dtype=np.uint8), 1)
    with pytest.raises(InputError, match="all pixels of the truth have the nodata value 9"):
        read_truth(tmp_path / "t.tif", (7, 6))


@pytest.mark.parametrize(
    ("values", "expected", "note"),
    [
        ([0, 0, 0, 0, 255], [0, 0, 0, 0, 1], ""),
        # Drawn in black on white.
        ([255, 255, 255, 255, 0], [0, 0, 0, 0, 1], "mostly white.*the 1 black pixels for targets"),
        # Grey levels, as along the edges of what was drawn or resampled.
        ([0, 0, 3, 130, 255], [0, 0, 0, 1, 1], "holds 2 grey pixels: those of 128 and above"),
        ([255, 255, 250, 100, 0], [0, 0, 0, 1, 1], "2 grey pixels.*mostly white"),
        # Labels that count.
        ([0, 1, 2, 3, 255], [0, 1, 2, 3, None], "hold 255 beside 1, 2, 3"),
        ([0, 0, 1, 0, 2], [0, 0, 1, 0, 2], ""),
        ([0, 0, 0, 90, 200], [0, 0, 0, 90, 200], "grey levels .90, 200.: all but 0 are targets"),
    ],
)
@pytest.mark.parametrize("name", ["t.png", "t.bmp"])
def test_levels_of_pictures(tmp_path, name, values, expected, note):
    Image.fromarray(np.array([values], dtype=np.uint8)).save(tmp_path / name)
    truth, notes = told(tmp_path / name, (1, 5))
    assert np.ma.asarray(truth).tolist() == [expected]
    assert re.search(note, notes)
    assert bool(notes) == bool(note)


def test_black_on_white_is_seen_in_any_file(tmp_path):
    np.save(tmp_path / "t.npy", 255 * (1 - TRUTH))
    truth, notes = told(tmp_path / "t.npy", (7, 6))
    np.testing.assert_array_equal(truth, TRUTH)
    assert "mostly white" in notes
    np.save(tmp_path / "t.npy", 1 - TRUTH)
    truth, notes = told(tmp_path / "t.npy", (7, 6))
    np.testing.assert_array_equal(truth, 1 - TRUTH)
    assert "marks 33 of 42 pixels as targets, more than half" in notes


def test_palettes_and_transparency_are_told(tmp_path):
    picture = Image.fromarray(1 - TRUTH, mode="P")
    picture.putpalette([255, 255, 255, 0, 0, 0])
    picture.save(tmp_path / "t.png")
    assert "has a palette: its colours were read" in told(tmp_path / "t.png", (7, 6))[1]
    layers = [255 * TRUTH] * 3 + [np.full_like(TRUTH, 9)]
    Image.fromarray(np.stack(layers, axis=2)).save(tmp_path / "t.png")
    truth, notes = told(tmp_path / "t.png", (7, 6))
    np.testing.assert_array_equal(truth, TRUTH)
    assert "has transparent pixels" in notes


@pytest.mark.parametrize(
    ("values", "options", "expected", "note"),
    [
        # As it is seen: 0 is white there.
        (255 - 255 * TRUTH, {"photometric": "MINISWHITE"}, TRUTH, "has 0 for white"),
        (1 - TRUTH, {"photometric": "MINISWHITE", "nbits": 1}, TRUTH, "has 0 for white"),
        (TRUTH, {"photometric": "MINISWHITE", "nbits": 1}, TRUTH, "is mostly white"),
        (255 * TRUTH, {"photometric": "MINISWHITE"}, TRUTH, "is mostly white"),
        # Labels have no brightness.
        (7 * TRUTH, {"photometric": "MINISWHITE"}, 7 * TRUTH, "^$"),
        (3 * TRUTH, {"photometric": "palette"}, 3 * TRUTH, "colour table: its numbers were read"),
    ],
)
def test_how_a_tiff_is_drawn(tmp_path, values, options, expected, note):
    form = {"driver": "GTiff", "height": 7, "width": 6, "count": 1, "dtype": "uint8"}
    with rasterio.open(tmp_path / "t.tif", "w", **form, **options) as file:
        file.write(values.astype(np.uint8), 1)
        if options["photometric"] == "palette":
            file.write_colormap(1, {0: (255, 255, 255, 255), 3: (255, 0, 0, 255)})
    truth, notes = told(tmp_path / "t.tif", (7, 6))
    np.testing.assert_array_equal(truth, expected)
    assert re.search(note, notes)


def test_nodata_of_scores_is_invalid(tmp_path):
    form = {"driver": "GTiff", "height": 1, "width": 3, "count": 1, "dtype": "float32"}
    with rasterio.open(tmp_path / "s.tif", "w", nodata=-9999, **form) as file:
        file.write(np.array([[1, -9999, 2]], dtype=np.float32), 1)
    np.testing.assert_array_equal(read_scores(tmp_path / "s.tif"), [[1, np.nan, 2]])


def test_several_candidates(tmp_path):
    path = tmp_path / "t.mat"
    scipy.io.savemat(path, {"a": TRUTH, "b": TRUTH, "c": TRUTH.T, "cube": np.ones((7, 6, 3))})
    with pytest.raises(InputError, match=r"several variables could be meant: a .*, b "):
        read_truth(path, (7, 6))
    np.testing.assert_array_equal(read_truth(path, (7, 6), "b"), TRUTH)
    np.testing.assert_array_equal(read_truth(path, (6, 7)), TRUTH.T)
    with pytest.raises(InputError, match=r"'c \(6 x 7|variable c \(6 x 7.*transposed"):
        read_truth(path, (7, 6), "c")
    with pytest.raises(InputError, match="has no variable 'd'"):
        read_truth(path, (7, 6), "d")


def test_what_is_no_truth(tmp_path):
    scipy.io.savemat(tmp_path / "t.mat", {"cube": np.ones((7, 6, 3))})
    with pytest.raises(InputError, match=r"no variable has the scene's 7 rows.*cube \(7 x 6 x 3"):
        read_truth(tmp_path / "t.mat", (7, 6))
    (tmp_path / "t.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 100)
    with pytest.raises(InputError, match="no picture that can be read"):
        read_truth(tmp_path / "t.png", (7, 6))
    with pytest.raises(InputError, match="does not exist"):
        read_truth(tmp_path / "u.png", (7, 6))
    np.save(tmp_path / "t.npy", TRUTH)
    with pytest.raises(InputError, match="--variable x has no meaning"):
        read_truth(tmp_path / "t.npy", (7, 6), "x")
    with pytest.raises(BudgetError, match="reading the image"):
        read_truth(tmp_path / "t.npy", (7, 6), max_memory=100)
