"""Local RX against its definition, its identities and its published behaviour."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddspec.detectors.statistical.local_rx import LocalRX
from oddspec.errors import DataWarning, InputError, SettingError
from oddspec.statistics.gaussian import Gaussian
from oddspec.statistics.local_gaussian import local_distance
from oddspec.statistics.summary import Moments
from oddspec.windows import Tile
from tilings import check_any_tiling


def scored(detector, cube, valid=None):
    valid = np.ones(cube.shape[:2], dtype=np.bool_) if valid is None else valid
    return detector.score_tile(Tile.whole(cube, valid))


def by_definition(detector, cube, valid):
    """The equation, pixel by pixel."""
    h, w, b = cube.shape
    scores = np.full((h, w), np.nan)
    for row, column in np.argwhere(valid).tolist():
        rows, columns = detector.window.ring(row, column, (h, w))
        ring = cube[rows, columns][valid[rows, columns]]
        if len(ring) < detector.window.size / 3:
            continue
        covariance = np.cov(ring, rowvar=False)
        covariance += detector.ridge * np.trace(covariance) / b * np.eye(b)
        away = cube[row, column] - ring.mean(axis=0)
        scores[row, column] = away @ np.linalg.solve(covariance, away)
    return scores


@pytest.fixture
def scene(rng):
    mixing = rng.normal(size=(6, 6))
    return 1000 + 20 * rng.normal(size=(23, 19, 6)) @ mixing


class TestDefinition:
    @pytest.mark.parametrize("ridge", [0.0, 1e-4, 0.1])
    @pytest.mark.parametrize("widths", [(1, 5), (3, 7), (5, 11), (1, 19)])
    def test_equals_the_equation_up_to_the_border(self, scene, widths, ridge):
        detector = LocalRX(*widths, ridge=ridge)
        expected = by_definition(detector, scene, np.ones((23, 19), dtype=np.bool_))
        np.testing.assert_allclose(scored(detector, scene), expected, rtol=1e-9)

    @pytest.mark.filterwarnings("ignore::oddspec.errors.DataWarning")
    def test_masked_ring_pixels_are_left_out(self, scene, rng):
        valid = rng.random((23, 19)) > 0.3
        valid[:6, :6] = False
        scene[~valid] = 1e12
        detector = LocalRX(3, 7)
        scores, expected = scored(detector, scene, valid), by_definition(detector, scene, valid)
        np.testing.assert_array_equal(np.isnan(scores), np.isnan(expected))
        np.testing.assert_allclose(scores, expected, rtol=1e-9)

    def test_leaving_one_out_of_the_whole_scene_is_known_from_global_rx(self, rng):
        side, bands = 9, 4
        cube = rng.normal(size=(side, side, bands))
        n = side * side
        pixels = cube.reshape(n, bands)
        whole = Gaussian.of(Moments.of(pixels)).score(pixels).reshape(side, side)
        expected = whole * (n - 2) * n**2 / ((n - 1) * ((n - 1) ** 2 - n * whole))
        scores = scored(LocalRX(1, side, ridge=0.0), cube)
        np.testing.assert_allclose(scores, expected, rtol=1e-10)

    def test_without_a_ridge_any_affine_map_of_the_bands_changes_nothing(self, scene, rng):
        mapped = scene @ rng.normal(size=(6, 6)) + rng.normal(size=6) * 100
        detector = LocalRX(3, 9, ridge=0.0)
        np.testing.assert_allclose(scored(detector, mapped), scored(detector, scene), rtol=1e-6)

    @pytest.mark.parametrize("scale", [1e-9, -3.0, 1e9])
    def test_scaling_changes_nothing_with_a_ridge(self, scene, scale):
        detector = LocalRX(3, 9)
        np.testing.assert_allclose(
            scored(detector, scene * scale), scored(detector, scene), rtol=1e-9
        )

    def test_a_large_offset_costs_little(self, scene):
        detector = LocalRX(3, 9)
        expected = scored(detector, scene)
        np.testing.assert_allclose(scored(detector, scene + 1e8), expected, rtol=1e-4)

    def test_mean_score_of_gaussian_pixels_is_what_theory_says(self, rng):
        bands = 10
        detector = LocalRX(1, 9, ridge=0.0)
        s = detector.window.size
        scores = scored(detector, rng.normal(size=(60, 60, bands)))
        # Hotelling: score / (1 + 1/s) is (s-1) b / (s-b) times an F(b, s-b) variable.
        expected = (1 + 1 / s) * (s - 1) * bands / (s - bands - 2)
        assert scores.mean() == pytest.approx(expected, rel=0.03)


class TestDegenerate:
    def test_an_anomaly_one_row_from_the_border_ranks_first(self, rng):
        cube = rng.normal(100, 1, (30, 30, 8))
        for row, column in ((1, 15), (28, 3), (0, 0)):
            planted = cube.copy()
            planted[row, column] += 12
            assert scored(LocalRX(3, 11), planted).argmax() == row * 30 + column

    @pytest.mark.parametrize("ridge", [0.0, 1e-4])
    def test_fewer_samples_than_bands_are_regularised_with_a_warning(self, rng, ridge):
        cube = rng.normal(size=(12, 12, 40))
        with pytest.warns(DataWarning, match=r"24 pixels has 0.6 samples per band"):
            scores = scored(LocalRX(1, 5, ridge=ridge), cube)
        np.testing.assert_allclose(
            scores,
            by_definition(LocalRX(1, 5, ridge=1e-4), cube, np.ones((12, 12), dtype=np.bool_)),
            rtol=1e-8,
        )

    def test_collinear_bands_give_the_scores_of_the_others(self, scene):
        h, w, _ = scene.shape
        more = np.concatenate(
            [scene, scene[..., :2], scene[..., 2:3] - 2 * scene[..., 4:5], np.full((h, w, 1), 7.0)],
            axis=2,
        )
        expected = scored(LocalRX(3, 9, ridge=0.0), scene)
        np.testing.assert_allclose(scored(LocalRX(3, 9, ridge=0.0), more), expected, rtol=1e-6)
        with_ridge = scored(LocalRX(3, 9, ridge=1e-6), more)
        np.testing.assert_allclose(
            with_ridge, by_definition(LocalRX(3, 9, ridge=1e-6), more, np.ones((h, w), bool)), 1e-5
        )
        assert np.corrcoef(with_ridge.ravel(), expected.ravel())[0, 1] > 0.999

    @pytest.mark.parametrize("ridge", [0.0, 1e-4])
    def test_a_constant_background_gives_zero_or_a_huge_finite_score(self, ridge):
        cube = np.full((16, 16, 5), 3.0)
        cube[8, 8, 2] = 3.1
        scores = scored(LocalRX(3, 7, ridge=ridge), cube)
        assert scores[8, 8] > 1e9
        assert np.isfinite(scores).all()
        assert (scores[:2] == 0).all()
        assert (scored(LocalRX(3, 7, ridge=ridge), np.zeros((8, 8, 3))) == 0).all()

    def test_islands_of_valid_pixels_are_not_scored_and_it_is_said(self, rng):
        cube = rng.normal(size=(20, 20, 3))
        valid = np.ones((20, 20), dtype=np.bool_)
        valid[5:, :] = False
        valid[15, 15] = True
        with pytest.warns(DataWarning, match="less than a third"):
            scores = scored(LocalRX(1, 7), cube, valid)
        assert np.isnan(scores[15, 15])
        assert np.isfinite(scores[0, 10])

    def test_a_row_of_pixels_is_refused(self):
        with pytest.raises(InputError, match="too few for outer=25"):
            scored(LocalRX(), np.ones((1, 50, 3)))

    @pytest.mark.parametrize("ridge", [-1.0, np.nan, np.inf, 1e-15])
    def test_ridges_without_sense_are_refused(self, ridge):
        with pytest.raises(SettingError, match="ridge"):
            LocalRX(ridge=ridge)

    def test_a_shared_part_that_is_wholly_masked_is_no_obstacle(self, rng):
        """The squares of 8 pixels then have no common origin."""
        cube = rng.normal(size=(40, 40, 3))
        valid = np.ones((40, 40), dtype=np.bool_)
        valid[8:24, 8:24] = False
        valid[14:17, 14:17] = True
        valid[:, 20:24] = True
        detector = LocalRX(7, 19)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            scores = scored(detector, cube, valid)
        np.testing.assert_allclose(scores, by_definition(detector, cube, valid), rtol=1e-9)


class TestTiles:
    @settings(max_examples=60)
    @given(st.data())
    def test_any_tiling_gives_the_same_bits(self, data):
        check_any_tiling(
            data, [LocalRX(1, 3, 0.01), LocalRX(1, 7), LocalRX(3, 9), LocalRX(3, 13, 0.0)]
        )

    def test_scratch_does_not_grow_with_the_tile(self):
        detector = LocalRX()
        small, large = (detector.scratch(n, n, 200) for n in (10, 1000))
        assert large - small <= 8 * 1000 * 1000


class TestRealScenes:
    @pytest.mark.parametrize(
        ("name", "guard", "outer", "area"),
        [
            ("abu-airport-4", 15, 25, 0.9762),
            ("sandiego-2", 11, 21, 0.9131),
            pytest.param("sandiego-2", 15, 25, 0.9384, marks=pytest.mark.slow),
        ],
    )
    def test_area_under_the_curve(self, shared, name, guard, outer, area):
        from scipy.io import loadmat
        from sklearn.metrics import roc_auc_score

        held = loadmat(shared / "data" / f"{name}.mat")
        cube, truth = held["data"].astype(np.float64), held["map"].ravel() > 0
        scores = scored(LocalRX(guard, outer), cube)
        # The reference kept the guard square centred at borders, hence the tolerance.
        assert roc_auc_score(truth, scores.ravel()) == pytest.approx(area, abs=0.003)
        for row, column in ((0, 0), (50, 50), (99, 3)):
            ring = Tile.whole(cube, np.ones((100, 100), dtype=np.bool_)).ring(
                LocalRX(guard, outer).window, row, column
            )
            expected = local_distance(cube[row, column], ring, 1e-4)
            assert scores[row, column] == pytest.approx(expected, rel=1e-8)
