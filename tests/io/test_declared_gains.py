"""Gains and offsets of bands: what files declare, and what cannot be used."""

import h5py
import numpy as np
import pytest
import rasterio

from oddspec.io.dataarray import open_dataarray
from oddspec.io.gains import BandGains, read_gains
from oddspec.io.open import open_source
from oddspec.scene import Scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

CUBE = np.random.default_rng(5).integers(1, 500, (7, 6, 4)).astype(np.int16)
GAINS = np.array([0.5, 0.25, 2.0, 1.0])
OFFSETS = np.array([0.0, -3.0, 10.0, 1.0])


def listed(numbers):
    return "{" + ", ".join(str(number) for number in numbers) + "}"


def declared(source):
    """Gains and offsets as lists, and the notes; the stored numbers stay what they are."""
    np.testing.assert_array_equal(source.read((0, 7), (0, 6)), CUBE)
    found = source.metadata.gains
    pair = None if found is None else (found.gains.tolist(), found.offsets.tolist())
    return pair, " ".join(source.metadata.notes)


@pytest.fixture
def tiff(tmp_path):
    def write(scales=None, offsets=None, **profile):
        path = tmp_path / "scene.tif"
        with rasterio.open(
            path, "w", driver="GTiff", height=7, width=6, count=4, dtype="int16", **profile
        ) as file:
            file.write(CUBE.transpose(2, 0, 1))
            if scales is not None:
                file.scales = tuple(scales)
            if offsets is not None:
                file.offsets = tuple(offsets)
        return path

    return write


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"data_gain_values": listed(GAINS), "data_offset_values": listed(OFFSETS)},
            (GAINS.tolist(), OFFSETS.tolist()),
        ),
        ({"data_gain_values": listed(GAINS)}, (GAINS.tolist(), [0.0] * 4)),
        ({"data_offset_values": listed(OFFSETS)}, ([1.0] * 4, OFFSETS.tolist())),
        ({"reflectance_scale_factor": "10000.0"}, ([1e-4] * 4, [0.0] * 4)),
        ({"data_gain_values": "{1, 1, 1, 1}", "data_offset_values": "{0, 0, 0, 0}"}, None),
        ({"reflectance_scale_factor": "1"}, None),
        ({}, None),
    ],
)
def test_envi(make_envi, fields, expected):
    pair, notes = declared(open_source(make_envi(CUBE, **fields)))
    assert pair == expected
    assert "applied" not in notes


def test_envi_with_gains_and_a_reflectance_scale_factor(make_envi):
    fields = {"data_gain_values": listed(GAINS), "reflectance_scale_factor": 100}
    pair, notes = declared(open_source(make_envi(CUBE, **fields)))
    assert pair == (GAINS.tolist(), [0.0] * 4)
    assert "the reflectance scale factor was not applied" in notes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{1, 2, 3}", "3 numbers for 4 bands"),
        ("{1, 2, 0, 4}", "of bands 3 (counted from 1) are zero"),
        ("{1, nan, 3, inf}", "of bands 2, 4 (counted"),
        ("{1, 2, three, 4}", "of bands 3 (counted"),
        ("{1, 2, 1e300, 4}", "of bands 3 (counted"),
    ],
)
@pytest.mark.parametrize("field", ["gain", "offset"])
def test_damaged_lists_are_told_and_not_applied(make_envi, text, said, field):
    source = open_source(make_envi(CUBE, **{f"data {field} values": text}))
    pair, notes = declared(source)
    if ", 0," in text and field == "offset":
        assert pair == ([1.0] * 4, [1.0, 2.0, 0.0, 4.0])
        return
    assert pair is None
    assert said in notes
    assert "applied" in notes


def test_a_damaged_reflectance_scale_factor_is_told(make_envi):
    pair, notes = declared(open_source(make_envi(CUBE, reflectance_scale_factor="0")))
    assert pair is None
    assert "reflectance scale factor: those of bands 1-4" in notes


def test_gains_of_bad_bands_need_not_be_of_use(make_envi):
    fields = {"data_gain_values": "{1, 0, 3, 4}", "bbl": "{1, 0, 1, 1}"}
    pair, _ = declared(open_source(make_envi(CUBE, **fields)))
    assert pair == ([1.0, 1.0, 3.0, 4.0], [0.0] * 4)


def test_geotiff(tiff):
    pair, notes = declared(open_source(tiff(GAINS, OFFSETS)))
    assert pair == (GAINS.tolist(), OFFSETS.tolist())
    assert "applied" not in notes
    assert declared(open_source(tiff()))[0] is None


def test_geotiff_whose_scales_are_of_no_use(tiff):
    pair, notes = declared(open_source(tiff([1.0, 0.0, 1.0, 1.0], OFFSETS)))
    assert pair is None
    assert "scales and offsets of the bands: those of bands 2" in notes


def test_a_header_beside_a_geotiff_has_its_gains(tiff):
    path = tiff()
    text = f"ENVI\nbands = 4\nfile type = TIFF\ndata gain values = {listed(GAINS)}\n"
    path.with_suffix(".hdr").write_text(text)
    assert declared(open_source(path))[0] == (GAINS.tolist(), [0.0] * 4)
    # What the file itself says counts.
    assert declared(open_source(tiff(GAINS + 1)))[0] == ((GAINS + 1).tolist(), [0.0] * 4)


def hdf5(tmp_path, **attributes):
    with h5py.File(tmp_path / "scene.h5", "w") as file:
        data = file.create_dataset("cube", data=CUBE)
        data.attrs.update(attributes)
    return open_source(tmp_path / "scene.h5", axes="row,column,band")


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"scale_factor": GAINS, "add_offset": OFFSETS}, (GAINS.tolist(), OFFSETS.tolist())),
        ({"scale_factor": GAINS, "add_offset": 5.0}, (GAINS.tolist(), [5.0] * 4)),
        ({"scale_factor": 0.5, "add_offset": OFFSETS}, ([0.5] * 4, OFFSETS.tolist())),
    ],
)
def test_hdf5_lists_are_gains_per_band(tmp_path, attributes, expected):
    assert declared(hdf5(tmp_path, **attributes))[0] == expected


def test_hdf5_one_number_for_all_bands_is_packing_as_before(tmp_path):
    source = hdf5(tmp_path, scale_factor=0.5, add_offset=3.0)
    assert source.metadata.gains is None
    np.testing.assert_array_equal(source.read((0, 7), (0, 6)), CUBE * 0.5 + 3.0)


def test_hdf5_lists_of_another_length_are_told(tmp_path):
    pair, notes = declared(hdf5(tmp_path, scale_factor=[1.0, 2.0]))
    assert pair is None
    assert "2 numbers for 4 bands" in notes


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"scale_factor": 0.5, "add_offset": 3.0}, ([0.5] * 4, [3.0] * 4)),
        ({"scales": tuple(GAINS), "offsets": tuple(OFFSETS)}, (GAINS.tolist(), OFFSETS.tolist())),
        ({"scale_factor": 1.0, "add_offset": 0.0}, None),
        ({}, None),
    ],
)
def test_dataarray(attributes, expected):
    xarray = pytest.importorskip("xarray")
    array = xarray.DataArray(CUBE, dims=("y", "x", "band"), attrs=attributes)
    assert declared(open_dataarray(array))[0] == expected


def test_a_scene_handed_on_as_a_dataarray_declares_the_same(make_envi):
    pytest.importorskip("xarray")
    fields = {"data_gain_values": listed(GAINS), "data_offset_values": listed(OFFSETS)}
    with Scene.of(open_source(make_envi(CUBE, **fields))) as scene:
        handed = open_dataarray(scene.to_xarray(chunks=False))
        assert declared(handed)[0] == (GAINS.tolist(), OFFSETS.tolist())


def test_masks_are_decided_by_stored_numbers_and_invalid_pixels_are_zero(make_envi):
    cube = CUBE.copy()
    cube[2, 3] = -9
    cube[4, 4] = 77
    path = make_envi(
        cube,
        data_ignore_value=-9,
        data_gain_values=listed(GAINS),
        data_offset_values=listed(OFFSETS),
    )
    scene = Scene.of(open_source(path), mask_flat=True)
    stored, valid = scene.read((0, 7), (0, 6))
    assert [tuple(place) for place in np.argwhere(~valid).tolist()] == [(2, 3), (4, 4)]
    values, again = scene.with_gains(scene.declared_gains, "").read((0, 7), (0, 6))
    np.testing.assert_array_equal(again, valid)
    np.testing.assert_array_equal(values[valid], cube[valid] * GAINS + OFFSETS)
    assert not values[~valid].any()
    np.testing.assert_array_equal(stored[valid], cube[valid])


def test_gains_of_the_used_bands(make_envi):
    path = make_envi(CUBE, data_gain_values=listed(GAINS))
    scene = Scene.of(open_source(path), bands=[0, 2])
    assert scene.declared_gains.gains.tolist() == [0.5, 2.0]
    values, _ = scene.with_gains(scene.declared_gains, "").read((1, 3), (2, 6))
    np.testing.assert_array_equal(values, CUBE[1:3, 2:6, [0, 2]] * [0.5, 2.0])
    # Those that change nothing are none.
    ones = make_envi(CUBE, data_gain_values="{1, 1, 5, 1}", name="ones.img")
    assert Scene.of(open_source(ones), bands=[0, 1]).declared_gains is None


def test_one_after_another_and_back():
    first, second = BandGains(GAINS, OFFSETS), BandGains(2 * GAINS, OFFSETS + 1)
    assert first.then_undo(first).identity
    values = np.array([[3.0, 4.0, 5.0, 6.0]])
    first.then_undo(second).apply(values)
    second.apply(values)
    np.testing.assert_allclose(values, [[3 * 0.5, 4 * 0.25 - 3, 5 * 2 + 10, 7.0]])
    assert first.digest != second.digest


def test_nothing_declared_is_nothing():
    assert read_gains(None, None, 4, "both") == (None, None)
