import numpy as np

from oddspec.io.source import ArraySource
from oddspec.scene import Scene
from oddspec.survey import survey


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
