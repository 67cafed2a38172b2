import numpy as np
import pytest

import oddspec
from oddspec.io.source import ArraySource
from oddspec.scene import Scene
from oddspec.survey import look_over, survey


def look(cube, **more):
    return survey(Scene.of(ArraySource(cube), **more))


def test_a_clean_scene_has_no_notes(rng):
    found = look(rng.normal(1000, 30, (40, 50, 12)))
    assert found.notes == ()
    assert found.complete
    assert found.valid == 2000
    assert found.health.rank == 12


def test_what_is_odd_is_named(rng):
    cube = rng.normal(1000, 30, (60, 50, 12))
    cube[3, 4] = np.nan
    cube[20] = 7.0
    cube[:, 30] = 5.0
    cube[:, 40, :] += 400
    cube[:, :, 5] = 3.0
    cube[40:, :20, 8] = np.nanmax(cube) + 1
    found = look(cube)
    assert found.nonfinite == 1
    # Line 20 and column 30 are not flat: band 5 differs there.
    assert found.flat == 0
    assert found.constant_bands == (5,)
    assert found.saturated_bands == (8,)
    assert found.striped_columns == (30, 40)
    text = " ".join(found.notes)
    assert "constant bands (counted from 1): 6" in text
    assert "columns that look striped (counted from 1): 31, 41" in text


def test_dead_lines_are_flat_and_can_be_masked(rng):
    cube = rng.normal(1000, 30, (60, 50, 12))
    cube[20], cube[:, 30] = 0.0, 0.0
    found = look(cube)
    assert (found.dead_rows, found.dead_columns) == ((20,), (30,))
    assert found.flat == 60 + 50 - 1
    assert look(cube, mask_flat=True).valid == 3000 - found.flat


def test_an_undeclared_nodata_border_is_suggested_and_not_assumed(rng):
    cube = rng.normal(1000, 30, (40, 50, 6)).astype(np.int16)
    cube[:3], cube[:, -2:] = -9999, -9999
    found = look(cube)
    assert found.border_value == -9999
    assert found.nodata == 0
    assert found.dead_rows == ()
    assert any("--nodata=-9999" in note for note in found.notes)
    declared = look(cube, nodata=-9999)
    assert declared.border_value is None
    assert declared.nodata == 3 * 50 + 37 * 2


def test_saturation_at_the_types_limit(rng):
    cube = rng.integers(100, 3000, (40, 50, 6)).astype(np.uint16)
    cube[5, 5, 2] = 65535
    assert look(cube).saturated == 1


def test_large_scenes_are_looked_at_in_part(rng, monkeypatch):
    monkeypatch.setattr("oddspec.survey.SURVEY_VALUES", 6 * 50 * 10)
    found = look(rng.normal(1000, 30, (400, 50, 6)))
    assert not found.complete
    assert found.looked_at == 500
    assert found.dead_rows == ()


def test_scenes_without_a_valid_or_varying_pixel():
    assert look(np.full((4, 5, 3), np.nan)).health is None
    found = look(np.full((4, 5, 3), 2.0))
    assert found.health is None
    assert found.flat == 20


def striped(height, bands_striped, *, rows=8, columns=16, bands=8):
    """Columns that step by exactly 1 to and fro, and one that stands out by ``height`` more."""
    cube = np.empty((rows, columns, bands))
    cube[...] = 100.0 + np.arange(bands) + (np.arange(columns) % 2)[:, None]
    cube[:, 7, :bands_striped] += height
    return look(cube).striped_columns


def test_a_stripe_departs_by_twelve_times_the_usual_step():
    # The usual departure is 1.4826 times the median one, which is 1; column 7 departs by 1 itself.
    edge = 12 * 1.4826 - 1
    assert striped(edge - 0.01, 8) == ()
    assert striped(edge + 0.01, 8) == (7,)


def test_a_stripe_shows_in_more_than_a_quarter_of_the_bands():
    assert striped(100.0, 2) == ()
    assert striped(100.0, 3) == (7,)


def test_stripes_are_looked_for_in_scenes_that_show_them():
    assert striped(100.0, 8, rows=7) == ()
    assert striped(100.0, 8, columns=15) == ()


def dead(cube, **more):
    """Bands kept, and notes, of a scene that was looked over."""
    scene = look_over(Scene.of(ArraySource(cube), **more), asked="bands" in more)
    return scene.bands.tolist(), scene.notes


def test_bands_that_hold_nothing_are_left_out_and_named(rng):
    cube = rng.normal(1000, 30, (60, 50, 12))
    cube[:, :, 2:4] = -9999
    cube[:, :, 7] = np.nan
    cube[:, :, 8] = np.inf
    cube[:, :, 10] = 5
    bands, notes = dead(cube, nodata=-9999)
    assert bands == [0, 1, 4, 5, 6, 9, 11]
    assert notes == (
        "bands that are nodata throughout (counted from 1), left out: 3-4",
        "bands that are nowhere finite (counted from 1), left out: 8-9",
        "bands that have one value throughout (counted from 1), left out: 11",
    )
    # Of bands that were asked for, only those that would mask every pixel.
    assert dead(cube, nodata=-9999, bands=range(12))[0] == [0, 1, 4, 5, 6, 9, 10, 11]
    assert dead(rng.normal(size=(60, 50, 12))) == (list(range(12)), ())


def test_bands_of_a_frame_are_judged_within_it(rng):
    cube = rng.normal(1000, 30, (60, 50, 6))
    cube[:, :, 4] = 7
    cube[:5] = -1
    assert dead(cube, nodata=-1)[0] == [0, 1, 2, 3, 5]
    # A frame that is not declared makes no band flat.
    assert dead(cube)[0] == list(range(6))


def test_two_bands_remain_and_few_pixels_prove_nothing(rng):
    cube = rng.normal(1000, 30, (60, 50, 4))
    cube[:, :, 1:] = 0
    assert dead(cube)[0] == [0, 1, 2, 3]
    cube = rng.normal(size=(7, 7, 4))
    cube[:, :, 1] = 0
    assert dead(cube)[0] == [0, 1, 2, 3]
    assert dead(np.tile(cube, (2, 1, 1)))[0] == [0, 2, 3]


def test_dead_bands_of_large_scenes_are_proved_in_all_rows(rng, monkeypatch):
    monkeypatch.setattr("oddspec.survey.LOOK_VALUES", 6 * 50 * 10)
    cube = rng.normal(1000, 30, (400, 50, 6))
    cube[:, :, 1], cube[:, :, 3], cube[:, :, 5] = np.nan, -1, 8
    assert dead(cube, nodata=-1)[0] == [0, 2, 4]
    cube[17, 3, 1], cube[201, 1, 3], cube[333, 2, 5] = 900, 900, 9
    assert dead(cube, nodata=-1)[0] == list(range(6))


def filled(share, rng, rows=40):
    """A scene whose left part is one spectrum: one value times the gains of the bands."""
    cube = rng.normal(1000, 30, (rows, 100, 8))
    cube[:, : round(100 * share)] = -9999 * np.linspace(0.1, 0.9, 8)
    return cube


def test_one_spectrum_over_a_quarter_of_the_scene_is_fill(rng):
    cube = filled(0.3, rng)
    found = look(cube)
    assert found.filled == 1200
    assert (
        "pixels with one and the same spectrum (filled): 1,200, 30% of them; --mask-defects masks "
        "them"
    ) in found.notes
    assert look(filled(0.25, rng)).filled == 1000
    assert look(filled(0.24, rng)).filled == 0
    assert look(rng.integers(0, 2, (10, 10, 2)).astype(float)).filled == 0
    # What has one value in all bands is flat already.
    cube[:, :30] = -9999
    assert (look(cube).filled, look(cube).flat) == (0, 1200)


def test_fill_is_masked_where_defects_are(rng):
    cube = filled(0.3, rng)
    scores = oddspec.detect(cube, mask_flat=True)
    assert np.isnan(scores[:, :30]).all()
    np.testing.assert_allclose(scores[:, 30:], oddspec.detect(cube[:, 30:]), rtol=1e-9)
    scene = look_over(Scene.of(ArraySource(cube), mask_flat=True))
    assert scene.notes == ("one spectrum fills 30% of the pixels looked at, and was masked",)
    assert look_over(Scene.of(ArraySource(cube))).fill is None


@pytest.mark.parametrize("dtype", ["f8", "i2", "u2"])
def test_what_was_masked_is_counted_by_its_reason(rng, dtype):
    cube = filled(0.3, rng)
    cube = np.round((cube - cube.min()) * 2 + 10).astype(dtype)
    filling = cube[0, 0].copy()
    assert (cube == filling).all(axis=2).sum() == 1200
    kept = ~(cube == filling).all(axis=2)
    places = np.argwhere(kept)
    for y, x in places[:7]:
        cube[y, x] = 3
    for y, x in places[7:12]:
        cube[y, x, 1] = 1
    scene = look_over(Scene.of(ArraySource(cube), nodata=1, mask_flat=True))
    found = survey(scene)
    assert (found.nodata, found.masked) == (5, {"flat": 7, "fill": 1200})
    assert (found.nonfinite, found.flat, found.filled) == (0, 0, 0)
    assert found.valid == found.looked_at - 1212
    assert "pixels that are nodata: 5, masked" in found.notes
    assert "pixels masked: flat 7, fill 1,200" in found.notes
    told = survey(look_over(Scene.of(ArraySource(cube), nodata=1)))
    assert (told.nodata, told.masked) == (5, {})
    assert (told.flat, told.filled) == (7, 1200)
