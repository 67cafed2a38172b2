"""CRD against its definition, its limits and public results."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddspec.detectors.representation import crd
from oddspec.detectors.representation.crd import CRD
from oddspec.errors import DataWarning, InputError, SettingError
from oddspec.windows import Tile
from tilings import check_any_tiling


def residual_norm(pixel, ring, penalty=1e-6, sum_to_one=False):
    """Score of one pixel against the pixels of its ring, ``(s, b)``."""
    solver = crd._Solver(len(pixel), len(ring), penalty, sum_to_one)
    return solver.residual_norm(pixel, ring)


def scored(detector, cube, valid=None):
    valid = np.ones(cube.shape[:2], dtype=np.bool_) if valid is None else valid
    return detector.score_tile(Tile.whole(cube, valid))


def by_least_squares(pixel, ring, penalty, sum_to_one=False):
    """The problem as it is stated, solved by QR, which never squares its condition."""
    bands = len(pixel)
    if sum_to_one:
        unit = np.sqrt((ring**2).mean())
        pixel, ring = np.append(pixel, unit), np.column_stack([ring, np.full(len(ring), unit)])
    distance = np.linalg.norm((ring - pixel)[:, :bands], axis=1)
    stacked = np.vstack([ring.T, np.sqrt(penalty) * np.diag(distance)])
    q, _ = np.linalg.qr(stacked)
    target = np.append(pixel, np.zeros(len(ring)))
    rest = target - q @ (q.T @ target)
    return np.linalg.norm((rest - q @ (q.T @ rest))[:bands])


class TestFormula:
    @pytest.mark.parametrize("sum_to_one", [False, True])
    @pytest.mark.parametrize("penalty", [1e-6, 1e-3, 10.0])
    @pytest.mark.parametrize("count", [5, 20, 21, 60])
    def test_equals_least_squares_in_both_forms(self, rng, count, penalty, sum_to_one):
        ring, pixel = rng.uniform(1, 2, (count, 20)), rng.uniform(1, 2, 20)
        expected = by_least_squares(pixel, ring, penalty, sum_to_one)
        assert residual_norm(pixel, ring, penalty, sum_to_one) == pytest.approx(expected, rel=1e-9)

    def test_primal_and_dual_agree(self, rng):
        ring, pixel = rng.uniform(1, 2, (40, 20)), rng.uniform(1, 2, 20)
        squared = ((ring - pixel) ** 2).sum(axis=1)
        scaled = np.empty_like(ring)
        primal = crd._Equations(ring, scaled, dual=False).residual(pixel, squared, 1e-6)
        dual = crd._Equations(ring, scaled, dual=True).residual(pixel, squared, 1e-6)
        np.testing.assert_allclose(np.linalg.norm(primal), np.linalg.norm(dual), rtol=1e-5)

    @pytest.mark.parametrize("count", [4, 30])
    def test_equal_atoms_have_a_closed_form(self, rng, count):
        h, y, penalty = rng.uniform(1, 2, 10), rng.uniform(1, 2, 10), 0.3
        g2 = (y - h) @ (y - h)
        expected = np.linalg.norm(y - h * count * (h @ y) / (count * h @ h + penalty * g2))
        assert residual_norm(y, np.tile(h, (count, 1)), penalty) == pytest.approx(expected)

    @pytest.mark.parametrize("count", [4, 30])
    def test_nothing_is_rebuilt_at_an_endless_penalty(self, rng, count):
        ring, pixel = rng.uniform(1, 2, (count, 10)), rng.uniform(1, 2, 10)
        assert residual_norm(pixel, ring, 1e15) == pytest.approx(np.linalg.norm(pixel))

    @pytest.mark.parametrize("sum_to_one", [False, True])
    @pytest.mark.parametrize("count", [4, 30])
    def test_a_pixel_of_the_ring_is_rebuilt_exactly(self, rng, count, sum_to_one):
        ring = rng.uniform(1, 2, (count, 10))
        assert residual_norm(ring[2], ring, 1e-6, sum_to_one) == 0.0

    def test_nearly_equal_pixels_are_rebuilt_nearly(self, rng):
        for count in (4, 30):
            ring = rng.uniform(1, 2, (count, 10))
            assert residual_norm(ring[2] * (1 + 1e-12), ring, 1e-6) < 1e-9

    @pytest.mark.parametrize("sum_to_one", [False, True])
    @pytest.mark.parametrize("scale", [1e-9, -7.0, 1e9])
    @pytest.mark.parametrize("count", [6, 30])
    def test_homogeneous(self, rng, count, scale, sum_to_one):
        ring, pixel = rng.uniform(1, 2, (count, 10)), rng.uniform(1, 2, 10)
        expected = abs(scale) * residual_norm(pixel, ring, 1e-6, sum_to_one)
        found = residual_norm(scale * pixel, scale * ring, 1e-6, sum_to_one)
        assert found == pytest.approx(expected, rel=1e-7)

    def test_a_tiny_penalty_falls_back_to_least_squares(self, rng):
        """Duplicated atoms, and a penalty below the rounding of their products."""
        ring = np.repeat(rng.uniform(1, 2, (5, 20)), 2, axis=0)
        pixel = rng.uniform(1, 2, 20)
        basis, _ = np.linalg.qr(ring[::2].T)
        expected = np.linalg.norm(pixel - basis @ (basis.T @ pixel))
        assert residual_norm(pixel, ring, 1e-20) == pytest.approx(expected, rel=1e-6)

    def test_zeros(self):
        assert residual_norm(np.zeros(3), np.ones((4, 3))) == 0.0
        assert residual_norm(np.ones(3), np.zeros((4, 3))) == pytest.approx(np.sqrt(3))
        assert residual_norm(np.ones(3), np.zeros((2, 3)), sum_to_one=True) == pytest.approx(
            np.sqrt(3)
        )


class TestScenes:
    @pytest.mark.filterwarnings("ignore::oddspec.errors.DataWarning")
    @pytest.mark.parametrize("sum_to_one", [False, True])
    @pytest.mark.parametrize("widths", [(1, 3), (3, 7)])
    def test_every_pixel_against_its_valid_ring(self, rng, widths, sum_to_one):
        cube = rng.uniform(1, 2, (11, 13, 9))
        valid = rng.random((11, 13)) > 0.3
        cube[~valid] = 1e12
        detector = CRD(*widths, sum_to_one=sum_to_one)
        scores = scored(detector, cube, valid)
        for row, column in np.ndindex(11, 13):
            rows, columns = detector.window.ring(row, column, (11, 13))
            ring = cube[rows, columns][valid[rows, columns]]
            if not valid[row, column] or len(ring) < detector.window.size / 3:
                assert np.isnan(scores[row, column])
            else:
                expected = by_least_squares(cube[row, column], ring, 1e-6, sum_to_one)
                assert scores[row, column] == pytest.approx(expected, rel=1e-6)

    def test_an_anomaly_one_row_from_the_border_ranks_first(self, rng):
        cube = rng.normal(100, 1, (30, 30, 20))
        for row, column in ((1, 15), (28, 3), (0, 0)):
            planted = cube.copy()
            planted[row, column] += rng.normal(0, 20, 20)
            assert scored(CRD(3, 5), planted).argmax() == row * 30 + column

    def test_islands_of_valid_pixels_are_not_scored_and_it_is_said(self, rng):
        cube, valid = rng.normal(size=(20, 20, 3)), np.zeros((20, 20), dtype=np.bool_)
        valid[:5] = valid[15, 15] = True
        with pytest.warns(DataWarning, match="less than a third"):
            scores = scored(CRD(1, 7), cube, valid)
        assert np.isnan(scores[15, 15])
        assert np.isfinite(scores[0, 10])

    def test_a_row_of_pixels_is_refused(self):
        with pytest.raises(InputError, match="too few for outer=15"):
            scored(CRD(), np.ones((1, 50, 3)))

    @pytest.mark.parametrize("penalty", [0.0, -1.0, np.nan, np.inf])
    def test_penalties_without_sense_are_refused(self, penalty):
        with pytest.raises(SettingError, match="penalty"):
            CRD(penalty=penalty)

    @settings(max_examples=40)
    @given(st.data())
    def test_any_tiling_gives_the_same_bits(self, data):
        check_any_tiling(data, [CRD(1, 3), CRD(1, 5), CRD(3, 7, sum_to_one=True), CRD(3, 5, 1e-3)])


class TestRealScenes:
    @pytest.mark.parametrize(
        ("name", "guard", "outer", "centred", "slid"),
        [
            ("abu-airport-4", 13, 17, 0.9422, 0.9114),
            ("abu-urban-3", 7, 9, 0.9714, 0.9728),
            pytest.param("sandiego-2", 13, 17, 0.9705, 0.9591, marks=pytest.mark.slow),
        ],
    )
    def test_area_under_the_curve(self, shared, name, guard, outer, centred, slid):
        """The reference let only the outer square slide: its areas come out with its rule."""
        from scipy.io import loadmat
        from sklearn.metrics import roc_auc_score

        held = loadmat(shared / "data" / f"{name}.mat")
        cube, truth = held["data"].astype(np.float64), held["map"].ravel() > 0
        cube = (cube - cube.min()) / np.ptp(cube)
        detector = CRD(guard, outer)
        scores = scored(detector, cube)
        assert roc_auc_score(truth, scores.ravel()) == pytest.approx(slid, abs=2e-4)
        solver = crd._Solver(cube.shape[2], outer**2, 1e-6, sum_to_one=False)
        for row, column in np.argwhere(_near_border(100, outer // 2)).tolist():
            ring = _ring_with_centred_guard(cube, detector.window, row, column)
            scores[row, column] = solver.residual_norm(cube[row, column], ring)
        assert roc_auc_score(truth, scores.ravel()) == pytest.approx(centred, abs=1e-3)


def _near_border(side, reach):
    near = np.ones((side, side), dtype=np.bool_)
    near[reach:-reach, reach:-reach] = False
    return near


def _ring_with_centred_guard(cube, window, row, column):
    h, w, _ = cube.shape
    top, left = window.outer_start(row, h), window.outer_start(column, w)
    rows, columns = np.mgrid[top : top + window.outer, left : left + window.outer]
    outside = np.maximum(abs(rows - row), abs(columns - column)) > window.guard // 2
    return cube[rows[outside], columns[outside]]
