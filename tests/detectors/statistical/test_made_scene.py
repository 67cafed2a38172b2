"""The detectors with exact answers on a made scene whose areas are stored.

What tests on public scenes check with files that not everybody has is checked here without them: a
scene in a MATLAB file with its truth, scores by independent NumPy code, and the areas that this
code gave when the test was written.
"""

import numpy as np
import pytest
import scipy.io

import oddspec
from oddspec.io.truth import read_truth
from oddspec.scene import Scene
from oddspec.survey import survey

HEIGHT, WIDTH, BANDS = 48, 50, 30

SETTINGS = {
    "rx": {},
    "pca_rx": {"components": 6},
    "local_rx": {"guard": 5, "outer": 13, "ridge": 0.0},
    "crd": {"guard": 5, "outer": 9, "penalty": 1e-2},
}

AREAS = {"rx": 0.963383, "pca_rx": 0.965668, "local_rx": 0.972129, "crd": 0.903256}

LARGEST = {"rx": (43, 41), "pca_rx": (43, 41), "local_rx": (35, 24), "crd": (43, 41)}
"""Row and column of the largest score."""


def make_scene():
    """Three materials under uneven light, and eighteen pixels with some of a fourth.

    The numbers are a bit generator's own: its stream never changes, those of `numpy.random.normal`
    may from one version of NumPy to the next.
    """
    bits = np.random.PCG64(20261121)

    def uniform(*shape):
        raw = bits.random_raw(int(np.prod(shape)))
        return (raw >> np.uint64(11)).reshape(shape) * 2.0**-53

    def normal(*shape):
        return uniform(12, *shape).sum(axis=0) - 6

    band = np.arange(BANDS)
    materials = 400 + 250 * np.sin(band / (3.0 + uniform(4, 1) * 9.0) + 6.0 * uniform(4, 1))
    materials[3] += 120 * np.cos(1.7 * band)  # narrow features that no mixture has
    weights = -np.log(1 - uniform(HEIGHT, WIDTH, 3))
    weights[:, :20, 0] += 3.0  # a field of the first material
    weights /= weights.sum(axis=2, keepdims=True)
    light = np.exp(0.08 * normal(HEIGHT, WIDTH, 1))
    cube = light * (weights @ materials[:3])
    truth = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    for k in range(18):
        row, column = 3 + 8 * (k // 3), 7 + 17 * (k % 3)
        share = 0.02 + 0.008 * k
        cube[row, column] = (1 - share) * cube[row, column] + share * materials[3]
        truth[row, column] = 1
    cube += 4.0 * normal(HEIGHT, WIDTH, BANDS)
    return cube.round().astype(np.int16), truth


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """The file, its cube and its truth."""
    cube, truth = make_scene()
    path = tmp_path_factory.mktemp("made") / "made.mat"
    scipy.io.savemat(path, {"data": cube, "map": truth})
    return path, cube, truth


def test_the_scene_is_always_the_same_one(scene):
    _, cube, truth = scene
    assert cube.sum(dtype=np.int64) == 24434113
    assert truth.sum() == 18


def squared_distances(pixels, samples):
    """Squared Mahalanobis distances by the definition."""
    centred = pixels - samples.mean(axis=0)
    inverse = np.linalg.inv(np.cov(samples, rowvar=False))
    return np.einsum("ij,jk,ik->i", centred, inverse, centred)


def by_definition(name, cube):
    cube = cube.astype(np.float64)
    pixels = cube.reshape(-1, BANDS)
    if name == "rx":
        scores = squared_distances(pixels, pixels)
    elif name == "pca_rx":
        values, vectors = np.linalg.eigh(np.cov(pixels, rowvar=False))
        scores = (((pixels - pixels.mean(axis=0)) @ vectors[:, -6:]) ** 2 / values[-6:]).sum(axis=1)
    else:
        guard, outer = SETTINGS[name]["guard"], SETTINGS[name]["outer"]
        score = {"local_rx": _local_rx, "crd": _crd}[name]
        scores = [
            score(cube[row, column], ring_around(cube, row, column, guard, outer))
            for row in range(HEIGHT)
            for column in range(WIDTH)
        ]
    return np.reshape(scores, (HEIGHT, WIDTH))


def ring_around(cube, row, column, guard, outer):
    """Both squares slide inwards at a border, just as far as they must."""
    inside = np.zeros((HEIGHT, WIDTH), dtype=bool)
    for width, value in ((outer, True), (guard, False)):
        top = min(max(row - width // 2, 0), HEIGHT - width)
        left = min(max(column - width // 2, 0), WIDTH - width)
        inside[top : top + width, left : left + width] = value
    return cube[inside]


def _local_rx(pixel, ring):
    return squared_distances(pixel[None], ring)[0]


def _crd(pixel, ring):
    """Li and Du 2015, equations 4 to 6, with the weights on the diagonal of Gamma."""
    distances = np.linalg.norm(ring - pixel, axis=1)
    gram = ring @ ring.T + 1e-2 * np.diag(distances**2)
    return np.linalg.norm(pixel - ring.T @ np.linalg.solve(gram, ring @ pixel))


def area_under_curve(scores, truth):
    """The part of pairs of a target and a background pixel in which the target scores higher."""
    targets, background = scores[truth > 0], scores[truth == 0]
    return (targets[:, None] > background[None]).mean()


@pytest.mark.parametrize("name", SETTINGS)
def test_scores_and_areas_are_those_of_independent_code(scene, name):
    path, cube, truth = scene
    scores = oddspec.detect(path, name, **SETTINGS[name])
    expected = by_definition(name, cube)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    found = oddspec.evaluate(scores, read_truth(path, scores.shape, variable="map"))
    assert found["auc_pd_pf"] == pytest.approx(area_under_curve(expected, truth), abs=1e-12)
    assert found["auc_pd_pf"] == pytest.approx(AREAS[name], abs=1e-6)
    assert np.unravel_index(scores.argmax(), scores.shape) == LARGEST[name]


def test_lsmad_at_full_rank_is_rx(scene):
    path, cube, _ = scene
    scores = oddspec.detect(path, "lsmad", rank=BANDS, cardinality=0.0)
    np.testing.assert_allclose(scores, by_definition("rx", cube), rtol=1e-6)


def test_bands_without_content_are_reported_and_change_nothing(scene, tmp_path):
    _, cube, _ = scene
    more = np.concatenate([cube, np.full((HEIGHT, WIDTH, 4), 7, np.int16), cube[..., :2]], axis=2)
    np.save(tmp_path / "more.npy", more)
    with oddspec.open(tmp_path / "more.npy") as opened:
        assert opened.shape[2] == BANDS + 2
        health = survey(Scene.of(opened.source)).health
    assert (health.bands, health.rank) == (BANDS + 6, BANDS)
    assert any("4 of 36 bands are constant" in note for note in health.notes)
    scores = oddspec.detect(tmp_path / "more.npy", "rx")
    np.testing.assert_allclose(scores, by_definition("rx", cube), rtol=1e-6)
