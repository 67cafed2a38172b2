"""The header parser: oddities of real headers, and anything at all."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddspec.errors import InputError, OddspecError
from oddspec.io.envi.header import parse_header, read_header, split_list
from oddspec.io.envi.reader import open_envi
from oddspec.io.source import Metadata

HERE = Path("scene.hdr")


def fields(text):
    return parse_header(text, HERE).fields


def test_plain_fields():
    assert fields("ENVI\nsamples = 3\nData_Type=2\n  Header   Offset =  7  \n") == {
        "samples": "3",
        "data type": "2",
        "header offset": "7",
    }


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end):
    text = end.join(["ENVI", "samples = 3", "names = {a,", "b}", "lines = 4", ""])
    assert fields(text) == {"samples": "3", "names": "a,\nb".replace("\n", "\n"), "lines": "4"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "latin-1"])
def test_encodings(tmp_path, encoding):
    text = "ENVI\ndescription = {Größe in µm}\nsamples = 3\n"
    data = b"\xff\xfe" + text.encode("utf-16-le") if "bom" in encoding else text.encode(encoding)
    path = tmp_path / "scene.hdr"
    path.write_bytes(data)
    assert read_header(path).fields == {"description": "Größe in µm", "samples": "3"}


def test_line_ends_of_other_worlds_are_text():
    # str.splitlines would cut at these, which Latin-1 and binary rubbish contain.
    assert fields("ENVI\nname = a\x85b\x0cc\u2028d\n")["name"] == "a\x85b\x0cc\u2028d"


def test_comments():
    text = "ENVI\n; samples = 9\nsamples = 3 ; not 9\nnames = {a,\n ;b,\n c;d}\nlines = 4;5\n"
    assert fields(text) == {"samples": "3", "names": "a,\n c;d", "lines": "4;5"}


def test_empty_values_are_no_values():
    assert fields("ENVI\nsamples =\nwavelength = {}\nbbl = {\n}\nlines = 4") == {"lines": "4"}


def test_duplicates():
    header = parse_header("ENVI\nfoo = a\nfoo = a\nbar = b\nBAR = c\n", HERE)
    assert header.fields == {"foo": "a", "bar": "c"}
    assert header.notes == ["scene.hdr: 'bar' is there twice, the last one counts"]
    with pytest.raises(InputError, match="has 'samples' twice, as '3' and '4'"):
        fields("ENVI\nsamples = 3\nsamples = 4\n")


def test_a_brace_that_is_never_closed():
    with pytest.raises(InputError, match="opens the value of 'names' in line 3 is never closed"):
        fields("ENVI\nsamples = 3\nnames = {a,\nb\n")


def test_a_brace_that_swallows_a_field(tmp_path):
    path = tmp_path / "scene.hdr"
    path.write_text("ENVI\ndescription = {oh\nsamples = 3\nlines = 1\nnames = {a}\nbands = 1\n")
    with pytest.raises(
        InputError, match=r"'samples' is missing.* brace of 'description' in line 2"
    ):
        open_envi(path)


def test_text_that_is_no_field_is_noted():
    header = parse_header("ENVI\nhello\n\nsamples = 3\nnames = {a} b\n", HERE)
    assert header.fields == {"samples": "3", "names": "a"}
    assert header.notes == [
        "scene.hdr: text after the closing brace of 'names' was ignored",
        "scene.hdr: 1 lines without '=' were ignored",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("samples = 3\n", "the first line is 'samples = 3', expected 'ENVI'"),
        ("ENVISAT\n", "expected 'ENVI'"),
        ("NROWS 100\nNCOLS 100\n", "ESRI header"),
        ("\0\1\2", "is no ENVI header"),
    ],
)
def test_what_is_no_header(text, expected):
    with pytest.raises(InputError, match=expected):
        fields(text)


def test_endless_headers_are_not_read(tmp_path):
    path = tmp_path / "scene.hdr"
    with open(path, "wb") as file:
        file.write(b"ENVI\n")
        file.truncate(100 * 2**20)
    start = time.process_time()
    with pytest.raises(InputError, match="larger than 16 MB"):
        read_header(path)
    assert time.process_time() - start < 0.5


def test_many_fields_are_refused():
    with pytest.raises(InputError, match="more than 10000 fields"):
        fields("ENVI\n" + "".join(f"f{i} = 1\n" for i in range(20_000)))


@pytest.mark.parametrize(
    "text",
    [
        "ENVI\n" + "a = {" * 300_000,
        "ENVI\n" + "names = {" + "(" * 1_000_000 + "}",
        "ENVI\n" + "x\n" * 1_000_000,
        "ENVI\nx = " + " ;" * 500_000,
        "ENVI\n" + "=" * 1_000_000,
        "ENVI\n" + " " * 1_000_000 + "=",
    ],
)
def test_hostile_headers_take_little_time(text):
    start = time.process_time()
    try:
        header = parse_header(text, HERE)
        split_list(header.fields.get("names", ""), 3)
    except InputError:
        pass
    assert time.process_time() - start < 3


def test_lists():
    assert split_list("1, 2,\n 3", 3) == ["1", "2", "3"]
    assert split_list("\n a, b,\n", 2) == ["a", "b"]
    assert split_list("f(a, b), g(c, d)", 2) == ["f(a, b)", "g(c, d)"]
    assert split_list("red, dark,\nblue, light", 2) == ["red, dark", "blue, light"]
    assert split_list("a, b", 3) == ["a", "b"]


def test_names_with_commas(make_envi):
    names = "{Resize (Band 1,2), Resize [x, y], c, d}"
    source = open_envi(make_envi(np.zeros((2, 3, 4), "u1"), band_names=names))
    assert source.metadata.band_names == ("Resize (Band 1,2)", "Resize [x, y]", "c", "d")
    source = open_envi(make_envi(np.zeros((2, 3, 4), "u1"), band_names="{a, b}"))
    assert source.metadata.band_names is None
    assert "2 band names for 4 bands" in source.metadata.notes[0]


def test_what_else_a_header_says_is_kept(make_envi):
    source = open_envi(make_envi(np.zeros((2, 3, 4), "u1"), sensor_type="Hyperion"))
    assert source.metadata.extra["sensor type"] == "Hyperion"


KEYS = st.sampled_from(
    [
        "samples",
        "lines",
        "bands",
        "data type",
        "interleave",
        "header offset",
        "byte order",
        "wavelength",
        "wavelength units",
        "bbl",
        "band names",
        "map info",
        "coordinate system string",
        "data ignore value",
        "description",
        "data file",
        "major frame offsets",
        "file type",
    ]
)
VALUES = st.one_of(
    st.integers(-3, 2**70).map(str),
    st.floats().map(repr),
    st.sampled_from(["bil", "bsq", "bip", "{", "}", "{1, 2", "{1, 0}", "{400, 500}", "nm", ""]),
    st.sampled_from(["{UTM, 1, 1, 5e5, 4e6, 2, 2, 33, North, WGS-84}", "{Arbitrary, 1}"]),
    st.text(max_size=30),
)
LINES = st.one_of(
    st.tuples(KEYS, VALUES).map(lambda pair: f"{pair[0]} = {pair[1]}"), st.text(max_size=40)
)


@given(lines=st.lists(LINES, max_size=25), sane=st.booleans(), tail=st.binary(max_size=20))
def test_any_header_gives_metadata_or_one_clear_error(tmp_path_factory, lines, sane, tail):
    folder = tmp_path_factory.mktemp("fuzz", numbered=True)
    start = [
        "samples = 2",
        "lines = 3",
        "bands = 2",
        "data type = 1",
        "interleave = bil",
        "byte order = 0",
    ]
    text = "\n".join(["ENVI", *(start if sane else []), *lines])
    (folder / "scene.hdr").write_bytes(text.encode("utf-8", "surrogatepass") + tail)
    (folder / "scene.img").write_bytes(bytes(12))
    begin = time.perf_counter()
    message = ""
    try:
        source = open_envi(folder / "scene.hdr")
    except OddspecError as error:
        message = str(error)
    if message:
        assert str(folder) in message
        assert len(message) < 1000
    else:
        assert isinstance(source.metadata, Metadata)
        h, w, _ = source.shape
        assert source.read((0, h), (0, w)).shape == source.shape
        source.close()
    assert time.perf_counter() - begin < 2


@given(data=st.binary(max_size=300))
def test_any_bytes_after_envi_give_fields_or_one_clear_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz", numbered=True) / "scene.hdr"
    path.write_bytes(b"ENVI\n" + data)
    try:
        header = read_header(path)
    except OddspecError:
        return
    for name, value in header.fields.items():
        assert name == name.lower()
        assert value
        assert value.strip() == value


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"wavelengths": "{400, 500, 600}", "wavelength_units": "nm"}, [400, 500, 600]),
        ({"wavelength": "{0.4, 0.5, 0.6}", "wavelength_unit": "MICROMETERS"}, [400, 500, 600]),
        ({"wavelength": "{400 nm, 500 nm, 600 nm}"}, [400, 500, 600]),
        ({"wavelength": "{400, 500, 600}", "wavelength_units": "um"}, [400, 500, 600]),
        ({"band_names": "{B1 (400 nm), B2 (500 nm), B3 (600 nm)}"}, [400, 500, 600]),
        (
            {
                "wavelength": "{1, 2, 3}",
                "wavelength_units": "Index",
                "band_names": "{400.5 nm, 500 nm, 600 nm}",
            },
            [400.5, 500, 600],
        ),
    ],
)
def test_where_wavelengths_are_found(make_envi, fields, expected):
    cube = np.zeros((4, 5, 3), np.int16)
    np.testing.assert_allclose(open_envi(make_envi(cube, **fields)).metadata.wavelengths, expected)


def test_bands_of_wavelength_zero_are_bad(make_envi):
    cube = np.zeros((4, 5, 4), np.int16)
    meta = open_envi(
        make_envi(cube, wavelength="{0, 500, 600, 0}", wavelength_units="nm", bbl="{1, 1, 0, 1}")
    ).metadata
    assert np.flatnonzero(meta.bad_bands).tolist() == [0, 2, 3]
    np.testing.assert_array_equal(meta.wavelengths, [np.nan, 500, 600, np.nan])
