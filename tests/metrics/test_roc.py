"""The exact curve, its area and its points, against scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn import metrics as reference

from oddspec.errors import InputError, SettingError
from oddspec.metrics import (
    Classes,
    average_precision,
    pd_at_pf,
    roc_area,
    roc_curve,
    threshold_at_pf,
)
from oddspec.threshold.tail import allowed_exceedances

FEW_VALUES = st.integers(-3, 3).map(float)
MANY_VALUES = st.floats(-1e6, 1e6, allow_subnormal=False)


@st.composite
def labelled(draw):
    """Scores with and without ties, and both classes present."""
    values = draw(st.sampled_from([FEW_VALUES, MANY_VALUES]))
    scores = draw(st.lists(values, min_size=2, max_size=60))
    truth = draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores)))
    truth[0], truth[1] = True, False
    return np.array(scores), np.array(truth)


@given(labelled())
def test_equals_scikit_learn(case):
    scores, truth = case
    classes = Classes.of(scores, truth)
    assert roc_area(classes) == pytest.approx(reference.roc_auc_score(truth, scores), abs=1e-12)
    assert average_precision(classes) == pytest.approx(
        reference.average_precision_score(truth, scores), abs=1e-12
    )
    pf, pd, thresholds = reference.roc_curve(truth, scores, drop_intermediate=False)
    curve = roc_curve(classes)
    np.testing.assert_allclose(curve.pf, pf, atol=1e-12)
    np.testing.assert_allclose(curve.pd, pd, atol=1e-12)
    np.testing.assert_array_equal(curve.thresholds, thresholds)


@given(labelled())
def test_area_is_that_under_the_curve(case):
    classes = Classes.of(*case)
    for curve in (roc_curve(classes), roc_curve(classes).corners):
        assert np.trapezoid(curve.pd, curve.pf) == pytest.approx(roc_area(classes), abs=1e-12)


@given(labelled(), st.floats(0, 1))
@example((np.zeros(2), np.array([True, False])), 1 - 2**-53)  # one but for rounding
def test_detection_at_a_rate_is_the_best_point_that_keeps_it(case, pf):
    classes = Classes.of(*case)
    curve = roc_curve(classes)
    false_alarms = np.rint(curve.pf * classes.background.size)
    keeps = false_alarms <= allowed_exceedances(pf, classes.background.size)
    assert pd_at_pf(classes, pf) == pytest.approx(curve.pd[keeps].max(), abs=1e-12)
    value = threshold_at_pf(classes, pf)
    assert (classes.background > value).mean() <= pf + 1e-12


@given(labelled())
def test_turning_the_scores_turns_the_area(case):
    scores, truth = case
    area = roc_area(Classes.of(scores, truth))
    assert roc_area(Classes.of(-scores, truth)) == pytest.approx(1 - area, abs=1e-12)
    assert roc_area(Classes.of(scores, ~truth)) == pytest.approx(1 - area, abs=1e-12)


def test_known_cases():
    classes = Classes(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    assert roc_area(classes) == 0.875
    assert average_precision(classes) == pytest.approx((1 + 2 / 3) / 2)
    assert pd_at_pf(classes, 0.0) == 0.5
    assert pd_at_pf(classes, 0.5) == 1.0
    assert roc_area(Classes(np.zeros(4), np.zeros(2))) == 0.5
    assert roc_area(Classes(np.zeros(4), np.ones(2))) == 1.0


def test_corners_drop_only_straight_points(rng):
    scores, truth = rng.normal(size=5000), rng.random(5000) < 0.02
    curve = roc_curve(Classes.of(scores + truth, truth))
    corners = curve.corners
    assert corners.pf.size < curve.pf.size / 5
    assert (corners.pf[0], corners.pd[0], corners.pf[-1], corners.pd[-1]) == (0, 0, 1, 1)


def test_undefined_without_both_classes():
    for classes, why in [
        (Classes(np.ones(3), np.ones(0)), "no valid target"),
        (Classes(np.ones(0), np.ones(3)), "no valid background"),
        (Classes(np.ones(0), np.ones(0)), "no valid pixel"),
    ]:
        for metric in (roc_area, roc_curve, average_precision):
            with pytest.raises(InputError, match=why):
                metric(classes)
    with pytest.raises(SettingError, match="pf=2"):
        pd_at_pf(Classes(np.ones(3), np.ones(3)), 2.0)
