import numpy as np
import pytest
from scipy import io, stats

import oddspec
from oddspec.detectors.statistical.frfe import FrFE
from oddspec.detectors.statistical.frfe.fractional_fourier import fractional_fourier, hermite_gauss
from oddspec.errors import SettingError

SIZES = (2, 3, 4, 8, 9, 32, 33)


def auc(scores, truth):
    ranks = stats.rankdata(scores)[truth.ravel()]
    count = truth.sum()
    return (ranks.sum() - count * (count + 1) / 2) / (count * (truth.size - count))


def centred_fourier(size):
    shifted = np.fft.ifftshift(np.eye(size), axes=0)
    return np.fft.fftshift(np.fft.fft(shifted, axis=0, norm="ortho"), axes=0)


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_the_transform_is_what_it_is_called(size, coarse):
    def transform(order):
        return fractional_fourier(size, order, coarse=coarse)

    close = {"rtol": 0, "atol": 1e-12}
    vectors, _ = hermite_gauss(size, coarse=coarse)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(size), **close)
    np.testing.assert_allclose(transform(0), np.eye(size), **close)
    np.testing.assert_allclose(transform(1), centred_fourier(size), **close)
    np.testing.assert_allclose(transform(0.3) @ transform(0.45), transform(0.75), **close)
    np.testing.assert_allclose(transform(0.3), transform(0.3).T, **close)


@pytest.mark.parametrize("size", [9, 32, 33])
def test_the_kth_eigenvector_changes_its_sign_k_times(size):
    vectors, numbers = hermite_gauss(size)
    for k, vector in zip(numbers, np.roll(vectors, size // 2, axis=0).T, strict=True):
        if size % 2 == 0:  # sample -N/2 is also N/2
            vector = np.append(vector, vector[0])
        signs = np.sign(vector[np.abs(vector) > 1e-9 * np.abs(vector).max()])
        assert (np.diff(signs) != 0).sum() == k


def test_at_order_0_it_is_rx(cube):
    for scene in (cube, cube[:, :, :11]):
        found = oddspec.detect(scene, "frfe", order=0.0)
        np.testing.assert_allclose(found, oddspec.detect(scene, "rx"), rtol=1e-9)


def test_orders_beside_1_score_alike(cube):
    below, above = (oddspec.detect(cube, "frfe", order=order) for order in (0.7, 1.3))
    np.testing.assert_allclose(below, above, rtol=1e-8)
    assert not np.allclose(below, oddspec.detect(cube, "frfe", order=0.8), rtol=1e-2)


def entropies(cube, official=False):
    """Band entropies as the paper's text has them, or as MATLAB's entropy gives them."""
    pixels = cube.reshape(-1, cube.shape[2])
    found = []
    for order in np.arange(11) / 10:
        values = np.abs(pixels @ fractional_fourier(cube.shape[2], order, coarse=official))
        if official:
            values = np.round(np.clip((values - values.mean()) / values.std(), 0, 1) * 255)
        counts = [
            np.histogram(band, 256, (-0.5, 255.5) if official else None)[0] for band in values.T
        ]
        found.append(max(stats.entropy(c, base=2) for c in counts))
    return found


@pytest.mark.parametrize("official", [False, True])
def test_the_order_of_the_largest_entropy_is_taken(cube, official):
    fitted = oddspec.fit(cube, "frfe", match_official=official).fitted
    expected = entropies(cube, official)
    np.testing.assert_allclose(fitted.entropies, expected, rtol=1e-2)
    assert fitted.order == pytest.approx(np.argmax(expected) / 10 + 0.1 * official)
    given = oddspec.detect(cube, "frfe", order=fitted.order, match_official=official)
    chosen = oddspec.detect(cube, "frfe", match_official=official)
    np.testing.assert_allclose(chosen, given, rtol=1e-7)


def test_the_sample_stands_for_the_scene(rng):
    cube = rng.gamma(3, 1, (60, 60, 6)) @ rng.uniform(0, 1, (6, 6)) + 5
    few = oddspec.detect(cube, "frfe", sample=2000)
    assert np.corrcoef(few.ravel(), oddspec.detect(cube, "frfe").ravel())[0, 1] > 0.9


def test_a_map_that_others_made_at_order_08_is_met(shared):
    """RX at order 0.8 of the first 99 rows and columns; made with the coarser coefficients."""
    cube = io.loadmat(shared / "data" / "sandiego-1.mat")["hsi"][:99, :99].astype(float)
    truth = io.loadmat(shared / "data" / "sandiego-1-truth58b.mat")["map"][:99, :99] > 0
    folder = shared / "oracles" / "sandiego-1-maps"
    theirs = io.loadmat(folder / "AVIRIS1_0_8.mat")["r2"].reshape(99, 99, order="F")
    ours = oddspec.detect(cube, "frfe", order=0.8)
    assert auc(ours, truth) == pytest.approx(auc(theirs, truth), abs=0.01)
    coarse = oddspec.detect(cube, "frfe", order=0.8, match_official=True)
    assert np.corrcoef(coarse.ravel(), theirs.ravel())[0, 1] > 0.9999


@pytest.mark.parametrize("settings", [{"order": np.inf}, {"sample": 5}, {"seed": -1}])
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        FrFE(**settings)
