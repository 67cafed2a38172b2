import numpy as np
import pytest

from oddspec.detections import find_detections
from oddspec.io.source import ArraySource, Metadata
from oddspec.products import spectra as module
from oddspec.products.spectra import measure_spectra
from oddspec.scene import Scene


class Watched(ArraySource):
    """An array that remembers the size of the windows read from it."""

    def read(self, rows, columns):
        sizes.append((rows[1] - rows[0]) * (columns[1] - columns[0]))
        return super().read(rows, columns)


sizes: list[int] = []


@pytest.fixture
def case(rng):
    cube = rng.normal(100, 10, (60, 70, 6))
    scores = rng.random((60, 70))
    scores[0] = np.nan
    cube[0] = -1e9
    mask = np.zeros((60, 70), dtype=bool)
    mask[10:14, 20:25] = mask[15, 20] = mask[50, 60] = mask[59, 0] = True
    mask[30:50, 5] = True
    cube[mask] += 500
    return cube, find_detections(scores, mask), scores


def means(cube, found):
    return np.array([cube[d.rows, d.columns].mean(axis=0) for d in found])


@pytest.mark.parametrize("window_bytes", [1, 5000, 32_000_000])
def test_means_do_not_depend_on_the_windows(case, monkeypatch, window_bytes):
    cube, found, scores = case
    monkeypatch.setattr(module, "_BYTES", window_bytes)
    measured = measure_spectra(Scene.of(ArraySource(cube)), found, scores)
    assert len(measured.means) == 5
    assert measured.means == pytest.approx(means(cube, found))


def test_memory_is_bounded(case, monkeypatch):
    cube, found, scores = case
    monkeypatch.setattr(module, "_BYTES", 10_000)
    sizes.clear()
    measure_spectra(Scene.of(Watched(cube)), found, scores)
    assert max(sizes) * 6 * 8 <= max(10_000, module._BACKGROUND_WINDOW**2 * 6 * 8)


def test_only_the_highest_get_a_spectrum(case):
    cube, found, scores = case
    measured = measure_spectra(Scene.of(ArraySource(cube)), found, scores, most=2)
    assert measured.means == pytest.approx(means(cube, found[:2]))


def test_background_is_neither_detected_nor_masked(case):
    cube, found, scores = case
    measured = measure_spectra(Scene.of(ArraySource(cube)), found, scores)
    outside = ~np.isnan(scores)
    outside[found.rows, found.columns] = False
    assert measured.background_pixels == min(4000, outside.sum())
    assert measured.background_mean == pytest.approx(cube[outside].mean(axis=0), rel=1e-2)
    low, high = np.quantile(cube[outside], (0.05, 0.95), axis=0)
    assert measured.background_low == pytest.approx(low, rel=2e-2)
    assert measured.background_high == pytest.approx(high, rel=2e-2)


def test_background_of_a_large_scene_is_a_sample(case, monkeypatch):
    cube, found, scores = case
    monkeypatch.setattr(module, "_BYTES", 1000)
    measured = measure_spectra(Scene.of(ArraySource(cube)), found, scores)
    assert measured.background_mean == pytest.approx(np.full(6, 100.0), abs=1.5)
    assert (measured.background_high < 150).all()


def test_bands_left_out_are_left_out(case):
    cube, found, scores = case
    bad = np.array([False, True, False, False, True, False])
    source = ArraySource(cube, Metadata(bad_bands=bad, wavelengths=np.arange(6) * 100.0 + 400))
    measured = measure_spectra(Scene.of(source), found, scores)
    assert measured.wavelengths.tolist() == [400, 600, 700, 900]
    assert measured.bands.tolist() == [0, 2, 3, 5]
    assert measured.means == pytest.approx(means(cube, found)[:, ~bad])


def test_everything_detected_leaves_no_background(rng):
    cube = rng.random((4, 5, 3))
    scores = np.ones((4, 5))
    found = find_detections(scores, scores > 0)
    measured = measure_spectra(Scene.of(ArraySource(cube)), found, scores)
    assert measured.background_pixels == 0
    assert np.isnan(measured.background_mean).all()
