"""Stripes of columns are taken out, and nothing else."""

import numpy as np
import pytest
from affine import Affine
from scipy import ndimage

import oddspec
from oddspec.errors import SettingError
from oddspec.io.destripe import column_stripes, without_stripes
from oddspec.io.source import ArraySource, Georeference, Metadata

pytestmark = pytest.mark.filterwarnings("ignore::oddspec.errors.DataWarning")
BANDS = 30
STRIPES = {10: 1.05, 25: 0.95, 40: 1.3, 55: 0.7, 56: 1.05}


@pytest.fixture(scope="module")
def scan():
    """Mixtures of four spectra with targets, and the same with columns of other gains by band."""
    rng = np.random.default_rng(1)
    bands = np.arange(BANDS)
    spectra = 0.3 + 0.2 * np.sin(
        bands / np.array([[4], [7], [11], [17]]) + rng.uniform(0, 6, (4, 1))
    )
    fields = np.exp(2 * ndimage.gaussian_filter(rng.normal(0, 5, (240, 96, 4)), (4, 4, 0)))
    clean = fields / fields.sum(axis=2, keepdims=True) @ spectra
    truth = np.zeros((240, 96), dtype=bool)
    truth[20::30, [10, 15, 25, 33, 40, 48, 55, 64]] = True
    clean[truth] += 0.05 * np.cos(bands)
    clean = (clean + rng.normal(0, 0.005, clean.shape)).astype(np.float32)
    gains = np.ones((96, BANDS))
    for column, gain in STRIPES.items():
        gains[column] += (gain - 1) * rng.normal(1, 0.3, BANDS)
    return clean, (clean * gains).astype(np.float32), gains, truth


def highest(scores, truth):
    """Of the 100 highest pixels, how many are targets; and how many others lie in stripes."""
    marked = scores >= np.sort(scores, axis=None)[-100]
    return (marked & truth).sum(), (marked & ~truth)[:, list(STRIPES)].sum()


def test_false_objects_of_stripes_go_and_targets_stay(scan):
    clean, striped, _, truth = scan
    found, false = highest(oddspec.detect(clean), truth)
    assert false <= 5
    before, false_before = highest(oddspec.detect(striped), truth)
    assert false_before > 25
    after, false_after = highest(oddspec.detect(striped, destripe=True), truth)
    assert after >= max(found, before)
    assert false_after <= 5


def test_what_is_left_of_the_stripes(scan):
    clean, striped, *_ = scan
    gain, offset = column_stripes(striped)
    untouched = np.delete(np.arange(96), list(STRIPES))
    assert (gain[untouched] == 1).all()
    assert (offset[untouched] == 0).all()
    for column in STRIPES:
        before = striped[:, column] - clean[:, column]
        left = striped[:, column] * gain[column] + offset[column] - clean[:, column]
        assert np.abs(left).mean() < 0.25 * np.abs(before).mean()


def test_a_scene_without_stripes_is_left_as_it_is(scan):
    clean, *_ = scan
    source = without_stripes(ArraySource(clean))
    np.testing.assert_array_equal(source.read((0, 240), (0, 96)), clean)


def test_offsets(scan):
    """A column whose dark level is off: counts are added, whatever the light."""
    clean, *_ = scan
    shifted = clean.copy()
    shifted[:, 30] += 0.05
    gain, offset = column_stripes(shifted)
    left = shifted[:, 30] * gain[30] + offset[30] - clean[:, 30]
    assert np.sqrt((left**2).mean()) < 0.05 / 3


def test_windows_are_those_of_the_whole_and_nodata_stays(scan):
    _, striped, *_ = scan
    cube = striped.copy()
    cube[3, 40] = -1
    source = without_stripes(ArraySource(cube, Metadata(nodata=-1.0)))
    whole = source.read((0, 240), (0, 96))
    assert np.isnan(whole[3, 40]).all()
    assert np.isnan(whole).sum() == BANDS
    np.testing.assert_array_equal(source.read((2, 9), (38, 44)), whole[2:9, 38:44])
    assert source.metadata.nodata is None
    assert any("stripes of columns were taken out" in note for note in source.metadata.notes)


def test_where_columns_are_no_lines_of_the_detector():
    cube = np.zeros((20, 5, 3))
    turned = Georeference(None, Affine(1, 0.2, 0, -0.2, -1, 0))
    with pytest.raises(SettingError, match="map that is turned"):
        without_stripes(ArraySource(cube, Metadata(georeference=turned)))
    with pytest.raises(SettingError, match="has 5 rows and 5 columns, too few"):
        without_stripes(ArraySource(cube[:5]))


def test_few_rows_for_many_bands():
    """Fewer rows than bands give no covariance, but a column of twice the counts is found."""
    rng = np.random.default_rng(0)
    cube = rng.normal(100, 5, (30, 20, 60))
    cube[:, 7] *= 2
    gain, _ = column_stripes(cube)
    assert np.flatnonzero((gain != 1).any(axis=1)).tolist() == [7]
    assert gain[7].mean() == pytest.approx(0.5, abs=0.1)
