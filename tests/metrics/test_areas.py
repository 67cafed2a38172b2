"""The areas over tau: identities, the papers' grid, and real scenes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import loadmat
from sklearn.metrics import roc_auc_score

from oddspec.errors import InputError, SettingError
from oddspec.metrics import Areas, Classes, map_error, roc_area, scaled_areas

SCORES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40)


@given(SCORES, SCORES)
def test_are_the_means_and_the_areas_under_the_curves(background, targets):
    if len({*background, *targets}) == 1:
        return
    classes = Classes(np.sort(background), np.sort(targets))
    pd_tau, pf_tau = scaled_areas(classes)
    every = np.unique([*background, *targets])
    low, high = every[0], every[-1]
    for area, scores in ((pd_tau, targets), (pf_tau, background)):
        # Between two distinct scores the share of scores above does not change.
        above = np.array([(np.array(scores) > value).mean() for value in every[:-1]])
        assert area == pytest.approx(above @ np.diff(every) / (high - low), abs=1e-9)
        assert area == pytest.approx((np.mean(scores) - low) / (high - low), abs=1e-9)


def test_do_not_depend_on_unit_or_offset(rng):
    scores, truth = rng.normal(size=500), rng.random(500) < 0.1
    plain = Areas.of(Classes.of(scores, truth))
    moved = Areas.of(Classes.of(1e9 * scores - 7, truth))
    for name in ("pd_pf", "pd_tau", "pf_tau"):
        assert getattr(moved, name) == pytest.approx(getattr(plain, name), abs=1e-9)


def test_one_outlier_shrinks_them_and_bending_changes_them(rng):
    scores, truth = rng.uniform(1, 2, 1000), np.arange(1000) < 50
    plain = Areas.of(Classes.of(scores + truth, truth))
    bent = Areas.of(Classes.of((scores + truth) ** 3, truth))
    assert bent.pd_pf == plain.pd_pf
    assert bent.pf_tau < 0.8 * plain.pf_tau
    scores[999] = 1e4
    assert scaled_areas(Classes.of(scores + truth, truth))[1] < 0.01 * plain.pf_tau + 0.002


def test_the_error_against_the_truth_is_that_of_the_scaled_map(rng):
    scores, truth = rng.normal(size=300), rng.random(300) < 0.1
    scaled = (scores - scores.min()) / np.ptp(scores)
    error = ((scaled - truth) ** 2).sum() / truth.sum()
    assert map_error(Classes.of(scores, truth)) == pytest.approx(error, rel=1e-12)
    assert map_error(Classes.of(3.0 * truth - 1, truth)) == 0
    with pytest.raises(InputError, match="all scores are equal"):
        map_error(Classes.of(np.ones(300), truth))


def test_derived_family_by_hand():
    areas = Areas(0.9, 0.5, 0.2)
    found = [areas.td, areas.bs, areas.tdbs, areas.od, areas.odp, areas.snpr]
    assert found == pytest.approx([1.4, 0.7, 0.3, 1.2, 1.3, 2.5])
    assert Areas(0.9, 0.5, 0.0).snpr is None


def test_grid_tends_to_the_exact_areas_from_above(rng):
    classes = Classes.of(rng.random(20_000), rng.random(20_000) < 0.1)
    exact = scaled_areas(classes)
    for steps in (10, 100, 1000):
        for coarse, fine in zip(scaled_areas(classes, steps), exact, strict=True):
            assert coarse - fine == pytest.approx(0.5 / steps, rel=0.2)


def test_grid_by_hand():
    classes = Classes(np.array([0.0, 0.25]), np.array([0.6, 1.0]))
    # At thresholds 0, 1/2: two and none of the background, both targets each time.
    assert scaled_areas(classes, 2) == (1.0, 0.5)


def test_undefined_where_scores_cannot_be_scaled():
    with pytest.raises(InputError, match="all scores are equal"):
        scaled_areas(Classes(np.ones(3), np.ones(2)))
    for grid in (0, 10_000_001, 10**20):
        with pytest.raises(SettingError, match=f"grid={grid}: expected 1 to 10000000 thresholds"):
            scaled_areas(Classes(np.zeros(3), np.ones(2)), grid)


def test_the_range_of_two_floats_need_not_be_one():
    assert scaled_areas(Classes(np.array([-1.5e308]), np.array([1.5e308]))) == (1.0, 0.0)
    assert scaled_areas(Classes(np.array([0.0]), np.array([5e-324]))) == (1.0, 0.0)


def rx_of(path: Path) -> Classes:
    """Global RX by its definition."""
    held = loadmat(path)
    pixels = held["data"].reshape(-1, held["data"].shape[2]).astype(np.float64)
    centred = pixels - pixels.mean(axis=0)
    white = np.linalg.solve(np.linalg.cholesky(centred.T @ centred / (len(pixels) - 1)), centred.T)
    return Classes.of((white**2).sum(axis=0), held["map"].ravel() > 0)


@pytest.mark.parametrize(
    ("name", "auc", "exact", "printed"),
    [
        ("sandiego-2", 0.940292, 0.0589, 0.0599),
        ("hydice-162", 0.976279, 0.0380, 0.0390),
        ("abu-urban-2", 0.994626, 0.0135, 0.0145),
        ("pavia-crop", 0.988666, 0.0258, 0.0268),
    ],
)
def test_rx_on_real_scenes(shared, name, auc, exact, printed):
    classes = rx_of(shared / "data" / f"{name}.mat")
    areas = Areas.of(classes)
    assert areas.pd_pf == pytest.approx(auc, abs=1e-6)
    both = np.concatenate([classes.background, classes.targets])
    truth = np.arange(both.size) >= classes.background.size
    assert areas.pd_pf == pytest.approx(roc_auc_score(truth, both), abs=1e-12)
    assert areas.pf_tau == pytest.approx(exact, abs=6e-5)
    # LREN's Table 3 is met in all four scenes by a sum over 500 thresholds.
    assert scaled_areas(classes, 500)[1] == pytest.approx(printed, abs=6e-5)
    assert roc_area(classes) == areas.pd_pf
