"""Every metric in one dictionary, and what becomes of odd truths."""

import json

import numpy as np
import pytest

from oddspec.errors import InputError, SettingError
from oddspec.metrics import Areas, Classes, delong, evaluate

NUMBERS = [
    "auc_pd_pf", "auc_ci_low", "auc_ci_high", "average_precision", "auc_pd_tau", "auc_pf_tau",
    "auc_td", "auc_bs", "auc_snpr", "auc_tdbs", "auc_od", "auc_odp", "map_error",
    "pd_at_pf_0.001", "pd_at_pf_0.01", "threshold_at_pf_0.01",
]  # fmt: skip


@pytest.fixture
def image(rng):
    truth = np.zeros((40, 50), dtype=np.uint8)
    truth[3:5, 3:6] = truth[20, 30:33] = truth[39, 49] = 1
    return rng.normal(size=truth.shape) + 4 * truth, truth


def test_holds_every_metric(image):
    scores, truth = image
    found = evaluate(scores, truth)
    assert all(isinstance(found[name], float) for name in NUMBERS)
    assert found["undefined"] == {}
    assert found["objects"] == 3
    assert 0 <= found["objects_at_pf_0.001"] <= found["objects_at_pf_0.01"] <= 3
    classes = Classes.of(scores, truth)
    areas = Areas.of(classes)
    assert found["auc_odp"] == areas.odp
    assert found["auc_snpr"] == areas.snpr
    assert found["auc_ci_low"] == delong(classes).low
    assert found["separability"]["targets"]["median"] > 3
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_invalid_pixels_are_left_out_and_counted(image):
    scores, truth = image
    part = evaluate(scores[:, :45], truth[:, :45])
    scores[:, 45:] = np.nan
    whole = evaluate(scores, truth)
    assert (whole["invalid"], whole["invalid_targets"]) == (200, 1)
    assert (part["invalid"], part["invalid_targets"]) == (0, 0)
    for name in NUMBERS:
        assert whole[name] == part[name]


@pytest.mark.parametrize("kind", [np.uint8, np.float64, np.bool_])
def test_masked_pixels_of_a_truth_are_not_judged(image, kind):
    """Every metric is that of the judged pixels alone; what lies under the mask is no matter."""
    scores, truth = image
    part = evaluate(scores[:, :45], truth[:, :45])
    scores[7, 46] = np.nan
    hidden = np.zeros(truth.shape, dtype=bool)
    hidden[:, 45:] = True
    masked = np.ma.masked_array(truth.astype(kind), hidden)
    if kind is not np.bool_:
        masked.data[:, 45:] = 255
    whole = evaluate(scores, masked)
    assert whole["not_judged"] == 200
    assert (whole["pixels"], whole["targets"]) == (part["pixels"], part["targets"])
    assert (whole["invalid"], whole["invalid_targets"]) == (0, 0)
    for name in NUMBERS:
        assert whole[name] == part[name], name
    assert whole["objects"] == part["objects"] == 2
    assert whole["objects_at_pf_0.01"] == part["objects_at_pf_0.01"]
    assert whole["false_objects_at_pf_0.01"] == part["false_objects_at_pf_0.01"]


def test_one_masked_target_does_not_count(image):
    scores, truth = image
    hidden = np.zeros(truth.shape, dtype=bool)
    hidden[39, 49] = True
    found = evaluate(scores, np.ma.masked_array(truth, hidden))
    assert (found["targets"], found["objects"], found["not_judged"]) == (9, 2, 1)
    # A mask that is not set anywhere, or a single False, changes nothing.
    assert evaluate(scores, np.ma.masked_array(truth, False)) == evaluate(scores, truth)


def test_masked_scores_are_invalid(image):
    scores, truth = image
    hidden = np.zeros(truth.shape, dtype=bool)
    hidden[:, 45:] = True
    kept = scores.copy()
    found = evaluate(np.ma.masked_array(scores, hidden), truth)
    assert (found["invalid"], found["invalid_targets"], found["not_judged"]) == (200, 1, 0)
    np.testing.assert_array_equal(scores, kept)
    assert found == evaluate(np.where(hidden, np.nan, scores), truth)
    # An infinite score that is masked is no fault.
    scores[0, 47] = np.inf
    assert found == evaluate(np.ma.masked_array(scores, hidden), truth)


def test_rates_are_free_and_pixels_need_no_image(image):
    scores, truth = image
    found = evaluate(scores.ravel(), truth.ravel(), pf=[0.05])
    assert found["pd_at_pf_0.05"] == evaluate(scores, truth, pf=[0.05])["pd_at_pf_0.05"]
    assert "objects" not in found
    assert "pd_at_pf_0.001" not in found


def test_grid_changes_only_the_areas_over_tau(image):
    exact, coarse = evaluate(*image), evaluate(*image, grid=100)
    assert coarse["auc_pf_tau"] > exact["auc_pf_tau"]
    assert coarse["auc_pd_pf"] == exact["auc_pd_pf"]


@pytest.mark.parametrize("value", [0, 1])
def test_one_class_only_is_undefined_with_a_reason(image, value):
    scores, truth = image
    found = evaluate(scores, np.full_like(truth, value))
    json.dumps(found, allow_nan=False)
    lacking = "background" if value else "target"
    for name in ("auc_pd_pf", "auc_ci_low", "average_precision", "auc_pf_tau", "auc_odp"):
        assert found[name] is None
        assert lacking in found["undefined"][name]
    assert found["targets"] == value * truth.size


def test_constant_scores(image):
    found = evaluate(np.ones_like(image[0]), image[1])
    assert found["auc_pd_pf"] == 0.5
    assert found["auc_pf_tau"] is None
    assert "equal" in found["undefined"]["auc_snpr"]
    assert found["pd_at_pf_0.01"] == 0.0


def test_one_target_has_no_interval(rng):
    found = evaluate(rng.normal(size=100), np.arange(100) == 7)
    assert found["auc_ci_low"] is None
    assert "at least 2" in found["undefined"]["auc_ci_low"]
    assert found["auc_pd_pf"] is not None


def test_all_invalid_is_undefined():
    found = evaluate(np.full((3, 3), np.nan), np.zeros((3, 3)))
    assert found["invalid"] == 9
    assert found["undefined"]["auc_pd_pf"] == "there is no valid pixel"


def test_wrong_input_is_an_error(image):
    scores, truth = image
    with pytest.raises(InputError, match="0, 255"):
        evaluate(scores, truth * 255)
    with pytest.raises(InputError, match="transposed"):
        evaluate(scores, truth.T)
    with pytest.raises(SettingError, match="pf=0"):
        evaluate(scores, truth, pf=[0.0])
    with pytest.raises(SettingError, match="level=2"):
        evaluate(scores, truth, level=2.0)


def test_single_precision_and_big_endian_scores_give_the_same(image):
    scores, truth = image
    single = scores.astype(np.float32)
    assert evaluate(single, truth) == evaluate(single.astype(">f8"), truth)
