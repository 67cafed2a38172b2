"""HySpex scans: the header is put together field by field in the order of the vendor's reader."""

import struct

import numpy as np
import pytest

from oddspec.io.open import open_source
from oddspec.io.quality import QUALITY_FLAGS
from oddspec.scenes.products import make_product

ROWS, COLUMNS, BANDS = 4, 3, 5
WAVELENGTHS = np.array([400.0, 410, 420, 430, 440])
# h c in J nm, integration time of 10 ms, aperture of 1 cm, pixels of 1 mrad, 0.01 counts/electron.
HC = 6.62607015e-34 * 2.99792458e17
LIGHT = 0.01 * 0.01 * np.pi * 0.01**2 * 1e-3 * 1e-3


def binary_header(background, response, *, serial=832, after=None, bad=(), shift=0, **changed):
    told = {"bands": BANDS, "samples": COLUMNS, "time": 10_000, "size": None, **changed}
    head = b""
    head += struct.pack("<I", serial) + bytes(200) + bytes(120)  # configuration, settings
    head += struct.pack("<d", 1.0) + bytes(4 + 4 + 44 + 4 + 4 + 4 * 3 + 64)  # electronics
    head += bytes(200) + b"VNIR-1800".ljust(200, b"\0") + bytes(200 * 3 + 32 * 2)
    head += bytes(200 * 2 + 1 + 4 * 4)  # comment, background file, recording, servers
    head += struct.pack("<6I", told["bands"], told["samples"], 1, 0, told["time"], 20_000)
    head += bytes(4 * 3) + struct.pack("<I", shift) + bytes(4 * 19)
    head += struct.pack("<I", len(bad)) + bytes(4 * 7)
    head += struct.pack("<6d", 0.01, 0.01, 1e-3, 1e-3, 20.0, 100.0) + bytes(4 * 5 + 4)
    lists = [WAVELENGTHS, np.full(BANDS, 0.5), response.T, background.T]
    tail = b"".join(np.ascontiguousarray(each, "<f8").tobytes() for each in lists)
    tail += np.asarray(bad, "<u4").tobytes()
    tail += b"" if after is None else np.ascontiguousarray(after.T, "<f8").tobytes()
    size = told["size"] or 12 + len(head) + len(tail)
    return b"HYSPEX\0\0" + struct.pack("<i", size) + head + tail


@pytest.fixture
def scan(make_envi):
    j, b = np.indices((COLUMNS, BANDS))
    background, response = 100.0 + 10 * j + b, 1.0 + 0.1 * j + 0.01 * b

    def write(cube=None, **changed):
        given = {"background": background, "response": response, **changed}
        lead = binary_header(given.pop("background"), given.pop("response"), **given)
        values = background + 200 if cube is None else cube
        values = np.broadcast_to(values, (ROWS, COLUMNS, BANDS))
        name = "line.hyspex"
        return make_envi(values.astype("u2"), "bil", name=name, lead=lead)

    write.background, write.response = background, response
    return write


def read(path):
    source = open_source(path)
    try:
        h, w, _ = source.shape
        quality = getattr(source, "read_quality", lambda *_: None)
        return source.read((0, h), (0, w)), quality((0, h), (0, w)), source
    finally:
        source.close()


@pytest.mark.parametrize("suffix", [".hyspex", ".hdr"])
def test_radiance(scan, suffix):
    """200 counts above the background, by h c / (RE QE SF t A W dl l)."""
    values, flags, source = read(scan().with_suffix(suffix))
    for column, band in ((0, 0), (2, 3)):
        denominator = (1 + 0.1 * column + 0.01 * band) * 0.5 * LIGHT * 10 * WAVELENGTHS[band]
        assert values[1, column, band] == pytest.approx(200 * HC / denominator, rel=1e-5)
    assert not flags.any()
    assert source.format == "HySpex VNIR-1800 radiance"
    assert source.metadata.unit == "W/(m2 sr nm)"
    assert source.metadata.wavelengths.tolist() == WAVELENGTHS.tolist()


@pytest.mark.parametrize("serial", [3100, 7000])
def test_background_of_before_and_after(scan, serial):
    """Cameras with these numbers measure it twice: in line 2 of 4 it is half way."""
    path = scan(scan.background + 200, serial=serial, after=scan.background + 100)
    values, *_ = read(path)
    np.testing.assert_allclose(values[2] / values[0], 0.75, rtol=1e-5)


def test_saturation_by_the_shift(scan):
    cube = np.tile(scan.background + 200, (ROWS, 1, 1))
    cube[3, 1, 2] = 4095
    _, flags, _ = read(scan(cube, shift=4))
    assert np.argwhere(flags == QUALITY_FLAGS["saturated"]).tolist() == [[3, 1]]
    _, flags, _ = read(scan(cube, shift=0))
    assert not flags.any()


def test_elements_without_response_are_bad(scan):
    response = scan.response.copy()
    response[1] = 0
    values, flags, _ = read(scan(response=response))
    assert np.isnan(values[:, 1]).all()
    assert (flags[:, 1] == QUALITY_FLAGS["bad-detector"]).all()


def test_list_of_bad_elements_is_said_not_used(scan):
    values, _, source = read(scan(bad=(3, 4)))
    assert np.isfinite(values).all()
    assert any(
        "lists 2 bad detector elements, which are not used" in n for n in source.metadata.notes
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"samples": 4}, "tells of 4 samples and 5 bands, the ENVI header of 3 and 5"),
        ({"bands": 2**31}, "and 2147483648 bands"),
        ({"size": 5000}, "has 5000 bytes, where the ENVI header"),
        ({"bad": range(9), "size": 2600}, "has 2600 bytes"),
        ({"time": 0}, "no integration time"),
        ({"response": np.full((COLUMNS, BANDS), 1.0), "background": np.full((3, 5), np.inf)},
         "background of the binary header is not finite"),
        ({"background": np.full((COLUMNS, BANDS), 5000.0)}, "lie below the background"),
    ],
)  # fmt: skip
def test_unknown_headers_leave_counts(scan, changed, message):
    values, flags, source = read(scan(np.full((COLUMNS, BANDS), 321), **changed))
    assert (values == 321).all()
    assert flags is None
    assert any(
        message in note and "values are raw counts" in note for note in source.metadata.notes
    )


def test_other_offsets_are_no_hyspex(make_envi):
    path = make_envi(np.ones((2, 3, 4), "u2"), lead=bytes(100))
    *_, source = read(path)
    assert source.format == "ENVI"


@pytest.mark.parametrize(
    ("product", "unit"), [("hyspex", "W/(m2 sr nm)"), ("resonon", "uW/(cm2 sr um)")]
)
def test_made_scans(tmp_path, product, unit):
    """Column 10 is less sensitive by a third, and does not differ after the calibration."""
    path, *_ = make_product(tmp_path / product, product, rows=40, columns=32)
    values, flags, source = read(path)
    assert source.metadata.unit == unit
    assert not flags.any()
    level = np.median(values.mean(axis=2), axis=0)
    assert level[10] == pytest.approx((level[9] + level[11]) / 2, rel=0.05)
