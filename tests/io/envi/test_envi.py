"""ENVI files: every order and type, windows, sizes that do not agree, partners."""

import threading
import tracemalloc
from math import prod
from pathlib import Path

import numpy as np
import pytest
import rasterio
import spectral
from hypothesis import given
from hypothesis import strategies as st

from oddspec.errors import InputError
from oddspec.io.envi.reader import open_envi
from oddspec.io.flat import FlatSource
from oddspec.io.source import Metadata
from oddspec.scene import Scene

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

TYPES = ["u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


def some_cube(dtype, shape=(7, 5, 4)):
    rng = np.random.default_rng(1)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.normal(0, 1000, shape).astype(kind)
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max, shape, dtype=kind.newbyteorder("=")).astype(kind)


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", TYPES)
def test_every_type_order_and_interleave(make_envi, interleave, order, kind):
    cube = some_cube(order + kind)
    path = make_envi(cube, interleave, lead=b"x" * 13)
    source = open_envi(path)
    read = source.read((0, 7), (0, 5))
    np.testing.assert_array_equal(read, cube)
    assert read.dtype == source.dtype == np.dtype(kind)
    assert read.dtype.isnative
    assert source.shape == cube.shape
    assert source.metadata.interleave == interleave
    np.testing.assert_array_equal(source.read((2, 5), (1, 3)), cube[2:5, 1:3])


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("kind", ["<i2", ">f4", "<u2", ">f8"])
def test_other_readers_agree(make_envi, interleave, kind):
    cube = some_cube(kind)
    path = make_envi(cube, interleave, file_type="ENVI Standard")
    ours = open_envi(path).read((0, 7), (0, 5))
    spy = spectral.io.envi.open(str(path.with_suffix(".hdr")), str(path))
    np.testing.assert_array_equal(np.asarray(spy.open_memmap()), ours)
    with rasterio.open(path, driver="ENVI") as gdal:
        np.testing.assert_array_equal(gdal.read().transpose(1, 2, 0), ours)


@pytest.fixture(scope="module", params=["bsq", "bil", "bip", "ruler"])
def flat(request, tmp_path_factory):
    """A file and what is in it; the last one has lines so long that gaps are skipped, not read."""
    wide = request.param == "ruler"
    cube = some_cube("<i2", (9, 20_000 if wide else 31, 3 if wide else 11))
    axes = {
        "bsq": ("band", "row", "column"),
        "bil": ("row", "band", "column"),
        "bip": ("row", "column", "band"),
        "ruler": ("band", "row", "column"),
    }[request.param]
    places = {"row": 0, "column": 1, "band": 2}
    path = tmp_path_factory.mktemp("flat") / "data"
    path.write_bytes(b"abc" + cube.transpose([places[a] for a in axes]).tobytes())
    return path, axes, cube


def opened(path, axes, shape, present=None):
    return FlatSource(
        path,
        "data",
        "ENVI",
        offset=3,
        dtype=np.dtype("<i2"),
        axes=axes,
        shape=shape,
        present=present,
        metadata=Metadata(),
    )


@given(data=st.data())
def test_windows_equal_slices(flat, data):
    path, axes, cube = flat
    h, w, _ = cube.shape
    rows = sorted(data.draw(st.tuples(st.integers(0, h), st.integers(0, h))))
    columns = sorted(data.draw(st.tuples(st.integers(0, w), st.integers(0, w))))
    file = opened(path, axes, cube.shape)
    np.testing.assert_array_equal(
        file.read(tuple(rows), tuple(columns)), cube[slice(*rows), slice(*columns)]
    )
    file.close()


@given(data=st.data())
def test_truncated_windows_lack_exactly_what_is_missing(flat, data):
    path, axes, cube = flat
    h, w, _ = cube.shape
    present = data.draw(st.integers(0, cube.size))
    top, left = data.draw(st.integers(0, h - 1)), data.draw(st.integers(0, w - 1))
    places = [{"row": 0, "column": 1, "band": 2}[axis] for axis in axes]
    stored = cube.transpose(places).astype(np.float32).reshape(-1).copy()
    stored[present:] = np.nan
    shape = [cube.shape[place] for place in places]
    expected = stored.reshape(shape).transpose(np.argsort(places))
    short = path.with_name(f"short{threading.get_ident()}")
    short.write_bytes(path.read_bytes()[: 3 + 2 * present])
    file = opened(short, axes, cube.shape, present)
    read = file.read((top, h), (left, w))
    np.testing.assert_array_equal(read, expected[top:, left:])
    assert file.dtype == (np.int16 if present == cube.size else np.float32)
    file.close()


def test_outside_windows_are_refused(make_envi):
    source = open_envi(make_envi(some_cube("i2")))
    for rows, columns in [((0, 8), (0, 5)), ((-1, 2), (0, 5)), ((3, 2), (0, 5)), ((0, 7), (0, 6))]:
        with pytest.raises(IndexError):
            source.read(rows, columns)


def test_threads_read_the_same(make_envi):
    cube = some_cube(">i2", (64, 40, 10))
    source = open_envi(make_envi(cube, "bsq"))
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(50):
            top, bottom = sorted(rng.integers(0, 65, 2).tolist())
            left, right = sorted(rng.integers(0, 41, 2).tolist())
            piece = source.read((top, bottom), (left, right))
            if not np.array_equal(piece, cube[top:bottom, left:right]):
                wrong.append((top, bottom, left, right))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("window", [((100, 120), (0, 200)), ((0, 200), (50, 60))])
def test_a_window_takes_little_more_memory_than_itself(make_envi, interleave, window):
    cube = np.ones((200, 200, 100), dtype=">i2")
    source = open_envi(make_envi(cube, interleave))
    tracemalloc.start()
    read = source.read(*window)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The gaps that are read through take a scratch buffer of at most 4 MiB.
    assert peak < read.nbytes + 4.2 * 2**20
    assert read.nbytes == prod(read.shape) * 2


# Row 1 of docs/inputs.md: shorter than the header says.


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("missing", [1, 140, 280])
def test_short_data_are_refused_with_both_sizes(make_envi, interleave, missing):
    path = make_envi(some_cube("i2"), interleave, cut=280 - missing)
    with pytest.raises(InputError, match=rf"scene.img: has {280 - missing} bytes.* 280 .*truncat"):
        open_envi(path)


@pytest.mark.parametrize("interleave", ["bil", "bip"])
@pytest.mark.parametrize("missing", [1, 140])
def test_short_data_are_read_as_far_as_they_go(make_envi, interleave, missing):
    cube = some_cube("i2")
    source = open_envi(make_envi(cube, interleave, cut=280 - missing), allow_truncated=True)
    assert source.dtype == np.float32
    read, valid = Scene.of(source).read((0, 7), (0, 5))
    there = np.arange(140) < (280 - missing) // 2
    order = {"bil": (0, 2, 1), "bip": (0, 1, 2)}[interleave]
    shape = [cube.shape[axis] for axis in order]
    whole = there.reshape(shape).transpose(np.argsort(order)).all(axis=2)
    np.testing.assert_array_equal(valid, whole)
    np.testing.assert_array_equal(read[whole], cube[whole])
    assert "masked" in source.metadata.notes[0]


@pytest.mark.parametrize(
    ("bytes_there", "bad", "lost_pixels"),
    [
        (279, [False, False, False, False], 1),  # a byte short: that pixel is masked
        (140, [False, False, True, True], 0),  # half: whole bands are lost
        (70 * 2 + 36, [False, False, False, True], 17),  # more than half of the third band
        (70 * 2 + 30, [False, False, True, True], 0),  # less than half of it
    ],
)
def test_short_bsq_loses_bands_rather_than_all_pixels(make_envi, bytes_there, bad, lost_pixels):
    cube = some_cube("i2")
    source = open_envi(make_envi(cube, "bsq", cut=bytes_there), allow_truncated=True)
    np.testing.assert_array_equal(
        np.zeros(4, bool) if source.metadata.bad_bands is None else source.metadata.bad_bands, bad
    )
    read, valid = Scene.of(source).read((0, 7), (0, 5))
    assert (~valid).sum() == lost_pixels
    np.testing.assert_array_equal(read[valid], cube[:, :, ~np.array(bad)][valid])


def test_missing_pixels_are_masked_whatever_nodata_says(make_envi):
    cube = some_cube("u2")
    path = make_envi(cube, "bip", cut=200, data_ignore_value=7)
    _, valid = Scene.of(open_envi(path, allow_truncated=True), nodata=3.0).read((0, 7), (0, 5))
    assert valid.sum() == 25


def test_nothing_there_is_nothing_to_read(make_envi):
    for cut in (0, 39):
        path = make_envi(some_cube("i2"), cut=cut)
        with pytest.raises(InputError, match=f"has {cut} bytes.*280.*not even one line"):
            open_envi(path, allow_truncated=True)


# Row 2: trailing bytes and wrong offsets.


def test_trailing_bytes_are_told_with_the_offset_that_fits(make_envi):
    cube = some_cube("i2")
    source = open_envi(make_envi(cube, lead=b"ab", more=b"x" * 33))
    np.testing.assert_array_equal(source.read((0, 7), (0, 5)), cube)
    (note,) = source.metadata.notes
    assert "has 315 bytes" in note
    assert "asks for 282" in note
    assert "header offset = 35" in note


def test_an_offset_too_large_names_the_one_that_fits(make_envi):
    path = make_envi(some_cube("i2"), header_offset=512)
    with pytest.raises(InputError, match=r"280 bytes.*asks for 792.*header offset = 0"):
        open_envi(path)


# Row 3: sizes that differ by a factor.


def test_another_data_type_is_named(make_envi):
    with pytest.raises(InputError, match=r"280 bytes.*asks for 140 .*data type = 2 \(int16\)"):
        open_envi(make_envi(some_cube("i2"), data_type=1))
    with pytest.raises(InputError, match=r"280 bytes.*asks for 560 .*data type = 12 \(uint16\)"):
        open_envi(make_envi(some_cube("i2"), data_type=4))


@pytest.mark.parametrize("stated", [3, 5])
def test_another_number_of_bands_is_named(make_envi, stated):
    with pytest.raises(InputError, match="bands = 4"):
        open_envi(make_envi(some_cube("i2"), "bsq", bands=stated))


# Rows 4, 5 and 14: dimensions and types that cannot be.


@pytest.mark.parametrize("field", ["samples", "lines", "bands"])
@pytest.mark.parametrize(
    "value", ["-5", "0", "2.5", "1e3", "4294967301", "9" * 5000, "many", "nan", "0x10", "٣"]
)
def test_impossible_dimensions(make_envi, field, value):
    tracemalloc.start()
    with pytest.raises(InputError, match=f"{field!r} is .*expected a whole number of at least 1"):
        open_envi(make_envi(some_cube("i2"), **{field: value}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_huge_but_possible_dimensions_are_not_allocated(make_envi):
    path = make_envi(some_cube("i2"), samples=2**31 - 1, lines=2**31 - 1, bands=2**31 - 1)
    with pytest.raises(InputError, match="more than any file can hold"):
        open_envi(path)
    path = make_envi(some_cube("i2"), lines=2**31 - 1)
    with pytest.raises(InputError, match="not even one line and a thousandth"):
        open_envi(path, allow_truncated=True)


def test_whole_numbers_written_as_fractions(make_envi):
    assert open_envi(make_envi(some_cube("i2"), bands="4.0", samples="+5")).shape == (7, 5, 4)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("interleave", "bsp", "expected one of bsq, bil, bip"),
        ("interleave", None, "'interleave' is missing"),
        ("data_type", 7, "expected one of 1 .uint8., 2"),
        ("data_type", 6, "complex64"),
        ("data_type", 9, "complex128"),
        ("data_type", None, "'data type' is missing"),
        ("byte_order", 2, "expected 0 .little-endian. or 1"),
        ("byte_order", "Host", "expected 0"),
        ("header_offset", -1, "at least 0"),
        ("header_offset", "1.5", "whole number"),
        ("file_compression", 1, "compressed"),
        ("file_type", "ENVI Spectral Library", "spectral library"),
        ("major_frame_offsets", "{0, 128}", "gaps between their lines"),
        ("data_file", "../secret.img", "leaves the header's folder"),
        ("data_file", "/etc/passwd", "leaves the header's folder"),
        ("data_file", "C:\\secret.img", "leaves the header's folder"),
        ("data_file", "other.img", "does not exist"),
    ],
)
def test_fields_that_cannot_be_followed(make_envi, field, value, expected):
    path = make_envi(some_cube("i2"), **{field: value})
    for name in (path, path.with_suffix(".hdr")):
        with pytest.raises(InputError, match=expected) as caught:
            open_envi(name)
        assert str(path.parent) in str(caught.value)


def test_no_byte_order_is_noted(make_envi):
    source = open_envi(make_envi(some_cube("<i2"), byte_order=None))
    np.testing.assert_array_equal(source.read((0, 7), (0, 5)), some_cube("<i2"))
    assert "little-endian" in source.metadata.notes[0]


# Partners.


@pytest.mark.parametrize(
    ("data", "header"),
    [
        ("scene", "scene.hdr"),
        ("scene.img", "scene.hdr"),
        ("scene.img", "scene.img.hdr"),
        ("Scene.IMG", "scene.HDR"),
        ("a.b.dat", "a.b.hdr"),
        ("scene.bip", "scene.bip.hdr"),
        ("scene.weird", "scene.hdr"),
    ],
)
def test_either_partner_finds_the_other(make_envi, data, header):
    path = make_envi(some_cube("i2"), name=data, header_name=header)
    for name in (path, path.with_name(header)):
        source = open_envi(name)
        assert source.path == path
        assert source.header == path.with_name(header)
        assert source.shape == (7, 5, 4)


def test_names_are_without_suffix(make_envi):
    assert open_envi(make_envi(some_cube("i2"), name="a.b.dat")).name == "a.b"
    assert open_envi(make_envi(some_cube("i2"), name="f01_rdn.v2", header_name="f01_rdn.v2.hdr"))
    source = open_envi(make_envi(some_cube("i2"), name="f01.v2", header_name="f01.v2.hdr"))
    assert source.name == "f01.v2"


def test_of_several_candidates_the_fitting_one_is_taken(make_envi):
    path = make_envi(some_cube("i2"))
    path.with_suffix(".dat").write_bytes(b"something else")
    assert open_envi(path.with_suffix(".hdr")).path == path
    path.with_suffix(".dat").write_bytes(bytes(280))
    with pytest.raises(
        InputError, match=r"several files could be its data: .*scene.img.*scene.dat"
    ):
        open_envi(path.with_suffix(".hdr"))
    assert open_envi(path.with_suffix(".dat")).path == path.with_suffix(".dat")


def test_missing_partners(make_envi, tmp_path):
    path = make_envi(some_cube("i2"))
    path.unlink()
    with pytest.raises(
        InputError, match=r"the data file was not found; looked for scene, scene\.img"
    ):
        open_envi(path.with_suffix(".hdr"))
    alone = tmp_path / "alone.img"
    alone.write_bytes(bytes(10))
    with pytest.raises(InputError, match=r"needs alone\.hdr"):
        open_envi(alone)


def test_a_header_may_name_its_data_file(make_envi):
    path = make_envi(some_cube("i2"), name="x.data", header_name="y.hdr", data_file="x.data")
    assert open_envi(path.with_name("y.hdr")).path == path


def test_a_file_that_shrinks_while_open(make_envi):
    path = make_envi(some_cube("i2"))
    source = open_envi(path)
    path.write_bytes(bytes(100))
    with pytest.raises(InputError, match="shorter since it was opened"):
        source.read((0, 7), (0, 5))


# Metadata.


def test_bad_bands(make_envi):
    source = open_envi(make_envi(some_cube("i2"), bbl="{1.0, 0.0, 1, 0}"))
    np.testing.assert_array_equal(source.metadata.bad_bands, [False, True, False, True])
    assert Scene.of(source).shape == (7, 5, 2)
    with pytest.raises(InputError, match=r"scene.hdr: .*has 3 entries, but there are 4 bands"):
        open_envi(make_envi(some_cube("i2"), bbl="{1, 0, 1}"))
    with pytest.raises(InputError, match="other things than numbers"):
        open_envi(make_envi(some_cube("i2"), bbl="{1, 0, good, 1}"))
    with pytest.raises(InputError, match="0 of 4 bands remain"):
        Scene.of(open_envi(make_envi(some_cube("i2"), bbl="{0, 0, 0, 0}")))


def test_nodata_is_what_the_file_can_hold(make_envi):
    cube = some_cube("f4")
    cube[3, 2] = np.float32(-1.1e-30)
    source = open_envi(make_envi(cube, data_ignore_value="-1.1e-30"))
    _, valid = Scene.of(source).read((0, 7), (0, 5))
    assert (~valid).sum() == 1
    source = open_envi(make_envi(some_cube("u2"), data_ignore_value="-9999"))
    assert source.metadata.nodata is None
    assert "-9999 cannot occur in uint16" in source.metadata.notes[0]
    assert open_envi(make_envi(some_cube("u2"), data_ignore_value="65535")).metadata.nodata == 65535
    large = open_envi(make_envi(some_cube("f4"), data_ignore_value="-1e39")).metadata
    assert large.nodata is None
    assert "-1e+39 cannot occur in float32" in large.notes[0]
    odd = open_envi(make_envi(some_cube("u2"), data_ignore_value="none"))
    assert "no number" in odd.metadata.notes[0]


def test_real_file_with_an_awkward_header(shared):
    folder = shared / "data" / "lhdata"
    raw = np.fromfile(folder / "LHData", "<u2").reshape(100, 186, 100).transpose(0, 2, 1)
    for name in ("LHData", "LHData.hdr"):
        source = open_envi(folder / name)
        assert source.shape == (100, 100, 186)
        np.testing.assert_array_equal(source.read((0, 100), (0, 100)), raw)
        np.testing.assert_array_equal(source.read((17, 60), (33, 34)), raw[17:60, 33:34])
    meta = source.metadata
    assert meta.notes == ()
    assert meta.georeference is None
    assert len(meta.band_names) == 186
    assert meta.band_names[0].startswith("Resize (Resize (Resize (ROI Resize (Band 1:9.raw)")
    np.testing.assert_allclose(meta.wavelengths[[0, -1]], [390.190002, 856.450012])


def test_gdal_fills_truncated_files_with_zeros(make_envi):
    """What docs/inputs.md says of GDAL; if this fails, the sentence there is out of date."""
    cube = np.full((7, 5, 4), 9, dtype="<i2")
    path = make_envi(cube, "bil", cut=140)
    with rasterio.open(path, driver="ENVI") as dataset:
        read = dataset.read().transpose(1, 2, 0)
    assert (read[:3] == 9).all()
    assert (read[4:] == 0).all()


def test_closing(make_envi):
    source = open_envi(make_envi(some_cube("i2")))
    source.close()
    source.close()
    with pytest.raises(ValueError):
        source.read((0, 1), (0, 1))
    assert isinstance(source.path, Path)


def test_links_out_of_the_folder_are_not_followed(make_envi, tmp_path, tmp_path_factory):
    path = make_envi(some_cube("i2"))
    header = path.with_suffix(".hdr")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for found, named in ((path, header), (header, path)):
        moved = found.rename(elsewhere / found.name)
        found.symlink_to(moved)
        with pytest.raises(InputError, match=f"{found.name}: belongs to {named.name} but is"):
            open_envi(named)
        found.unlink()
        moved.rename(found)
    named = make_envi(some_cube("i2"), name="x.img", header_name="y.hdr", data_file="x.img")
    named.rename(elsewhere / "x.img")
    named.symlink_to(elsewhere / "x.img")
    with pytest.raises(InputError, match=r"x\.img: belongs to y\.hdr but is a link"):
        open_envi(tmp_path / "y.hdr")


def test_a_link_that_the_user_names_is_followed(make_envi, tmp_path):
    path = make_envi(some_cube("i2"))
    folder = tmp_path / "links"
    folder.mkdir()
    for name in (path.name, path.with_suffix(".hdr").name):
        (folder / name).symlink_to(tmp_path / name)
    for name in ("scene.img", "scene.hdr"):
        assert open_envi(folder / name).shape == (7, 5, 4)
    (tmp_path / "inside.hdr").symlink_to(path.with_suffix(".hdr"))
    (tmp_path / "inside.img").symlink_to(path)
    assert open_envi(tmp_path / "inside.hdr").shape == (7, 5, 4)


def test_widths_have_the_unit_of_the_wavelengths(make_envi):
    cube = some_cube("u2", (4, 3, 2))
    path = make_envi(cube, wavelength="{0.4, 0.5}", wavelength_units="um", fwhm="{0.01, 0.02}")
    source = open_envi(path)
    assert source.metadata.fwhm.tolist() == pytest.approx([10, 20])
    source.close()
    source = open_envi(make_envi(cube, wavelength="{0, 500, 501}", fwhm="{1, 2}"))
    assert source.metadata.fwhm is None
    source.close()


def test_lines_that_the_header_lacks(make_envi):
    cube = some_cube("i2", (4, 3, 2))
    source = open_envi(make_envi(cube, "bip", lines=None, lead=bytes(10)))
    np.testing.assert_array_equal(source.read((0, 4), (0, 3)), cube)
    assert any("has no 'lines'" in note and "holds 4" in note for note in source.metadata.notes)
    source.close()
    with pytest.raises(InputError, match="'lines' is missing"):
        open_envi(make_envi(cube, "bsq", lines=None))
    with pytest.raises(InputError, match="'lines' is missing"):
        open_envi(make_envi(cube, "bip", lines=None, cut=11))
