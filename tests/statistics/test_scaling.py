import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from oddspec.errors import InputError
from oddspec.statistics import scaling


@pytest.fixture
def pixels(rng):
    return rng.normal(size=(60, 5)) * [1, 10, 100, 3, 4] + [0, 5, -300, 1000, 2]


def test_global01_spans_zero_to_one_over_all_bands(pixels):
    scaled = scaling.global01(pixels)(pixels)
    assert scaled.min() == 0
    assert scaled.max() == 1
    np.testing.assert_allclose(scaled * np.ptp(pixels) + pixels.min(), pixels, atol=1e-9)


def test_band01_and_bandz_equal_scikit_learn(pixels):
    np.testing.assert_allclose(
        scaling.band01(pixels)(pixels), MinMaxScaler().fit_transform(pixels), atol=1e-12
    )
    np.testing.assert_allclose(
        scaling.bandz(pixels)(pixels), StandardScaler().fit_transform(pixels), atol=1e-12
    )


def test_bandz_after_global01_is_bandz(pixels):
    first = scaling.global01(pixels)(pixels)
    np.testing.assert_allclose(
        scaling.bandz(first)(first), scaling.bandz(pixels)(pixels), atol=1e-10
    )


def test_globalz_keeps_the_proportions_of_bands(pixels):
    scaled = scaling.globalz(pixels)(pixels)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    assert scaled.var(axis=0).mean() == pytest.approx(1)
    np.testing.assert_allclose(
        scaled.std(axis=0) / scaled.std(axis=0)[0], pixels.std(axis=0) / pixels.std(axis=0)[0]
    )


def test_max1_leaves_zero_alone(pixels):
    scaled = scaling.max1(pixels)
    assert scaled(pixels).max() == 1
    assert not scaled(np.zeros((1, 5))).any()
    with pytest.raises(InputError, match="largest value is -1"):
        scaling.max1(-np.ones((3, 2)))


def test_unit_gives_length_one_and_leaves_zero(pixels):
    pixels[7] = 0
    lengths = np.linalg.norm(scaling.unit(pixels), axis=1)
    assert lengths[7] == 0
    np.testing.assert_allclose(np.delete(lengths, 7), 1)


@pytest.mark.parametrize("name", ["band01", "bandz"])
@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, 1e9 / 3])
def test_a_constant_band_becomes_zero_and_not_noise(pixels, name, value):
    pixels[:, 2] = value
    assert abs(scaling.BY_NAME[name](pixels)(pixels)[:, 2]).max() < 1e-12


@pytest.mark.parametrize("name", ["global01", "band01", "bandz", "globalz"])
def test_pixels_that_are_all_equal_are_refused(name):
    with pytest.raises(InputError, match="all valid pixels are equal"):
        scaling.BY_NAME[name](np.full((9, 3), 0.1))


@pytest.mark.parametrize("name", ["global01", "bandz", "globalz", "max1"])
@given(
    pixels=arrays(np.float64, (8, 3), elements=st.floats(1, 1e4)),
    factor=st.sampled_from([1e-9, 0.3, 1e9]),
)
def test_units_do_not_matter_and_the_inverse_undoes(name, pixels, factor):
    pixels[0] = 2e4  # something varies
    scale = scaling.BY_NAME[name](pixels)
    scaled = scale(pixels)
    again = scaling.BY_NAME[name](pixels * factor)(pixels * factor)
    # A band that varies by less than its rounding may be found constant or not.
    np.testing.assert_allclose(again, scaled, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(scale.inverse(scaled), pixels, rtol=1e-9)


def test_tensors_stay_tensors(pixels):
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(pixels)
    scaled = scaling.bandz(tensor)(tensor)
    assert isinstance(scaled, torch.Tensor)
    np.testing.assert_allclose(scaled.numpy(), scaling.bandz(pixels)(pixels), atol=1e-12)
