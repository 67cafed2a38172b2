"""Scans of Resonon cameras: values are worked out by hand from the formula of microflicks."""

import tracemalloc
import zipfile

import numpy as np
import pytest

from oddspec.errors import InputError
from oddspec.io.open import open_source
from oddspec.io.quality import QUALITY_FLAGS

ROWS, COLUMNS, BANDS = 3, 2, 4
DARK = "offset_8bands_4095ceiling_{}gain_4samples_{}shutter.bip"


def member(values, **fields):
    """Header and data of a frame of one line, ``(samples, bands)``, in BIP."""
    samples, bands = values.shape
    kind = {"float64": 5, "float32": 4, "uint16": 12}[str(values.dtype)]
    given = {
        "samples": samples, "lines": 1, "bands": bands, "data type": kind, "interleave": "bip",
        "byte order": 0, "sample binning": 1, "spectral binning": 1, **fields,
    }  # fmt: skip
    text = "ENVI\n" + "".join(f"{name} = {value}\n" for name, value in given.items())
    return text, values.tobytes()


def write_pack(path, frames):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, (text, data) in frames.items():
            pack.writestr(f"{name}.hdr", text)
            pack.writestr(name, data)
    return path


@pytest.fixture
def frames():
    """Of 4 samples and 8 bands, taken with gain 6 dB and 20 ms; darkness is 10 per element."""
    factors = np.arange(32, dtype=np.float64).reshape(4, 8) + 1
    return {
        "gain.bip": member(factors, gain=6, shutter=20),
        DARK.format(0, 10): member(np.full((4, 8), 10.0, "f4"), gain=0, shutter=10),
        DARK.format(0, 90): member(np.full((4, 8), 99.0, "f4"), gain=0, shutter=90),
        DARK.format(12, 10): member(np.full((4, 8), 77.0, "f4"), gain=12, shutter=10),
    }


@pytest.fixture
def scan(make_envi, tmp_path, frames):
    """A scan that sums up 2 x 2 elements, with gain 0 and a shutter of 10 ms."""

    def write(values=None, pack=frames, **fields):
        given = {
            "gain": 0, "shutter": 10, "sample_binning": 2, "spectral_binning": 2, "ceiling": 4095,
            "imager_serial_number": "100121-201", **fields,
        }  # fmt: skip
        cube = np.full((ROWS, COLUMNS, BANDS), 140) if values is None else values
        path = make_envi(cube.astype("u2"), "bip", name="s.bip", header_name="s.bip.hdr", **given)
        if pack:
            write_pack(tmp_path / "camera.icp", pack)
        return path

    return write


def read(path):
    source = open_source(path)
    try:
        h, w, _ = source.shape
        quality = getattr(source, "read_quality", lambda *_: None)
        return source.read((0, h), (0, w)), quality((0, h), (0, w)), source
    finally:
        source.close()


def test_radiance(scan):
    """(140 - 4 x 10) counts times the mean factor, twice the gain of 6 dB, twice the shutter."""
    values, flags, source = read(scan())
    # Of the elements 1, 2, 9 and 10, and of 19, 20, 27 and 28.
    expected = (140 - 40) * 10 ** (6 / 20) * 2 / 4
    assert values[0, 0, 0] == pytest.approx(5.5 * expected, rel=1e-6)
    assert values[2, 1, 1] == pytest.approx(23.5 * expected, rel=1e-6)
    assert not flags.any()
    assert source.metadata.unit == "uW/(cm2 sr um)"
    assert source.format == "Resonon 100121-201 radiance"
    assert not any("nearest" in note for note in source.metadata.notes)


def test_flipped_frames(scan):
    """The last two samples of the frames belong to the first of the scan."""
    straight, *_ = read(scan())
    flipped, *_ = read(scan(flip_radiometric_calibration=True))
    np.testing.assert_array_equal(flipped, straight[:, ::-1])


def test_nearest_dark_frame_is_said(scan):
    *_, source = read(scan(gain=1, shutter=50))
    assert any(
        "gain 0 and shutter 10 ms, the scan with 1 and 50" in n for n in source.metadata.notes
    )
    values, *_ = read(scan(gain=11, shutter=50, values=np.full((3, 2, 4), 4 * 77)))
    np.testing.assert_allclose(values, 0)


def test_saturation_at_the_ceiling(scan):
    cube = np.full((ROWS, COLUMNS, BANDS), 140)
    cube[1, 1, 2] = 1023
    _, flags, _ = read(scan(cube, ceiling=1023))
    assert np.argwhere(flags == QUALITY_FLAGS["saturated"]).tolist() == [[1, 1]]


def test_without_a_pack_values_are_counts(scan):
    values, flags, source = read(scan(pack=None))
    assert (values == 140).all()
    assert flags is None
    assert any("no calibration pack (.icp)" in note for note in source.metadata.notes)


def test_several_packs(scan, tmp_path, frames):
    path = scan()
    write_pack(tmp_path / "other.icp", frames)
    *_, source = read(path)
    assert any("camera.icp, other.icp" in note for note in source.metadata.notes)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shutter": 0}, "'shutter' is 0"),
        ({"gain": "high"}, "'gain' is 'high', expected a number"),
        ({"sample_binning": 1}, "with a binning of 1 and 2"),
    ],
)
def test_settings_that_cannot_be(scan, fields, message):
    with pytest.raises(InputError, match=message):
        read(scan(**fields))


def test_pack_of_another_camera(scan, frames):
    frames["gain.bip"] = member(np.ones((5, 8)), gain=0, shutter=1)
    with pytest.raises(InputError, match="5 samples and 8 bands, but the scan s has 2 and 4"):
        read(scan(pack=frames))


def broken(frames, how):
    if how == "no gain":
        del frames["gain.bip"]
    elif how == "no dark":
        return {"gain.bip": frames["gain.bip"]}
    elif how == "no settings":
        frames["gain.bip"] = member(np.ones((4, 8)))
    elif how == "short":
        text, data = frames["gain.bip"]
        frames["gain.bip"] = text, data[:-1]
    elif how == "not finite":
        frames["gain.bip"] = member(np.full((4, 8), np.nan), gain=6, shutter=20)
    return frames


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no gain", "has no gain.bip"),
        ("no dark", "has no dark frames"),
        ("no settings", "says no 'gain'"),
        ("short", "has 255 bytes, but not the 256 of its header"),
        ("not finite", "NaN or infinity"),
    ],
)
def test_broken_pack(scan, frames, how, message):
    with pytest.raises(InputError, match=message):
        read(scan(pack=broken(frames, how)))


def test_no_zip(scan, tmp_path):
    path = scan(pack=None)
    (tmp_path / "camera.icp").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError, match="is no calibration pack"):
        read(path)


def test_names_that_lead_elsewhere_are_never_written(scan, frames, tmp_path):
    frames["../../evil.txt"] = ("x", b"x")
    values, *_ = read(scan(pack=frames))
    assert values.shape == (ROWS, COLUMNS, BANDS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["camera.icp", "s.bip", "s.bip.hdr"]


def test_a_frame_twice_is_refused(scan, frames, tmp_path):
    path = scan()
    with zipfile.ZipFile(tmp_path / "camera.icp", "a") as pack:
        pack.writestr("folder/gain.bip", b"")
    with pytest.raises(InputError, match=r"holds gain.bip twice"):
        read(path)


def test_a_bomb_is_refused(scan, frames):
    """What the header asks for is unpacked and no more, and it cannot ask for much."""
    text, _ = frames["gain.bip"]
    frames["gain.bip"] = text, bytes(80 * 2**20)
    path = scan(pack=frames)
    tracemalloc.start()
    with pytest.raises(InputError, match="has more bytes than the 256 of its header"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()
    frames["gain.bip"] = text.replace("samples = 4", "samples = 4000000"), b""
    with pytest.raises(InputError, match="more than any frame"):
        read(scan(pack=frames))


def test_a_link_out_of_the_folder_is_refused(scan, frames, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    path = scan(pack=None)
    (tmp_path / "camera.icp").symlink_to(write_pack(folder / "x.icp", frames))
    # A folder below the scan's is no other one; one above is.
    assert read(path)[0].shape == (ROWS, COLUMNS, BANDS)
    outside = write_pack(tmp_path.parent / "outside.icp", frames)
    (tmp_path / "camera.icp").unlink()
    (tmp_path / "camera.icp").symlink_to(outside)
    with pytest.raises(InputError, match="link out of their folder"):
        read(path)
