import numpy as np
import pytest

import oddspec
from oddspec.io.truth import read_truth

THIRTEEN = [
    *("abu-airport-1", "abu-airport-2", "abu-airport-4", "abu-beach-1", "abu-beach-3"),
    *("abu-urban-1", "abu-urban-2", "abu-urban-3", "abu-urban-5"),
    *("pavia-crop", "sandiego-2", "hydice-162", "hydice-175"),
]


def test_all_components_are_rx(cube):
    np.testing.assert_allclose(
        oddspec.detect(cube, "pca_rx", components=12), oddspec.detect(cube, "rx"), rtol=1e-10
    )


def test_scores_are_those_of_the_rotated_cube(cube):
    pixels = cube.reshape(-1, 12)
    values, vectors = np.linalg.eigh(np.cov(pixels.T))
    leading = (pixels - pixels.mean(axis=0)) @ vectors[:, -4:]
    expected = (leading**2 / values[-4:]).sum(axis=1).reshape(24, 26)
    np.testing.assert_allclose(oddspec.detect(cube, "pca_rx", components=4), expected, rtol=1e-9)


def test_mean_over_thirteen_real_scenes(shared):
    areas = []
    for name in THIRTEEN:
        path = shared / "data" / f"{name}.mat"
        scores = oddspec.detect(path, "pca_rx")
        areas.append(oddspec.evaluate(scores, read_truth(path, scores.shape))["auc_pd_pf"])
    assert np.mean(areas) == pytest.approx(0.9709, abs=5e-5)
