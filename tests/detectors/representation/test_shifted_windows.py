"""LSAD-CR-IDW and LSUNRSORAD against their definitions, closed forms and invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddspec.detectors.representation.crd import _Solver
from oddspec.detectors.representation.lsad_cr_idw import LSADCRIDW
from oddspec.detectors.representation.lsunrsorad import LSUNRSORAD
from oddspec.errors import DataWarning, InputError, SettingError
from oddspec.windows import Tile, Window
from tilings import check_any_tiling

BOTH = (LSADCRIDW, LSUNRSORAD)


def idw(*ring, **settings):
    return LSADCRIDW(**settings).ring_scores(*ring)


def orad(*ring, **settings):
    return LSUNRSORAD(**settings).ring_scores(*ring)


def scored(detector, cube, valid=None):
    valid = np.ones(cube.shape[:2], dtype=np.bool_) if valid is None else valid
    return detector.score_tile(Tile.whole(cube, valid))


def one(score, pixel, ring, distances=None, **more):
    distances = np.ones(len(ring)) if distances is None else distances
    valid = np.ones((1, len(ring)), dtype=np.bool_)
    return score(pixel[None, None], ring[None], valid, distances[None], **more)[0, 0]


def idw_by_least_squares(pixel, ring, distances, power=-2.0, penalty=0.01):
    q = distances**power / np.sum(distances**power)
    costs = q * np.linalg.norm(ring - pixel, axis=1)
    stacked = np.vstack([ring.T, np.sqrt(penalty) * np.diag(costs)])
    target = np.append(pixel, np.zeros(len(ring)))
    a = np.linalg.lstsq(stacked, target, rcond=None)[0]
    return np.linalg.norm(pixel - a @ ring)


def orad_by_definition(pixel, ring, penalty=0.01, outlier=2.0):
    brightness = ring.sum(axis=1)
    ring = ring[abs(brightness - brightness.mean()) <= outlier * brightness.std(ddof=1)]
    Z = ring - pixel
    a = np.linalg.solve(Z @ Z.T + penalty * np.diag((Z**2).sum(axis=1)), np.ones(len(ring)))
    return np.linalg.norm(pixel - (a / a.sum()) @ ring)


def rings_around(window, row, column, scene):
    """Each ring's positions and distances from its guard's centre, from the rule for borders."""
    reach, h, w = window.guard // 2, *scene
    for centre_row in range(row - reach, row + reach + 1):
        for centre_column in range(column - reach, column + reach + 1):
            rows, columns = window.ring(centre_row, centre_column, scene)
            assert not ((rows == row) & (columns == column)).any()
            assert rows.min() >= 0
            assert columns.max() < w
            middle_row = min(max(centre_row, reach), h - 1 - reach)
            middle_column = min(max(centre_column, reach), w - 1 - reach)
            yield rows, columns, np.hypot(rows - middle_row, columns - middle_column)


class TestOneRing:
    @pytest.mark.parametrize("count", [4, 16, 30])
    def test_idw_equals_least_squares(self, rng, count):
        ring, pixel = rng.uniform(1, 2, (count, 10)), rng.uniform(1, 2, 10)
        distances = rng.uniform(1, 3, count)
        for weights, power in (("published", -2.0), ("reciprocal", 2.0), ("equal", 0.0)):
            found = one(idw, pixel, ring, distances, weights=weights)
            expected = idw_by_least_squares(pixel, ring, distances, power)
            assert found == pytest.approx(expected, rel=1e-6)

    def test_idw_of_equal_atoms_has_a_closed_form(self, rng):
        h, y, d = rng.uniform(1, 2, 10), rng.uniform(1, 2, 10), rng.uniform(1, 3, 7)
        g = d**-2 / np.sum(d**-2) * np.linalg.norm(y - h)
        c = h @ y / (0.01 + h @ h * np.sum(g**-2))
        expected = np.linalg.norm(y - h * c * np.sum(g**-2))
        assert one(idw, y, np.tile(h, (7, 1)), d) == pytest.approx(expected, rel=1e-8)

    def test_idw_with_equal_weights_is_collaborative_representation(self, rng):
        ring, pixel = rng.uniform(1, 2, (16, 10)), rng.uniform(1, 2, 10)
        crd = _Solver(10, 16, 0.01 / 16**2, sum_to_one=False)
        expected = crd.residual_norm(pixel, ring)
        assert one(idw, pixel, ring, weights="equal") == pytest.approx(expected, rel=1e-8)

    def test_orad_equals_its_definition(self, rng):
        for count in (4, 16, 30):
            ring, pixel = rng.uniform(1, 2, (count, 10)), rng.uniform(1, 2, 10)
            assert one(orad, pixel, ring) == pytest.approx(
                orad_by_definition(pixel, ring), rel=1e-9
            )

    def test_orad_of_equal_atoms_is_the_distance(self, rng):
        h, y = rng.uniform(1, 2, 10), rng.uniform(1, 2, 10)
        assert one(orad, y, np.tile(h, (9, 1))) == pytest.approx(np.linalg.norm(y - h))

    def test_orad_leaves_outliers_out(self, rng):
        ring, pixel = rng.uniform(1, 2, (16, 10)), rng.uniform(1, 2, 10)
        ring[3] += 20
        expected = one(orad, pixel, np.delete(ring, 3, axis=0), outlier=1e9)
        assert one(orad, pixel, ring) == pytest.approx(expected, rel=1e-9)
        assert one(orad, pixel, ring, outlier=1e9) != pytest.approx(expected, rel=1e-3)

    @pytest.mark.parametrize("score", [idw, orad])
    def test_a_pixel_of_the_ring_is_reconstructed_exactly(self, rng, score):
        ring = rng.uniform(1, 2, (16, 10))
        ring[5] = ring.mean(axis=0)  # no outlier
        assert one(score, ring[5], ring) == 0.0
        assert one(score, ring[5] * (1 + 1e-11), ring) < 1e-8

    @pytest.mark.parametrize("score", [idw, orad])
    def test_zeros(self, score):
        assert one(score, np.zeros(3), np.zeros((4, 3))) == 0.0
        assert one(score, np.ones(3), np.zeros((4, 3))) == pytest.approx(np.sqrt(3))


class TestScenes:
    @pytest.mark.filterwarnings("ignore::oddspec.errors.DataWarning")
    @pytest.mark.parametrize("widths", [(1, 3), (3, 5), (5, 7)])
    def test_every_pixel_against_all_its_rings(self, rng, widths):
        cube, valid = rng.uniform(1, 2, (13, 12, 9)), rng.random((13, 12)) > 0.3
        cube[~valid] = 1e12
        window = Window(*widths)
        found = [scored(kind(*widths), cube, valid) for kind in BOTH]
        for row, column in np.ndindex(13, 12):
            sums = []
            for rows, columns, distances in rings_around(window, row, column, (13, 12)):
                there = valid[rows, columns]
                if there.sum() >= window.least:
                    ring, y = cube[rows, columns][there], cube[row, column]
                    near = distances[there]
                    sums.append((idw_by_least_squares(y, ring, near), orad_by_definition(y, ring)))
            for k, scores in enumerate(found):
                if not valid[row, column] or not sums:
                    assert np.isnan(scores[row, column])
                else:
                    expected = np.mean(sums, axis=0)[k] * window.guard**2
                    assert scores[row, column] == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize("kind", BOTH)
    @pytest.mark.parametrize("scale", [1e-9, -7.0, 1e9])
    def test_homogeneous(self, rng, kind, scale):
        cube = rng.uniform(1, 2, (9, 10, 6))
        expected = abs(scale) * scored(kind(), cube)
        np.testing.assert_allclose(scored(kind(), scale * cube), expected, rtol=1e-7)

    def test_an_offset_does_not_change_orad(self, rng):
        cube = rng.uniform(1, 2, (9, 10, 6))
        moved = cube + rng.uniform(0, 9, 6)
        np.testing.assert_allclose(
            scored(LSUNRSORAD(), moved), scored(LSUNRSORAD(), cube), rtol=1e-9
        )

    @pytest.mark.parametrize("kind", BOTH)
    def test_an_anomaly_at_the_border_ranks_first(self, rng, kind):
        cube = rng.normal(100, 1, (20, 20, 30))
        for row, column in ((1, 15), (18, 3), (0, 0)):
            planted = cube.copy()
            planted[row, column] += rng.normal(0, 20, 30)
            assert scored(kind(), planted).argmax() == row * 20 + column

    @pytest.mark.parametrize("kind", BOTH)
    def test_islands_are_not_scored_and_it_is_said(self, rng, kind):
        cube, valid = rng.normal(size=(20, 20, 3)), np.zeros((20, 20), dtype=np.bool_)
        valid[:5] = valid[15, 15] = True
        with pytest.warns(DataWarning, match="less than a third"):
            scores = scored(kind(), cube, valid)
        assert np.isnan(scores[15, 15])
        assert np.isfinite(scores[0, 10])

    @pytest.mark.parametrize("kind", BOTH)
    def test_what_does_not_fit_is_refused(self, kind):
        with pytest.raises(InputError, match=r"too few for guard=3 and outer=5.*over 7"):
            scored(kind(), np.ones((6, 50, 3)))
        with pytest.raises(SettingError, match="penalty"):
            kind(penalty=0.0)
        with pytest.raises(SettingError, match="guard"):
            kind(guard=4)

    @settings(max_examples=25)
    @given(st.data())
    def test_any_tiling_gives_the_same_bits(self, data):
        detectors = [kind(*widths) for kind in BOTH for widths in ((1, 3), (3, 5), (3, 7))]
        check_any_tiling(data, detectors)
