"""Captures of Specim cameras: values are worked out by hand from (S - D) / (W - D)."""

import numpy as np
import pytest

import oddspec
from oddspec.errors import DataWarning, InputError, SettingError
from oddspec.io.open import open_source
from oddspec.io.quality import QUALITY_FLAGS
from oddspec.scenes.products import make_product

ROWS, COLUMNS, BANDS = 5, 4, 12


@pytest.fixture
def capture(tmp_path, make_envi):
    """A capture whose element of column j and band b has dark 100 + 10 j + b, white 1000 above."""
    (tmp_path / "capture").mkdir()
    j, b = np.indices((COLUMNS, BANDS))
    dark = 100 + 10 * j + b
    i = np.arange(ROWS)[:, None, None]
    scan = dark + 100 * (i + 1)
    frames = {
        "S1": scan,
        # Two lines that average to the dark level.
        "DARKREF_S1": np.stack([dark - 1, dark + 1]),
        "WHITEREF_S1": np.stack([dark + 990, dark + 1000, dark + 1010]),
    }

    def write(**changed):
        times = {"S1": "8", "DARKREF_S1": "8", "WHITEREF_S1": "8"} | changed.pop("times", {})
        for name, values in (frames | changed).items():
            make_envi(
                np.asarray(values).astype("u2"),
                name=f"capture/{name}.raw",
                header_name=f"capture/{name}.hdr",
                sensor_type="FX10",
                tint=times.get(name),
            )
        return tmp_path

    write.frames, write.dark = frames, dark
    return write


def read(path, **options):
    source = open_source(path, **options)
    try:
        h, w, _ = source.shape
        flags = getattr(source, "read_quality", lambda *_: None)((0, h), (0, w))
        return source.read((0, h), (0, w)), flags, source.metadata
    finally:
        source.close()


@pytest.mark.parametrize("name", ["", "capture", "capture/S1.hdr", "capture/S1.raw"])
def test_reflectance_by_column_and_band(capture, name):
    values, flags, metadata = read(capture() / name)
    assert values.dtype == np.float32
    for row in range(ROWS):
        np.testing.assert_allclose(values[row], 0.1 * (row + 1), rtol=1e-6)
    assert not flags.any()
    assert metadata.unit == "reflectance"
    assert str(metadata.product) == "Specim FX10 reflectance"
    assert "DARKREF_S1.hdr (2 lines), WHITEREF_S1.hdr (3 lines)" in metadata.notes[0]


def test_windows_are_those_of_the_whole(capture):
    path = capture(S1=capture.frames["S1"] + np.random.default_rng(0).integers(0, 50, (5, 4, 12)))
    whole, *_ = read(path)
    source = open_source(path)
    np.testing.assert_array_equal(source.read((1, 4), (2, 3)), whole[1:4, 2:3])
    source.close()


def test_integration_times_are_scaled(capture):
    """White was seen for a quarter of the scan's time: it would have given four times as much."""
    values, _, metadata = read(capture(times={"WHITEREF_S1": "2"}))
    np.testing.assert_allclose(values[0], 0.1 / 4, rtol=1e-6)
    assert not any("integration" in note for note in metadata.notes)


def test_missing_integration_time_is_said(capture):
    values, _, metadata = read(capture(times={"WHITEREF_S1": None}))
    np.testing.assert_allclose(values[0], 0.1, rtol=1e-6)
    assert any("do not tell both integration times" in note for note in metadata.notes)


def test_dark_of_another_integration_time_is_said(capture):
    *_, metadata = read(capture(times={"DARKREF_S1": "4"}))
    assert any("integration time of 4, the scan with 8" in note for note in metadata.notes)


def test_dark_reference_of_the_white_one(capture):
    dark = capture.dark
    values, *_ = read(capture(WHITEREF_S1=[dark + 1200], WHITEDARKREF_S1=[dark + 200]))
    np.testing.assert_allclose(values[1], 0.2, rtol=1e-6)


def test_saturated_pixels_are_flagged_and_masked(capture):
    scan = capture.frames["S1"].copy()
    scan[2, 3, 5] = 4095
    path = capture(S1=scan)
    _, flags, _ = read(path)
    assert np.argwhere(flags == QUALITY_FLAGS["saturated"]).tolist() == [[2, 3]]
    assert np.count_nonzero(flags) == 1
    with pytest.warns(DataWarning), oddspec.open(path) as scene:
        _, valid = scene.read((0, ROWS), (0, COLUMNS))
    assert np.argwhere(~valid).tolist() == [[2, 3]]


def test_16_bits_saturate_at_65535(capture):
    scan = capture.frames["S1"].copy()
    scan[2, 3, 5], scan[1, 1, 1] = 65535, 4095
    _, flags, _ = read(capture(S1=scan))
    assert np.argwhere(flags).tolist() == [[2, 3]]


def test_dead_element_is_interpolated_and_flagged(capture):
    """Column 1 has one dead element among 12: its value is that between its neighbours."""
    white, scan = (np.array(capture.frames[name]) for name in ("WHITEREF_S1", "S1"))
    white[:, 1, 4] = capture.dark[1, 4]
    scan[:, 1, 5] += 100
    values, flags, metadata = read(capture(WHITEREF_S1=white, S1=scan))
    np.testing.assert_allclose(values[0, 1, 3:6], [0.1, 0.15, 0.2], rtol=1e-6)
    assert (flags[:, 1] == QUALITY_FLAGS["bad-detector"]).all()
    assert not flags[:, [0, 2, 3]].any()
    assert any("1 dead detector element interpolated" in note for note in metadata.notes)


def test_dead_column_is_masked(capture):
    white = np.array(capture.frames["WHITEREF_S1"])
    white[:, 2] = capture.dark[2]
    values, flags, _ = read(capture(WHITEREF_S1=white))
    assert np.isnan(values[:, 2]).all()
    assert np.isfinite(values[:, [0, 1, 3]]).all()
    assert (flags[:, 2] == QUALITY_FLAGS["bad-detector"]).all()


def test_band_without_light_is_called_bad(capture):
    white = np.array(capture.frames["WHITEREF_S1"])
    white[:, :, 0] = capture.dark[:, 0]
    values, flags, metadata = read(capture(WHITEREF_S1=white))
    assert metadata.bad_bands.tolist() == [True] + [False] * 11
    assert np.isfinite(values[:, :, 1:]).all()
    assert not flags.any()


def test_references_elsewhere(capture, tmp_path):
    folder = capture()
    place = tmp_path / "references"
    place.mkdir()
    for what in ("DARK", "WHITE"):
        for suffix in (".hdr", ".raw"):
            old = folder / "capture" / f"{what}REF_S1{suffix}"
            old.rename(place / f"{what.lower()}{suffix}")
    scan = folder / "capture" / "S1.hdr"
    values, *_ = read(scan, dark=place / "dark.hdr", white=place / "white.raw")
    np.testing.assert_allclose(values[4], 0.5, rtol=1e-6)
    with pytest.warns(DataWarning):
        scores = oddspec.detect(scan, dark=str(place / "dark.hdr"), white=place / "white.hdr")
    assert scores.shape == (ROWS, COLUMNS)
    with pytest.raises(SettingError, match="a white reference was given, but no dark one"):
        read(scan, white=place / "white.hdr")
    with pytest.raises(InputError, match=r"nothing.hdr: the dark reference does not exist"):
        read(scan, dark=place / "nothing.hdr")


def test_dark_alone_gives_counts(capture):
    values, _, metadata = read(capture(), white="none")
    np.testing.assert_allclose(values[2], 300, rtol=1e-6)
    assert metadata.unit == "counts above dark"


def test_no_reference_on_request(capture):
    values, flags, metadata = read(capture(), dark="none", white="none")
    np.testing.assert_array_equal(values, capture.frames["S1"])
    assert flags is None
    assert any("values are raw counts" in note for note in metadata.notes)


def test_references_of_another_scan_are_said_not_used(capture, tmp_path):
    folder = capture()
    for suffix in (".hdr", ".raw"):
        (tmp_path / "capture" / f"S1{suffix}").rename(tmp_path / "capture" / f"S2{suffix}")
    *_, metadata = read(folder)
    assert any(
        "DARKREF_S1.hdr, WHITEREF_S1.hdr beside it were not used" in note for note in metadata.notes
    )


@pytest.mark.parametrize("name", ["scan_dark", "white-ref", "WhiteReference"])
def test_references_of_other_cameras_are_said_not_used(make_envi, name):
    cube = np.arange(60).reshape(5, 4, 3).astype("u2")
    make_envi(cube, name=f"{name}.raw")
    *_, metadata = read(make_envi(cube, name="scan.raw"))
    assert any(f"{name}.hdr beside it were not used" in note for note in metadata.notes)
    *_, metadata = read(make_envi(cube.astype("f4"), name="reflectance.raw"))
    assert not any("not used" in note for note in metadata.notes)


def test_a_reference_itself_is_opened_as_it_is(capture):
    values, *_ = read(capture() / "capture" / "DARKREF_S1.hdr")
    np.testing.assert_array_equal(values, capture.frames["DARKREF_S1"])


def test_reference_of_another_size_is_refused(capture):
    with pytest.raises(InputError, match=r"dark reference has 3 columns and 12 bands.*4 and 12"):
        read(capture(DARKREF_S1=capture.frames["DARKREF_S1"][:, :3]))


def test_swapped_references_are_refused(capture):
    frames = capture.frames
    with pytest.raises(InputError, match="nowhere brighter than the dark one"):
        read(capture(DARKREF_S1=frames["WHITEREF_S1"], WHITEREF_S1=frames["DARKREF_S1"]))


def test_two_scans_in_a_folder(capture):
    path = capture(S2=capture.frames["S1"])
    with pytest.raises(InputError, match=r"expected one scan.*found S1.hdr, S2.hdr"):
        read(path)


def test_link_out_of_the_folder_is_refused(capture, tmp_path):
    path = capture()
    dark = path / "capture" / "DARKREF_S1.hdr"
    elsewhere = tmp_path / "elsewhere.hdr"
    dark.rename(elsewhere)
    dark.symlink_to(elsewhere)
    with pytest.raises(InputError, match="is a link out of their folder"):
        read(path)


def test_interrupted_scan_without_lines(capture):
    path = capture()
    header = path / "capture" / "S1.hdr"
    header.write_text(header.read_text().replace("lines = 5\n", ""))
    with (path / "capture" / "S1.raw").open("ab") as file:
        file.write(bytes(7))
    values, _, metadata = read(path)
    assert len(values) == ROWS
    assert "S1.raw holds 5, and 7 bytes of another" in metadata.notes[0]


def test_references_are_of_files_only():
    with pytest.raises(InputError, match="references are of files"):
        oddspec.detect(np.zeros((5, 4, 3)), dark="dark.hdr")


def test_made_capture(tmp_path):
    """Its reflectance is even in all columns, as light was; its raw counts are not."""
    folder, *_ = make_product(tmp_path / "made", "specim", rows=60, columns=40)
    values, *_ = read(folder)
    raw, *_ = read(folder, dark="none", white="none")
    assert values.shape == (60, 40, 224)
    assert np.isnan(values[:, 20]).all()

    def bend(cube):
        level = np.median(cube[:, 10:17].mean(axis=2), axis=0)
        return level[3] / ((level[2] + level[4]) / 2)

    assert bend(values) == pytest.approx(1, abs=0.05)
    assert bend(raw.astype(float)) < 0.85
