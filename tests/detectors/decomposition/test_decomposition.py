import tracemalloc
import warnings

import numpy as np
import pytest

import oddspec
from oddspec import detectors
from oddspec.errors import DataWarning, InputError, NotConverged, SettingError

NAMES = ("lsmad", "rpca", "lsdm_mog")
ODD = 9 * 26 + 13


def everywhere(cube):
    return np.ones(cube.shape[:2], dtype=bool)


def examine(cube, name, **settings):
    scores, insights, *_ = detectors.load(name)(**settings).examine(cube, everywhere(cube))
    return scores, {insight.name: insight.values for insight in insights}


def spoilt(rng, n=40, b=15, odd=12):
    """A background of rank 3, noise, and some pixels that are far off it."""
    pixels = rng.normal(size=(n * n, 3)) @ rng.normal(size=(3, b)) + 100
    pixels += rng.normal(0, 0.05, pixels.shape)
    where = rng.choice(n * n, odd, replace=False)
    pixels[where] += rng.normal(0, 4, (odd, b))
    truth = np.zeros(n * n, dtype=bool)
    truth[where] = True
    return pixels.reshape(n, n, b), truth.reshape(n, n)


@pytest.mark.parametrize("low_rank", ["exact", "random"])
def test_lsmad_at_full_rank_is_rx(cube, low_rank):
    expected = oddspec.detect(cube, "rx")
    found = oddspec.detect(cube, "lsmad", rank=12, cardinality=0.0, low_rank=low_rank)
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    more = oddspec.detect(cube, "lsmad", rank=99, cardinality=0.0)
    np.testing.assert_allclose(more, expected, rtol=1e-8)


def test_lsmad_at_full_rank_is_rx_on_a_real_scene(shared):
    from scipy import io

    cube = io.loadmat(shared / "data" / "hydice-162.mat")["data"]
    found = oddspec.detect(cube, "lsmad", rank=162, cardinality=0.0)
    np.testing.assert_allclose(found, oddspec.detect(cube, "rx"), rtol=1e-6)


def test_lsmad_says_that_it_is_rx_where_the_rank_takes_in_all_bands(cube):
    with pytest.warns(DataWarning, match="rank=28 takes in all of the scene's 12 bands"):
        found = oddspec.detect(cube, "lsmad")
    np.testing.assert_allclose(found, oddspec.detect(cube, "rx"), rtol=1e-8)


def test_rpca_that_sets_nothing_apart_says_so(cube):
    with pytest.warns(DataWarning, match="all pixels have the same score, 0"):
        oddspec.detect(cube, "rpca", penalty=1.0)


def test_lsmad_scores_by_the_background_alone(rng):
    cube, _ = spoilt(rng)
    scores, found = examine(cube, "lsmad", rank=4, cardinality=0.01)
    X = cube.reshape(-1, 15)
    X = (X - X.min()) / (X.max() - X.min())
    S = np.zeros_like(X)
    for _ in range(100):
        U, s, Vt = np.linalg.svd(X - S, full_matrices=False)
        B = (U[:, :4] * s[:4]) @ Vt[:4]
        rest = X - B
        least = np.sort(np.abs(rest), axis=None)[-round(0.01 * X.size)]
        S = np.where(np.abs(rest) >= least, rest, 0.0)
    values, vectors = np.linalg.eigh(np.cov(B.T))
    along = (X - B.mean(axis=0)) @ vectors[:, -4:]
    expected = (along**2 / values[-4:]).sum(axis=1)
    np.testing.assert_allclose(scores.ravel(), expected, rtol=2e-2)
    assert np.corrcoef(scores.ravel(), expected)[0, 1] > 0.9999
    np.testing.assert_allclose(
        found["sparse"].ravel(), np.linalg.norm(S, axis=1), atol=0.02 * np.abs(S).max()
    )
    assert (np.diff(found["residual"]) <= 1e-12).all()


def test_lsmads_ridge_is_the_written_inverse(cube):
    X = cube.reshape(-1, 12)
    X = (X - X.min()) / (X.max() - X.min())
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    B = (U[:, :3] * s[:3]) @ Vt[:3]
    covariance, offset = np.cov(B.T), X - B.mean(axis=0)
    inverse = np.linalg.inv(covariance + 1e-3 * np.linalg.eigvalsh(covariance)[-1] * np.eye(12))
    expected = np.vecdot(offset @ inverse, offset)
    found = oddspec.detect(cube, "lsmad", rank=3, cardinality=0.0, inverse="ridge", ridge=1e-3)
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-6)


def test_lsmads_random_products_come_near_the_exact_ones(rng):
    cube, _ = spoilt(rng)
    exact = oddspec.detect(cube, "lsmad", rank=4, cardinality=0.01)
    found = oddspec.detect(cube, "lsmad", rank=4, cardinality=0.01, low_rank="random", seed=3)
    assert np.corrcoef(exact.ravel(), found.ravel())[0, 1] > 0.99


def test_rpca_sets_planted_pixels_apart(rng):
    cube, truth = spoilt(rng)
    scores, found = examine(cube, "rpca", outliers=0.01)
    assert scores[truth].min() > 3 * scores[~truth].max()
    assert (found["singular_values"] > 0).sum() >= 3
    assert (found["residuals"][-1] <= 1e-5).all()
    best = np.flatnonzero(truth.ravel())[np.argmax(scores[truth])]
    left = cube.reshape(-1, 15)[best] - np.median(cube.reshape(-1, 15), axis=0)
    assert np.corrcoef(found["anomalies"][0], left)[0, 1] > 0.8


def test_rpca_finds_the_same_from_an_explicit_penalty(cube):
    lam = 3 / (7 * np.sqrt(0.01 * 24 * 26))
    expected = oddspec.detect(cube, "rpca")
    np.testing.assert_array_equal(oddspec.detect(cube, "rpca", penalty=lam), expected)
    assert np.ptp(oddspec.detect(cube, "rpca", penalty=2 * lam) - expected) > 0


def test_lsdm_mog_tells_kinds_of_noise_apart(rng):
    cube, truth = spoilt(rng)
    scores, found = examine(cube, "lsdm_mog", rank=3, kinds=2, scaling="globalz")
    assert scores[truth].min() > scores[~truth].max()
    shares, _, deviations = found["kinds"].T
    wide = deviations.argmax()
    assert deviations[wide] > 10 * deviations[1 - wide]
    assert shares[wide] == pytest.approx(truth.mean(), rel=0.5)
    assert found["shares"].shape == (40, 40, 2)
    np.testing.assert_allclose(found["shares"].sum(axis=2), 1)
    assert found["shares"][truth][:, wide].min() > 0.5
    assert scores.min() == 0


@pytest.mark.parametrize("surplus", [1, 3])
def test_lsdm_mogs_bound_never_falls_where_no_column_goes(cube, surplus):
    _, found = examine(cube, "lsdm_mog", surplus=surplus, rank=2)
    assert (np.diff(found["bound"]) >= -1e-9 * np.abs(found["bound"][1:])).mean() > 0.9
    assert found["bound"][-1] > found["bound"][0]


def test_lsdm_mog_goes_on_until_the_mixture_is_stable(cube):
    def steps(**more):
        return len(examine(cube, "lsdm_mog", **more)[1]["bound"])

    assert steps(mixture_tolerance=1e6) < steps()


@pytest.mark.parametrize("name", NAMES)
def test_maps_and_spectra_have_the_scenes_shape(cube, name):
    valid = everywhere(cube)
    valid[2, 3] = False
    scores, insights, *_ = detectors.load(name)().examine(cube, valid)
    assert np.isnan(scores[2, 3])
    assert scores[valid].argmax() == ODD - 1
    for insight in insights:
        if insight.kind == "cube":
            assert insight.values.shape == (24, 26, 12)
            assert np.isnan(insight.values[2:3][0, 3]).all()
            assert np.isfinite(insight.values[0:24][valid]).all()
            continue
        if insight.kind == "maps":
            assert insight.values.shape[:2] == (24, 26)
            assert np.isnan(insight.values[2, 3]).all()
        if insight.kind == "spectra":
            assert insight.values.shape[1] == 12
        assert np.isfinite(
            insight.values[valid] if insight.kind == "maps" else insight.values
        ).all()


@pytest.mark.parametrize("name", NAMES)
def test_scenes_without_a_background_are_refused(cube, name):
    with pytest.raises(InputError, match="valid pixels"):
        oddspec.detect(np.full((4, 5, 3), 7.0), name)
    few = np.full((4, 5, 3), np.nan)
    few[1, 1] = 1.0
    with pytest.raises(InputError, match="valid"):
        oddspec.detect(few, name)


def test_too_few_steps_are_told(cube):
    for name in ("rpca", "lsdm_mog"):
        with pytest.warns(NotConverged, match="2 steps"):
            oddspec.detect(cube, name, iterations=2)


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("lsmad", {"rank": 0}),
        ("lsmad", {"cardinality": 1.0}),
        ("lsmad", {"ridge": 0.0}),
        ("lsmad", {"power": -1}),
        ("rpca", {"outliers": 0.0}),
        ("rpca", {"penalty": -1.0}),
        ("rpca", {"tolerance": 1.0}),
        ("rpca", {"iterations": 0}),
        ("lsdm_mog", {"kinds": 0}),
        ("lsdm_mog", {"mixture_tolerance": 0.0}),
        ("lsdm_mog", {"seed": -1}),
    ],
)
def test_settings_are_checked(name, setting):
    with pytest.raises(SettingError, match=next(iter(setting))):
        detectors.load(name)(**setting)


@pytest.mark.parametrize("name", NAMES)
def test_it_needs_no_more_memory_than_it_states(rng, name):
    cube = rng.uniform(1, 10, (60, 50, 80))
    detector = detectors.load(name)(iterations=4, tolerance=0.5)
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConverged)
        detector.examine(cube, everywhere(cube))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < detector.memory(60, 50, 80)
